"""The views of an email's preview: each stands in the address, works by plain buttons, and says what is true."""

import re
from html import unescape
from typing import Any

import pytest

from app.services.work import Workshop
from app.storage import contents, open_store
from app.storage.contents import Plan
from tests.factories import make_audience, make_file, make_message, make_provider
from tests.web.page_client import Page, PageClient

HOME = "/p/default/messages"
BODY = (
    "# Hi\n\n[Read](https://example.org/a) [again](https://example.org/a) [old](http://example.org) "
    "[Leave]({{ unsubscribe_url }}) ![Bell](https://example.org/bell.webp)"
)


def make(workshop: Workshop, *, kind: str = "smtp", subject: str = "News of the tower", **content: object) -> str:
    """A draft to a topic, with a provider that would carry it."""
    from app.domain.permissions import system  # noqa: PLC0415

    workshop.settings = workshop.settings.but({"public_url": "https://mail.acme.example"})
    with workshop.open(system(1)) as work:
        provider = make_provider(work)
        if kind != "smtp":
            provider.kind, provider.credentials = kind, work.vault.encrypt_json({"apiKey": "re_secret"})
        topic = make_audience(work.session, 2)
        words = {"subject": subject, "preheader": "", "format": "markdown", "body": BODY, **content}
        return str(make_message(work.session, audience={"topics": [topic.id]}, subject=subject, content=words).id)


def look(client: PageClient, key: str, **query: Any) -> Page:
    return client.get(f"{HOME}/{key}/edit", **query)


def kept(page: Page) -> dict[str, Any]:
    """What the form sends along from beside it: the switches as they stand."""
    hidden = page.select("#preview input[type='hidden'][form='compose']")
    return {str(each["name"]): str(each["value"]) for each in hidden}


def words(page: Page) -> str:
    return " ".join(page.select("#preview-paper")[0].get_text(" ").split())


def frame(page: Page) -> str:
    return str(page.select("#preview-paper iframe")[0]["src"])


def test_the_frame_is_asked_for_what_the_switches_say(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    plain, turned = look(olga, key), look(olga, key, width="320", mode="inverted", images="off")
    assert "mode" not in frame(plain)
    assert "images" not in frame(plain)
    assert "mode=inverted" in frame(turned)
    assert "images=off" in frame(turned)
    assert "preview-at-320" in str(turned.select("iframe")[0]["class"])
    inside = olga.raw.get(frame(turned)).get_data(as_text=True)
    assert "filter:invert" in inside
    assert "<img" not in inside
    assert ">Bell</span>" in inside
    assert "<img" in olga.raw.get(frame(plain)).get_data(as_text=True)


def test_a_switch_is_a_button_that_saves_and_keeps_the_others(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    opened = look(olga, key, width="320")
    page = olga.submit(opened, "#compose", subject="Typed", show="mode:dark", **kept(opened))
    pressed = [str(each["value"]) for each in page.select(".preview-switches [aria-pressed='true']")]
    assert pressed == ["width:320", "mode:dark"]
    assert page.select("#subject")[0]["value"] == "Typed"
    assert [str(each["value"]) for each in page.select(".preview-view option[selected]")] == ["email"]


def test_the_switches_stay_while_a_save_draws_the_preview_anew(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    opened = look(olga, key, width="600", images="off")
    card = opened.form("#compose")
    sent = card.values | kept(opened)
    answer = olga.fragment(card.action.replace("/edit", "/-/save"), method="POST", target="saved", data=sent)
    assert "images=off" in frame(answer)
    assert "preview-at-600" in str(answer.select("iframe")[0]["class"])


def test_an_unknown_switch_is_where_one_begins(olga: PageClient, workshop: Workshop) -> None:
    page = look(olga, make(workshop), width="7", mode="<b>", view="nothing")
    assert [str(each["value"]) for each in page.select(".preview-switches [aria-pressed='true']")] == [
        "width:full", "mode:light",
    ]  # fmt: skip


def test_the_inbox_shows_what_fits_and_says_that_words_are_borrowed(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop, subject="A subject " * 12, body="First words of the body")
    page = look(olga, key)
    row = page.select(".inbox-row")[0].get_text(" ")
    assert re.search(r"A subject…", row)
    assert "First words of the body" in row
    assert "without a preheader" in words(page)
    phone = look(olga, key, width="320").select(".inbox-row .preview-subject")[0].get_text()
    assert len(phone) <= 36


def test_headers_are_those_that_leave(olga: PageClient, workshop: Workshop) -> None:
    said = words(look(olga, make(workshop, subject="Grüße"), view="headers"))
    assert "List-Unsubscribe-Post" in said
    assert "Grüße =?utf-8?" in said, "a coded field is read out, and shown as it travels"
    assert "Different for each delivery: Message-ID" in said


def test_parts_are_the_letters_own_with_what_they_weigh(olga: PageClient, workshop: Workshop) -> None:
    page = look(olga, make(workshop), view="parts")
    kinds = [each.get_text() for each in page.select(".part-kind")]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]
    assert "takes up to" in words(page)


def test_a_service_that_writes_the_email_itself_is_shown_what_it_is_given(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop, kind="resend")
    page = look(olga, key, view="parts")
    assert {"from", "subject", "html", "text"} <= {each.get_text() for each in page.select(".part-kind")}
    assert "writes the header itself" in words(look(olga, key, view="headers"))


def test_links_are_listed_once_with_what_is_wrong(olga: PageClient, workshop: Workshop) -> None:
    page = look(olga, make(workshop), view="links")
    assert [each.get_text() for each in page.select(".link-address")][:2] == [
        "https://example.org/a", "http://example.org",
    ]  # fmt: skip
    said = words(page)
    assert "2 times" in said
    assert "Not encrypted" in said
    assert "Unsubscribe" in said


def test_programs_are_asked_about_what_the_email_uses(olga: PageClient, workshop: Workshop) -> None:
    said = words(look(olga, make(workshop), view="programs"))
    assert "Outlook Windows Leaves out" in said
    assert "webP image format" in said


def test_programs_of_a_family_that_do_the_same_stand_in_one_line(olga: PageClient, workshop: Workshop) -> None:
    page = look(olga, make(workshop), view="programs")
    lines = [each.get_text(" ", strip=True) for each in page.select(".mail-programs > li")]
    assert len(lines) == len(set(lines))
    assert any(line.startswith("Gmail") and ", Android" in line for line in lines), lines


def test_plain_text_works_everywhere(olga: PageClient, workshop: Workshop) -> None:
    page = look(olga, make(workshop, format="text", body="See https://example.org/a."), view="programs")
    assert "Plain text works everywhere." in words(page)
    links = look(olga, page.path.split("/")[-2], view="links")
    assert [each.get_text() for each in links.select(".link-address")] == ["https://example.org/a"]


def test_the_request_names_the_provider_and_no_secret(olga: PageClient, workshop: Workshop) -> None:
    page = look(olga, make(workshop), view="request")
    assert page.select(".request-head")
    assert "Nothing was sent to make this." in words(page)


def test_what_gmail_cuts_is_marked_in_the_source(olga: PageClient, workshop: Workshop) -> None:
    row = '<p style="color:red">Some words of a long newsletter.</p>\n'
    body = f"<div>{row * 2000}<a href='{{{{ unsubscribe_url }}}}'>Leave</a></div>"
    key = make(workshop, body=body, format="html")
    assert "The unsubscribe link would be hidden." in words(look(olga, key))
    page = look(olga, key, view="source")
    assert page.select(".clip-line")
    before, after = (each.get_text() for each in page.select("#preview-paper pre.preview-source"))
    assert len(before.encode()) == 102 * 1024
    assert "Leave" in after


@pytest.mark.parametrize("view", ["headers", "parts", "request"])
def test_without_a_provider_every_view_says_so(olga: PageClient, workshop: Workshop, view: str) -> None:
    with workshop.database.begin() as session:
        key = make_message(session).id
    assert "Connect one to see" in words(look(olga, key, view=view))


def test_the_frame_finds_the_images_that_travel_without_a_session(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop, body="![Bell](cid:f)", images=[["b", "f"]])
    octets = b"\x89PNG\r\n\x1a\n" + b"x" * 200
    with workshop.database.begin() as session:
        row = make_file(session, "bell.png", mime_type="image/png", size=len(octets))
        row.compression, row.encryption = row.compression or "none", False
        plan = Plan(contents.folder_of(row), contents.encoding_of(row, workshop.vault))
        row.store_key = contents.write_contents(open_store(workshop.settings), [octets], plan).key
    inside = olga.raw.get(frame(look(olga, key))).get_data(as_text=True)
    found = re.search(r'src="(/v1/[^"]+)"', inside)
    assert found is not None, inside
    # A sandboxed frame has no origin, and browsers say so with every image.
    answer = olga.raw.application.test_client().get(unescape(found[1]), headers={"Origin": "null"})
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert answer.data == octets
    assert answer.headers.get("Cross-Origin-Resource-Policy", "cross-origin") == "cross-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers, "no script reads it"
    assert "cid:f" in words(look(olga, key, view="source")), "what is sent stays as it is"
