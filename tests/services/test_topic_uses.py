"""What a topic's deletion takes from messages: those that wait to go to it, and drafts."""

from datetime import timedelta

from app.domain.permissions import Actor
from app.services.people import topic_uses
from app.services.work import Workshop
from tests import factories


def test_messages_that_have_not_reached_the_topic_yet_are_counted(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        topic, other = factories.make_topic(work.session, id="news"), factories.make_topic(work.session, id="news-2")
        mine, both, foreign = {"topics": ["news"]}, {"topics": ["news-2", "news"]}, {"topics": ["news-2", "old.news"]}
        later = {"status": "scheduled", "scheduled_at": work.now + timedelta(days=2)}
        for subject, audience, columns in (
            ("Draft", mine, {}),
            ("Draft of both", both, {}),
            ("December", both, later),
            ("Late", mine, {"status": "scheduled", "scheduled_at": work.now - timedelta(1), "late_at": work.now}),
            ("Begun", mine, {"status": "processing", "started_at": work.now}),
            ("All planned", mine, {"status": "processing", "fanned_out_at": work.now}),
            ("Cancelled", mine, {"status": "processing", "cancelled_at": work.now}),
            ("Sent", mine, {"status": "sent"}),
            ("Foreign draft", foreign, {}),
            ("Foreign", foreign, later),
            ("To its namesake", {"topics": ["NEWS"]}, later),
            ("To nobody", {}, later),
        ):
            factories.make_message(work.session, subject=subject, audience=audience, **columns)
        uses, others = topic_uses.uses_of(work, topic), topic_uses.uses_of(work, other)
        assert [each.title for each in uses.waiting.first] == ["Begun", "Late", "December"]
        assert {each.title for each in uses.drafts.first} == {"Draft", "Draft of both"}
        assert (uses.waiting.total, uses.drafts.total, uses.waiting.more) == (3, 2, 0)
        assert (others.waiting.total, others.drafts.total) == (2, 2)


def test_only_the_first_are_named_and_the_others_counted(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_topic(work.session)
        for _ in range(topic_uses.MOST_NAMED + 3):
            factories.make_message(work.session, audience={"topics": [topic.id]})
        drafts = topic_uses.uses_of(work, topic).drafts
        assert (drafts.total, len(drafts.first), drafts.more) == (topic_uses.MOST_NAMED + 3, topic_uses.MOST_NAMED, 3)
