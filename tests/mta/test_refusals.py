"""What real mail servers refuse in the middle of a run: the answer belongs to one letter and harms no other."""

import pytest

from app.domain.outcomes import OutcomeKind
from tests.mta.letters import arrived, deliver, kept, letter, letters, route_to
from tests.mta.relays import FORBIDDEN, LATER, TOO_LARGE, UNKNOWN, Limits, running

RECIPIENT, TRANSIENT, MESSAGE, ACCEPTED = "recipient_permanent", "transient", "message_permanent", "accepted"


def mixed(relay, count, prefix):
    """Letters of which some are refused at each stage that this server has, and what must be told of each."""
    for index in range(count):
        if index % 5 == 2:
            yield letter(index, f"{UNKNOWN}-{prefix}{index}"), {RECIPIENT}
        elif relay.pipelines and index % 7 == 3:
            yield letter(index, f"{LATER}-{prefix}{index}"), {TRANSIENT, "throttled"}
        elif relay.pipelines and index % 11 == 5:
            yield letter(index, f"{prefix}{index}", sender=TOO_LARGE), {MESSAGE}
        elif relay.pipelines and index % 6 == 1:
            yield letter(index, f"{prefix}{index}", subject=f"{FORBIDDEN} {index}"), {MESSAGE}
        else:
            yield letter(index, f"{prefix}{index}"), {ACCEPTED}


@pytest.mark.parametrize("connections", [1, 5])
def test_a_refusal_lands_on_its_own_letter_and_on_no_other(relay, connections):
    prefix = f"mixed{connections}-"
    each, expected = zip(*mixed(relay, 120, prefix), strict=True)
    record = deliver(route_to(relay, connections_at_most=connections), each)
    wrong = [
        (one.recipient, kind, record.outcomes[one.index].detail)
        for one, kind, right in zip(each, record.kinds, expected, strict=True)
        if kind not in right
    ]
    assert wrong == []
    taken = [one for one, kind in zip(each, record.kinds, strict=True) if kind == ACCEPTED]
    assert arrived(relay, prefix) == {one.recipient: kept(one.compose()) for one in taken}
    assert arrived(relay, UNKNOWN) == arrived(relay, LATER) == {}


def test_a_list_full_of_unknown_people_costs_the_known_ones_nothing(relay):
    each = [letter(index, f"{UNKNOWN}-long{index}" if index < 60 else f"long{index}") for index in range(100)]
    record = deliver(route_to(relay, connections_at_most=2), each)
    assert record.kinds[60:] == [ACCEPTED] * 40
    # A server that leaves in the middle of an envelope puts that letter off, and only that one.
    assert set(record.kinds[:60]) <= {RECIPIENT, TRANSIENT, "throttled"}
    assert record.kinds[:60].count(RECIPIENT) >= 50
    assert set(arrived(relay, "long")) == {one.recipient for one in each[60:]}


def test_a_letter_larger_than_the_server_takes_is_not_offered_to_it(relay):
    each = [letter(0, "small0"), letter(1, "small1", text=b"Subject: x\r\n\r\n" + b"x" * 70 * 1024 * 1024)]
    record = deliver(route_to(relay), each)
    assert (record.kinds, record.reasons[1]) == ([ACCEPTED, MESSAGE], "too_large")


def test_a_server_that_wants_a_new_connection_after_some_letters_gets_one(kind, certificate):
    with running(kind, certificate, Limits(letters=7)) as relay:
        record = deliver(route_to(relay, connections_at_most=2), letters(60, "share"))
        taken = {f"share{index}@example.org" for index, one in record.outcomes.items() if one.kind.value == ACCEPTED}
        assert set(arrived(relay, "share")) == taken
        if kind.limits_by_connection:
            assert len(taken) == 60
        else:  # as many a minute as it takes; the others later
            assert len(taken) == 7
            assert {one.kind for one in record.outcomes.values()} <= {
                OutcomeKind.ACCEPTED, OutcomeKind.TRANSIENT, OutcomeKind.THROTTLED,
            }  # fmt: skip


def test_a_server_that_takes_few_connections_gets_all_letters_over_those(kind, certificate):
    if not kind.limits_connections:
        return
    with running(kind, certificate, Limits(connections=3)) as relay:
        record = deliver(route_to(relay), letters(200, "few"))
        assert record.kinds == [ACCEPTED] * 200
        assert len(arrived(relay, "few")) == 200
