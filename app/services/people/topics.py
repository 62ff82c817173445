"""Topics: named lists that addresses subscribe to."""

from collections.abc import Sequence

from sqlalchemy import and_, false, select

from app.domain.addresses import has_control_characters
from app.domain.errors import Conflict, Forbidden, Invalid
from app.domain.ids import CUSTOM_ID_RULE, is_custom_id
from app.domain.words import read_search
from app.infra import full_text
from app.models.topics import Topic
from app.services.lists.listing import Cursor, Page, page_of
from app.services.work import Work

LONGEST_NAME = 128
LONGEST_DESCRIPTION = 2048
MOST_CHOICES = 200


def list_topics(work: Work, cursor: Cursor, *, search: str = "") -> Page[Topic]:
    """Topics, newest first; `search` is words of their name, description or id, the last one perhaps not whole."""
    work.require("topics.read")
    query = select(Topic).where(Topic.project_pk == work.project_pk)
    if search.strip():
        asked = read_search(search)
        query = query.where(false() if asked.is_empty else and_(*full_text.holds(Topic.words, asked)))
    return page_of(work.session, query, Topic.pk, cursor)


def choose_from(work: Work) -> list[Topic]:
    """The topics that a form offers, by name; at most 200."""
    work.require("topics.read")
    query = select(Topic).where(Topic.project_pk == work.project_pk).order_by(Topic.name, Topic.pk)
    return list(work.session.scalars(query.limit(MOST_CHOICES)))


def find_topic(work: Work, topic_id: str) -> Topic:
    """The topic with that id; NotFound when there is none."""
    work.require("topics.read")
    topic: Topic = work.find(Topic, topic_id, noun="topic", type="topic_not_found")
    return topic


def refuse_stranger(work: Work, roles: Sequence[str]) -> None:
    """Go on only when whoever asks may subscribe to a topic that takes these roles; Forbidden, naming them, else."""
    actor = work.actor
    if actor.is_privileged or not actor.roles.isdisjoint(roles):
        return
    wanted, held = (", ".join(sorted(each)) or "none" for each in (roles, actor.roles))
    sentence = f"Missing a role that may subscribe to this topic: it takes {wanted}; you hold {held}."
    raise Forbidden(sentence, type="user_unauthorized")


def total_of(topic: Topic) -> int:
    """The subscribers of all channels together."""
    return topic.email_total + topic.sms_total + topic.push_total


def create_topic(
    work: Work, *, name: str, description: str = "", topic_id: str = "", subscribe: list[str] | None = None
) -> Topic:
    """Add a topic. Raises Invalid by field (`name`, `description`, `id`), Conflict for an id in use.

    `subscribe` are the REST API's roles that may subscribe themselves.
    """
    work.require("topics.write")
    problems = _problems(name, description)
    if topic_id and not is_custom_id(topic_id):
        problems["id"] = [f"Topic id cannot be that. {CUSTOM_ID_RULE}"]
    if problems:
        raise Invalid(problems)
    if topic_id and _exists(work, topic_id):
        sentence = f"A topic with the id {topic_id} exists already; choose another id."
        raise Conflict(sentence, type="topic_already_exists", fields={"id": [sentence]})
    topic = Topic(
        id=topic_id or work.unique_id(), project_pk=work.project_pk, name=name.strip(),
        description=description.strip(), subscribe=["users"] if subscribe is None else subscribe, **work.stamp(),
    )  # fmt: skip
    work.session.add(topic)
    work.session.flush()
    work.audit("topic.create", f"topic/{topic.id}", name=topic.name)
    return topic


def update_topic(
    work: Work, topic_id: str, *, name: str | None = None, description: str | None = None,
    subscribe: list[str] | None = None,
) -> Topic:  # fmt: skip
    """Rename a topic, describe it anew, or change who may subscribe (None keeps each). Raises Invalid by field."""
    work.require("topics.write")
    topic = find_topic(work, topic_id)
    name = topic.name if name is None else name
    description = topic.description if description is None else description
    problems = _problems(name, description)
    if problems:
        raise Invalid(problems)
    before = topic.name
    topic.subscribe = topic.subscribe if subscribe is None else subscribe
    topic.name, topic.description, topic.updated_at = name.strip(), description.strip(), work.now
    work.audit("topic.update", f"topic/{topic.id}", name=topic.name, before=before)
    return topic


def delete_topic(work: Work, topic_id: str) -> Topic:
    """Delete a topic with its subscriptions; contacts and their addresses stay."""
    work.require("topics.write")
    topic = find_topic(work, topic_id)
    work.audit("topic.delete", f"topic/{topic.id}", name=topic.name, subscribers=total_of(topic))
    work.session.delete(topic)
    work.session.flush()
    return topic


def _problems(name: str, description: str) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or has_control_characters(name):
        problems["name"] = [f"Name needs 1 to {LONGEST_NAME} characters and no line breaks, like Monthly news."]
    if len(description) > LONGEST_DESCRIPTION or "\0" in description:
        problems["description"] = [f"Description can have at most {LONGEST_DESCRIPTION:,} characters and no NUL bytes."]
    return problems


def _exists(work: Work, topic_id: str) -> bool:
    found = select(Topic.pk).where(Topic.project_pk == work.project_pk, Topic.id == topic_id)
    return work.session.scalar(found) is not None
