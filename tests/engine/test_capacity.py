"""What a provider cannot carry goes through one that can: by its kind's limit and by its server's word."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.message_states import MessageEvent
from app.domain.outcomes import OutcomeKind, Reason
from app.domain.permissions import Role
from app.engine import capacity, fanout, lifecycle, routing
from app.engine.machine import Machine
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target
from app.services.providers import provider_limits, provider_trial, providers
from tests import factories
from tests.conftest import START, FakeClock, member
from tests.engine import runners, story
from tests.engine.conftest import MailServer

SMALL = 20_000  # bytes that the small server takes
LONG = "Many words. " * 2500  # 30,000 bytes


@pytest.fixture(scope="module")
def running_small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    server = MailServer(tmp_path_factory.mktemp("small"), "--smtp-size", str(SMALL))
    yield server
    server.stop()


@pytest.fixture
def small(running_small_server: MailServer) -> MailServer:
    """A mail server that says that it takes 20,000 bytes, with an empty outbox and no fault."""
    running_small_server.heal()
    running_small_server.outbox.clear()
    return running_small_server


def _connect_both(machine: Machine, small: MailServer, mail: MailServer) -> tuple[int, int]:
    """The small server first in failover order, the other one behind it; their numbers."""
    numbers = story.connect(machine, small), story.connect(machine, mail)
    runners.change(machine, numbers[0], name="Small")
    runners.change(machine, numbers[1], name="Big", rank=1)
    return numbers


def _to_five(machine: Machine, body: str) -> int:
    """A message to five people who are known, started and fanned out."""
    with machine.database.begin() as session:
        ids = session.scalars(select(Target.id).order_by(Target.pk).limit(5)).all()
        message = factories.make_message(session, audience={"targets": list(ids)}, body=body)
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def _tries(machine: Machine, message_pk: int) -> dict[tuple[int | None, str], int]:
    """How many tries each provider had at a message, by how they ended."""
    rows = story.rows(
        machine, "SELECT provider_pk, reason, count(*) FROM attempts WHERE message_pk = :pk GROUP BY 1, 2",
        pk=message_pk,
    )  # fmt: skip
    return {(pk, reason): count for pk, reason, count in rows}


# --- by what a server says ------------------------------------------------------------------------------------------


def test_what_is_too_large_for_one_server_arrives_once_through_the_other(
    any_machine: Machine, small: MailServer, mail: MailServer
) -> None:
    first, second = _connect_both(any_machine, small, mail)
    pk = story.start(any_machine, people=210, body=LONG)
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 210}
    assert mail.recipients() == sorted(f"person{index}@example.org" for index in range(210))
    assert small.recipients() == []
    assert runners.provider(any_machine, first).size_limit == SMALL
    again = _to_five(any_machine, LONG)
    story.drain(any_machine, again)
    assert _tries(any_machine, again) == {(second, "accepted"): 5}, "who said that it cannot is asked no more"
    little = _to_five(any_machine, "Hello")
    story.drain(any_machine, little)
    assert _tries(any_machine, little) == {(first, "accepted"): 5}


def test_it_waits_for_the_server_that_can_and_does_not_die_at_the_one_that_cannot(
    any_machine: Machine, small: MailServer, mail: MailServer, moving: FakeClock
) -> None:
    first, _ = _connect_both(any_machine, small, mail)
    mail.turn("banner-busy")
    pk = story.start(any_machine, people=4, body=LONG)
    for _ in range(8):
        story.drain(any_machine, pk)
        assert story.counts(any_machine, pk) == {"queued": 4}
        moving.move(45)
    before = _tries(any_machine, pk)
    assert before[first, "too_large"] == 4, "once each, and never again"
    mail.heal()
    moving.move(16 * 60)
    for _ in range(4):
        story.drain(any_machine, pk)
        moving.move(16 * 60)
    assert story.counts(any_machine, pk) == {"sent": 4}
    assert len(mail.recipients()) == len(set(mail.recipients())) == 4
    assert small.recipients() == []


def test_sizes_differ_from_person_to_person(any_machine: Machine, small: MailServer, mail: MailServer) -> None:
    first, second = _connect_both(any_machine, small, mail)
    pk = story.start(any_machine, people=12, body="Hello {{ about | nobody }}")
    with any_machine.database.begin() as session:
        for contact in session.scalars(select(Contact).where(Contact.name.in_(["Person 3", "Person 7"]))):
            contact.attributes = {"about": LONG}
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 12}
    assert mail.recipients() == ["person3@example.org", "person7@example.org"]
    assert len(small.recipients()) == 10
    assert _tries(any_machine, pk) == {
        (first, "accepted"): 10, (first, "too_large"): 2, (second, "accepted"): 2
    }  # fmt: skip


def test_a_server_that_refuses_the_size_only_after_the_text_teaches_it_too(
    machine: Machine, small: MailServer, mail: MailServer
) -> None:
    first, second = _connect_both(machine, small, mail)
    runners.change(machine, first, rank=2)  # now the one without a low limit comes first, and refuses
    mail.turn("oversize")
    pk = story.start(machine, people=3)
    story.drain(machine, pk)
    assert story.counts(machine, pk) == {"sent": 3}
    assert len(small.recipients()) == 3
    learned = runners.provider(machine, second).size_limit
    assert learned is not None
    assert learned < 2000, "a little less than what it refused"
    with machine.database.read() as session:
        detail = session.connection().exec_driver_sql("SELECT detail FROM attempts WHERE reason = 'too_large'")
        assert {row[0] for row in detail} == {"5.3.4 Message too big for system"}


def test_when_nobody_can_it_fails_with_both_sizes_and_can_be_tried_again(
    any_machine: Machine, small: MailServer, mail: MailServer, moving: FakeClock
) -> None:
    first = story.connect(any_machine, small)
    pk = story.start(any_machine, people=2, body=LONG)
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"failed": 2}
    rows = story.rows(any_machine, "SELECT DISTINCT reason, provider_pk FROM deliveries")
    assert [tuple(row) for row in rows] == [("too_large", first)]
    details = story.rows(any_machine, "SELECT detail FROM attempts")
    assert all("bytes; the server takes 20,000." in row.detail for row in details)
    second = story.connect(any_machine, mail)
    runners.change(any_machine, second, rank=1)
    story.retry(any_machine, pk)
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 2}
    assert small.recipients() == []


def test_the_provider_that_a_person_chose_is_not_replaced_for_its_size(
    machine: Machine, small: MailServer, mail: MailServer
) -> None:
    first, _ = _connect_both(machine, small, mail)
    pk = story.start(machine, people=2, body=LONG, provider_pk=first)
    story.drain(machine, pk)
    assert story.counts(machine, pk) == {"failed": 2}
    assert mail.recipients() == []


# --- by what its kind takes -----------------------------------------------------------------------------------------


def _attached(machine: Machine, size: int, **columns: Any) -> int:
    """A message to one person with a file that is said to have so many bytes, started and fanned out."""
    with machine.database.begin() as session:
        number = factories.number()
        factories.make_file(session, bucket="b", id=number, size=size)
        target = factories.make_target(session, factories.make_contact(session), address=f"{number}@example.org")
        message = factories.make_message(session, audience={"targets": [target.id]}, **columns)
        message.content = message.content | {"attachments": [["b", number]]}
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def _accounts(machine: Machine, *kinds: str) -> dict[str, int]:
    """An email account of each kind, in this failover order; their numbers."""
    made = {}
    with machine.database.begin() as session:
        for rank, kind in enumerate(kinds):
            row = Provider(
                id=factories.number(), project_pk=1, name=kind.upper(), kind=kind, channel="email", options={},
                rank=rank, created_at=START, updated_at=START,
            )  # fmt: skip
            session.add(row)
            session.flush()
            made[kind] = int(row.pk)
    return made


def _route(machine: Machine, message_pk: int) -> routing.Route:
    """How the only lane of a message goes now."""
    with machine.database.read() as session:
        (route,) = routing.routes_of(session, session.get_one(Message, message_pk), machine.clock.now())
    return route


@pytest.mark.parametrize(("megabytes", "goes"), [(1, "mailgun"), (22, "smtp"), (29, "ses")])
def test_each_kind_is_passed_over_for_what_it_never_takes(any_machine: Machine, megabytes: int, goes: str) -> None:
    _accounts(any_machine, "mailgun", "smtp", "ses")
    route = _route(any_machine, _attached(any_machine, megabytes * 1024 * 1024))
    assert [each.kind for each in route.tier] == [goes]


def test_the_one_that_takes_its_size_is_waited_for_and_nobody_else_is_asked(
    machine: Machine, moving: FakeClock
) -> None:
    numbers = _accounts(machine, "smtp", "ses")
    pk = _attached(machine, 29 * 1024 * 1024)
    runners.change(machine, numbers["ses"], blocked_at=moving.now(), blocked_detail="no route", retry_at=None)
    route = _route(machine, pk)
    assert (route.tier, route.refusal, route.why) == ((), None, "SES cannot be used: no route")


@pytest.mark.parametrize("chosen", ["", "smtp"])
def test_what_no_provider_takes_is_refused_with_every_limit(machine: Machine, chosen: str) -> None:
    numbers = _accounts(machine, "smtp", "mailgun", "resend")
    runners.change(machine, numbers["resend"], enabled=False)
    pinned = numbers.get(chosen)
    route = _route(machine, _attached(machine, 45 * 1024 * 1024, provider_pk=pinned))
    assert route.tier == ()
    assert route.refusal is not None
    assert (route.refusal.kind, route.refusal.reason) == (OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE)
    others = "" if chosen else ", MAILGUN takes 25 MB"
    assert route.refusal.detail == f"The message has 62 MB with its files on their way; SMTP takes 34 MB{others}."


def test_a_provider_that_is_chosen_and_gone_is_waited_for_as_before(machine: Machine) -> None:
    numbers = _accounts(machine, "smtp", "ses")
    pk = _attached(machine, 1024, provider_pk=numbers["smtp"])
    with machine.database.begin() as session:
        session.delete(session.get_one(Provider, numbers["smtp"]))
    route = _route(machine, pk)
    assert (route.tier, route.refusal) == ((), None)
    assert route.why.startswith("The provider chosen for this message is gone.")


def test_where_only_a_servers_word_stands_against_it_it_is_tried_all_the_same(machine: Machine) -> None:
    numbers = _accounts(machine, "smtp", "mailgun")
    for pk in numbers.values():
        runners.change(machine, pk, size_limit=1000, size_limit_at=START)
    route = _route(machine, _attached(machine, 5000))
    assert [each.kind for each in route.tier] == ["smtp"], "limits are raised too"
    assert route.size == 0, "and nothing stops a batch for what was known before"
    runners.change(machine, numbers["mailgun"], size_limit=100_000)
    route = _route(machine, _attached(machine, 5000))
    assert [each.kind for each in route.tier] == ["mailgun"]


# --- what is believed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ([(0, 500)], 500),
        ([(0, 500), (1, 400)], 400),  # the smaller word holds
        ([(0, 400), (1, 500)], 400),
        ([(0, 400), (25, 500)], 500),  # for a day
        ([(0, 400), (23, 400), (25, 500)], 400),  # said again in time
        ([(0, 400), (25, None)], None),
        ([(50, 400), (0, 500)], 500),  # the clock was set back
    ],
)
def test_the_smallest_word_of_a_day_is_believed(
    any_machine: Machine, words: list[tuple[int, int | None]], limit: int | None
) -> None:
    (pk,) = runners.connect(any_machine, 0)
    now = START
    for hour, word in words:
        now = START + timedelta(hours=hour, seconds=1)
        if word is not None:
            with any_machine.database.begin() as session:
                capacity.learn(session, session.get_one(Provider, pk), word, now)
    assert capacity.told_limit(runners.provider(any_machine, pk), now) == limit


def test_test_connection_asks_the_server_anew_and_other_settings_forget_what_it_said(
    machine: Machine, small: MailServer
) -> None:
    pk = story.connect(machine, small)
    runners.change(machine, pk, size_limit=5000, size_limit_at=START)
    shop, olga = story.workshop_of(machine), member(Role.ADMIN, "Olga")
    findings = provider_trial.try_saved(shop, olga, runners.provider(machine, pk).id)
    assert "It takes messages of up to 20 KB." in [each.sentence for each in findings]
    assert runners.provider(machine, pk).size_limit == SMALL
    with shop.open(olga) as work:
        provider = providers.find_provider(work, runners.provider(machine, pk).id)
        assert provider_limits.usage_of(work, provider).size_limit == SMALL
        values = providers.settings_of(work, provider) | {"fromName": "Other"}
        providers.change(work, provider.id, name="Mail", values=values, policy="retry")
    assert runners.provider(machine, pk).size_limit is None
