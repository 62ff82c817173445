"""Poison: one recipient's message at which our own code fails, and what that comes to for this one alone."""

from types import TracebackType

from app.domain.outcomes import Outcome, OutcomeKind, Reason

_HERE = __name__.partition(".")[0]


class Poisoned(Exception):
    """Raised where something is asked for at which our code has failed before; `outcome` is what that came to."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


def poison(error: Exception) -> Outcome:
    """What it comes to that our code failed at one recipient before anything was sent.

    What the machine lacked (memory, files) may be there later; anything else fails again with the same bytes.
    """
    if isinstance(error, Poisoned):
        return error.outcome
    is_of_the_moment = isinstance(error, MemoryError | OSError)
    kind = OutcomeKind.TRANSIENT if is_of_the_moment else OutcomeKind.MESSAGE_PERMANENT
    return Outcome(kind, Reason.POISON, place_of(error))


def doubtful(error: Exception) -> Outcome:
    """What it comes to that our code failed at one recipient after bytes may have gone out."""
    return Outcome(OutcomeKind.UNCERTAIN, Reason.POISON, place_of(error))


def unwritable(error: Exception) -> Outcome:
    """The outcome of what cannot be written: the sentence of a ValueError, which says why; else poison.

    What Python itself says of characters it cannot encode (UnicodeError) is no sentence of ours.
    """
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, str(error))
    return poison(error)


def place_of(error: BaseException) -> str:
    """The kind of an error and where in our code it came up, such as `KeyError in app/rendering/sms.py:31`.

    Never what it says: that may quote what somebody is called, or where they live.
    """
    name, place = type(error).__name__, _innermost(error.__traceback__)
    return f"{name} in {place}" if place else name


def _innermost(trace: TracebackType | None) -> str:
    found = ""
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == _HERE:
            path = trace.tb_frame.f_code.co_filename.replace("\\", "/")
            found = f"{_HERE}/{path.rpartition(f'/{_HERE}/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
