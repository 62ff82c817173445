"""What is said of a finished email: its place in an inbox, its links, its parts, and the programs that show it."""

from email.message import EmailMessage

import pytest

from app.domain.email_content import EmailContent
from app.domain.exact_request import ExactRequest
from app.domain.mime_tree import header_fields, mime_parts
from app.domain.rendered import Recipient, RenderedEmail
from app.domain.request_fields import request_fields
from app.rendering import prepare, preview_html
from app.rendering.as_shown import cut, inbox_row
from app.rendering.clipping import clip_of
from app.rendering.links import kind_of, list_links
from app.rendering.support import features_of, keys_of_style, support_of
from app.rendering.survey import Survey


def render(body: str, preheader: str = "") -> RenderedEmail:
    content = EmailContent(subject="Subject", preheader=preheader, format="html", body=body)
    return prepare(content).render(Recipient("ann@example.org", "Ann", {"name": "Ann"}))


# --- as programs show it ---


def test_an_image_that_travels_is_pointed_to_and_others_stay() -> None:
    email = render("<img src='cid:a1' alt='x'><img src='cid:b2'><img src='https://example.org/c.png'>")
    page = preview_html(email, pictures={"a1": "/v1/a?x=1&y=2"})
    assert '<img src="/v1/a?x=1&amp;y=2" alt="x">' in page
    assert 'src="cid:b2"' in page
    assert 'src="https://example.org/c.png"' in page
    assert "cid:a1" in email.html, "what is sent stays as it is"


def test_without_images_an_alternative_text_with_quotes_speaks_whole() -> None:
    email = render("<img src='https://example.org/a.png' alt='say \"hi\"'>")
    assert "say &quot;hi&quot;</span>" in preview_html(email, images=False)


def test_an_inbox_shows_the_preheader_without_its_filling() -> None:
    row = inbox_row(render("<p>First words</p>", preheader="Before &amp; after"))
    assert row.preheader.shown == "Before &amp; after"
    assert not row.is_borrowed


def test_an_inbox_takes_the_first_words_when_there_is_no_preheader() -> None:
    row = inbox_row(render("<p>First words\nof it</p>"))
    assert row.preheader == cut("First words of it", 99)
    assert row.is_borrowed


def test_a_subject_is_cut_sooner_on_a_phone() -> None:
    row = inbox_row(RenderedEmail("s" * 71, "text"))
    assert (len(row.subject.shown), row.subject.is_cut) == (70, True)
    assert (len(row.subject_on_phone.shown), row.subject_on_phone.is_cut) == (35, True)
    assert inbox_row(RenderedEmail("s" * 70, "text")).subject.is_cut is False


# --- Gmail's cut ---


def test_a_page_is_cut_at_the_octet_and_not_within_a_letter() -> None:
    page = "<p>" + "é" * 100 + "</p>"
    clip = clip_of(page, 104)
    assert clip is not None
    assert clip.before + clip.after == page
    assert len(clip.before.encode()) == 103
    assert clip.last_words.endswith("é")


def test_a_page_that_fits_to_the_octet_is_not_cut() -> None:
    page = "x" * 100
    assert clip_of(page, 100) is None
    assert clip_of(page, 99) is not None


def test_the_last_words_are_no_half_tags() -> None:
    page = "<p>Seen words</p><a href='https://example.org/that-is-cut'>hidden</a>"
    clip = clip_of(page, 40)
    assert clip is not None
    assert clip.last_words == "Seen words"


# --- links ---


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://example.org", "https"), ("HTTP://example.org", "http"), ("mailto:a@b.org", "mail"),
        ("tel:+49", "phone"), ("#top", "place"), ("#", "nowhere"), ("", "nowhere"), ("x.html", "nowhere"),
        ("https://a.org/{{ name", "unfilled"), ("https://c.example/u/abc", "leave"),
        ("https://c.example/u/abc/preferences?x", "choose"), ("https://c.example/news", "https"),
    ],
)  # fmt: skip
def test_every_address_has_one_kind(address: str, kind: str) -> None:
    assert kind_of(address, "https://c.example/u/") == kind


def test_links_have_their_words_and_are_listed_once() -> None:
    links = list_links(
        render(
            "<a href='https://a.org/?x=1&amp;y=2'>One <b>and</b>\n two</a> <a href='https://a.org/?x=1&amp;y=2'>again</a>"
            "<a href='https://b.org'><img src='https://a.org/i.png' alt='Bell'></a><a name='top'></a><a>dead</a>"
        )
    )
    assert [(link.address, link.words, link.count) for link in links] == [
        ("https://a.org/?x=1&y=2", "One and two", 2), ("https://b.org", "Bell", 1), ("", "dead", 1),
    ]  # fmt: skip


def test_links_of_plain_text_end_where_their_sentence_does() -> None:
    links = list_links(RenderedEmail("s", "See https://a.org/x, (http://b.org/y) or <mailto:c@d.org>."))
    assert [link.address for link in links] == ["https://a.org/x", "http://b.org/y", "mailto:c@d.org"]


# --- the survey ---


def test_words_and_images_are_counted_without_the_preheader_and_without_values() -> None:
    survey = Survey(render("<p title='a > b'>one <b>two</b>three</p><img src='cid:x'>", preheader="hidden").html)
    assert survey.words == ["one", "twothree"]
    assert survey.images == ["cid:x"]
    assert survey.without_alt == ["cid:x"]
    assert "hidden" not in survey.said


# --- programs ---


def test_styles_are_known_by_their_parts() -> None:
    keys = set(keys_of_style("padding-left:5em;display:flex;width:calc(50% - 3vw) !important;font-family:Arial"))
    assert {"padding:", "5em", "display:", "display:flex", "width:", "calc()", "5%", "5vw", "!important"} <= keys
    assert "font:" not in keys, "the table of the shorthand says nothing of a family"


def test_the_frame_of_every_email_is_not_held_against_it() -> None:
    content = EmailContent(subject="s", format="html", body="words")
    page = prepare(content).render(Recipient("a@b.org")).html
    assert features_of(page, content) == []
    assert {each.verdict for each in support_of(page, content)} == {"works"}


def test_what_a_program_leaves_out_is_named_with_its_note() -> None:
    content = EmailContent(subject="s", format="html", body="<p style='border-radius:4px;margin:0'>x</p>")
    page = prepare(content).render(Recipient("a@b.org")).html
    assert "border-radius" in features_of(page, content)
    by_place = {(each.family, each.place): each for each in support_of(page, content)}
    outlook, apple = by_place["Outlook", "Windows"], by_place["Apple Mail", "macOS"]
    assert outlook.verdict == "no"
    assert "border-radius" in [remark.feature for remark in outlook.leaves_out]
    assert any("Negative values" in remark.note for remark in by_place["Gmail", "Android"].partly)
    assert apple.verdict == "works"


def test_a_document_of_the_authors_own_is_measured_against_an_empty_document() -> None:
    content = EmailContent(
        subject="s", format="html", body="<html><body><table><tr><td>x</td></tr></table></body></html>"
    )
    page = prepare(content).render(Recipient("a@b.org")).html
    assert features_of(page, content) == ["<table> element"]


# --- the letter ---


def letter() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@b.org", "Grüße"
    mail.set_content("Hällo")
    mail.add_alternative("<p>Hällo</p>", subtype="html")
    mail.get_payload()[1].add_related(b"png", "image", "png", cid="<bell>", filename="bell.png", disposition="inline")  # type: ignore[index, union-attr]
    mail.add_attachment(b"x" * 300, "application", "pdf", filename="Grüße.pdf")
    return mail.as_bytes().replace(b"\n", b"\r\n")


def test_the_tree_of_a_letter_names_its_parts_and_files() -> None:
    parts = mime_parts(letter())
    assert [(part.level, part.kind) for part in parts] == [
        (0, "multipart/mixed"), (1, "multipart/alternative"), (2, "text/plain"), (2, "multipart/related"),
        (3, "text/html"), (3, "image/png"), (1, "application/pdf"),
    ]  # fmt: skip
    assert (parts[5].name, parts[5].content_id, parts[5].is_inline) == ("bell.png", "bell", True)
    assert (parts[6].name, parts[6].encoding) == ("Grüße.pdf", "base64")
    assert parts[6].size > 400, "as it travels"
    assert parts[0].size == len(letter())


def test_header_fields_are_read_out_where_they_are_coded() -> None:
    fields = {field.name: field for field in header_fields(letter())}
    assert (fields["From"].value, fields["From"].reading) == ("a@b.org", "")
    assert fields["Subject"].value.startswith("=?utf-8?")
    assert fields["Subject"].reading == "Grüße"


# --- requests ---


def test_fields_of_a_request_are_weighed() -> None:
    json_ = ExactRequest("POST", "https://a", (("Content-Type", "application/json"),), b'{"to":["x"],"html":"abc"}')
    form = ExactRequest("POST", "https://a", (("content-type", "application/x-www-form-urlencoded"),), b"a=1&b=xyz&c=")
    parts = ExactRequest(
        "POST", "https://a", (("Content-Type", "multipart/form-data; boundary=B"),),
        b'--B\r\nContent-Disposition: form-data; name="to"\r\n\r\nx@y.z\r\n'
        b'--B\r\nContent-Disposition: form-data; name="attachment"; filename="a.pdf"\r\n\r\n1234\r\n--B--\r\n',
    )  # fmt: skip
    assert [(each.name, each.size) for each in request_fields(json_)] == [("to", 5), ("html", 5)]
    assert [(each.name, each.size) for each in request_fields(form)] == [("a", 1), ("b", 3), ("c", 0)]
    assert [(each.name, each.size, each.file) for each in request_fields(parts)] == [
        ("to", 5, ""), ("attachment", 4, "a.pdf"),
    ]  # fmt: skip
    assert request_fields(ExactRequest("SMTP", "host:25", (), b"From: x")) == []
