"""The calendar's services: what stands where, how long it takes, and what gets in whose way."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select

from app.domain.calendar_days import days_from
from app.domain.errors import Forbidden, Invalid
from app.domain.permissions import Actor
from app.models.audit import AuditEntry
from app.models.messages import Message
from app.models.provider_history import ProviderPeriod
from app.models.providers import Provider
from app.services.planning import calendar, calendar_clashes, calendar_rows
from app.services.planning.calendar import Cursor, Entry
from app.services.planning.calendar_forecast import Speeds
from app.services.work import Work, Workshop
from tests.conftest import START
from tests.factories import make_audience, make_contact, make_message, make_provider, make_target, make_topic
from tests.services.calendar_story import BERLIN, HOUR, TUESDAY, schedule, start
from tests.statements import heard


def entries(work: Work, channel: str = "") -> list[Entry]:
    """What stands on November's calendar in Berlin."""
    days = days_from(datetime(2026, 11, 1).date(), 45, BERLIN)
    return [entry for plan in calendar.plan_of(work, days, channel=channel) for entry in plan.entries]


def make_busy(work: Work, provider: Provider, per_minute: int, minutes: int = 10) -> None:
    """That provider took so many messages in each of these minutes, an hour ago."""
    for minute in range(minutes):
        at = START - HOUR + timedelta(minutes=minute)
        work.session.add(
            ProviderPeriod(provider_pk=provider.pk, project_pk=1, seconds=60, begins_at=at, worker="w",
                           tried=per_minute, accepted=per_minute)
        )  # fmt: skip


def test_what_waits_stands_at_its_time_and_what_began_where_it_began(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        schedule(work, title="Scheduled")
        schedule(work, TUESDAY + HOUR, title="Draft", status="draft")
        schedule(work, START - 2 * HOUR, title="Late", late_at=START)
        start(work, START - 5 * HOUR, audience=40)
        start(work, START - 4 * HOUR, audience=4, status="failed", cancelled_at=START)
        start(work, START - HOUR, audience=9, left=3, status="processing", settled_at=None)
        make_message(work.session, subject="A draft without a date")
        found = entries(work)
    assert [(each.title, each.phase, each.people, each.is_predicted) for each in found] == [
        ("Old news", "sent", 40, False), ("Old news", "cancelled", 4, False), ("Late", "late", 0, True),
        ("Old news", "sending", 9, False), ("Scheduled", "scheduled", 0, True), ("Draft", "draft", 0, True),
    ]  # fmt: skip


def test_a_channel_shows_its_own_messages_alone(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        schedule(work)
        schedule(work, channel="sms", content={"text": "Hi"})
        start(work, START - HOUR, channel="sms", content={"text": "Hi"})
        assert [each.channel for each in entries(work, "sms")] == ["sms", "sms"]


def test_another_projects_messages_stand_on_no_calendar_but_its_own(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        schedule(work)
        other = work.given_to(Actor(actor.kind, "Eve", project_pk=2, pk=2, permissions=actor.permissions))
        assert calendar_rows.read_between(other, START - HOUR, TUESDAY + HOUR, most=10) == []


def test_people_are_predicted_from_topics_and_those_who_were_chosen(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = make_audience(work.session, 7)
        texts = make_topic(work.session, name="Texts", targets=[
            make_target(work.session, make_contact(work.session), address="+4915112345678", channel="sms")
        ])  # fmt: skip
        ann = make_contact(work.session, email="ann@example.org")
        audience = {"topics": [topic.id, texts.id, "gone"], "contacts": [ann.id], "cc": ["x"]}
        make_message(work.session, audience=audience, status="scheduled", scheduled_at=TUESDAY)
        assert [each.people for each in entries(work)] == [9]


def test_a_thousand_on_one_day_are_counted_and_shown_in_order(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        for minute in range(1000):
            schedule(work, TUESDAY - timedelta(hours=9) + timedelta(minutes=minute))
        days = days_from(datetime(2026, 11, 23).date(), 3, BERLIN)
        plans = calendar.plan_of(work, days, most=20)
    assert [(plan.total, plan.is_more) for plan in plans] == [(0, False), (1000, False), (0, False)]
    assert [each.at for each in plans[1].entries] == sorted(each.at for each in plans[1].entries)


def test_days_with_more_than_can_be_counted_say_so(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        for minute in range(12):
            schedule(work, TUESDAY + timedelta(minutes=minute))
        start_many(work, START - timedelta(days=1), calendar_rows.MOST_AT_ONCE + 1)
        plans = calendar.plan_of(work, days_from(datetime(2026, 11, 20).date(), 6, BERLIN), most=4)
    with heard() as asked, workshop.read(actor) as work:
        calendar_rows.read_days(work, days_from(datetime(2026, 11, 1).date(), 42, BERLIN), most=4)
    asked_for = [statement for statement, _ in asked if "messages" in statement]
    assert [(len(plan.entries), plan.total, plan.is_more) for plan in plans if plan.total] == [
        (4, calendar_rows.MOST_COUNTED, True), (4, 12, False),
    ]  # fmt: skip
    assert [each.at for each in plans[0].entries] == sorted(each.at for each in plans[0].entries)
    assert len(asked_for) == 3 + 2 + 42 + 1, "counts, what waits, each day of what began, and the full one counted"


def start_many(work: Work, at: datetime, number: int) -> None:
    """So many messages of a program, a second after each other."""
    rows = [
        {"id": f"many{place}", "project_pk": 1, "channel": "email", "title": "Code", "content": {}, "audience": {},
         "status": "sent", "started_at": at + timedelta(seconds=place), "created_at": at, "updated_at": at}
        for place in range(number)
    ]  # fmt: skip
    work.session.execute(insert(Message), rows)


def test_a_list_goes_on_where_it_stopped_also_between_entries_of_one_moment(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        made = []
        for channel in ("sms", "email", "sms", "push", "email"):
            made += [schedule(work, channel=channel).id, schedule(work, channel=channel, status="draft").id]
            made += [start(work, TUESDAY, channel=channel).id, schedule(work, TUESDAY + HOUR, channel=channel).id]
        seen: list[Entry] = []
        cursor: Cursor | None = Cursor(TUESDAY - HOUR)
        while cursor is not None:
            page, cursor = calendar.list_from(work, cursor, TUESDAY + 2 * HOUR, most=3)
            seen += page
    assert sorted(each.id for each in seen) == sorted(made)
    assert [each.at for each in seen] == sorted(each.at for each in seen)


def test_the_calendar_is_found_by_index_and_never_sorted(sqlite_workshop: Workshop, actor: Actor) -> None:
    """SQLite plans without knowing how long its lists are, so an empty one tells."""
    plans = []
    with sqlite_workshop.open(actor) as work, heard() as asked:
        calendar_rows.read_between(work, START, TUESDAY, most=10)
        calendar_rows.read_with_audiences(work, START, TUESDAY, most=10)
        calendar_rows.read_days(work, days_from(START.date(), 3, BERLIN), most=10)
    with sqlite_workshop.database.connect() as connection:
        for statement, parameters in dict(asked).items():
            steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            plans.append(steps)
            assert not [step for step in steps if step.startswith("SCAN messages") or "ORDER BY" in step], statement
    named = " ".join(step for steps in plans for step in steps)
    assert "ix_messages_project_pk_status_scheduled_at" in named
    assert "ix_messages_project_pk_started_at" in named


# --- how long ------------------------------------------------------------------------------------------------------


def test_a_send_takes_as_long_as_its_provider_needed_in_busy_minutes(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_busy(work, make_provider(work), per_minute=600)
        topic = make_audience(work.session, 1)
        topic.email_total = 7_200
        schedule(work, topic=topic.id)
        assert [each.length for each in entries(work)] == [timedelta(minutes=12)]


def test_nobody_knows_how_long_it_takes_without_a_past_or_a_limit(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        make_busy(work, provider, per_minute=3)
        speed = Speeds(work).of("email", None)
        assert speed is not None
        assert [speed.length_for(people) for people in (0, 3, 4)] == [timedelta(), timedelta(minutes=1), None]
        assert Speeds(work).of("sms", None) is None
        provider.rate_count, provider.rate_seconds = 10, 1
        work.session.flush()
        limited = Speeds(work).of("email", None)
        assert limited is not None
        assert limited.length_for(6_000) == timedelta(minutes=10)


def test_a_limit_bounds_what_the_past_tells_and_a_pinned_provider_is_asked_alone(
    workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        quick, slow = make_provider(work, name="Quick"), make_provider(work, name="Slow")
        slow.rank = 1
        make_busy(work, quick, per_minute=6_000)
        make_busy(work, slow, per_minute=60)
        work.session.flush()
        speeds = Speeds(work)
        first, pinned = speeds.of("email", None), speeds.of("email", slow.pk)
        assert first is not None
        assert pinned is not None
        assert (first.names, first.length_for(6_000)) == (("Quick",), timedelta(minutes=1))
        assert (pinned.names, pinned.length_for(60)) == (("Slow",), timedelta(minutes=1))
        quick.rate_count, quick.rate_seconds = 50, 1
        work.session.flush()
        bounded = Speeds(work).of("email", None)
        assert bounded is not None
        assert bounded.length_for(6_000) == timedelta(minutes=2)


def test_what_is_being_sent_ends_when_those_who_are_left_have_it(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_busy(work, make_provider(work), per_minute=600)
        start(work, START - timedelta(minutes=10), audience=9_000, left=3_000, status="processing", settled_at=None)
        start(work, START - HOUR, audience=5)
        assert {each.length for each in entries(work)} == {timedelta(minutes=15), timedelta(minutes=5)}


def test_two_sends_on_one_provider_at_once_know_of_each_other(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_busy(work, make_provider(work, name="Postbox"), per_minute=600)
        topic = make_topic(work.session)
        topic.email_total = 7_200  # twelve minutes
        for minutes, title in ((0, "One"), (11, "Two"), (30, "Three")):
            schedule(work, TUESDAY + timedelta(minutes=minutes), title=title, topic=topic.id)
        found = {each.title: each.overlap for each in entries(work)}
    assert found["One"] is not None
    assert found["Two"] is not None
    assert (found["One"].title, found["One"].provider, found["Two"].title) == ("Two", "Postbox", "One")
    assert found["Three"] is None


# --- clashes -------------------------------------------------------------------------------------------------------


def test_two_messages_to_one_topic_within_the_gap_are_marked_on_both(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        news, other = make_topic(work.session, name="News"), make_topic(work.session, name="Other")
        for hours, title, topic in ((0, "A", news), (23, "B", news), (48, "C", news), (1, "D", other)):
            schedule(work, TUESDAY + hours * HOUR, title=title, topic=topic.id)
        marks = {each.title: [(clash.title, clash.apart) for clash in each.clashes] for each in entries(work)}
    assert marks == {"A": [("B", 23 * HOUR)], "B": [("A", -23 * HOUR)], "C": [], "D": []}


def test_what_went_out_counts_and_what_was_cancelled_is_late_or_both_over_does_not(
    workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        topic = make_topic(work.session)
        start(work, START - 2 * HOUR, topic=topic.id)
        start(work, START - HOUR, topic=topic.id)
        start(work, START - HOUR / 2, topic=topic.id, cancelled_at=START)
        schedule(work, START - HOUR / 4, title="Late", topic=topic.id, late_at=START)
        schedule(work, START + HOUR, title="Next", topic=topic.id)
        marks = {(each.title, each.at): [clash.at for clash in each.clashes] for each in entries(work)}
    assert {key: found for key, found in marks.items() if found} == {
        ("Old news", START - HOUR): [START + HOUR], ("Next", START + HOUR): [START - HOUR],
    }  # fmt: skip


def test_a_gap_of_none_warns_nobody_and_only_choices_are_taken(
    workshop: Workshop, actor: Actor, composer: Actor
) -> None:
    with workshop.open(actor) as work:
        topic = make_topic(work.session)
        message = schedule(work, topic=topic.id)
        schedule(work, TUESDAY + HOUR, topic=topic.id)
        assert [each.title for each in calendar_clashes.clashes_of(work, message, TUESDAY)] == ["News"]
        assert calendar_clashes.clashes_of(work, message, TUESDAY + 26 * HOUR) == []
        calendar_clashes.set_gap(work, timedelta())
        assert not [each for each in entries(work) if each.clashes]
        assert calendar_clashes.clashes_of(work, message, TUESDAY) == []
        trail = work.session.scalars(select(AuditEntry.details).where(AuditEntry.event == "project.update")).one()
        assert trail == {"before": {"topic_gap": 86_400}, "after": {"topic_gap": 0}}
        with pytest.raises(Invalid, match="from the list"):
            calendar_clashes.set_gap(work, timedelta(minutes=7))
        with pytest.raises(Forbidden):
            calendar_clashes.set_gap(work.given_to(composer), HOUR)
