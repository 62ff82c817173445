"""What an email says, and the limits of what can be stored and what can be sent."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any, ClassVar

from app.domain.addresses import EMAIL_RULE, normalise_email
from app.domain.content_limits import File, line_problems, only_filled, read_file, text_problems
from app.domain.personalise import read_plainly

FORMATS = ("markdown", "html", "text")
_TEXTS = (
    "subject", "preheader", "format", "body", "reply_to", "reply_to_name", "from_name", "from_address", "text",
)  # fmt: skip
_ALWAYS = frozenset(_TEXTS[:4])
_TEXT_NAMES, _ONLY_TEXT = frozenset(_TEXTS), frozenset({str})
# Where a body names an image that travels with it (RFC 2392): in Markdown behind a bracket, in HTML as a value.
_CID = re.compile(r"""(?:\]\(\s*<?|\]:\s*<?|\bsrc\s*=\s*["']?)cid:([A-Za-z0-9._-]+)""", re.IGNORECASE)
_UNQUOTABLE = re.compile(r"[\[\]\\`<>*_\s]+")  # what ends or changes the words of an image in Markdown


@dataclass(frozen=True, slots=True)
class EmailContent:
    """The words of one email before anybody's values are filled in, and what travels with them.

    `format` says how `body` is written: "markdown", "html" or "text". Subject, preheader and body may hold
    {{ variables }} (`domain.personalise`). An empty `reply_to`, `from_name` or `from_address` is the provider's own.
    `text` is the plain-text part where somebody writes it; empty: it is made from the body. `attachments` and `images`
    are pairs of a bucket's and a file's id. Of the images those travel that the body shows, as `cid:` and the file's
    id; an attachment that it shows so travels as an image. Building one never fails; `problems()` says what cannot be
    stored.
    """

    # RFC 5322, 2.1.1: a line has at most 998 characters without CRLF; the REST reference has the same limit.
    MAX_SUBJECT: ClassVar[int] = 998
    # Inboxes show about 140 characters; the rest is generosity towards variables and their fallbacks.
    MAX_PREHEADER: ClassVar[int] = 500
    # Gmail cuts at 102 KB and checks warn about it; a million characters holds every sane newsletter template, keeps
    # one preview within seconds, and is small enough for every provider's message limit. The REST reference stops at
    # 64,230, which refuses templates that people really use.
    MAX_BODY: ClassVar[int] = 1_000_000
    # Markdown holds no tags, so 100,000 characters are twenty thousand words: Gmail would cut them. Its parser takes
    # more than proportionally longer for more.
    MAX_MARKDOWN: ClassVar[int] = 100_000
    MAX_NAME: ClassVar[int] = 128
    # Their size is what limits an email (providers.md, 0.6); the number only keeps a request within reason.
    MAX_ATTACHMENTS: ClassVar[int] = 100
    UNTITLED: ClassVar[str] = "Untitled email"

    subject: str = ""
    preheader: str = ""
    format: str = "markdown"
    body: str = ""
    reply_to: str = ""
    reply_to_name: str = ""
    attachments: tuple[File, ...] = ()
    from_name: str = ""
    from_address: str = ""
    text: str = ""
    images: tuple[File, ...] = ()

    @property
    def title(self) -> str:
        """What lists call it; empty when nothing was written yet."""
        return " ".join(read_plainly(self.subject).split())

    @property
    def files(self) -> tuple[File, ...]:
        """The files it names, whether they travel or not."""
        return (*self.attachments, *(file for file in self.images if file not in self.attachments))

    @property
    def shown(self) -> dict[str, File]:
        """The files that the body shows, by their content ids; of several files with one id, the first."""
        known = {file_id: (bucket_id, file_id) for bucket_id, file_id in reversed(self.files)}
        return {content_id: known[content_id] for content_id in self._content_ids() if content_id in known}

    @property
    def enclosed(self) -> tuple[tuple[File, str], ...]:
        """What travels with it: each file with its content id where the body shows it, else with an empty one."""
        shown = {file: content_id for content_id, file in self.shown.items()}
        return tuple(
            (file, shown.get(file, "")) for file in self.files if file in shown or file in self.attachments
        )  # fmt: skip

    def with_image(self, file: File, words: str) -> "EmailContent":
        """The email with that image, at the end of the body unless it is shown already; `words` stand for it.

        Raises ValueError in plain text, which shows no images.
        """
        if self.format == "text":
            raise ValueError("Plain text shows no images. Choose Markdown or HTML as the format, or attach the file.")
        images = self.images if file in self.files else (*self.images, file)
        if file[1] in self._content_ids():
            return replace(self, images=images)
        if self.format == "html":
            body, end, rest = self.body.rpartition("</body>") if "</body>" in self.body else (self.body, "", "")
            image = f'<p><img src="cid:{file[1]}" alt="{escape(words)}"></p>'
        else:
            body, end, rest = self.body, "", ""
            image = f"![{_UNQUOTABLE.sub(' ', words).strip()}](cid:{file[1]})"
        gap = "\n\n" if body.strip() else ""
        return replace(self, images=images, body=f"{body.rstrip()}{gap}{image}\n{end}{rest}")

    def tidied(self) -> "EmailContent":
        """The same with its addresses as they are stored; what is no address stays as it was typed."""
        return replace(
            self, reply_to=normalise_email(self.reply_to) or self.reply_to,
            from_address=normalise_email(self.from_address) or self.from_address,
        )  # fmt: skip

    def _content_ids(self) -> Iterator[str]:
        if self.format != "text":  # there nothing is shown
            yield from dict.fromkeys(_CID.findall(self.body))

    def to_json(self) -> dict[str, Any]:
        """The content as a JSON object; `from_json` is its inverse."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        stored: dict[str, Any] = {name: text for name, text in texts.items() if text or name in _ALWAYS}
        files = {"attachments": self.attachments, "images": self.images}
        return stored | {name: [list(file) for file in named] for name, named in files.items() if named}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "EmailContent":
        """Content from a JSON object; a missing or null key is the default, unknown keys are ignored."""
        if stored.keys() <= _TEXT_NAMES and _ONLY_TEXT.issuperset(map(type, stored.values())):
            return cls(**stored)  # what `to_json` makes of most, in half the time
        texts = {name: str(value) for name in _TEXTS if (value := stored.get(name)) is not None}
        return cls(**texts, attachments=_read_files(stored, "attachments"), images=_read_files(stored, "images"))

    def problems(self) -> dict[str, list[str]]:
        """What keeps this content from being stored: field name to sentences; empty when nothing does."""
        limit = self.MAX_MARKDOWN if self.format == "markdown" else self.MAX_BODY
        return only_filled({
            "subject": line_problems("Subject", self.subject, self.MAX_SUBJECT),
            "preheader": line_problems("Preheader", self.preheader, self.MAX_PREHEADER),
            "format": self._format_problems(),
            "body": text_problems("Content", self.body, limit, "Shorten it, or link to the rest."),
            "text": text_problems("Plain text", self.text, self.MAX_BODY, "Shorten it, or link to the rest."),
            "from_name": line_problems("From name", self.from_name, self.MAX_NAME),
            "from_address": _address_problems("From address", self.from_address),
            "reply_to": _address_problems("Reply-to", self.reply_to),
            "reply_to_name": line_problems("Reply-to name", self.reply_to_name, self.MAX_NAME),
            "attachments": self._attachment_problems(),
        })  # fmt: skip

    def sending_problems(self) -> dict[str, list[str]]:
        """What keeps this content from being sent, beyond `problems()`: a draft may be empty, an email may not."""
        found: dict[str, list[str]] = {}
        if not self.subject.strip():
            found["subject"] = ["Subject is empty. Write a subject: it is what people see first."]
        if not self.body.strip():
            found["body"] = ["Content is empty. Write what the email says."]
        return found

    def _format_problems(self) -> list[str]:
        if self.format in FORMATS:
            return []
        return [f"Format {self.format[:40]!r} is unknown. It is one of markdown, html or text."]

    def _attachment_problems(self) -> list[str]:
        count = len(self.attachments) + len(self.images)
        if count <= self.MAX_ATTACHMENTS:
            return []
        return [f"Attachments are {count:,}; at most {self.MAX_ATTACHMENTS} fit. Link to the others."]


def _address_problems(label: str, address: str) -> list[str]:
    if not address or normalise_email(address) is not None:
        return []
    return [f"{label} {EMAIL_RULE}; leave it empty for the provider's own."]


def _read_files(stored: Mapping[str, Any], name: str) -> tuple[File, ...]:
    files = (read_file(each) for each in stored.get(name) or ())
    return tuple(file for file in files if file is not None)
