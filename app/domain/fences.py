"""Fences: when a database is not the one it was, so that nothing of it may be sent before a person has looked."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FenceReason(StrEnum):
    """Why an installation is fenced."""

    RESTORED = "restored"  # `carillon db restore` made it from a backup
    COPIED = "copied"  # the database lies elsewhere than when that was last sure
    ROLLED_BACK = "rolled_back"  # somebody has seen a later state of it


@dataclass(frozen=True, slots=True)
class Sighting:
    """A state of a database as somebody saw it: of which installation, since when, how far it was, and a random word.

    `epoch` is in milliseconds since 1970, new with each confirmation; `beat` counts from there.
    """

    id: str
    epoch: int
    beat: int
    nonce: str


def reason_to_fence(
    own: Sighting, *, place_then: str, place_now: str, seen: Iterable[Sighting | None]
) -> FenceReason | None:
    """Why the database that says `own` of itself must not send; None when nothing speaks against it.

    `seen` are the latest states that witnesses outside the database have seen; those of other installations say
    nothing, nor does one that has seen less.
    """
    if place_then != place_now:
        return FenceReason.COPIED
    if any(_is_ahead(witness, own) for witness in seen if witness is not None):
        return FenceReason.ROLLED_BACK
    return None


def _is_ahead(witness: Sighting, own: Sighting) -> bool:
    if witness.id != own.id:
        return False
    theirs, ours = (witness.epoch, witness.beat), (own.epoch, own.beat)
    return theirs > ours or (theirs == ours and witness.nonce != own.nonce)
