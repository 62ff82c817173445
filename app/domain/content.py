"""What an email says, and the limits of what can be stored and what can be sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

FORMATS = ("markdown", "html", "text")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class EmailContent:
    """The words of one email before anybody's values are filled in.

    `format` says how `body` is written: "markdown", "html" or "text". All texts may hold {{ variables }}
    (`domain.personalise`). Building one never fails; `problems()` says what cannot be stored.
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

    subject: str = ""
    preheader: str = ""
    format: str = "markdown"
    body: str = ""

    def to_json(self) -> dict[str, str]:
        """The content as a flat JSON object; `from_json` is its inverse."""
        return {"subject": self.subject, "preheader": self.preheader, "format": self.format, "body": self.body}

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> "EmailContent":
        """Content from a JSON object; a missing or null key is the default, unknown keys are ignored."""
        known = {name: stored.get(name) for name in ("subject", "preheader", "format", "body")}
        return cls(**{name: str(value) for name, value in known.items() if value is not None})

    def problems(self) -> dict[str, list[str]]:
        """What keeps this content from being stored: field name to sentences; empty when nothing does."""
        found = {
            "subject": _line_problems("Subject", self.subject, self.MAX_SUBJECT),
            "preheader": _line_problems("Preheader", self.preheader, self.MAX_PREHEADER),
            "format": self._format_problems(),
            "body": self._body_problems(),
        }
        return {field: sentences for field, sentences in found.items() if sentences}

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

    def _body_problems(self) -> list[str]:
        limit = self.MAX_MARKDOWN if self.format == "markdown" else self.MAX_BODY
        if len(self.body) > limit:
            return [_too_long("Body", len(self.body), limit) + " Shorten it, or link to the rest."]
        match = _UNSTORABLE.search(self.body)
        if match is None:
            return []
        line = self.body.count("\n", 0, match.start()) + 1
        return [f"Body has a character in line {line} that cannot be stored ({_code(match)}). Remove it."]


def _line_problems(label: str, text: str, limit: int) -> list[str]:
    """What is wrong with a text that becomes one header line."""
    if len(text) > limit:
        return [_too_long(label, len(text), limit) + " Shorten it."]
    match = _CONTROL.search(text) or _UNSTORABLE.search(text)
    if match is None:
        return []
    place = f"after {match.start():,} characters"
    if match.group() in "\r\n":
        return [f"{label} has a line break {place}. Write it on one line."]
    return [f"{label} has a control character {place} ({_code(match)}). Remove it."]


def _too_long(label: str, length: int, limit: int) -> str:
    return f"{label} has {length:,} characters; at most {limit:,} can be stored."


def _code(match: re.Match[str]) -> str:
    return f"U+{ord(match.group()):04X}"
