"""What a fault of our own comes to for the recipient at whom it came up, and what is said of it."""

import json

import pytest

from app.domain.failover import is_services_failure
from app.domain.outcomes import OutcomeKind, Reason
from app.domain.poison import Poisoned, doubtful, poison, unwritable
from app.domain.sms_segments import segment


def raised(act) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        act()
    return caught.value


def test_the_place_in_our_code_is_named_and_nothing_that_was_said() -> None:
    error = raised(lambda: segment(7))  # type: ignore[arg-type]
    outcome = poison(error)
    assert outcome.kind is OutcomeKind.MESSAGE_PERMANENT
    assert outcome.detail.startswith(f"{type(error).__name__} in app/domain/sms_segments.py:")
    assert poison(raised(lambda: {}["Ann Archer"])).detail == "KeyError"


def test_a_sentence_of_ours_stays_one_and_what_python_says_does_not() -> None:
    assert unwritable(ValueError("The text holds a NUL character")).reason is Reason.CONTENT_REJECTED
    assert unwritable(raised("half \ud800 a sign".encode)).reason is Reason.POISON
    assert unwritable(raised(lambda: json.loads("[" * 100_000))).reason is Reason.POISON


@pytest.mark.parametrize("error", [MemoryError(), OSError(24, "Too many open files")], ids=repr)
def test_what_the_machine_lacks_is_tried_again(error: Exception) -> None:
    assert poison(error).kind is OutcomeKind.TRANSIENT
    assert poison(Poisoned(poison(error))) == poison(error)


def test_no_fault_of_ours_is_held_against_a_service() -> None:
    for outcome in (poison(KeyError()), poison(MemoryError()), doubtful(KeyError())):
        assert not is_services_failure(outcome)
