"""Plays the scenes of the demo story: writes every email, then lets its course happen in the order of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from app.domain.content import EmailContent, title_of
from app.domain.message_states import MessageEvent, MessageStatus, next_status
from app.domain.schedules import USUAL_LATENESS
from app.engine import lifecycle, timeline
from app.models.messages import Message
from app.models.topics import Topic
from app.services.messages.messages import KINDS
from app.services.story import demo_past
from app.services.story.demo_past import Course
from app.services.story.demo_people import Ids
from app.services.story.demo_scenes import CIRCLES, Scene
from app.services.work import Work

WRITERS = ("Mira Lindqvist", "Jonas Adeyemi", "Ines Carvalho")
STEP = timedelta(minutes=5)  # what people schedule lies on such a grid
PLANNED = frozenset({"scheduled", "late"})  # these wait for their time, or for a person
CLOSINGS = {circle.key: circle.closing for circle in CIRCLES}


@dataclass(frozen=True, slots=True)
class Part:
    """One scene with its moments: when it was written, when it is or was to go out (or was saved last)."""

    scene: Scene
    written: datetime
    at: datetime
    writer: str
    is_planned: bool  # it was scheduled, rather than sent by hand


class Stage:
    """The project in which the story is played. Every message is pinned to the provider with that number."""

    def __init__(self, work: Work, provider_pk: int, topics: Mapping[str, Topic], ids: Ids, chance: Random) -> None:
        self.work = work
        self.provider_pk = provider_pk
        self.topics = topics
        self.ids = ids
        self.chance = chance
        self.zone = ZoneInfo(work.project.time_zone)

    def play(self, scenes: Sequence[Scene]) -> None:
        """Write all of them, the oldest first, then let each happen at its own moment."""
        parts = sorted((self._cast(place, scene) for place, scene in enumerate(scenes)), key=lambda part: part.written)
        rows = [(part, self._write(part)) for part in parts]
        self.work.session.add_all(message for _, message in rows)
        self.work.session.flush()
        for part, message in sorted(rows, key=lambda row: row[0].at):
            timeline.note(self.work.session, message.pk, "created", part.written, by=part.writer)
            if part.scene.course != "draft":
                self._perform(part, message)
        self.work.session.flush()

    def _cast(self, place: int, scene: Scene) -> Part:
        now = self.work.now
        at = scene.when.moment(now, self.zone)
        if scene.course in PLANNED:
            at += -(at - datetime.min.replace(tzinfo=at.tzinfo)) % STEP
            written = now - timedelta(hours=self.chance.uniform(3, 90))
        else:
            written = at - timedelta(minutes=self.chance.uniform(15, 110))
        is_planned = scene.course in PLANNED or (bool(scene.when.clock) and place % 2 == 0)
        return Part(scene, written, at, WRITERS[place % len(WRITERS)], is_planned)

    def _write(self, part: Part) -> Message:
        scene = part.scene
        content = EmailContent(scene.subject, scene.preheader, "markdown", _body(scene))
        title = title_of(content)
        topics = [self.topics[scene.circle].id] if scene.circle else []
        return Message(
            id=self.ids.take(part.written), project_pk=self.work.project_pk, channel="email",
            title=title, title_key=title.casefold(), content=content.to_json(),
            audience={kind: list[str]() for kind in KINDS} | {"topics": topics},
            status=MessageStatus.DRAFT.value, provider_pk=self.provider_pk, version=self.chance.randint(3, 40),
            author_name=part.writer, editor_name=part.writer, is_demo=True, created_at=part.written,
            updated_at=part.at if scene.course == "draft" else part.written,
        )  # fmt: skip

    def _perform(self, part: Part, message: Message) -> None:
        if part.is_planned:
            self._schedule(part, message)
        if part.scene.course == "late":  # nobody was there to start it
            message.max_lateness = int(USUAL_LATENESS.total_seconds())
            lifecycle.set_aside(self.work.session, message, part.at + USUAL_LATENESS + STEP)
        elif part.scene.course != "scheduled":
            self._send(part, message)

    def _schedule(self, part: Part, message: Message) -> None:
        settled_on = part.written + timedelta(minutes=9)
        wall = part.at.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M")
        message.status = next_status(MessageStatus.DRAFT, MessageEvent.SCHEDULE).value
        message.scheduled_at, message.scheduled_wall, message.scheduled_zone = part.at, wall, self.zone.key
        message.updated_at = settled_on
        timeline.note(
            self.work.session, message.pk, "scheduled", settled_on, by=part.writer, wall=wall, zone=self.zone.key
        )

    def _send(self, part: Part, message: Message) -> None:
        work, scene = self.work, part.scene
        event = MessageEvent.FALL_DUE if part.is_planned else MessageEvent.SEND
        queued = demo_past.begin(work, message, event, part.at, by="" if part.is_planned else part.writer)
        course = Course(self._mishaps(scene, queued), queued * scene.until // 100, self.chance)
        ended = demo_past.carry(work, message, self.provider_pk, course)
        if scene.course == "sent":
            demo_past.finish(work, message, ended)
        elif scene.course == "cancelled":
            demo_past.call_off(work, message, ended, by=part.writer)
        elif scene.course == "paused":
            lifecycle.pause(work.session, message, ended, by=part.writer)
        elif scene.course == "sending":
            work.ring("dispatch", message.pk, 0, queue="urgent")  # the workers really send the rest, to the Sandbox

    def _mishaps(self, scene: Scene, queued: int) -> dict[int, str]:
        """What happens to whom, by the place in the queue."""
        words = [word for word, count in scene.mishaps for _ in range(count)]
        places = self.chance.sample(range(queued), min(len(words), queued))
        return dict(zip(places, words, strict=False))


def _body(scene: Scene) -> str:
    if scene.course == "draft" and not scene.subject:
        return scene.lead  # a note somebody began with
    closing = CLOSINGS.get(scene.circle, "The Glockenau Carillon Society")
    return f"Hello {{{{ first_name | there }}}},\n\n{scene.lead}\n\n{closing}"
