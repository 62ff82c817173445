"""The demo story: a bell society with its people, topics, files and emails; added in one action, removed in one."""

from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

from sqlalchemy import CursorResult, Select, and_, delete, func, or_, select, update

from app.domain.errors import Conflict
from app.domain.message_states import MessageStatus
from app.engine import ledger, provider_history
from app.models.contacts import Contact
from app.models.files import Bucket
from app.models.messages import Message, MessageEvent
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.templates import Template
from app.models.topics import Topic
from app.services.people import topic_totals
from app.services.providers import provider_sandbox
from app.services.story import demo_drafts, demo_files, demo_people, demo_templates
from app.services.story.demo_people import DOMAINS, Ids
from app.services.story.demo_scenes import SCENES
from app.services.story.demo_stage import Stage
from app.services.team import access
from app.services.tracking import deliveries
from app.services.work import Work

SEED = 47  # as many as the carillon has bells
SANDBOX = "Sandbox mail"
ALREADY = "There is sample data in this project already. Remove it in the settings before you add it again."
_KINDS = (Message, Template, Topic, Contact, Suppression, Provider, Bucket)


@dataclass(frozen=True, slots=True)
class Cast:
    """What was added, or what was removed, in numbers; `kept_provider` when one of your messages needs it."""

    contacts: int = 0
    topics: int = 0
    messages: int = 0
    suppressions: int = 0
    providers: int = 0
    buckets: int = 0
    kept_provider: bool = False


def is_there(work: Work) -> bool:
    """Whether the project holds sample data."""
    return any(work.session.scalar(_of_demo(work, select(table.pk), table).limit(1)) is not None for table in _KINDS)


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
    Stage(work, provider.pk, topics, ids, chance).play(SCENES)
    demo_drafts.add(work, topics, ids)
    demo_files.add(work)
    demo_templates.add(work, ids)
    _mark_suppressions(work)
    cast = cast_of(work)
    work.audit("demo.add", f"project/{work.project.id}", **asdict(cast))
    return cast


def cast_of(work: Work) -> Cast:
    """What the project holds of the story, in numbers."""
    work.require("settings.read")
    return Cast(
        contacts=_count(work, Contact), topics=_count(work, Topic), messages=_count(work, Message),
        suppressions=_count(work, Suppression), providers=_count(work, Provider), buckets=_count(work, Bucket),
    )  # fmt: skip


def _sandbox(work: Work) -> Provider:
    """The provider that all of the story is pinned to: the project's own Sandbox, or one that goes with the story."""
    known = select(Provider.pk).where(Provider.project_pk == work.project_pk, Provider.is_emulated.is_(True))
    is_new = work.session.scalar(known.limit(1)) is None
    provider = provider_sandbox.connect_emulated(work)
    if is_new:
        provider.name, provider.is_demo = SANDBOX, True
        # Waking what waits would hurry the email that is to wait; the ticker finds real ones within a second.
        work.bells[:] = [bell for bell in work.bells if bell[0] != "wake"]
    return provider


def _mark_suppressions(work: Work) -> None:
    """Addresses that died in the story go with it; none of them was suppressed before (`demo_people.drop_taken`)."""
    mine = select(Target.address_key).join(Contact, Contact.pk == Target.contact_pk)
    work.session.execute(
        update(Suppression)
        .where(
            Suppression.project_pk == work.project_pk, Suppression.channel == "email",
            Suppression.address_key.in_(_of_demo(work, mine, Contact)),
        )
        .values(is_demo=True),
        execution_options={"synchronize_session": False},
    )  # fmt: skip


def remove(work: Work) -> Cast:
    """Take the story away with all that hangs on it; what people made themselves stays. Refuses nothing.

    Its provider stays, as an ordinary one, while a message of your own needs it.
    """
    work.require("demo.write")
    messages = list(work.session.scalars(_of_demo(work, select(Message.pk), Message).with_for_update()))
    for message_pk in messages:
        ledger.forget(work.session, message_pk)
    _delete(work, MessageEvent, MessageEvent.message_pk.in_(messages))
    _delete(work, Message, Message.pk.in_(messages))
    _delete(work, Template, Template.project_pk == work.project_pk, Template.is_demo.is_(True))
    contacts = _of_demo(work, select(Contact.pk), Contact)
    topic_totals.take_out(work, Target.contact_pk.in_(contacts))
    suppressions = _remove_suppressions(work, select(Target.address_key).where(Target.contact_pk.in_(contacts)))
    removed = {
        "contacts": _delete(work, Contact, Contact.pk.in_(contacts)),
        "topics": _delete(work, Topic, Topic.project_pk == work.project_pk, Topic.is_demo.is_(True)),
    }
    gone, kept = _remove_providers(work)
    cast = Cast(
        **removed, messages=len(messages), suppressions=suppressions, providers=gone, buckets=demo_files.remove(work),
        kept_provider=kept > 0,
    )  # fmt: skip
    work.audit("demo.remove", f"project/{work.project.id}", **asdict(cast))
    return cast


def _remove_suppressions(work: Work, addresses: Select[Any]) -> int:
    """Those of the story, and those that sending to its people has brought since; never one of a real address."""
    is_reserved = or_(*(Suppression.address_key.endswith(f"@{domain}") for domain in DOMAINS))
    since = and_(Suppression.channel == "email", Suppression.address_key.in_(addresses), is_reserved)
    return _delete(
        work, Suppression, Suppression.project_pk == work.project_pk, or_(Suppression.is_demo.is_(True), since)
    )


def _remove_providers(work: Work) -> tuple[int, int]:
    """How many went, and how many stay because something of your own needs them."""
    rows = work.session.scalars(_of_demo(work, select(Provider), Provider)).all()
    needed = [row for row in rows if _is_needed(work, row)]
    for row in needed:
        row.is_demo = False
    for row in rows:
        if row not in needed:
            provider_history.forget(work.session, row.pk)
            work.session.delete(row)
    work.session.flush()
    return len(rows) - len(needed), len(needed)


def _is_needed(work: Work, provider: Provider) -> bool:
    """Whether a message of your own is pinned to it, is on its way through it, or has nothing else to go through."""
    mine = select(Message.pk).where(Message.project_pk == work.project_pk).limit(1)
    if work.session.scalar(mine.where(Message.provider_pk == provider.pk)) is not None:
        return True
    if deliveries.carried_by(work, provider.pk):
        return True
    others = select(Provider.pk).where(
        Provider.project_pk == work.project_pk, Provider.channel == provider.channel, Provider.enabled.is_(True),
        Provider.pk != provider.pk,
    )  # fmt: skip
    coming = mine.where(
        Message.channel == provider.channel,
        Message.status.in_([MessageStatus.SCHEDULED.value, MessageStatus.PROCESSING.value]),
    )
    return work.session.scalar(others.limit(1)) is None and work.session.scalar(coming) is not None


def _of_demo(work: Work, query: Select[Any], table: Any) -> Select[Any]:
    return query.where(table.project_pk == work.project_pk, table.is_demo.is_(True))


def _count(work: Work, table: Any) -> int:
    return work.session.scalar(_of_demo(work, select(func.count()).select_from(table), table)) or 0


def _delete(work: Work, table: Any, *conditions: Any) -> int:
    done = work.session.execute(delete(table).where(*conditions), execution_options={"synchronize_session": False})
    assert isinstance(done, CursorResult)  # noqa: S101 - a DELETE has one
    return int(done.rowcount)
