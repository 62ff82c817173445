"""Who an audience names: the targets behind topics, contacts and single targets, each once."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select, union
from sqlalchemy.orm import Session

from app.infra.asked_once import once
from app.models.contacts import Contact
from app.models.targets import Target
from app.models.topics import Subscriber, Topic

# {"topics": [ids], "contacts": [ids], "targets": [ids]}; of an email made by a program also "cc" and "bcc", which are
# target ids, and "emails": addresses that belong to nobody here.
Audience = Mapping[str, Any]
DIRECT = ("targets", "cc", "bcc")  # where an audience names single targets


def topic_pks(session: Session, project_pk: int, audience: Audience) -> list[int]:
    """The rows of the topics that still exist."""
    ids = list(audience.get("topics", ()))
    if not ids:
        return []
    asked = select(Topic.pk).where(Topic.project_pk == project_pk, Topic.id.in_(ids))
    return once(session, ("topics", project_pk, *ids), lambda: list(session.scalars(asked)))


def direct_ids(audience: Audience) -> list[str]:
    """The targets that are named one by one, to or in copy; each gets one delivery of its own."""
    return list(dict.fromkeys(public_id for key in DIRECT for public_id in audience.get(key, ())))


def branches(project_pk: int, channel: str, audience: Audience, topics: Sequence[int]) -> list[Select[int]]:
    """One statement per source, each giving target numbers from an index; a target may stand in several."""
    found: list[Select[int]] = [
        select(Subscriber.target_pk.label("target_pk")).where(Subscriber.topic_pk == topic) for topic in topics
    ]
    if contacts := list(audience.get("contacts", ())):
        people = select(Contact.pk).where(Contact.project_pk == project_pk, Contact.id.in_(contacts))
        found.append(
            select(Target.pk.label("target_pk")).where(Target.contact_pk.in_(people), Target.channel == channel)
        )
    if targets := direct_ids(audience):
        # By themselves, or SQLite would rather read every target of the channel than look for more than ten.
        named = select(Target.pk).where(Target.project_pk == project_pk, Target.id.in_(targets))
        found.append(select(Target.pk.label("target_pk")).where(Target.pk.in_(named), Target.channel == channel))
    return found


def chosen_targets(session: Session, project_pk: int, channel: str, audience: Audience) -> Select[int]:
    """A statement for the numbers (`target_pk`) of every target that the audience names, each once.

    Topics hold targets of every channel: join `targets` and compare its channel.
    """
    sources = branches(project_pk, channel, audience, topic_pks(session, project_pk, audience))
    if not sources:
        return select(Target.pk.label("target_pk")).where(Target.pk.is_(None))
    everyone = union(*sources).subquery()
    return select(everyone.c.target_pk)


def page_of_targets(sources: Sequence[Select[int]], cursor: int, size: int) -> Select[int]:
    """The next `size` targets of the sources after `cursor`, in order of their numbers, each once.

    Each source gives at most `size` numbers from its index, so that a page costs the same anywhere in a million.
    """
    pages = [
        source.where(source.selected_columns[0] > cursor).order_by(source.selected_columns[0]).limit(size)
        for source in sources
    ]
    if len(pages) == 1:
        return pages[0]
    everyone = union(*(select(page.subquery().c.target_pk) for page in pages)).subquery()
    return select(everyone.c.target_pk).order_by(everyone.c.target_pk).limit(size)


def targets_between(sources: Sequence[Select[int]], cursor: int, last: int) -> Select[int]:
    """The targets of the sources after `cursor`, up to and with `last`, each once.

    A stretch of numbers and not a count of them: who subscribes while it is read moves nobody out of it.
    """
    parts = [
        source.where(source.selected_columns[0] > cursor, source.selected_columns[0] <= last) for source in sources
    ]
    if len(parts) == 1:
        return parts[0]
    everyone = union(*parts).subquery()
    return select(everyone.c.target_pk)
