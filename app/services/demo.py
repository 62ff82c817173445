"""The demo story: a town's bell society with its people, topics and emails; added in one action, removed in one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import CursorResult, delete, or_, select, update

from app.domain.content import EmailContent
from app.domain.errors import Conflict
from app.domain.message_states import MessageEvent, MessageStatus, next_status
from app.engine import ledger, lifecycle, timeline
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.messages import MessageEvent as Line
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.topics import Topic
from app.services import access, deliveries, demo_past, demo_people, providers, topic_totals
from app.services.demo_past import Course
from app.services.demo_people import DOMAINS, Ids
from app.services.demo_scenes import CIRCLES, SCENES, Scene
from app.services.messages import UNTITLED
from app.services.work import Work

SEED = 47  # as many as the carillon has bells
WRITERS = ("Mira Lindqvist", "Jonas Adeyemi", "Ines Carvalho")
KINDS = (Message, Topic, Contact, Suppression, Provider)
ALREADY = "There is sample data in this project already. Remove it in the settings before you add it again."


@dataclass(frozen=True, slots=True)
class Cast:
    """What was added, or what was removed, in numbers; `kept_provider` when one of your messages needs it."""

    contacts: int = 0
    topics: int = 0
    messages: int = 0
    suppressions: int = 0
    providers: int = 0
    kept_provider: bool = False


def is_there(work: Work) -> bool:
    """Whether the project holds sample data."""
    return any(work.session.scalar(_mine(select(table.pk), table).limit(1)) is not None for table in KINDS)


def add_to_first_project(work: Work, session_token: str) -> None:
    """Add the story to the first project of whoever that session belongs to; nothing when it is there already."""
    signed_in = access.resume(work, session_token)
    if signed_in is None or not signed_in.projects:
        return
    actor, _ = access.actor_in(work, signed_in, signed_in.projects[0][0])
    inside = replace(work, actor=actor)  # the same transaction and the same bells
    if not is_there(inside):
        add(inside)


def add(work: Work) -> Cast:
    """Add the story to the project; Conflict when it is there already. Nothing of it can leave this machine."""
    work.require("demo.write")
    if is_there(work):
        raise Conflict(ALREADY)
    chance, ids = Random(SEED), Ids()  # noqa: S311 - a story, not a secret
    provider = _sandbox(work)
    people = demo_people.invent(work.now, chance)
    demo_people.drop_taken(work, people)
    demo_people.add_people(work, people, ids, chance)
    topics = demo_people.add_circles(work, people, ids, chance)
    demo_people.add_suppressions(work, people, ids, chance)
    stage = Stage(work, provider, topics, ids, chance)
    for scene, at in stage.order(SCENES):
        stage.play(scene, at)
    work.session.flush()
    _mark_suppressions(work)
    cast = Cast(len(people), len(topics), len(SCENES), _count_suppressions(work), int(provider.is_demo))
    work.audit("demo.add", f"project/{work.project.id}", **asdict(cast))
    return cast
