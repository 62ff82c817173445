"""The numbers of the first page and the health of providers."""

from datetime import date, timedelta

import pytest

from app.domain.permissions import Actor
from app.models.deliveries import Attempt
from app.models.projects import Project
from app.services import dashboard
from app.services.dashboard import Health
from app.services.work import Workshop
from tests.conftest import START, FakeClock
from tests.factories import make_message, make_provider
from tests.sent_messages import make_sent


def test_a_provider_that_was_not_used_has_no_health(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        assert dashboard.health_of(work, [provider.pk]) == {provider.pk: Health()}


def test_health_counts_the_last_hour_alone(workshop: Workshop, actor: Actor, clock: FakeClock) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        make_sent(work.session, {"failed": 30}, provider=provider)
    clock.move(3700)
    with workshop.open(actor) as work:
        make_sent(work.session, {"sent": 9, "failed": 1}, provider=provider, at=clock.now() - timedelta(minutes=1))
        health = dashboard.health_of(work, [provider.pk])[provider.pk]
    assert (health.tries, health.accepted, health.median_ms, health.is_sample) == (10, 9, 120.0, False)


def test_health_of_a_busy_provider_is_judged_by_its_newest_tries(
    workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "MOST_TRIES", 5)
    with workshop.open(actor) as work:
        provider = make_provider(work)
        for number in range(8):
            ended = START - timedelta(minutes=number)
            outcome = "accepted" if number < 4 else "transient"
            work.session.add(
                Attempt(
                    delivery_pk=1, message_pk=1, provider_pk=provider.pk, number=1, started_at=ended, ended_at=ended,
                    outcome=outcome,
                )
            )  # fmt: skip
        work.session.flush()
        health = dashboard.health_of(work, [provider.pk])[provider.pk]
    assert (health.tries, health.accepted, health.is_sample) == (5, 4, True)


def test_days_follow_the_calendar_of_the_project_over_a_change_of_clocks(
    workshop: Workshop, actor: Actor, clock: FakeClock
) -> None:
    clock.move(-27 * 86400)  # Sunday 25 October 2026, 10:00 in Berlin: the night had 25 hours
    with workshop.open(actor) as work:
        make_sent(work.session, {"sent": 1}, at=clock.now().replace(hour=22, minute=30) - timedelta(days=1))
        make_sent(work.session, {"sent": 2}, at=clock.now().replace(hour=22, minute=30))
        days = dashboard.days_of(work, 2)
    assert [(day.day, day.total) for day in days] == [(date(2026, 10, 24), 0), (date(2026, 10, 25), 3)]


def test_another_project_is_never_counted(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        work.session.add(Project(id="other", name="Other", created_at=START, updated_at=START))
        message = make_sent(work.session, {"sent": 5, "failed": 1})
        message.project_pk = 2
        work.session.flush()
        home = dashboard.home_of(work)
    assert home.today.total == 0
    assert home.attention.is_calm
    assert not home.latest


def test_only_what_falls_due_within_the_hour_is_soon(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        for minutes in (30, 59, 61):
            make_message(
                work.session, subject=f"in {minutes}", status="scheduled",
                scheduled_at=START + timedelta(minutes=minutes),
            )  # fmt: skip
        soon = dashboard.attention_of(work).due_soon
        upcoming = dashboard.upcoming(work)
    assert [message.title for message in soon] == ["in 30", "in 59"]
    assert len(upcoming) == 3


def test_a_paused_message_does_not_count_as_late(workshop: Workshop, actor: Actor, clock: FakeClock) -> None:
    with workshop.open(actor) as work:
        make_sent(work.session, {"queued": 1}, paused_at=START)
    clock.move(3600)
    with workshop.read(actor) as work:
        assert dashboard.attention_of(work).late is None
