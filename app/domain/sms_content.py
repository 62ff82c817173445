"""What a text message says, and the limits of what can be stored and what can be sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from app.domain.content_limits import MAX_TEXT, File, only_filled, text_problems
from app.domain.personalise import read_plainly

_LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True)
class SmsContent:
    """The words of one text message; they may hold {{ variables }}. Building one never fails."""

    # The REST contract's limit. Providers stop far earlier (Twilio and Telesign at 1,600 characters) and say so.
    MAX_BODY: ClassVar[int] = MAX_TEXT
    UNTITLED: ClassVar[str] = "Untitled SMS"

    text: str = ""

    @property
    def title(self) -> str:
        """What lists call it: its beginning, on one line; empty when nothing was written yet."""
        return " ".join(read_plainly(self.text[:1000]).split())[:_LONGEST_TITLE].strip()

    @property
    def files(self) -> tuple[File, ...]:
        """The files it needs: none, ever."""
        return ()

    def to_json(self) -> dict[str, Any]:
        """The content as a JSON object; `from_json` is its inverse."""
        return {"text": self.text}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "SmsContent":
        """Content from a JSON object; a missing or null key is the default, unknown keys are ignored."""
        text = stored.get("text")
        return cls("" if text is None else str(text))

    def problems(self) -> dict[str, list[str]]:
        """What keeps this content from being stored: field name to sentences; empty when nothing does."""
        return only_filled({"text": text_problems("Text", self.text, self.MAX_BODY)})

    def sending_problems(self) -> dict[str, list[str]]:
        """What keeps this content from being sent, beyond `problems()`."""
        return {} if self.text.strip() else {"text": ["Text is empty. Write what people shall read."]}
