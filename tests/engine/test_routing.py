"""Each delivery through the provider its target is bound to; what waits, what fails over and what dies."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.message_states import MessageEvent
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.engine import dispatch, fanout, journal, ledger, lifecycle, plans, reaper
from app.engine.ledger import Holder, Lane
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from tests import factories
from tests.conftest import START, FakeClock
from tests.engine import couriers as push
from tests.engine import story
from tests.engine.conftest import MailServer
from tests.engine.couriers import Couriers, couriers

__all__ = ["couriers"]  # the fixture

DEAD = Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_RETIRED, "Unregistered", "410")
ROCKET_TOKEN = "a1" * 32
GLIDER_TOKEN = "glider:device-1"


def _start(machine: Machine, message: Message) -> int:
    with machine.database.begin() as session:
        lifecycle.start(session, session.get_one(Message, message.pk), MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def _push(machine: Machine, *devices: tuple[str, int | None], **columns: Any) -> int:
    """A push message to these devices (token, provider), started and fanned out."""
    with machine.database.begin() as session:
        message = push.push_message(session, [push.device(session, *each) for each in devices], **columns)
    return _start(machine, message)


def _change(machine: Machine, provider_pk: int, **columns: Any) -> None:
    with machine.database.begin() as session:
        row = session.get_one(Provider, provider_pk)
        for name, value in columns.items():
            setattr(row, name, value)


def _block(machine: Machine, provider_pk: int) -> None:
    later = machine.clock.now() + timedelta(minutes=5)
    _change(machine, provider_pk, blocked_at=machine.clock.now(), blocked_detail="no route", retry_at=later)


def _targets(machine: Machine) -> dict[str, Target]:
    with machine.database.read() as session:
        return {target.address: target for target in session.scalars(select(Target))}


# --- push: a token belongs to one provider --------------------------------------------------------------------------


def test_a_token_goes_to_the_provider_it_is_bound_to_and_to_no_other(any_machine: Machine, couriers: Couriers) -> None:
    rocket, glider = push.connect(any_machine, "rocket"), push.connect(any_machine, "glider", rank=1)
    pk = _push(any_machine, ("r-1", rocket), ("g-1", glider), ("r-2", rocket))
    dispatch.drain(any_machine, pk)
    assert couriers.tokens(couriers.rocket) == ["r-1", "r-2"]
    assert couriers.tokens(couriers.glider) == ["g-1"]
    assert story.counts(any_machine, pk) == {"sent": 3}
    assert story.message(any_machine, pk).status == "sent"


def test_two_accounts_of_one_kind_are_not_mixed_up(machine: Machine, couriers: Couriers) -> None:
    one, two = push.connect(machine, "glider"), push.connect(machine, "glider", rank=1)
    dispatch.drain(machine, _push(machine, ("g-1", one), ("g-2", two)))
    assert sorted(couriers.glider.sent) == [(one, "g-1"), (two, "g-2")]


def test_an_unbound_token_is_known_by_its_shape(any_machine: Machine, couriers: Couriers) -> None:
    push.connect(any_machine, "glider")
    push.connect(any_machine, "rocket", rank=1)
    pk = _push(any_machine, (ROCKET_TOKEN, None), (GLIDER_TOKEN, None), (ROCKET_TOKEN[:-2], None))
    dispatch.drain(any_machine, pk)
    assert couriers.tokens(couriers.rocket) == [ROCKET_TOKEN]
    assert couriers.tokens(couriers.glider) == sorted([GLIDER_TOKEN, ROCKET_TOKEN[:-2]])


def test_apples_tokens_are_told_from_googles(any_machine: Machine) -> None:
    fcm, apns = push.connect(any_machine, "fcm"), push.connect(any_machine, "apns", rank=1)
    google = "dQw4w9WgXcQ:APA91b" + "x-_9" * 30
    _push(any_machine, (ROCKET_TOKEN, None), (ROCKET_TOKEN.upper() * 2, None), (google, None))
    rows = story.rows(any_machine, "SELECT address, wish_pk FROM deliveries")
    assert {row.address: row.wish_pk for row in rows} == {
        ROCKET_TOKEN: apns, ROCKET_TOKEN.upper() * 2: apns, google: fcm
    }  # fmt: skip


def test_a_token_of_no_known_shape_goes_to_the_default_when_that_is_all_there_is(
    machine: Machine, couriers: Couriers
) -> None:
    push.connect(machine, "rocket")
    dispatch.drain(machine, _push(machine, (GLIDER_TOKEN, None)))
    assert couriers.tokens(couriers.rocket) == [GLIDER_TOKEN]


def test_a_token_of_a_switched_off_platform_is_not_wasted_on_the_other_one(
    machine: Machine, couriers: Couriers
) -> None:
    rocket, _ = push.connect(machine, "rocket", enabled=False), push.connect(machine, "glider", rank=1)
    pk = _push(machine, ("r-bound", rocket), (ROCKET_TOKEN, None), (GLIDER_TOKEN, None))
    dispatch.drain(machine, pk)
    assert couriers.rocket.sent == []
    assert couriers.tokens(couriers.glider) == [GLIDER_TOKEN]
    assert story.counts(machine, pk) == {"sent": 1, "failed": 2}
    said = story.rows(machine, "SELECT DISTINCT reason, detail FROM attempts WHERE outcome = 'message_permanent'")
    assert [tuple(row) for row in said] == [
        ("no_provider", "My rocket is switched off, and no other provider reaches its devices.")
    ]
    assert all(target.expired_at is None for target in _targets(machine).values())


def test_a_switched_off_provider_is_replaced_by_another_account_of_its_kind(
    machine: Machine, couriers: Couriers
) -> None:
    old, new = push.connect(machine, "rocket", enabled=False), push.connect(machine, "rocket", rank=2)
    push.connect(machine, "glider", rank=1)
    dispatch.drain(machine, _push(machine, ("r-1", old)))
    assert couriers.rocket.sent == [(new, "r-1")]


def test_a_blocked_provider_is_waited_for_while_the_other_platform_goes_on(
    any_machine: Machine, couriers: Couriers, moving: FakeClock
) -> None:
    rocket, glider = push.connect(any_machine, "rocket"), push.connect(any_machine, "glider", rank=1)
    _block(any_machine, rocket)
    pk = _push(any_machine, ("r-1", rocket), ("g-1", glider))
    dispatch.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"queued": 1, "sent": 1}
    assert story.message(any_machine, pk).waiting_reason == "My rocket cannot be used: no route"
    assert couriers.rocket.sent == []
    moving.move(600)
    dispatch.drain(any_machine, pk)
    assert couriers.tokens(couriers.rocket) == ["r-1"]
    assert story.message(any_machine, pk).waiting_reason == ""
    assert story.message(any_machine, pk).status == "sent"


def test_a_deleted_provider_leaves_its_deliveries_to_the_default_one(machine: Machine, couriers: Couriers) -> None:
    first, gone = push.connect(machine, "glider"), push.connect(machine, "rocket", rank=1)
    pk = _push(machine, ("r-1", gone))
    couriers.glider.answers["r-1"] = DEAD
    with machine.database.begin() as session:
        session.delete(session.get_one(Provider, gone))
    dispatch.drain(machine, pk)
    assert couriers.glider.sent == [(first, "r-1")]
    assert _targets(machine)["r-1"].expired_at is None, "what a stranger says of a token does not count"


def test_a_new_provider_with_the_number_of_a_deleted_one_is_not_taken_for_it(
    machine: Machine, couriers: Couriers, moving: FakeClock
) -> None:
    push.connect(machine, "glider")
    gone = push.connect(machine, "rocket", rank=1)
    pk = _push(machine, ("r-1", gone))
    with machine.database.begin() as session:
        session.delete(session.get_one(Provider, gone))
    moving.move(5)
    new = push.connect(machine, "rocket", rank=9)
    _change(machine, new, created_at=moving.now())
    assert new == gone, "SQLite gives the number away again"
    dispatch.drain(machine, pk)
    assert couriers.rocket.sent == []


def test_a_push_message_pinned_to_a_provider_still_leaves_bound_tokens_to_theirs(
    machine: Machine, couriers: Couriers
) -> None:
    rocket, glider = push.connect(machine, "rocket"), push.connect(machine, "glider", rank=1)
    other = push.connect(machine, "glider", rank=2)
    dispatch.drain(machine, _push(machine, ("r-1", rocket), ("g-1", glider), ("g-2", None), provider_pk=other))
    assert couriers.rocket.sent == [(rocket, "r-1")]
    assert sorted(couriers.glider.sent) == [(glider, "g-1"), (other, "g-2")]


# --- push: dead tokens ----------------------------------------------------------------------------------------------


def test_a_dead_token_expires_its_target_and_suppresses_nobody(any_machine: Machine, couriers: Couriers) -> None:
    rocket = push.connect(any_machine, "rocket")
    couriers.rocket.answers["r-1"] = DEAD
    pk = _push(any_machine, ("r-1", rocket), ("r-2", rocket))
    dispatch.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"failed": 1, "sent": 1}
    found = _targets(any_machine)
    assert found["r-1"].expired_at == any_machine.clock.now()
    assert found["r-2"].expired_at is None
    with any_machine.database.read() as session:
        assert session.scalars(select(Suppression)).all() == []
    again = _start(any_machine, _message_to(any_machine, ["r-1", "r-2"]))
    assert story.counts(any_machine, again) == {"skipped": 1, "queued": 1}


def _message_to(machine: Machine, tokens: list[str]) -> Message:
    with machine.database.begin() as session:
        targets = list(session.scalars(select(Target).where(Target.address.in_(tokens))))
        return push.push_message(session, targets)


def test_a_device_that_registered_after_its_tokens_death_is_alive(machine: Machine, couriers: Couriers) -> None:
    rocket = push.connect(machine, "rocket")
    before, after = START - timedelta(days=1), START + timedelta(days=1)
    for token, died in (("r-old", before), ("r-new", after)):
        couriers.rocket.answers[token] = Outcome(
            OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_RETIRED, "Unregistered", "410", dead_since=died
        )
    dispatch.drain(machine, _push(machine, ("r-old", rocket), ("r-new", rocket)))
    found = _targets(machine)
    assert found["r-old"].expired_at is None, "it registered again since"
    assert found["r-new"].expired_at is not None


def test_a_target_that_has_another_token_by_now_is_left_alone(machine: Machine, couriers: Couriers) -> None:
    rocket = push.connect(machine, "rocket")
    couriers.rocket.answers["r-1"] = DEAD
    pk = _push(machine, ("r-1", rocket))
    with machine.database.begin() as session:
        target = session.scalars(select(Target)).one()
        target.address = target.address_key = "r-2"
    dispatch.drain(machine, pk)
    assert _targets(machine)["r-2"].expired_at is None


def test_the_reaper_expires_what_the_journal_calls_dead(
    any_machine: Machine, couriers: Couriers, moving: FakeClock
) -> None:
    rocket = push.connect(any_machine, "rocket")
    pk = _push(any_machine, ("r-1", rocket))
    with any_machine.database.begin() as session:
        holder = Holder(any_machine.name, timedelta(seconds=60))
        lane = Lane(rocket, rocket)
        lease = ledger.claim(session, session.get_one(Message, pk), lane, 10, holder, moving.now())
    assert lease is not None
    book = journal.Journal(any_machine.journal_dir, lease)
    book.started([0])
    book.answered(0, DEAD)
    book.close()
    moving.move(61)
    reaper.reap(any_machine)
    assert _targets(any_machine)["r-1"].expired_at is not None


# --- email: a wish that may fail over -------------------------------------------------------------------------------


def _mails(machine: Machine, mail: MailServer) -> tuple[int, int]:
    """Two SMTP providers in failover order, told apart by their sender."""
    first = story.connect(machine, mail, fromEmail="first@acme.example")
    second = story.connect(machine, mail, fromEmail="second@acme.example")
    _change(machine, second, rank=1)
    return first, second


def _mail_to(machine: Machine, **bound: int | None) -> int:
    with machine.database.begin() as session:
        targets = []
        for name, provider_pk in bound.items():
            target = factories.make_target(session, factories.make_contact(session), address=f"{name}@example.org")
            target.provider_pk = provider_pk
            targets.append(target)
        message = factories.make_message(session, audience={"targets": [target.id for target in targets]})
    return _start(machine, message)


def _senders(mail: MailServer) -> dict[str, str]:
    return {row.recipient.partition("@")[0]: row.sender.partition("@")[0] for row in mail.outbox.newest()}


def test_an_address_is_written_to_through_the_provider_it_is_bound_to(any_machine: Machine, mail: MailServer) -> None:
    first, second = _mails(any_machine, mail)
    dispatch.drain(any_machine, _mail_to(any_machine, ann=second, ben=None, cleo=first))
    assert _senders(mail) == {"ann": "second", "ben": "first", "cleo": "first"}


@pytest.mark.parametrize("trouble", ["disabled", "blocked", "deleted"])
def test_a_bound_provider_in_trouble_is_replaced_by_the_default_one(
    machine: Machine, mail: MailServer, trouble: str
) -> None:
    _, second = _mails(machine, mail)
    pk = _mail_to(machine, ann=second)
    if trouble == "disabled":
        _change(machine, second, enabled=False)
    elif trouble == "blocked":
        _block(machine, second)
    else:
        with machine.database.begin() as session:
            session.delete(session.get_one(Provider, second))
    dispatch.drain(machine, pk)
    assert _senders(mail) == {"ann": "first"}
    assert story.message(machine, pk).waiting_reason == ""


def test_a_provider_of_another_channel_is_no_wish(machine: Machine, mail: MailServer, couriers: Couriers) -> None:
    _mails(machine, mail)
    dispatch.drain(machine, _mail_to(machine, ann=push.connect(machine, "rocket")))
    assert _senders(mail) == {"ann": "first"}
    assert couriers.rocket.sent == []


def test_the_provider_that_a_person_chose_for_an_email_wins_over_a_targets(machine: Machine, mail: MailServer) -> None:
    first, second = _mails(machine, mail)
    pk = _mail_to(machine, ann=second)
    with machine.database.begin() as session:
        session.get_one(Message, pk).provider_pk = first
    dispatch.drain(machine, pk)
    assert _senders(mail) == {"ann": "first"}


def test_a_try_is_recorded_with_the_provider_that_made_it(machine: Machine, mail: MailServer) -> None:
    first, second = _mails(machine, mail)
    dispatch.drain(machine, _mail_to(machine, ann=second, ben=None))
    rows = story.rows(machine, "SELECT address, provider_pk, wish_pk FROM deliveries ORDER BY address")
    assert [tuple(row) for row in rows] == [("ann@example.org", second, second), ("ben@example.org", first, 0)]


# --- the lanes ------------------------------------------------------------------------------------------------------


def test_a_claim_takes_only_its_own_lane(any_machine: Machine, couriers: Couriers) -> None:
    rocket, glider = push.connect(any_machine, "rocket"), push.connect(any_machine, "glider")
    pk = _push(any_machine, ("r-1", rocket), ("g-1", glider), ("r-2", rocket))
    with any_machine.database.begin() as session:
        holder = Holder("somebody", timedelta(seconds=60))
        message = session.get_one(Message, pk)
        assert ledger.due_wishes(session, pk, any_machine.clock.now()) == [rocket, glider]
        lease = ledger.claim(session, message, Lane(rocket, rocket), 10, holder, any_machine.clock.now())
        assert ledger.due_wishes(session, pk, any_machine.clock.now()) == [glider]
    assert lease is not None
    assert [delivery.address for delivery in lease.deliveries] == ["r-1", "r-2"]


def test_lanes_that_are_not_due_yet_are_not_looked_at(machine: Machine, couriers: Couriers, moving: FakeClock) -> None:
    glider = push.connect(machine, "glider")
    busy = Outcome(OutcomeKind.THROTTLED, Reason.RATE_LIMITED, "slower", retry_after=timedelta(seconds=30))
    couriers.glider.answers["g-1"] = busy
    pk = _push(machine, ("g-1", glider))
    dispatch.drain(machine, pk)
    with machine.database.read() as session:
        assert ledger.due_wishes(session, pk, moving.now()) == []
    couriers.glider.answers.clear()
    moving.move(120)
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"sent": 1}


def test_one_lane_does_not_wait_for_the_end_of_another(
    machine: Machine, couriers: Couriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "FIRST_BATCH", 2)
    rocket, glider = push.connect(machine, "rocket"), push.connect(machine, "glider")
    order: list[str] = []
    couriers.rocket.sent = couriers.glider.sent = _Log(order)  # type: ignore[assignment]
    dispatch.drain(machine, _push(machine, *((f"r-{n}", rocket) for n in range(20)), ("g-1", glider)))
    assert order.index("g-1") == 2, "after the first batch of the other lane"


class _Log(list[tuple[int, str]]):
    """Keeps the order in which both services were given tokens."""

    def __init__(self, order: list[str]) -> None:
        super().__init__()
        self.order = order

    def append(self, item: tuple[int, str]) -> None:
        self.order.append(item[1])
