"""What the forms of a draft have in common, whatever its channel: its version, and who carries it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField
from wtforms.widgets import HiddenInput

from app.domain.content import Content
from app.domain.content_limits import File
from app.services.writing.drafts import CHOSEN, Draft
from app.web.fields import options

_Pairs = tuple[tuple[str, str], ...]


class VersionField(IntegerField):
    """The version of the draft that this page shows; anything that is no number counts as none."""

    widget = HiddenInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the number that was sent."""
        text = valuelist[0] if valuelist else ""
        self.data = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


class DraftForm(FlaskForm):  # type: ignore[misc]
    """What every composer types. A channel's form adds a field for each of `TYPED`, named as the content names it."""

    TYPED: ClassVar[tuple[str, ...]] = ()

    version = VersionField()
    provider = SelectField("Send through", validate_choice=False)

    @classmethod
    def filled(cls, content: Content, version: int, provider: str) -> Self:
        """The form as a page opens with it; `provider` is the public id of the chosen one, or empty."""
        return cls(version=version, provider=provider, **cls.shown(content))

    @classmethod
    def shown(cls, content: Content) -> dict[str, Any]:
        """What stands in the fields for that content."""
        return {name: getattr(content, name) for name in cls.TYPED}

    def typed(self) -> Mapping[str, Any]:
        """What was typed, by the names of the content's own fields; as it stands, right or wrong.

        Nothing when only a button was sent, as the file picker does: then there is no version either.
        """
        if not self.version.raw_data:
            return {}
        return {name: self[name].data for name in self.TYPED if self[name].data is not None}

    def command(self, chosen: Mapping[str, Sequence[str]]) -> Draft:
        """What is to be saved. `chosen` holds what buttons sent (`web.compose.BUTTONS`): values like `topics:news`."""
        return Draft(
            self.typed(), _choices(chosen["add"]), _choices(chosen["remove"]), _files(chosen["attach"]),
            _files(chosen["detach"]), _files(chosen["inline"]), self.provider.data,
        )  # fmt: skip

    def follow(self, content: Content) -> None:
        """Take over what follows from the content as it was saved now; most forms show nothing of that sort."""

    def offer_providers(self, providers: Iterable[tuple[str, str]]) -> None:
        """Offer these (public id, name) beside the usual order."""
        self.provider.choices = options([("", "Whichever comes first and works"), *providers])


def _choices(values: Sequence[str]) -> _Pairs:
    return tuple((kind, chosen) for kind, chosen in map(_pair, values) if kind in CHOSEN and chosen)


def _files(values: Sequence[str]) -> tuple[File, ...]:
    return tuple((bucket, file) for bucket, file in map(_pair, values) if bucket and file)


def _pair(value: str) -> tuple[str, str]:
    before, _, after = value.partition(":")
    return before, after
