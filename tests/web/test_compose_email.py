"""The sheet of an email: files, its own sender, the plain-text part, people in copy; as plain forms and under htmx."""

import pytest

from app.domain.permissions import system
from app.models.messages import Message
from app.models.providers import Provider
from app.services.work import Workshop
from tests.factories import make_contact, make_file, make_message, make_provider, make_target
from tests.web.page_client import Page, PageClient

HOME = "/p/default/messages"


@pytest.fixture
def key(workshop: Workshop) -> str:
    """A draft with a provider, and two files to choose from."""
    with workshop.open(system(1)) as work:
        make_provider(work)
        make_file(work.session, "prices.pdf", size=300_000)
        make_file(work.session, "hat.png", id="hat", mime_type="image/png", size=20_000)
        return str(make_message(work.session).id)


def stored(workshop: Workshop, key: str) -> Message:
    with workshop.database.read() as session:
        return session.query(Message).filter(Message.id == key).one()


def open_draft(client: PageClient, key: str) -> Page:
    return client.get(f"{HOME}/{key}/edit")


def autosave(client: PageClient, page: Page, **values: str) -> Page:
    card = page.form("#compose")
    path = card.action.replace("/edit", "/-/save")
    return client.fragment(path, method="POST", target="saved", data=card.values | values)


def choose(client: PageClient, key: str, use: str, file: str) -> Page:
    """Choose a file in the picker, as its page does without a script."""
    picker = client.get(f"{HOME}/{key}/files", use=use)
    offered = next(each for each in picker.select("[name]") if each.get("value") == file)
    return client.submit(picker, "form[data-picker-form]", **{str(offered["name"]): file})


def chips(page: Page, place: str = "#files") -> list[str]:
    return [chip.get_text(" ", strip=True) for chip in page.select(f"{place} .chip")]


# --- files ---


def test_files_are_chosen_in_the_picker_shown_as_chips_and_taken_away(
    olga: PageClient, workshop: Workshop, key: str
) -> None:
    page = choose(olga, key, "attachment", "b:f")
    assert page.path == f"{HOME}/{key}/edit"
    assert chips(page) == ["prices.pdf 293 KB"]
    assert "402 KB on its way: files grow by a third. Fits Mail (34 MB)." in page.text
    assert chips(olga.submit(page, "#compose", detach="b:f")) == []
    assert stored(workshop, key).content.get("attachments") is None


def test_an_image_is_inserted_at_the_end_and_said_to_be_in_the_content(
    olga: PageClient, workshop: Workshop, key: str
) -> None:
    page = choose(olga, key, "inline", "b:hat")
    assert stored(workshop, key).content["body"].endswith("\n\n![hat](cid:hat)\n")
    assert chips(page) == ["hat.png in the content, 20 KB"]
    assert chips(autosave(olga, page, body="No image any more")) == ["hat.png not sent"]
    assert "hat.png is not sent: the content shows it no more." in open_draft(olga, key).text


def test_what_was_typed_meanwhile_is_kept_when_a_file_is_chosen(olga: PageClient, workshop: Workshop, key: str) -> None:
    page = open_draft(olga, key)
    olga.submit(page, "#compose", subject="Typed", body="A ![my words](cid:hat) here", inline="b:hat")
    content = stored(workshop, key).content
    assert (content["subject"], content["body"], content["images"]) == (
        "Typed", "A ![my words](cid:hat) here", [["b", "hat"]],
    )  # fmt: skip


def test_plain_text_offers_no_images_and_refuses_one_in_words(olga: PageClient, workshop: Workshop, key: str) -> None:
    page = olga.submit(open_draft(olga, key), "#compose", format="text", then="save")
    assert page.select("#pick-attachment")
    assert not page.select("#pick-inline")
    refused = autosave(olga, page, inline="b:hat")
    assert "Plain text shows no images. Choose Markdown or HTML as the format, or attach the file." in refused.text
    assert "hat" not in stored(workshop, key).content["body"]


def test_files_sender_and_text_follow_a_save_beside_the_form(olga: PageClient, key: str) -> None:
    answer = autosave(olga, open_draft(olga, key), from_name="Ann")
    assert all(answer.select(f"#{part}[hx-swap-oob]") for part in ("files", "sender-words", "text-words"))
    assert answer.select("#sender-words")[0].get_text() == "From Ann <news@acme.example>"


def test_who_carries_it_follows_the_size_of_what_was_saved(olga: PageClient, workshop: Workshop, key: str) -> None:
    with workshop.open(system(1)) as work:
        mail = work.session.query(Provider).one()
        mail.size_limit, mail.size_limit_at = 20_000, work.now
        make_provider(work, name="Large").rank = mail.rank + 1
    page = open_draft(olga, key)
    assert "Sent through Mail" in page.select("#write")[0].get_text()
    assert [each.get_text() for each in page.select("#from_name-hint")] == ["Empty: Acme News, as Mail has it."]
    answer = autosave(olga, page, body="Many words. " * 2_000)
    assert [each.get_text() for each in answer.select("#from_name-hint[hx-swap-oob]")] == [
        "Empty: Acme News, as Large has it."
    ]
    assert answer.select("#through-words[hx-swap-oob]")[0].get_text() == "Sent through Large"
    assert "Goes through Large" in answer.select("#checks")[0].get_text()


# --- from and reply-to ---


def test_a_sender_of_its_own_is_shown_wherever_the_sender_is(olga: PageClient, workshop: Workshop, key: str) -> None:
    page = olga.submit(
        open_draft(olga, key), "#compose", from_name="Ann", from_address="ann@ACME.example",
        reply_to_name="Help", reply_to="help@acme.example", then="save",
    )  # fmt: skip
    assert "From Ann <ann@acme.example>, answers to help@acme.example" in page.text
    assert "Empty: Acme News, as Mail has it." in page.text
    assert stored(workshop, key).content["from_address"] == "ann@acme.example"
    shown = olga.get(f"{HOME}/{key}").text
    assert "Ann <ann@acme.example>" in shown
    assert "Help <help@acme.example>" in shown


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("from_address", "nobody", "From address needs an address like name@example.org"),
        ("reply_to", "a b@example.org", "Reply-to needs an address like name@example.org"),
        ("from_name", "x" * 129, "From name has 129 characters; at most 128 can be stored."),
    ],
)
def test_a_wrong_sender_is_told_beside_its_field_which_opens(
    olga: PageClient, key: str, field: str, value: str, words: str
) -> None:
    page = olga.submit(open_draft(olga, key), "#compose", **{field: value})
    assert page.status == 422
    assert page.select(f"details[open] #{field}-error")[0].get_text(" ", strip=True).startswith(f"Error: {words}")


# --- the plain-text part ---


def test_the_plain_text_follows_the_content_until_somebody_writes_it(
    olga: PageClient, workshop: Workshop, key: str
) -> None:
    page = olga.submit(open_draft(olga, key), "#compose", body="*One* {{ name | you }}", then="save")
    assert page.select("#text")[0].get_text().strip() == "One {{ name | you }}"
    answer = autosave(olga, page, body="*Two*")
    assert answer.select("#text")[0].get_text().strip() == "Two"
    assert "text" not in stored(workshop, key).content
    page = open_draft(olga, key)
    saved = olga.submit(page, "#compose", text="My own", then="save")
    assert stored(workshop, key).content["text"] == "My own", "changed, though the box was not ticked"
    assert saved.select("#own_text[checked]")
    assert "Plain text: written by yourself" in saved.text
    assert not autosave(olga, saved, body="*Three*").select("#text"), "it is the author's now"
    assert "Written by hand" in olga.get(f"{HOME}/{key}").text


def test_a_text_of_ones_own_is_given_up_by_taking_the_tick_away(olga: PageClient, workshop: Workshop, key: str) -> None:
    page = olga.submit(open_draft(olga, key), "#compose", own_text="y", text="My own", then="save")
    card = page.form("#compose")
    del card.values["own_text"]
    again = olga.fragment(
        card.action.replace("/edit", "/-/save"), method="POST", target="saved", data=card.values
    )  # fmt: skip
    assert "text" not in stored(workshop, key).content
    assert "Plain text: made from the content" in again.text


# --- people in copy ---


def test_people_are_put_in_copy_and_taken_out_by_plain_buttons(olga: PageClient, workshop: Workshop, key: str) -> None:
    with workshop.database.begin() as session:
        target = make_target(session, make_contact(session, name="Ben Baker"), address="ben@x.org")
    page = olga.submit(open_draft(olga, key), "#compose", q="ben", then="search")
    [button] = page.select("button[aria-label='Add Ben Baker as Bcc']")
    page = olga.submit(page, "#compose", add=str(button["value"]))
    assert stored(workshop, key).audience["bcc"] == [target.id]
    assert chips(page, "#chosen") == ["ben@x.org Ben Baker"]
    assert "Only people in copy are chosen." in page.text
    page = olga.submit(page, "#compose", remove=f"bcc:{target.id}")
    assert chips(page, "#chosen") == []


def test_an_address_that_is_nobodys_can_be_written_to(olga: PageClient, workshop: Workshop, key: str) -> None:
    page = olga.submit(open_draft(olga, key), "#compose", q="sam@new.example", then="search")
    [button] = page.select("#found button")
    assert button.get_text(" ", strip=True).startswith("sam@new.example no contact has this address")
    page = olga.submit(page, "#compose", add=str(button["value"]))
    assert stored(workshop, key).audience["emails"] == ["sam@new.example"]
    assert "Send to 1 person" in page.text
