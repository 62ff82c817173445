"""The bytes of one email (RFC 5322, 2045, 2047): compiled once for a message, filled in for each recipient."""

import binascii
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from functools import cached_property, lru_cache
from urllib.parse import quote

from app.domain.rendered import (
    LINE_LENGTH,
    NO_EXTRAS,
    Attachment,
    Extras,
    FillPlainly,
    Frame,
    Plain,
    PlainEmail,
    Prepared,
    Recipient,
    RenderedEmail,
)
from app.infra.smtp_envelope import path_of
from app.infra.smtp_hosts import ascii_domain

PLAIN_LENGTH = 180  # characters of a field that is written unfolded
NAME_PIECE = 60  # characters of a file name in one line

_PLAIN = re.compile(rf"(?! )[ -~]{{0,{PLAIN_LENGTH}}}(?<! )")  # outer blanks would be lost
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_WORDS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")  # RFC 5322 phrase
_NAME = re.compile(r"[!-9;-~]{1,76}")  # RFC 5322 field name
_KEY = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}")
_TYPE = re.compile(
    r"(?!multipart/|message/)[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}"
)  # RFC 6838; no base64 there
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}(?:@[A-Za-z0-9.-]{1,253})?")
_NOT_IN_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f/\\\u200e\u200f\u2028-\u202e\u2066-\u2069]")  # paths, turned writing
_OURS = frozenset(
    ["from", "to", "cc", "bcc", "sender", "reply-to", "return-path", "date", "subject", "message-id", "received",
     "mime-version", "dkim-signature", "x-mailer"]
)  # fmt: skip
_FOLD = ",\r\n "
_STRUCTURED = ("list-", "feedback-id", "in-reply-to", "references")  # encoded words would break them


@dataclass(frozen=True, slots=True)
class Sender:
    """What every copy of a message says about its sender. `mailer` empty: no X-Mailer; `reply_to` empty: no field."""

    address: str
    name: str = ""
    reply_to: str = ""
    reply_to_name: str = ""
    mailer: str = ""


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What stands around the words of an email with attachments, and around its page when that has inline images."""

    before: bytes
    after: bytes
    before_page: bytes
    after_page: bytes


class MimeTemplate:
    """One message, ready to be written to many recipients."""

    def __init__(self, prepared: Prepared[RenderedEmail], sender: Sender, date: datetime) -> None:
        """`date` is aware. Raises ValueError for a sender that cannot stand in a header."""
        self._prepared = prepared
        self._boundary = f"=_{secrets.token_hex(12)}"  # "=_" occurs in neither base64 nor quoted-printable
        self._id_domain = ascii_domain(sender.address.rpartition("@")[2])
        self._sender = sender
        self._date = date
        self._extras = NO_EXTRAS
        self._constant = self._write_constant(NO_EXTRAS)
        self._last_subject: tuple[str, str] | None = None

    def write(self, recipient: Recipient, key: str) -> bytes:
        """This recipient's email, lines ended by CRLF. The Message-ID is `<key@domain of the sender>`.

        Raises ValueError, with a sentence, for anything that would break a header or the text: control characters
        (CR, LF and NUL first of all), fields that are ours to write, addresses that are none.
        """
        email = self._render(recipient)
        if email.extras is not self._extras:
            self._constant = self._write_constant(email.extras)
            self._extras = email.extras
        if _KEY.fullmatch(key) is None:
            raise ValueError("The delivery key cannot be used in a Message-ID")
        head = (
            f"{self._constant}\r\nTo: {mailbox(recipient.name, recipient.address)}\r\n{self._subject(email.subject)}"
            f"\r\nMessage-ID: <{key}@{self._id_domain}>\r\n"
        )
        if email.headers:
            head += "".join([f"{_extra_field(name, value)}\r\n" for name, value in email.headers])
        if isinstance(email, PlainEmail):
            return (head + email.body).encode()
        if email.extras.attachments:
            return self._write_parcel(head, email)
        if not email.html:
            return head.encode() + _part("plain", email.text)
        return b"".join((head.encode(), *self._alternatives(_part("plain", email.text), _part("html", email.html))))

    def _render(self, recipient: Recipient) -> PlainEmail | RenderedEmail:
        """This recipient's email: as it travels when it needs no encoding, else its words."""
        plain = self._fill_plainly(recipient) if self._fill_plainly else None
        return plain or self._prepared.render(recipient)

    @cached_property
    def _fill_plainly(self) -> FillPlainly | None:
        """The quick way to an email that needs no encoding; None when there is none (`domain.rendered.Plain`)."""
        if not isinstance(self._prepared, Plain):
            return None
        before, between, after = (each.decode() for each in self._around)
        plain, page = _part_fields("plain"), _part_fields("html")
        return self._prepared.within(Frame(plain, before + plain, between + page, after))

    def _alternatives(self, plain: bytes, page: bytes) -> tuple[bytes, ...]:
        before, between, after = self._around
        return before, plain, between, page, after  # the last part is the best one

    @cached_property
    def _around(self) -> tuple[bytes, bytes, bytes]:
        """What stands before, between and after the two parts of an email."""
        boundary = self._boundary.encode()
        between = b"\r\n--%b\r\n" % boundary  # its first line break is not the part's (RFC 2046 5.1.1)
        kind = b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n' % boundary
        return kind + between, between, b"\r\n--%b--\r\n" % boundary

    def _write_constant(self, extras: Extras) -> str:
        """The fields that are the same for everybody."""
        sender = self._sender
        constant = [f"From: {mailbox(sender.name, sender.address)}"]
        if extras.reply_to:
            constant.append(f"Reply-To: {mailbox(extras.reply_to_name, extras.reply_to)}")
        elif sender.reply_to:
            constant.append(f"Reply-To: {mailbox(sender.reply_to_name, sender.reply_to)}")
        if extras.cc:
            constant.append(f"Cc: {_FOLD.join(mailbox('', address) for address in extras.cc)}")
        if sender.mailer.strip():
            constant.append(_field("X-Mailer", sender.mailer.strip()))
        return "\r\n".join([*constant, f"Date: {format_datetime(self._date)}", "MIME-Version: 1.0"])

    def _write_parcel(self, head: str, email: RenderedEmail) -> bytes:
        """With attachments: the words first, then what was encoded once for everybody, copied once."""
        parcel = _pack(email.extras.attachments, bool(email.html))
        words: tuple[bytes, ...] = (_part("plain", email.text),)
        if email.html:
            page = b"".join((parcel.before_page, _part("html", email.html), parcel.after_page))
            words = self._alternatives(words[0], page)
        return b"".join((head.encode(), parcel.before, *words, parcel.after))

    def _subject(self, subject: str) -> str:
        if self._last_subject is None or self._last_subject[0] != subject:
            self._last_subject = (subject, _field("Subject", subject))
        return self._last_subject[1]


def mailbox(name: str, address: str) -> str:
    """A display name and an address as they stand in From, To and Reply-To (RFC 5322 3.4, RFC 2047 5.3).

    Raises ValueError for control characters or what is not an address. A domain travels in its ASCII form; a local
    part beyond ASCII stays as it is (RFC 6532), which only a server with SMTPUTF8 takes.
    """
    if not address.isascii():
        local, _, domain = address.rpartition("@")
        address = f"{local}@{ascii_domain(domain)}"
    if path_of(address) is None:
        raise ValueError("An address holds something that no address can hold")
    if not name:
        return address
    if len(name) <= PLAIN_LENGTH and "=?" not in name and _WORDS.fullmatch(name):
        return f"{name} <{address}>"
    _refuse_controls(name, "A name")
    if _PLAIN.fullmatch(name) and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{_encoded_words(name, len('Reply-To: '))}\r\n <{address}>"


def _field(name: str, value: str) -> str:
    """An unstructured field (RFC 5322 2.2.1): as it is when short printable ASCII, else in encoded words."""
    if "=?" not in value and _PLAIN.fullmatch(value):
        return f"{name}: {value}"
    _refuse_controls(value, name)
    return f"{name}: {_encoded_words(value, len(name) + 2)}"


def _extra_field(name: str, value: str) -> str:
    _check_name(name)
    _refuse_controls(value, name)
    if value.isascii() and len(name) + 2 + len(value) <= LINE_LENGTH:
        return f"{name}: {value}"  # a folded or encoded List-Unsubscribe is one that programs do not find
    if name.lower().startswith(_STRUCTURED):
        raise ValueError(f"{name} must be ASCII and at most {LINE_LENGTH} characters long")
    return f"{name}: {_encoded_words(value, len(name) + 2)}"


@lru_cache(maxsize=256)
def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise ValueError("A header name may only hold printable ASCII without a colon")
    if name.lower() in _OURS or name.lower().startswith(("content-", "arc-")):
        raise ValueError(f"{name} is written by Carillon and cannot be set")


def _refuse_controls(value: str, what: str) -> None:
    if _CONTROLS.search(value):
        raise ValueError(f"{what} holds a line break or another control character")


def _encoded_words(value: str, taken: int) -> str:
    return Header(value, "utf-8", maxlinelen=76, header_name="x" * (taken - 2)).encode(linesep="\r\n")


def _part(subtype: str, text: str) -> bytes:
    """A text part with its fields, ended by CRLF: as it is when it can be, else in the shorter safe encoding."""
    if "\0" in text:
        raise ValueError("The text holds a NUL character")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.endswith("\n"):
        text += "\n"
    octets, charset = text.encode(), "us-ascii" if text.isascii() else "utf-8"
    if text.isascii() and _has_short_lines(octets):
        encoding, body = "7bit", octets.replace(b"\n", b"\r\n")
    elif (len(octets) - len(text)) * 6 < len(text):  # mostly ASCII: stays readable in source
        encoding, body = "quoted-printable", _quoted_printable(octets)
    else:
        encoding, body = "base64", _base64(octets.replace(b"\n", b"\r\n"))
    return _part_fields(subtype, charset, encoding).encode() + body


def _part_fields(subtype: str, charset: str = "us-ascii", encoding: str = "7bit") -> str:
    return f"Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"


def _has_short_lines(octets: bytes) -> bool:
    """Whether every line may travel as it is: from each line's start the next end is looked for as far away as allowed.

    Looked for from behind, so that many short lines are one step.
    """
    start, end = 0, len(octets)
    while end - start > LINE_LENGTH:
        start = octets.rfind(b"\n", start, start + LINE_LENGTH + 1) + 1
        if not start:
            return False
    return True


def _quoted_printable(octets: bytes) -> bytes:
    return binascii.b2a_qp(octets, istext=True).replace(b"\n", b"\r\n")


def _base64(octets: bytes) -> bytes:
    flat = binascii.b2a_base64(octets, newline=False)
    return b"\r\n".join([flat[start : start + 76] for start in range(0, len(flat), 76)]) + b"\r\n"


@lru_cache(maxsize=1)  # of the message that is being sent: it is encoded once, however many get it
def _pack(attachments: tuple[Attachment, ...], has_page: bool) -> _Parcel:
    """Attachments as they travel (RFC 2046, 2387): images that the page shows beside it, all others behind the words.

    Raises ValueError for a content id that cannot stand in a header.
    """
    inline = [each for each in attachments if each.content_id and has_page]
    others = [each for each in attachments if not (each.content_id and has_page)]
    before_page, after_page = _surround(inline, 'related;\r\n type="text/html"')
    before, after = _surround(others, "mixed")
    return _Parcel(before, after, before_page, after_page)


def _surround(attachments: list[Attachment], kind: str) -> tuple[bytes, bytes]:
    """What comes before and after the part that these belong to; nothing when there are none."""
    if not attachments:
        return b"", b""
    boundary = f"=_{secrets.token_hex(12)}"
    before = f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"\r\n\r\n--{boundary}\r\n'
    after = [piece for each in attachments for piece in _enclose(each, boundary)]
    return before.encode(), b"".join([*after, f"\r\n--{boundary}--\r\n".encode()])


def _enclose(attachment: Attachment, boundary: str) -> Iterator[bytes]:
    """One attachment as a part, in pieces, the line of its boundary in front."""
    kind = attachment.mime_type.partition(";")[0].strip().lower()
    name = file_name(attachment.name)
    disposition = "inline" if attachment.content_id else "attachment"
    fields = [
        f"\r\n--{boundary}",
        f"Content-Type: {kind if _TYPE.fullmatch(kind) else 'application/octet-stream'}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {disposition};\r\n {_name_parameter(name)}",
    ]
    if attachment.content_id:
        if _CONTENT_ID.fullmatch(attachment.content_id) is None:
            raise ValueError("The content id of an inline image holds something that no id can hold")
        fields.append(f"Content-ID: <{attachment.content_id}>")
    yield ("\r\n".join(fields) + "\r\n\r\n").encode()
    step = 57 * 4096  # whole lines, so that a large file is not cut into a million pieces at once
    for start in range(0, len(attachment.content), step):
        yield _base64(attachment.content[start : start + step])


def file_name(name: str) -> str:
    """A file's name as a receiver may see it: no path, no control characters, nothing that turns the writing."""
    return _NOT_IN_NAME.sub("_", name).strip(" .") or "attachment"


def _name_parameter(name: str) -> str:
    """The filename parameter (RFC 2183), in UTF-8 and in several lines when it must be (RFC 2231)."""
    if name.isascii() and len(name) <= NAME_PIECE:
        quoted = name.replace('"', '\\"')
        return f'filename="{quoted}"'
    encoded = quote(name, safe="!#$&+-.^_`|~", errors="replace")
    pieces = re.findall(rf"(?:%[0-9A-F]{{2}}|[^%]){{1,{NAME_PIECE}}}", encoded)
    if len(pieces) == 1:
        return f"filename*=utf-8''{encoded}"
    first = [f"filename*0*=utf-8''{pieces[0]}"]
    return ";\r\n ".join(first + [f"filename*{at}*={piece}" for at, piece in enumerate(pieces[1:], start=1)])
