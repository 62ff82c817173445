"""What travels with an email: attachments, inline images, Cc and a reply-to of its own, read back and compared."""

import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.provider_spec import encoded_size
from app.domain.rendered import Attachment, Extras
from app.providers import mime
from app.providers.mime import MimeTemplate, Sender
from tests.providers.test_mime import ANN, NEWS, NOON, Same, body, check_lines, read, write

PDF = Attachment("report.pdf", "application/pdf", bytes(range(256)) * 300)
LOGO = Attachment("logo.png", "image/png", b"\x89PNG" + bytes(200), content_id="logo@example.org")
PAGE = '<p>Hello <img src="cid:logo@example.org"></p>\n'


def enclosed(*attachments, **parts):
    extras = {name: parts.pop(name) for name in ("reply_to", "reply_to_name", "cc") if name in parts}
    return write(extras=Extras(attachments=attachments, **extras), **parts)


def tree(part):
    """The part's type with those of the parts in it."""
    kind = part.get_content_type()
    return (kind, [tree(inner) for inner in part.iter_parts()]) if part.is_multipart() else kind


def test_an_attachment_comes_back_as_it_was_behind_the_words():
    raw = enclosed(PDF, html="<p>Hello</p>\n")
    check_lines(raw)
    message = read(raw)
    words = ("multipart/alternative", ["text/plain", "text/html"])
    assert tree(message) == ("multipart/mixed", [words, "application/pdf"])
    (part,) = message.iter_attachments()
    assert (part.get_filename(), part.get_content_disposition()) == ("report.pdf", "attachment")
    assert part.get_content() == PDF.content
    assert body(message) == "Hello\n"
    assert body(message, "html") == "<p>Hello</p>\n"


def test_an_email_of_text_alone_may_have_attachments():
    message = read(enclosed(PDF, LOGO))
    assert tree(message) == ("multipart/mixed", ["text/plain", "application/pdf", "image/png"])


def test_an_inline_image_stands_beside_the_page_that_shows_it():
    message = read(enclosed(PDF, LOGO, html=PAGE))
    page = ("multipart/related", ["text/html", "image/png"])
    words = ("multipart/alternative", ["text/plain", page])
    assert tree(message) == ("multipart/mixed", [words, "application/pdf"])
    image = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert (image["Content-ID"], image.get_content_disposition()) == ("<logo@example.org>", "inline")
    assert image.get_content() == LOGO.content
    related = next(part for part in message.walk() if part.get_content_type() == "multipart/related")
    assert related.get_param("type") == "text/html"


def test_inline_images_alone_need_no_mixture():
    message = read(enclosed(LOGO, html=PAGE))
    assert tree(message) == (
        "multipart/alternative",
        ["text/plain", ("multipart/related", ["text/html", "image/png"])],
    )


@pytest.mark.parametrize(
    "name",
    [
        "report.pdf",
        "Bericht für Ann.pdf",
        "年次報告書.pdf",
        'a "quoted" name;.pdf',
        "x" * 250 + ".txt",
        "ü" * 250,
        "a%20b.pdf",
    ],
)
def test_a_file_name_comes_back_whatever_letters_it_has(name):
    raw = enclosed(Attachment(name, "application/pdf", b"x"))
    check_lines(raw)
    (part,) = read(raw).iter_attachments()
    assert part.get_filename() == name
    assert not part["Content-Disposition"].defects


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\autoexec.bat", "C:_autoexec.bat"),
        ("invoice\r\nBcc: eve@example.org", "invoice__Bcc: eve@example.org"),
        ("exe.\u202efdp", "exe._fdp"),
        ("", "attachment"),
        (" .. ", "attachment"),
    ],
)
def test_a_file_name_leads_nowhere_and_hides_nothing(name, shown):
    raw = enclosed(Attachment(name, "application/pdf", b"x"))
    assert b"\r\nBcc" not in raw
    (part,) = read(raw).iter_attachments()
    assert part.get_filename() == shown


@pytest.mark.parametrize(
    ("given_type", "written"),
    [
        ("text/plain; charset=utf-8", "text/plain"),
        ("IMAGE/PNG", "image/png"),
        ("", "application/octet-stream"),
        ("pdf", "application/octet-stream"),
        ("text/plain\r\nBcc: eve@example.org", "application/octet-stream"),
        ("multipart/mixed", "application/octet-stream"),
        ("message/rfc822", "application/octet-stream"),
    ],
)
def test_a_type_that_is_none_or_cannot_be_in_base64_is_just_bytes(given_type, written):
    raw = enclosed(Attachment("a.bin", given_type, b"x"))
    assert b"\r\nBcc" not in raw
    (part,) = read(raw).iter_attachments()
    assert part.get_content_type() == written


@pytest.mark.parametrize("content_id", ["a b", "a\r\nBcc: eve@example.org", "<a>", "a@b@c", "ä"])
def test_a_content_id_that_is_none_is_refused(content_id):
    with pytest.raises(ValueError, match="content id"):
        enclosed(Attachment("a.png", "image/png", b"x", content_id), html=PAGE)


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 57 * 4096 - 1, 57 * 4096, 57 * 4096 + 1, 600_000])
def test_a_file_of_any_size_comes_back(size):
    content = bytes(at * 7 % 251 for at in range(size))
    raw = enclosed(Attachment("a.bin", "application/octet-stream", content))
    check_lines(raw)
    (part,) = read(raw).iter_attachments()
    assert part.get_content() == content
    assert len(raw) < encoded_size(size) + 1500


def test_the_messages_own_reply_to_wins_over_the_providers():
    sender = Sender("news@example.org", reply_to="office@example.org", reply_to_name="Office")
    extras = Extras(reply_to="help@example.org", reply_to_name="Hélène")
    assert str(read(write(sender=sender, extras=extras))["Reply-To"]) == "Hélène <help@example.org>"
    assert str(read(write(sender=sender))["Reply-To"]) == "Office <office@example.org>"


def test_cc_names_every_address_once_and_bcc_is_never_written():
    people = tuple(f"person{number}@example.org" for number in range(60))
    raw = enclosed(cc=people)
    check_lines(raw)
    message = read(raw)
    assert [address.addr_spec for address in message["Cc"].addresses] == list(people)
    assert message["Bcc"] is None


@pytest.mark.parametrize(
    "address", ["a@example.org\r\nBcc: eve@example.org", "a@b, c@d", "no address", "a\0@example.org"]
)
def test_what_is_no_address_never_gets_into_cc_or_reply_to(address):
    with pytest.raises(ValueError, match="address"):
        enclosed(cc=(address,))
    with pytest.raises(ValueError, match="address"):
        enclosed(reply_to=address)


def test_a_large_file_is_encoded_once_for_everybody():
    extras = Extras(attachments=(Attachment("a.bin", "application/octet-stream", bytes(5_000_000)),))
    template = MimeTemplate(Same(extras=extras), NEWS, NOON)
    first = timeit.timeit(lambda: template.write(ANN, "d1"), number=1)
    mime._pack.cache_clear()
    again = timeit.repeat(lambda: template.write(ANN, "d1"), number=1, repeat=10)
    assert min(again) < max(first, again[0]) / 2
    assert (mime._pack.cache_info().misses, mime._pack.cache_info().hits) == (1, 9)


@settings(max_examples=40)
@given(
    st.lists(
        st.builds(
            Attachment,
            st.text(max_size=40).filter(lambda text: text.isprintable()),
            st.sampled_from(["image/png", "text/html", "application/zip", "broken"]),
            st.binary(max_size=300),
            st.sampled_from(["", "one@x", "two"]),
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_whatever_is_attached_comes_back(attachments, has_page):
    message = read(enclosed(*attachments, html=PAGE if has_page else ""))
    found = [part for part in message.walk() if part["Content-Disposition"]]
    assert sorted(part.get_payload(decode=True) for part in found) == sorted(each.content for each in attachments)
    assert body(message) == "Hello\n"
