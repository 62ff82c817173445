"""Tells dead device tokens from an account that was set up for other tokens than it is given."""

from dataclasses import dataclass, replace

from app.domain.outcomes import Outcome, OutcomeKind, Reason

ENOUGH_UNPROVEN = 5  # foreign tokens in a row, before the account ever took one, that make it the account's fault
ENOUGH_PROVEN = 20  # the same for an account that took tokens before
FEWEST_DEATHS = 10  # fewer than these are never a mass death
HIGHEST_SHARE = 0.2  # of the tokens that the service judged; more than this die at once only of wrong settings
ENOUGH_TO_JUDGE = 50  # so many answers tell the share by themselves; fewer are held against those before them


def is_mass_death(dead: int, judged: int) -> bool:
    """Whether so many dead tokens, of those that the service took or called dead, are the account's fault.

    A service that is asked in the wrong project or environment knows nobody there; people do not all leave at once.
    """
    return dead >= FEWEST_DEATHS and dead > HIGHEST_SHARE * judged


@dataclass(slots=True)
class _Trial:
    has_accepted: bool = False
    foreign: int = 0  # in a row


class TokenTrials:
    """What each account made of the tokens it was given, in this process.

    A service that does not know a token (`Reason.TOKEN_FOREIGN`) says the same for a token that died and for every
    token of an app in the other environment or project. One mix-up must not cost all tokens, so a foreign token counts
    as dead only with an account that has accepted others; until then it fails for this message and is kept. Too many
    in a row are the account's fault.
    """

    def __init__(self) -> None:
        self._trials: dict[str, _Trial] = {}

    def judge(self, account_key: str, outcome: Outcome) -> Outcome:
        """The outcome as it is to be told, after this one is counted in."""
        trial = self._trials.setdefault(account_key, _Trial())
        if outcome.kind is OutcomeKind.ACCEPTED:
            trial.has_accepted, trial.foreign = True, 0
        if outcome.reason is not Reason.TOKEN_FOREIGN:
            return outcome
        trial.foreign += 1
        if trial.foreign >= (ENOUGH_PROVEN if trial.has_accepted else ENOUGH_UNPROVEN):
            count, trial.foreign = trial.foreign, 0  # so that whoever lifts the block gets a new look
            return replace(
                outcome, kind=OutcomeKind.CONFIG_PERMANENT, reason=Reason.NOT_CONFIGURED,
                detail=f"{count} device tokens in a row belong to another app, project or environment. "
                f"The service says: {outcome.detail}",
            )  # fmt: skip
        return outcome if trial.has_accepted else replace(outcome, kind=OutcomeKind.MESSAGE_PERMANENT)
