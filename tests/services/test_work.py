"""What a work does when the database refuses: a sentence for whoever asked, and nothing half-saved."""

import pytest
from sqlalchemy import select

from app.domain.errors import Conflict
from app.domain.permissions import Actor
from app.models.topics import Subscriber, Topic
from app.services.work import Workshop


def test_what_was_deleted_at_the_same_moment_is_said_to_be(any_workshop: Workshop, actor: Actor) -> None:

    def subscribe_somebody_who_is_gone() -> None:
        with any_workshop.open(actor) as work:
            topic = Topic(id="news", project_pk=1, name="News", subscribe=[], **work.stamp())
            work.session.add(topic)
            work.session.flush()
            work.session.add(Subscriber(id="s", project_pk=1, topic_pk=topic.pk, target_pk=12_345, **work.stamp()))

    with pytest.raises(Conflict, match="deleted at the same moment"):
        subscribe_somebody_who_is_gone()
    with any_workshop.read(actor) as work:
        assert work.session.scalars(select(Topic)).all() == []
