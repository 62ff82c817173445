"""What fails in our own code at one recipient of a batch: an outcome for each, and one trace for all of them."""

import traceback

import structlog

from app.domain.outcomes import Outcome, Reason
from app.domain.poison import doubtful, place_of, unwritable

log = structlog.get_logger(__name__)


class Crashes:
    """The crashes of one batch. The first one is logged with its trace: a million alike would hide everything else."""

    def __init__(self) -> None:
        self._is_said = False

    def at(self, error: Exception) -> Outcome:
        """The outcome of an envelope at which this was raised before it was written to the wire."""
        outcome = unwritable(error)
        if outcome.reason is Reason.POISON:
            self._say(error)
        return outcome

    def after_sending(self, error: Exception) -> Outcome:
        """The outcome of one that was perhaps written when this was raised."""
        self._say(error)
        return doubtful(error)

    def _say(self, error: Exception) -> None:
        if not self._is_said:
            self._is_said = True
            log_trace("Our code fails at a recipient; the others go on", error)


def log_trace(event: str, error: BaseException, **about: str | int) -> None:
    """A line of the log with the trace of an error, and without its words: those may quote a person's values."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    log.error(event, error=place_of(error), trace=trace, **about)
