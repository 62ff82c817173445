"""The files of an email that is being written: what they are, how they travel, and which provider takes their size."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_

from app.domain.addresses import are_aligned, domain_of
from app.domain.content import EmailContent
from app.domain.content_limits import File as Named
from app.domain.provider_spec import encoded_size
from app.domain.rendered import RenderedEmail
from app.domain.sizes import say_size
from app.engine import breaker, capacity
from app.models.files import Bucket, File
from app.models.messages import Message
from app.rendering import Check
from app.services.providers import sender
from app.services.work import Work


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that an email names; `size` in bytes, as it lies in the store.

    `place` is attached, shown (the body shows it as an image), unused (an image that the body shows no more: it stays
    at home) or gone (it was deleted).
    """

    file: Named
    name: str
    place: str
    size: int = 0

    @property
    def value(self) -> str:
        """What a form sends for it."""
        return ":".join(self.file)

    @property
    def travels(self) -> bool:
        """Whether people get it."""
        return self.place in {"attached", "shown"}


@dataclass(frozen=True, slots=True)
class Fit:
    """A provider that may come to carry the email, and how many bytes it takes, as far as is known.

    `is_next`: it would be asked now, the others stand in for it. `rests`: it takes nothing at the moment.
    """

    name: str
    limit: int
    fits: bool
    is_next: bool
    rests: bool = False


@dataclass(frozen=True, slots=True)
class Enclosures:
    """What travels with an email, in bytes on its way: `words` of its page and text, `encoded` of its files."""

    files: Sequence[Enclosed]
    words: int
    encoded: int
    fits: Sequence[Fit]

    @property
    def total(self) -> int:
        """How many bytes one copy has on its way, but for a few of the header."""
        return self.words + self.encoded

    @property
    def refusing(self) -> list[Fit]:
        """Who would not take it."""
        return [fit for fit in self.fits if not fit.fits]


def lay_out(work: Work, message: Message, content: EmailContent, shown: RenderedEmail | None) -> Enclosures:
    """The files of that content, held against the providers; `shown` is the email as somebody gets it, if it can be."""
    files = _files(work, content)
    words = len(shown.html.encode("utf-8", "replace")) + len(shown.text.encode("utf-8", "replace")) if shown else 0
    encoded = sum(encoded_size(each.size) for each in files if each.travels)
    candidates = sender.candidates(work, message.channel, message.provider_pk)
    resting = {each.pk for each in candidates if breaker.is_blocked(each, work.now)}
    first = next((each for each in candidates if each.pk not in resting), next(iter(candidates), None))
    fits = [
        Fit(
            each.name, limit, words + encoded <= limit, first is not None and each.rank == first.rank,
            each.pk in resting,
        )
        for each in candidates
        for limit in (capacity.limit_of(each, work.now),)
    ]  # fmt: skip
    return Enclosures(files, words, encoded, fits)


def _files(work: Work, content: EmailContent) -> list[Enclosed]:
    if not content.files:
        return []
    rows = work.session.execute(
        select(Bucket.id, File.id, File.name, File.size_original)
        .join(Bucket, Bucket.pk == File.bucket_pk)
        .where(
            Bucket.project_pk == work.project_pk, File.store_key != "", tuple_(Bucket.id, File.id).in_(content.files)
        )
    )  # fmt: skip
    known = {(bucket_id, file_id): (name, size) for bucket_id, file_id, name, size in rows}
    shown = set(content.shown.values())
    return [
        Enclosed(file, known[file][0], _place(content, file, file in shown), known[file][1])
        if file in known
        else Enclosed(file, file[1], "gone")
        for file in content.files
    ]


def _place(content: EmailContent, file: Named, is_shown: bool) -> str:
    if is_shown:
        return "shown"
    return "attached" if file in content.attachments else "unused"


def check(work: Work, message: Message, content: EmailContent, enclosed: Enclosures) -> list[Check]:
    """What blocks sending because of the files, and what only deserves a look: files, size, and the sender's domain."""
    found = [
        Check("blocks", "files", f"The file {each.name} was deleted. Take it out.", "attachment_gone")
        for each in enclosed.files
        if each.place == "gone"
    ]
    found += [
        Check("advises", "files", f"{each.name} is not sent: the content shows it no more.", "image_unused")
        for each in enclosed.files
        if each.place == "unused"
    ]
    return found + _check_size(enclosed) + _check_domain(work, message, content)


def _check_size(enclosed: Enclosures) -> list[Check]:
    """It must fit one of them: who cannot carry it is passed over, and the others are waited for if they must be."""
    if not enclosed.refusing:
        return []
    field, what = ("files", "with its files, ") if enclosed.encoded else ("body", "")
    sentence = f"The email has {say_size(enclosed.total)} {what}too large for {_limits(enclosed.refusing)}"
    taking = [fit for fit in enclosed.fits if fit.fits]
    if not taking:
        advice = "Remove files, or link to them." if enclosed.encoded else "Shorten it, or link to the rest."
        return [Check("blocks", field, f"{sentence}. {advice}", "size_over")]
    carrying = next((fit for fit in taking if not fit.rests), taking[0])
    if carrying.rests:
        sentence += f". {carrying.name} carries it once it takes messages again."
    elif any(fit.is_next for fit in taking):
        sentence += f" to stand in for {carrying.name}."
    else:
        sentence += f". {carrying.name} carries it."
    return [Check("advises", field, sentence, "size_of_others")]


def _limits(fits: Sequence[Fit]) -> str:
    return ", ".join(f"{fit.name} ({say_size(fit.limit)})" for fit in fits)


def _check_domain(work: Work, message: Message, content: EmailContent) -> list[Check]:
    """Whether the sender of a message's own lies in the domain that its providers send for (RFC 7489, 3.1)."""
    own = domain_of(content.from_address)
    if not own:
        return []
    others = [
        f"{each.name} sends for {usual}"
        for each in sender.candidates(work, message.channel, message.provider_pk)
        if (usual := domain_of(str(each.options.get("fromEmail") or ""))) and not are_aligned(own, usual)
    ]
    if not others:
        return []
    sentence = (
        f"From is at {own}, and {', '.join(others)}: it may refuse the email, and receivers may take it for forged, "
        f"unless {own} is verified there too."
    )
    return [Check("advises", "from_address", sentence, "sender_domain")]
