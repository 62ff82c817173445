"""The health and the history of providers, from the counts that workers write with each batch."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import event, insert

from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.permissions import Actor
from app.engine import breaker, provider_history
from app.engine.breaker import Verdict
from app.models.provider_history import ProviderPeriod
from app.models.providers import Provider
from app.services.providers import provider_health, providers
from app.services.providers.provider_health import Health
from app.services.work import Work, Workshop
from tests.conftest import FakeClock
from tests.factories import make_provider

DOWN = Outcome(OutcomeKind.TRANSIENT, Reason.SERVER_ERROR)
BUSY = Outcome(OutcomeKind.THROTTLED, Reason.RATE_LIMITED)
DEAD = Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.MAILBOX_UNKNOWN)
CUT = Outcome(OutcomeKind.UNCERTAIN, Reason.CONNECTION_LOST)
WRONG = Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED, "Wrong password", "535")
OK = accepted()


def _note(work: Work, provider: Provider, *outcomes: Outcome, took: float = 100.0, worker: str = "w") -> None:
    times = [timedelta(milliseconds=took)] * len(outcomes)
    provider_history.note(work.session, (provider.pk, 1), worker, outcomes, times, work.now)


def test_a_provider_that_was_not_used_has_no_health(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        assert provider_health.health_of(work, [provider.pk]) == {provider.pk: Health()}


def test_health_counts_every_try_of_every_worker_by_how_it_ended(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        provider, other = make_provider(work), make_provider(work)
        _note(work, provider, OK, OK, OK, DOWN, DEAD, worker="one")
        _note(work, provider, OK, BUSY, CUT, WRONG, worker="two")
        _note(work, provider, OK, worker="two")
        _note(work, other, DOWN)
        health = provider_health.health_of(work, [provider.pk])[provider.pk]
    assert (health.tries, health.accepted, health.refused, health.throttled, health.failed, health.uncertain) == (
        10, 5, 1, 1, 2, 1
    )  # fmt: skip


def test_health_counts_the_last_hour_alone(workshop: Workshop, actor: Actor, clock: FakeClock) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        _note(work, provider, *[DOWN] * 30)
    clock.move(3700)
    with workshop.open(actor) as work:
        _note(work, provider, OK, DOWN)
        assert provider_health.health_of(work, [provider.pk])[provider.pk].tries == 2


def test_times_are_told_to_about_a_fifth(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        for _ in range(9):
            _note(work, provider, *[OK] * 10, took=120.0)
        _note(work, provider, *[OK] * 10, took=2600.0)
        health = provider_health.health_of(work, [provider.pk])[provider.pk]
    assert health.median_ms == pytest.approx(120, rel=0.2)
    assert health.slow_ms == pytest.approx(2600, rel=0.25)


def test_the_history_of_a_day_has_no_gaps_and_ends_now(any_workshop: Workshop, actor: Actor, clock: FakeClock) -> None:
    with any_workshop.open(actor) as work:
        provider = make_provider(work)
        _note(work, provider, *[OK] * 3)
    clock.move(5 * 3600)
    with any_workshop.open(actor) as work:
        _note(work, provider, DOWN, OK)
        buckets = provider_health.history_of(work, provider.pk)
    assert len(buckets) in {48, 49}
    assert all(before.ends_at == after.begins_at for before, after in pairwise(buckets))
    assert buckets[-1].begins_at <= clock.now() < buckets[-1].ends_at
    tried = {bucket.begins_at: bucket.health.tries for bucket in buckets if bucket.health.tries}
    assert list(tried.values()) == [3, 2]
    assert buckets[-1].health.failed == 1


@pytest.mark.parametrize(("hours", "most"), [(1, 61), (24, 49), (168, 49), (720, 49), (8760, 60)])
def test_a_history_of_any_length_fits_into_a_chart(workshop: Workshop, actor: Actor, hours: int, most: int) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        buckets = provider_health.history_of(work, provider.pk, hours)
    assert 20 <= len(buckets) <= most
    assert buckets[-1].ends_at - buckets[0].begins_at >= timedelta(hours=hours)


def test_openings_are_told_newest_first_with_why_and_how_long(
    any_workshop: Workshop, actor: Actor, clock: FakeClock
) -> None:
    with any_workshop.open(actor) as work:
        provider = make_provider(work)
        breaker.tell(work.session, provider.pk, Verdict([WRONG], work.now), work.now)
    opened = clock.now()
    clock.move(90)
    with any_workshop.open(actor) as work:
        providers.repair(work, providers.find_provider(work, provider.id))
        breaker.tell(work.session, provider.pk, Verdict([WRONG], work.now), work.now)
        newest, oldest = provider_health.openings_of(work, provider.pk)
    assert (newest.opened_at, newest.closed_at) == (clock.now(), None)
    assert (oldest.opened_at, oldest.closed_at, oldest.closed_by) == (opened, clock.now(), "repaired")
    assert oldest.detail == "535 Wrong password"


def test_a_new_provider_with_the_number_of_a_deleted_one_has_no_history(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        _note(work, provider, OK)
        breaker.tell(work.session, provider.pk, Verdict([WRONG], work.now), work.now)
        gone = provider.pk
        providers.disconnect(work, provider.id)
        work.session.flush()
        again = make_provider(work)
        again.pk = gone  # SQLite gives the number away again by itself
        work.session.flush()
        assert provider_health.health_of(work, [again.pk]) == {again.pk: Health()}
        assert provider_health.openings_of(work, again.pk) == []


def test_pages_look_at_no_try_however_many_there_were(workshop: Workshop, actor: Actor) -> None:
    statements: list[str] = []
    with workshop.open(actor) as work:
        provider = make_provider(work)
        _note(work, provider, OK)
    event.listen(workshop.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    event.listen(workshop.database._readers, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with workshop.read(actor) as work:
        providers.list_providers(work)
        provider_health.history_of(work, provider.pk)
    assert statements
    assert not [each for each in statements if "attempts" in each or "deliveries" in each]


def test_the_last_hour_is_found_through_the_key(workshop: Workshop, actor: Actor) -> None:
    asked = (
        "SELECT sum(tried) FROM provider_periods "
        "WHERE provider_pk = 1 AND seconds IN (60) AND begins_at >= 9 GROUP BY begins_at / 60000"
    )
    with workshop.read(actor) as work:
        connection = work.session.connection()
        if connection.dialect.name == "sqlite":
            plan = " ".join(str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}"))
            assert "provider_pk=? AND seconds=? AND begins_at>?" in plan
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # an empty table is read whole otherwise
            plan = " ".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {asked}"))
            assert "Index Cond: ((provider_pk = 1) AND (seconds = 60) AND (begins_at >= 9))" in plan


def test_ten_thousand_minutes_are_one_quick_look(workshop: Workshop, actor: Actor, clock: FakeClock) -> None:
    """Rows of a busy month are summed by the database: what comes back is one row for each bucket."""
    with workshop.open(actor) as work:
        provider = make_provider(work)
        now = provider_history.start_of(work.now, 60)
        work.session.execute(
            insert(ProviderPeriod),
            [
                {"provider_pk": provider.pk, "seconds": 60, "begins_at": now - timedelta(minutes=back), "worker": name,
                 "project_pk": 1, "tried": 1, "accepted": 1, "refused": 0, "throttled": 0, "failed": 0, "uncertain": 0}
                for back in range(1440) for name in ("a", "b")
            ],
        )  # fmt: skip
        buckets = provider_health.history_of(work, provider.pk)
    assert sum(bucket.health.tries for bucket in buckets) == 2 * 1440
