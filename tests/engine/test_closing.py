"""What the ledger writes of a batch whose deliveries end alike or each in its own way, on each sort of database."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.engine import closing, ledger
from app.engine.ledger import Claimed, Holder, Lane, Lease, Result
from app.engine.machine import Machine
from app.infra.bulk import copy_rows, execute_many, rows_by_number
from app.models.base import to_milliseconds
from app.models.messages import Message
from tests.conftest import START
from tests.engine import story

CARRIER = 7
SOON = START + timedelta(seconds=90)
THROTTLED = Outcome(OutcomeKind.THROTTLED, Reason.RATE_LIMITED, "Slow down", "450 4.7.1")
DOUBT = Outcome(OutcomeKind.UNCERTAIN, Reason.CONNECTION_LOST, "Cut off")
REFUSED = Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.MAILBOX_UNKNOWN, "No such user", "550 5.1.1")
STATES = {
    OutcomeKind.ACCEPTED: DeliveryState.SENT,
    OutcomeKind.THROTTLED: DeliveryState.QUEUED,
    OutcomeKind.UNCERTAIN: DeliveryState.UNCERTAIN,
    OutcomeKind.RECIPIENT_PERMANENT: DeliveryState.FAILED,
}


def _claim(machine: Machine, message_pk: int, size: int = 1000) -> Lease:
    with machine.database.begin() as session:
        message = session.get_one(Message, message_pk)
        lease = ledger.claim(session, message, Lane(CARRIER), size, Holder("w", timedelta(seconds=60)), START)
    assert lease is not None
    return lease


def _result(delivery: Claimed, outcome: Outcome | None) -> Result:
    if outcome is None:
        return Result(delivery, DeliveryState.QUEUED, START)
    again = SOON if outcome.kind is OutcomeKind.THROTTLED else START
    return Result(delivery, STATES[outcome.kind], again, outcome, START, START + timedelta(milliseconds=5))


def _record(machine: Machine, lease: Lease, outcomes: Sequence[Outcome | None]) -> None:
    with machine.database.begin() as session:
        pairs = zip(lease.deliveries, outcomes, strict=False)
        ledger.record(session, lease, [_result(*pair) for pair in pairs], START + timedelta(seconds=1))


def _endings(machine: Machine) -> list[tuple[object, ...]]:
    rows = story.rows(
        machine,
        "SELECT state, reason, attempts, provider_pk, provider_message_id, was_uncertain, next_attempt_at, batch_pk,"
        " updated_at FROM deliveries ORDER BY pk",
    )
    return [(*row[:5], bool(row[5]), *row[6:]) for row in rows]


def _ending(outcome: Outcome | None) -> tuple[object, ...]:
    """What the row of a delivery must say after its first try came to this."""
    then, due = to_milliseconds(START + timedelta(seconds=1)), to_milliseconds(START)
    if outcome is None:
        return ("queued", "", 0, None, "", False, due, None, then)
    is_throttled = outcome.kind is OutcomeKind.THROTTLED
    return (
        STATES[outcome.kind].value, outcome.reason.value, 0 if is_throttled else 1, CARRIER,
        outcome.provider_message_id, outcome is DOUBT, to_milliseconds(SOON) if is_throttled else due, None, then,
    )  # fmt: skip


MIXES: dict[str, list[Outcome | None]] = {
    "all alike": [accepted(detail="Ok")] * 30,
    "all alike, each with its number": [accepted(f"Q{number}", "Ok") for number in range(30)],
    "some with a number": [accepted(f"Q{number}" if number % 3 else "", "Ok") for number in range(30)],
    "a few of each": [accepted("Q1"), None, THROTTLED, DOUBT, REFUSED, accepted(), None, THROTTLED],
    "most alike among others": [REFUSED, *[accepted()] * 20, DOUBT, None, accepted("Q9"), THROTTLED, *[None] * 9],
    "none was started": [None] * 20,
    "nothing went well": [*[DOUBT] * 15, *[REFUSED] * 15, *[THROTTLED] * 14],
}


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
def test_each_delivery_ends_as_its_own_answer_says(any_machine: Machine, mix: list[Outcome | None]) -> None:
    pk = story.start(any_machine, people=len(mix))
    _record(any_machine, _claim(any_machine, pk), mix)
    assert _endings(any_machine) == [_ending(outcome) for outcome in mix]
    tries = story.rows(any_machine, "SELECT delivery_pk, outcome, reason, code, detail, number FROM attempts")
    tried = [outcome for outcome in mix if outcome is not None]
    assert [tuple(row[1:]) for row in sorted(tries)] == [
        (each.kind.value, each.reason.value, each.code, each.detail, 1) for each in tried
    ]
    story.counts(any_machine, pk)  # and the tally agrees with the rows


def test_what_no_result_is_about_stays_held(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=40)
    lease = _claim(any_machine, pk)
    _record(any_machine, lease, [accepted()] * 25)
    rows = story.rows(any_machine, "SELECT state, batch_pk FROM deliveries ORDER BY pk")
    assert [tuple(row) for row in rows] == [("sent", None)] * 25 + [("sending", lease.batch_pk)] * 15


def test_a_second_try_keeps_what_was_unsure_and_forgets_the_number_of_the_first(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=20)
    first = Outcome(OutcomeKind.THROTTLED, Reason.RATE_LIMITED, provider_message_id="Q1")
    _record(any_machine, _claim(any_machine, pk), [first] * 20)
    with any_machine.database.begin() as session:
        session.execute(text("UPDATE deliveries SET was_uncertain = true, next_attempt_at = 0, provider_pk = 3"))
    _record(any_machine, _claim(any_machine, pk), [None] * 20)
    assert {row[3] for row in _endings(any_machine)} == {3}  # never started: the one before it carried it
    _record(any_machine, _claim(any_machine, pk), [accepted()] * 20)
    assert {row[:6] for row in _endings(any_machine)} == {("sent", "accepted", 1, CARRIER, "", True)}


def test_words_of_a_server_are_kept_sign_by_sign(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=3)
    said = ["a\tb\\c\\N \\. 100%", "\\N", "né 🎈 '\"{},?%s"]
    _record(any_machine, _claim(any_machine, pk), [accepted(f"Q{word}", word, "250") for word in said])
    rows = story.rows(any_machine, "SELECT detail, outcome FROM attempts ORDER BY delivery_pk")
    assert [row.detail for row in rows] == said
    assert [row[4] for row in _endings(any_machine)] == [f"Q{word}" for word in said]


@pytest.mark.parametrize(("people", "singly"), [(30, 0), (closing.WORTH_A_SWEEP - 1, 1)])
def test_many_that_end_alike_cost_one_statement(any_machine: Machine, people: int, singly: int) -> None:
    lease = _claim(any_machine, story.start(any_machine, people=people))
    asked: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "UPDATE deliveries" in statement and "WHERE batch_pk" not in statement:
            asked.append(statement)

    event.listen(any_machine.database.engine, "before_cursor_execute", listen)
    _record(any_machine, lease, [accepted()] * people)
    assert len(asked) == singly


def test_what_the_driver_refuses_is_an_error_of_the_database_like_any_other(any_machine: Machine) -> None:
    with pytest.raises(DBAPIError), any_machine.database.begin() as session:
        copy_rows(session, "attempts", ("delivery_pk", "nobody_has_this"), [(1, 2)])


def test_no_rows_are_no_question(any_machine: Machine) -> None:
    with any_machine.database.begin() as session:
        execute_many(session, "not a statement", [])
        copy_rows(session, "no_table", ("no_column",), [])
        assert list(rows_by_number(session, "not a statement IN {numbers}", [])) == []
