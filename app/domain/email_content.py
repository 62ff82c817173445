"""What an email says, and the limits of what can be stored and what can be sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from app.domain.addresses import EMAIL_RULE, normalise_email
from app.domain.content_limits import File, line_problems, only_filled, read_file, text_problems

FORMATS = ("markdown", "html", "text")
_TEXTS = ("subject", "preheader", "format", "body", "reply_to", "reply_to_name")
_ALWAYS = frozenset(_TEXTS[:4])
_TEXT_NAMES, _ONLY_TEXT = frozenset(_TEXTS), frozenset({str})


@dataclass(frozen=True, slots=True)
class EmailContent:
    """The words of one email before anybody's values are filled in, and what travels with them.

    `format` says how `body` is written: "markdown", "html" or "text". Subject, preheader and body may hold
    {{ variables }} (`domain.personalise`). An empty `reply_to` is the provider's own. `attachments` are pairs of a
    bucket's and a file's id. Building one never fails; `problems()` says what cannot be stored.
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

    @property
    def title(self) -> str:
        """What lists call it; empty when nothing was written yet."""
        return self.subject.strip()

    @property
    def files(self) -> tuple[File, ...]:
        """The files it needs."""
        return self.attachments

    def to_json(self) -> dict[str, Any]:
        """The content as a JSON object; `from_json` is its inverse."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        stored: dict[str, Any] = {name: text for name, text in texts.items() if text or name in _ALWAYS}
        return stored | ({"attachments": [list(file) for file in self.attachments]} if self.attachments else {})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "EmailContent":
        """Content from a JSON object; a missing or null key is the default, unknown keys are ignored."""
        if stored.keys() <= _TEXT_NAMES and _ONLY_TEXT.issuperset(map(type, stored.values())):
            return cls(**stored)  # what `to_json` makes of most, in half the time
        texts = {name: str(value) for name in _TEXTS if (value := stored.get(name)) is not None}
        files = (read_file(each) for each in stored.get("attachments") or ())
        return cls(**texts, attachments=tuple(file for file in files if file is not None))

    def problems(self) -> dict[str, list[str]]:
        """What keeps this content from being stored: field name to sentences; empty when nothing does."""
        limit = self.MAX_MARKDOWN if self.format == "markdown" else self.MAX_BODY
        return only_filled({
            "subject": line_problems("Subject", self.subject, self.MAX_SUBJECT),
            "preheader": line_problems("Preheader", self.preheader, self.MAX_PREHEADER),
            "format": self._format_problems(),
            "body": text_problems("Body", self.body, limit, "Shorten it, or link to the rest."),
            "reply_to": self._reply_problems(),
            "reply_to_name": line_problems("Reply-to name", self.reply_to_name, self.MAX_NAME),
            "attachments": self._attachment_problems(),
        })  # fmt: skip

    def sending_problems(self) -> dict[str, list[str]]:
        """What keeps this content from being sent, beyond `problems()`: a draft may be empty, an email may not."""
        found: dict[str, list[str]] = {}
        if not self.subject.strip():
            found["subject"] = ["Subject is empty. Write a subject: it is what people see first."]
        if not self.body.strip():
            found["body"] = ["Body is empty. Write the email's text."]
        return found

    def _format_problems(self) -> list[str]:
        if self.format in FORMATS:
            return []
        return [f"Format {self.format[:40]!r} is unknown. It is one of markdown, html or text."]

    def _reply_problems(self) -> list[str]:
        if not self.reply_to or normalise_email(self.reply_to) is not None:
            return []
        return [f"Reply-to {EMAIL_RULE}; leave it empty for the provider's own."]

    def _attachment_problems(self) -> list[str]:
        if len(self.attachments) <= self.MAX_ATTACHMENTS:
            return []
        return [f"Attachments are {len(self.attachments):,}; at most {self.MAX_ATTACHMENTS} fit. Link to the others."]
