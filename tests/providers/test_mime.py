"""The bytes of an email, read back by the standard library and compared with what was meant."""

import email
import timeit
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.rendered import Recipient, RenderedEmail
from app.providers.mime import MimeTemplate, Sender, mailbox

ANN = Recipient("ann@example.com", "Ann Smith")
NEWS = Sender("news@example.org", "Acme News")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Same:
    """A rendering that is the same for everyone."""

    def __init__(self, **parts):
        self.rendered = RenderedEmail(**{"subject": "Hello", "text": "Hello\n", **parts})

    def render(self, recipient):
        return self.rendered


def write(recipient=ANN, sender=NEWS, key="d1", **parts):
    return MimeTemplate(Same(**parts), sender, NOON).write(recipient, key)


def read(raw):
    message = email.message_from_bytes(raw, policy=policy.default)
    assert not message.defects
    assert all(not part.defects for part in message.walk())
    return message


def body(message, kind="plain"):
    return message.get_body((kind,)).get_content().replace("\r\n", "\n")


def unfolded(raw, name):
    """A field as it is written, folding undone, not decoded."""
    head = raw.partition(b"\r\n\r\n")[0].decode().replace("\r\n ", " ")
    return next(line.partition(": ")[2] for line in head.split("\r\n") if line.startswith(f"{name}: "))


def check_lines(raw):
    lines = raw.split(b"\r\n")
    assert lines.pop() == b"", "the text ends with a line end"
    assert all(len(line) <= 998 and b"\r" not in line and b"\n" not in line and b"\0" not in line for line in lines)


def test_the_fields_say_what_was_set():
    sender = Sender("news@example.org", "Acme News", "help@example.org", "Help desk", "Carillon")
    message = read(write(sender=sender, subject="News for Ann", headers=(("List-Id", "<news.example.org>"),)))
    assert {name: str(message[name]) for name in message.keys() if not name.startswith("Content")} == {  # noqa: SIM118
        "From": "Acme News <news@example.org>",
        "Reply-To": "Help desk <help@example.org>",
        "X-Mailer": "Carillon",
        "Date": "Sat, 21 Nov 2026 12:00:00 +0000",
        "MIME-Version": "1.0",
        "To": "Ann Smith <ann@example.com>",
        "Subject": "News for Ann",
        "Message-ID": "<d1@example.org>",
        "List-Id": "<news.example.org>",
    }


def test_what_is_not_set_is_not_written():
    message = read(write(sender=Sender("news@example.org"), recipient=Recipient("ann@example.com")))
    assert (str(message["From"]), str(message["To"])) == ("news@example.org", "ann@example.com")
    assert message["X-Mailer"] is None
    assert message["Reply-To"] is None


def test_the_message_id_is_the_same_for_every_try():
    assert read(write(key="d7"))["Message-ID"] == read(write(key="d7"))["Message-ID"] == "<d7@example.org>"


def test_text_alone_is_never_sent_as_html():
    message = read(write(text="Just text\n"))
    assert message.get_content_type() == "text/plain"
    assert body(message) == "Just text\n"


def test_html_is_the_last_of_two_alternatives():
    message = read(write(text="Hello\n", html="<p>Hello</p>\n"))
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert (body(message), body(message, "html")) == ("Hello\n", "<p>Hello</p>\n")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Plain\n", "7bit"),
        (".\n..\n.dot\nFrom here\n", "7bit"),
        ("x" * 998 + "\n", "7bit"),
        ("x" * 999 + "\n", "base64"),
        ("Grüße an alle, die hier sind\n", "quoted-printable"),
        ("ein =Gleichheitszeichen, Blank am Ende \nund ü" + "y" * 2000 + "\n", "quoted-printable"),
        ("Привет всем\n", "base64"),
        ("שלום עולם\n", "base64"),
        ("🎉🎉🎉\n", "base64"),
        ("\n", "7bit"),
        ("a\tb\x0c\n", "7bit"),
    ],
)
def test_a_text_comes_back_as_it_was(text, encoding):
    raw = write(text=text, html=text)
    check_lines(raw)
    message = read(raw)
    parts = list(message.iter_parts())
    assert (body(message), body(message, "html")) == (text, text)
    if encoding != "base64" or not text.isascii():
        assert [part["Content-Transfer-Encoding"] for part in parts] == [encoding] * 2
    assert all(part["Content-Transfer-Encoding"] in ("7bit", "quoted-printable", "base64") for part in parts)


def test_line_ends_of_any_kind_become_the_one_of_email():
    assert body(read(write(text="a\r\nb\rc\nd"))) == "a\nb\nc\nd\n"


@pytest.mark.parametrize(
    "subject",
    ["Grüße", "Rabatt: 50 % auf „alles“", "=?utf-8?q?not_encoded?=", "x" * 500, "ü" * 300, "🎉 Party 🎉", "  spaces  ",
     "שלום", "a\tb", "", "Ünï " * 60],
)  # fmt: skip
def test_a_subject_comes_back_as_it_was(subject):
    raw = write(subject=subject)
    check_lines(raw)
    assert str(make_header(decode_header(unfolded(raw, "Subject")))) == subject


@pytest.mark.parametrize(
    "name",
    ["Jürgen Müller", 'Ann "The Boss" Smith', "O'Neil, Pat (CEO)", "a@b.example", "back\\slash", "שלום עולם", "🎉",
     "=?utf-8?q?x?=", "Dr. No", "semi;colon"],
)  # fmt: skip
def test_a_display_name_comes_back_as_it_was(name):
    raw = write(recipient=Recipient("ann@example.com", name), sender=Sender("news@example.org", name))
    check_lines(raw)
    for field in ("To", "From"):
        address = read(raw)[field].addresses[0]
        assert address.display_name == name
    assert read(raw)["To"].addresses[0].addr_spec == "ann@example.com"


def test_no_encoded_word_is_longer_than_75_and_no_line_than_76():
    raw = write(recipient=Recipient("ann@example.com", "Ünïcödé " * 30), subject="Größe " * 60)
    head = raw.partition(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.split(b"\r\n")) <= 76
    assert max(len(word) for word in head.split() if word.startswith(b"=?")) <= 75


def test_a_long_unsubscribe_link_stays_in_one_piece():
    link = "<https://example.org/u/" + "a" * 700 + ">"
    headers = (("List-Unsubscribe", link), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    raw = write(headers=headers)
    assert b"List-Unsubscribe: " + link.encode() + b"\r\n" in raw
    check_lines(raw)


def test_a_domain_beyond_ascii_travels_in_its_ascii_form():
    raw = write(recipient=Recipient("ann@bücher.example"), sender=Sender("news@grüße.example"))
    assert b"To: ann@xn--bcher-kva.example\r\n" in raw
    assert b"Message-ID: <d1@xn--gre-6ka8l.example>\r\n" in raw


@pytest.mark.parametrize(
    "evil", ["\r\nBcc: spy@example.net", "\nBcc: spy@example.net", "\rBcc: x", "\0", "\x0b", "\u2028"]
)
@pytest.mark.parametrize("where", ["subject", "name", "address", "key", "sender", "reply", "mailer", "value", "header"])
def test_nothing_can_smuggle_a_line_into_the_head(evil, where):
    changes = {
        "subject": {"subject": f"Hello{evil}"},
        "name": {"recipient": Recipient("ann@example.com", f"Ann{evil}")},
        "address": {"recipient": Recipient(f"ann{evil}@example.com")},
        "key": {"key": f"d1{evil}"},
        "sender": {"sender": Sender("news@example.org", f"Acme{evil}")},
        "reply": {"sender": Sender("news@example.org", reply_to=f"help@example.org{evil}")},
        "mailer": {"sender": Sender("news@example.org", mailer=f"Carillon{evil}x")},
        "value": {"headers": (("List-Id", f"<x>{evil}"),)},
        "header": {"headers": ((f"X-A{evil}", "b"),)},
    }
    with pytest.raises(ValueError, match=r"."):
        write(**changes[where])


@pytest.mark.parametrize(
    "name", ["Bcc", "to", "Subject", "Content-Type", "MIME-Version", "X-A:B", "X A", "", "Ü", "ARC-Seal"]
)
def test_a_header_that_is_not_free_to_set_is_refused(name):
    with pytest.raises(ValueError, match=r"header|Carillon"):
        write(headers=((name, "x"),))


def test_a_nul_in_a_text_is_refused():
    with pytest.raises(ValueError, match="NUL"):
        write(text="a\0b")


@pytest.mark.parametrize(
    "address", ["ann", "@example.com", "ann@", "a b@example.com", "<ann@example.com>", "a,b@example.com"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="address"):
        mailbox("Ann", address)


ANY_TEXT = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=400)
ONE_LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=120)


@settings(max_examples=60, derandomize=True)
@given(text=ANY_TEXT, html=ANY_TEXT.filter(bool), subject=ONE_LINE, name=ONE_LINE)
def test_whatever_is_written_can_be_read_back(text, html, subject, name):
    raw = write(recipient=Recipient("ann@example.com", name), subject=subject, text=text, html=html)
    check_lines(raw)
    message = email.message_from_bytes(raw, policy=policy.default)
    parts = [part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in message.iter_parts()]
    assert [part.removesuffix("\n") for part in parts] == [text.removesuffix("\n"), html.removesuffix("\n")]
    assert str(make_header(decode_header(unfolded(raw, "Subject")))) == subject
    assert [address.addr_spec for address in message["To"].addresses] == ["ann@example.com"]


@settings(max_examples=100, derandomize=True)
@given(value=st.text(max_size=60), where=st.sampled_from(["subject", "name"]))
def test_no_value_adds_a_field(value, where):
    changes = {"subject": value} if where == "subject" else {"recipient": Recipient("ann@example.com", value)}
    try:
        raw = write(**changes)
    except ValueError:
        return
    assert len(email.message_from_bytes(raw).keys()) == len(email.message_from_bytes(write()).keys())


def test_a_mail_of_two_kilobytes_costs_microseconds():
    line = "The quick brown fox jumps over the lazy dog\n"
    template = MimeTemplate(Same(text=line * 22, html=f"<p>{line}</p>" * 20), NEWS, NOON)
    seconds = min(timeit.repeat(lambda: template.write(ANN, "d1"), number=300, repeat=5)) / 300
    assert seconds < 200e-6  # about 5 in truth; this only catches a builder that parses or walks trees
