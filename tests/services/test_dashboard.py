"""The numbers of the first page and the health of providers."""

from datetime import date, timedelta

from app.domain.permissions import Actor
from app.models.projects import Project
from app.services.sending import dashboard
from app.services.work import Workshop
from tests.conftest import START, FakeClock
from tests.factories import make_message
from tests.sent_messages import make_sent


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
