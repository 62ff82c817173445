"""What belongs to emails alone: copies, attachments, a reply-to of their own, and addresses of nobody's."""

from typing import Any

import pytest

from app.services.work import Workshop
from tests.api.caller import Caller
from tests.factories import make_file

MESSAGES, EMAIL = "/messaging/messages", "/messaging/messages/email"
NEW: dict[str, Any] = {"messageId": "m", "subject": "Hello", "content": "Hello {{ name | there }}"}
PREVIEW = "/messaging/preview"


@pytest.fixture
def people(api: Caller) -> dict[str, str]:
    """The email targets of Ann, Ben and Cem, by name."""
    made = {}
    for name in ("ann", "ben", "cem"):
        user = api.post("/users", userId=name, name=name.title(), email=f"{name}@example.org")
        made[name] = str(user["targets"][0]["$id"])
    return made


@pytest.fixture
def files(workshop: Workshop) -> None:
    """Two files, and one that is not uploaded yet."""
    with workshop.database.begin() as session:
        make_file(session, "a.pdf", id="a")
        make_file(session, "b.pdf", id="b")
        make_file(session, "c.pdf", id="c", is_whole=False)


@pytest.mark.usefixtures("files")
def test_everything_that_an_email_can_have_is_kept_and_told(api: Caller, people: dict[str, str]) -> None:
    made = api.post(
        EMAIL, **NEW, draft=True, targets=[people["ann"]], cc=[people["ben"]], bcc=[people["cem"]],
        attachments=["b:a", "b:b:ignored"], replyToEmail="Help@Example.org", replyToName="Help",
        emails=["someone@example.net"],
    )  # fmt: skip
    assert made["targets"] == [people["ann"]]
    assert made["data"] == {
        "subject": "Hello", "content": NEW["content"], "html": False, "cc": [people["ben"]], "bcc": [people["cem"]],
        "attachments": [{"bucketId": "b", "fileId": "a"}, {"bucketId": "b", "fileId": "b"}],
        "replyToEmail": "help@example.org", "replyToName": "Help", "emails": ["someone@example.net"],
    }  # fmt: skip
    assert api.get(f"{MESSAGES}/m") == made
    assert [row["$id"] for row in api.get(f"{MESSAGES}/m/targets")["targets"]] == [people["ann"]]


def test_copies_do_not_count_as_recipients_but_plain_addresses_do(api: Caller, people: dict[str, str]) -> None:
    copies = {"cc": [people["ann"]], "bcc": [people["ben"]]}
    assert api.refused("POST", EMAIL, NEW | copies) == (400, "message_missing_target")
    assert api.post(EMAIL, **NEW, emails=["someone@example.net"])["status"] == "processing"


@pytest.mark.parametrize(
    "where", [{"targets": ["ann"], "cc": ["ann"]}, {"cc": ["ann"], "bcc": ["ann"]}, {"cc": ["ann", "ann"]}]
)
def test_nobody_is_named_twice(api: Caller, people: dict[str, str], where: dict[str, list[str]]) -> None:
    named = {kind: [people[name] for name in names] for kind, names in where.items()}
    assert api.refused("POST", EMAIL, NEW | {"draft": True} | named) == (400, "message_target_not_email")


def test_a_phone_gets_no_copy_of_an_email(api: Caller) -> None:
    target = api.post("/users", userId="dee", phone="+447700900123")["targets"][0]["$id"]
    assert api.refused("POST", EMAIL, NEW | {"draft": True, "cc": [target]}) == (400, "message_target_not_email")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        ("no:a", (404, "storage_bucket_not_found")), ("b:no", (404, "storage_file_not_found")),
        ("b:c", (404, "storage_file_not_found")), ("b:../a", (400, "general_argument_invalid")),
        ("b:a:", (400, "general_argument_invalid")), ("x" * 37 + ":a", (400, "general_argument_invalid")),
    ],
)  # fmt: skip
def test_attachments_are_looked_for_on_create_and_on_update(
    api: Caller, attachment: str, expected: tuple[int, str]
) -> None:
    assert api.refused("POST", EMAIL, NEW | {"draft": True, "attachments": [attachment]}) == expected
    assert api.get(MESSAGES)["total"] == 0
    api.post(EMAIL, **NEW, draft=True, attachments=["b:a"])
    assert api.refused("PATCH", f"{EMAIL}/m", {"subject": "New", "attachments": ["b:b", attachment]}) == expected
    kept = api.get(f"{MESSAGES}/m")["data"]
    assert (kept["subject"], len(kept["attachments"])) == ("Hello", 1)


@pytest.mark.usefixtures("files")
def test_a_hundred_attachments_are_enough(api: Caller) -> None:
    many = {"draft": True, "attachments": ["b:a"] * 101}
    assert api.refused("POST", EMAIL, NEW | many) == (400, "general_argument_invalid")


@pytest.mark.usefixtures("files")
def test_an_update_replaces_copies_and_files_and_keeps_what_it_does_not_name(
    api: Caller, people: dict[str, str]
) -> None:
    api.post(
        EMAIL, **NEW, draft=True, cc=[people["ann"]], bcc=[people["ben"]], attachments=["b:a"], replyToName="Help",
        replyToEmail="help@example.org", emails=["a@example.net"],
    )  # fmt: skip
    changed = api.patch(f"{EMAIL}/m", cc=[], attachments=["b:b"], replyToEmail="", subject=None)["data"]
    assert (changed["cc"], changed["bcc"], changed["emails"]) == ([], [people["ben"]], ["a@example.net"])
    assert changed["attachments"] == [{"bucketId": "b", "fileId": "b"}]
    assert (changed["subject"], changed["replyToName"], "replyToEmail" in changed) == ("Hello", "Help", False)


def test_an_update_does_not_ask_whether_targets_exist(api: Caller) -> None:
    api.post(EMAIL, **NEW, draft=True)
    changed = api.patch(f"{EMAIL}/m", targets=["nobody"], cc=["nobody", "nobody"])
    assert (changed["targets"], changed["data"]["cc"]) == (["nobody"], ["nobody", "nobody"])


def test_more_than_five_thousand_names_are_refused(api: Caller) -> None:
    lists = {"targets": ["t"] * 2_000, "cc": ["c"] * 2_000, "emails": ["a@example.org"] * 2_000, "draft": True}
    assert api.refused("POST", EMAIL, NEW | lists)[0] == 400
    api.post(EMAIL, **NEW, draft=True)
    assert api.refused("PATCH", f"{EMAIL}/m", lists) == (400, "general_argument_invalid")


def test_html_is_kept_until_somebody_says_otherwise(api: Caller) -> None:
    api.post(EMAIL, **NEW, draft=True, html=True)
    assert api.patch(f"{EMAIL}/m", content="<b>New</b>")["data"]["html"] is True
    assert api.patch(f"{EMAIL}/m", html=False)["data"]["html"] is False


@pytest.mark.parametrize("name", ["bcc", "attachments", "emails", "replyToEmail", "html", "scheduledAt"])
def test_null_leaves_things_as_they_are(api: Caller, name: str) -> None:
    api.post(EMAIL, **NEW, draft=True, **{name: None})
    assert api.patch(f"{EMAIL}/m", **{name: None})["status"] == "draft"


def test_addresses_are_kept_as_they_are_written_to(api: Caller) -> None:
    made = api.post(EMAIL, **NEW, draft=True, emails=[" Ann@BÜCHER.example "])
    assert made["data"]["emails"] == ["ann@xn--bcher-kva.example"]


def test_a_preview_needs_words(api: Caller) -> None:
    assert api.refused("POST", PREVIEW, {"subject": "a"}) == (400, "general_argument_invalid")
    assert api.post(PREVIEW, 200, content="Hi {{ nick }}")["missing"] == ["nick"]
