"""What monitoring reads: right numbers in a form that its parser takes, also when parts are away, and at any size."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, delete, event, insert, update

from app.domain.permissions import Actor
from app.engine import balance_watch, counting, ledger, planning, reaper, scheduler
from app.engine.machine import Machine
from app.infra.broker import Broker
from app.infra.db import Database
from app.infra.running_totals import RunningTotals
from app.infra.settings import ROOT
from app.models.deliveries import Batch, Delivery, Tally
from app.models.feedback import FeedbackEvent
from app.models.messages import Message
from app.models.projects import Project
from app.models.provider_history import ProviderPeriod
from app.models.providers import Provider
from app.models.targets import Target
from app.services.running import metrics
from app.services.work import Workshop
from tests.conftest import START, FakeClock
from tests.factories import make_audience, make_message, make_provider

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(shop: Workshop) -> Samples:
    text = metrics.exposition(shop).decode()
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for each in families for sample in each.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """The number under carillon_<name> with these labels among others; that there is one only is part of it."""
    wanted = set(labels.items())
    found = [number for (each, has), number in samples.items() if each == f"carillon_{name}" and wanted <= has]
    assert len(found) == 1, f"{len(found)} samples of {name} {labels}"
    return found[0]


@pytest.fixture
def machine(workshop: Workshop) -> Iterator[Machine]:
    machine = Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    yield machine
    machine.close()


def under_way(workshop: Workshop, size: int = 4, **changes: Any) -> int:
    """A message that is being sent to so many people; its number."""
    with workshop.database.begin() as session:
        topic = make_audience(session, size)
        message = make_message(
            session, subject="Hello", status="processing", audience={"topics": [topic.id]}, started_at=START,
            fanned_out_at=START, **changes,
        )  # fmt: skip
        ledger.open_tally(session, message.pk, START)
        session.flush()
        chosen = ledger.select(Target.pk.label("target_pk"))
        planning.plan(session, message, chosen, START)
        return int(message.pk)


def mend(workshop: Workshop, statement: Any) -> None:
    with workshop.database.begin() as session:
        session.execute(statement.execution_options(synchronize_session=False))


def a_provider(workshop: Workshop, actor: Actor) -> Provider:
    with workshop.open(actor) as work:
        return make_provider(work)


def period(provider: Provider, at: timedelta, worker: str = "w", seconds: int = 60, **counts: int) -> Any:
    return insert(ProviderPeriod).values(
        provider_pk=provider.pk, seconds=seconds, begins_at=START + at, worker=worker, project_pk=1, **counts
    )


def test_work_under_way_is_told_by_phase_state_and_age(workshop: Workshop, clock: FakeClock) -> None:
    under_way(workshop, size=4)
    clock.move(30)
    found = scrape(workshop)
    assert value(found, "messages", project="default", phase="sending") == 1
    assert value(found, "deliveries", project="default", channel="email", state="queued") == 4
    assert value(found, "deliveries_due") == 4
    assert value(found, "deliveries_due_age_seconds") == 30


def test_a_paused_message_is_not_due(workshop: Workshop) -> None:
    under_way(workshop, paused_at=START)
    found = scrape(workshop)
    assert value(found, "messages", phase="paused") == 1
    assert value(found, "deliveries_due") == 0


def test_deliveries_of_messages_that_ended_long_ago_are_not_told(workshop: Workshop, clock: FakeClock) -> None:
    pk = under_way(workshop)
    mend(workshop, update(Message).where(Message.pk == pk).values(status="sent"))
    assert value(scrape(workshop), "deliveries", state="queued") == 4
    clock.move(25 * 3600)
    assert not [name for name, _ in scrape(workshop) if name == "carillon_deliveries"]


def test_a_schedule_that_nobody_looks_after_shows_its_lag(workshop: Workshop, clock: FakeClock) -> None:
    with workshop.database.begin() as session:
        make_message(session, status="scheduled", scheduled_at=START)
    clock.move(7)
    found = scrape(workshop)
    assert value(found, "messages", phase="scheduled") == 1
    assert value(found, "schedule_lag_seconds") == 7


def test_what_a_person_stopped_has_no_lag_and_shows(workshop: Workshop, clock: FakeClock) -> None:
    with workshop.database.begin() as session:
        make_message(session, status="scheduled", scheduled_at=START)
    mend(workshop, update(Project).values(stopped_at=START))
    clock.move(7)
    found = scrape(workshop)
    assert value(found, "schedule_lag_seconds") == 0
    assert value(found, "sending_stopped", project="default") == 1
    assert value(found, "fenced") == 0


def test_late_starts_are_counted_in_classes(workshop: Workshop, machine: Machine, clock: FakeClock) -> None:
    with workshop.database.begin() as session:
        make_message(session, status="scheduled", scheduled_at=START)
        make_message(session, status="scheduled", scheduled_at=START + timedelta(seconds=2.9))
    clock.move(3)
    assert scheduler.start_due(machine) == 2
    found = scrape(workshop)
    assert value(found, "start_lateness_seconds_bucket", le="0.1") == 1
    assert value(found, "start_lateness_seconds_bucket", le="2.0") == 1
    assert value(found, "start_lateness_seconds_bucket", le="5.0") == 2
    assert value(found, "start_lateness_seconds_count") == 2
    assert value(found, "start_lateness_seconds_sum") == pytest.approx(3.1)


def test_a_batch_that_is_taken_over_is_counted_as_lost(
    workshop: Workshop, machine: Machine, clock: FakeClock, actor: Actor
) -> None:
    provider, pk = a_provider(workshop, actor), under_way(workshop)
    with workshop.database.begin() as session:
        session.add(
            Batch(
                project_pk=1, message_pk=pk, provider_pk=provider.pk, worker=machine.name, size=0, state="open",
                claimed_at=START, lease_until=START + timedelta(seconds=60),
            )
        )  # fmt: skip
    clock.move(61)
    before = scrape(workshop)
    assert (value(before, "batches_held"), value(before, "batches_expired")) == (1, 1)
    assert reaper.reap(machine) == 1
    after = scrape(workshop)
    assert (value(after, "batches_lost_total"), value(after, "batches_held")) == (1, 0)


def test_a_tally_that_lies_is_found_within_a_minute(workshop: Workshop, machine: Machine) -> None:
    pk = under_way(workshop)
    assert balance_watch.check(machine) == 0
    mend(workshop, update(Tally).where(Tally.message_pk == pk).values(queued=3, sent=1))
    assert balance_watch.check(machine) == 1
    found = scrape(workshop)
    assert value(found, "balance_checks_total") == 2
    assert value(found, "balance_errors_total") == 1


def test_a_row_that_is_gone_is_found_too(workshop: Workshop, machine: Machine) -> None:
    pk = under_way(workshop)
    some = ledger.select(Delivery.pk).where(Delivery.message_pk == pk).limit(1)
    mend(workshop, delete(Delivery).where(Delivery.pk.in_(some)))
    assert balance_watch.check(machine) == 1


def test_the_balance_is_looked_at_once_a_minute_however_many_tickers_there_are(machine: Machine) -> None:
    for _ in range(3):
        balance_watch.ring(machine)
    assert machine.broker.waiting()["bulk"] == 1


def test_receipts_that_wait_are_counted_with_their_age(workshop: Workshop, actor: Actor, clock: FakeClock) -> None:
    provider = a_provider(workshop, actor)
    with workshop.database.begin() as session:
        for number, at in enumerate((START, START + timedelta(hours=1))):
            session.add(
                FeedbackEvent(
                    project_pk=1, provider_pk=provider.pk, event_id=str(number), event="delivered", at=START,
                    received_at=START, look_at=at,
                )
            )  # fmt: skip
    clock.move(20)
    found = scrape(workshop)
    assert (value(found, "receipts_waiting"), value(found, "receipts_due_age_seconds")) == (2, 20)


def test_a_provider_shows_its_state_and_what_it_did(workshop: Workshop, actor: Actor) -> None:
    provider = a_provider(workshop, actor)
    mend(workshop, period(provider, timedelta(0), tried=5, accepted=3, throttled=2, took_0=3, took_2=1))
    rests = {"blocked_at": START, "retry_at": START + timedelta(seconds=30)}
    mend(workshop, update(Provider).values(**rests, rate_count=50, rate_seconds=10))
    found, mine = scrape(workshop), {"provider": provider.id, "project": "default", "kind": "smtp", "channel": "email"}
    words = ("working", "resting", "stopped", "off")
    states = {word: value(found, "provider_state", state=word, **mine) for word in words}
    assert states == {"working": 0, "resting": 1, "stopped": 0, "off": 0}
    assert value(found, "provider_attempts_total", result="accepted", **mine) == 3
    assert value(found, "provider_attempts_total", result="throttled", **mine) == 2
    assert value(found, "provider_answer_seconds_bucket", le="0.005", **mine) == 3
    assert value(found, "provider_answer_seconds_bucket", le="0.01", **mine) == 4
    assert value(found, "provider_answer_seconds_bucket", le="+Inf", **mine) == 4
    assert value(found, "provider_rate_limit", **mine) == 5
    assert value(found, "provider_held_seconds", **mine) == 0


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"enabled": False, "blocked_at": START}, "off"),
        ({"blocked_at": START, "retry_at": None}, "stopped"),
        ({"blocked_at": START, "retry_at": START - timedelta(seconds=1)}, "resting"),
        ({}, "working"),
    ],
)
def test_a_provider_is_in_one_state(workshop: Workshop, actor: Actor, changes: dict[str, Any], state: str) -> None:
    a_provider(workshop, actor)
    if changes:
        mend(workshop, update(Provider).values(**changes))
    found = scrape(workshop)
    lit = [dict(has)["state"] for (name, has), on in found.items() if name == "carillon_provider_state" and on]
    assert lit == [state]


def accepted(workshop: Workshop) -> float:
    return value(scrape(workshop), "provider_attempts_total", result="accepted")


def test_counters_go_on_when_minutes_are_settled_and_when_hours_are_dropped(
    workshop: Workshop, actor: Actor, clock: FakeClock
) -> None:
    provider = a_provider(workshop, actor)
    mend(workshop, period(provider, timedelta(days=-399), seconds=3600, worker="", accepted=100))
    mend(workshop, period(provider, timedelta(0), accepted=7))
    assert accepted(workshop) == 107
    clock.move(3600)
    mend(workshop, period(provider, timedelta(hours=1), accepted=1))
    assert accepted(workshop) == 108
    mend(workshop, delete(ProviderPeriod).where(ProviderPeriod.seconds == 3600))
    clock.move(3600)
    assert accepted(workshop) == 108


def test_counters_are_the_same_when_the_queue_forgot_them(workshop: Workshop, actor: Actor, clock: FakeClock) -> None:
    provider = a_provider(workshop, actor)
    mend(workshop, period(provider, timedelta(0), accepted=7))
    clock.move(3600)
    assert accepted(workshop) == 7
    workshop.broker.redis.flushdb()
    assert accepted(workshop) == 7


def test_counters_survive_a_month_without_anybody_looking(workshop: Workshop, actor: Actor, clock: FakeClock) -> None:
    provider = a_provider(workshop, actor)
    clock.move(3600)
    assert accepted(workshop) == 0
    mend(workshop, period(provider, timedelta(hours=1), accepted=7))
    clock.move(31 * 86_400)
    mend(workshop, update(ProviderPeriod).values(seconds=3600, worker="", begins_at=START))  # as the sweep folds them
    assert accepted(workshop) == 7


def test_what_was_kept_and_cannot_be_read_is_made_anew(workshop: Workshop, actor: Actor) -> None:
    provider = a_provider(workshop, actor)
    mend(workshop, period(provider, timedelta(0), accepted=7))
    for broken in ("{", "[]", '{"until": "x"}', '{"until": 1, "sums": 3}'):
        RunningTotals(workshop.broker).keep("providers", broken)
        assert accepted(workshop) == 7


def test_another_provider_with_the_same_number_begins_at_nothing(
    workshop: Workshop, actor: Actor, clock: FakeClock
) -> None:
    provider = a_provider(workshop, actor)
    mend(workshop, period(provider, timedelta(0), accepted=7))
    clock.move(3600)
    assert accepted(workshop) == 7
    mend(workshop, delete(ProviderPeriod))
    mend(workshop, update(Provider).values(id="another"))
    assert accepted(workshop) == 0


def test_without_the_queue_the_database_still_speaks(workshop: Workshop, actor: Actor) -> None:
    a_provider(workshop, actor)
    under_way(workshop)
    away = Broker("unix:///nowhere/at/all.sock")
    found = scrape(Workshop(workshop.settings, workshop.database, away, workshop.clock, workshop.vault))
    parts = {part: value(found, "part_ready", part=part) for part in metrics.PARTS}
    assert parts == {"database": 1, "queue": 0, "worker": 0, "ticker": 0}
    assert value(found, "deliveries", state="queued") == 4
    assert not [name for name, _ in found if name in {"carillon_queue_jobs", "carillon_provider_attempts_total"}]


def test_without_the_database_the_queue_still_speaks(workshop: Workshop, tmp_path: Any) -> None:
    workshop.broker.ring("fan_out", 1)
    workshop.broker.beat("worker", "w", 10)
    away = Database(f"sqlite:///{tmp_path}/nowhere/at/all.sqlite3")
    found = scrape(Workshop(workshop.settings, away, workshop.broker, workshop.clock, workshop.vault))
    assert value(found, "part_ready", part="database") == 0
    assert value(found, "queue_jobs", queue="bulk") == 1
    assert value(found, "processes_alive", process="worker") == 1
    assert not [name for name, _ in found if name == "carillon_deliveries"]


def test_counting_without_the_queue_harms_nobody(workshop: Workshop) -> None:
    totals = RunningTotals(Broker("unix:///nowhere/at/all.sock"))
    assert totals.add({"batches_lost": 1}) is False
    assert totals.is_turn("balance", 60) is False


def test_no_label_holds_an_address_or_a_name_that_a_person_gave(workshop: Workshop, actor: Actor) -> None:
    a_provider(workshop, actor)
    mend(workshop, update(Provider).values(name="News <news@acme.example>"))
    under_way(workshop)
    text = metrics.exposition(workshop).decode()
    assert "@" not in text
    assert "person0" not in text


def test_the_classes_of_late_starts_have_one_number_each(workshop: Workshop) -> None:
    assert len(counting.read(RunningTotals(workshop.broker)).lateness) == len(counting.LATENESS_BOUNDS) + 1


def told_names(workshop: Workshop, actor: Actor) -> set[str]:
    """The name of every metric that there can be, as its samples and its comment have it."""
    a_provider(workshop, actor)
    mend(workshop, update(Provider).values(rate_count=1, rate_seconds=1, most_in_flight=1))
    under_way(workshop)
    text = metrics.exposition(workshop).decode()
    learned = {"carillon_provider_rate_learned"}  # only its comment is there while nothing was learned
    return {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")} | learned


def test_every_metric_is_explained_and_no_other(workshop: Workshop, actor: Actor) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `carillon_")]
    assert set(re.findall(r"`(carillon_\w+)`", " ".join(rows))) == told_names(workshop, actor)


def test_every_alert_looks_at_metrics_that_there_are_and_is_explained(workshop: Workshop, actor: Actor) -> None:
    text = (ROOT / "docs" / "deploy" / "alerts.yaml").read_text()
    looked_at = {re.sub(r"_bucket$", "", name) for name in re.findall(r"\bcarillon_[a-z_]+", text)}
    assert looked_at - told_names(workshop, actor) == set()
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    assert [name for name in re.findall(r"- alert: (\w+)", text) if f"`{name}`" not in runbook] == []


def test_what_changes_while_it_is_looked_at_is_no_error_of_the_balance(any_workshop: Workshop) -> None:
    """Tally and rows are read from one snapshot, also where each statement would see what was committed before it."""
    pk = under_way(any_workshop)
    elsewhere, moved = Database(any_workshop.settings.sqlalchemy_url), []

    def move(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "FROM tallies" in statement and not moved:
            moved.append(pk)
            with elsewhere.begin() as session:
                one = ledger.select(Delivery.pk).where(Delivery.message_pk == pk).limit(1).scalar_subquery()
                session.execute(update(Delivery).where(Delivery.pk == one).values(state="sent"))
                ledger.add_to_tally(session, pk, {"queued": -1, "sent": 1}, START)

    event.listen(Engine, "after_cursor_execute", move)
    shop = any_workshop
    try:
        wrong = balance_watch.check(Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault))
    finally:
        event.remove(Engine, "after_cursor_execute", move)
        elsewhere.close()
    assert (wrong, moved) == (0, [pk])
