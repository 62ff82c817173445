"""The demo story where emulators run: drafts of the other channels, pinned to them, and gone with the story."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.domain.permissions import Actor
from app.models.messages import Message
from app.models.providers import Provider
from app.services.story import demo
from app.services.story.demo_scenes import SCENES
from app.services.work import Workshop
from tests.emulators.test_roundtrip import announced, faults, outbox, running

__all__ = ["announced", "faults", "outbox", "running"]  # fixtures


def test_the_story_has_a_push_and_a_text_message_that_can_only_go_to_the_sandbox(
    announced: Mapping[str, Any], workshop: Workshop, actor: Actor
) -> None:
    assert {"fcm", "twilio"} <= announced.keys()
    with workshop.open(actor) as work:
        assert (demo.add(work).messages, len(SCENES)) == (42, 40)
    with workshop.read(actor) as work:
        carriers = select(Message.channel, Provider.kind, Provider.is_emulated, Provider.is_demo)
        pinned = work.session.execute(carriers.join(Provider, Provider.pk == Message.provider_pk).distinct())
        assert sorted(map(tuple, pinned)) == [
            ("email", "smtp", True, True), ("push", "fcm", True, True), ("sms", "twilio", True, True),
        ]  # fmt: skip
        assert work.session.scalar(select(Message.pk).where(Message.provider_pk.is_(None))) is None
    with workshop.open(actor) as work:
        gone = demo.remove(work)
        assert (gone.messages, gone.providers, gone.kept_provider) == (42, 3, False)
