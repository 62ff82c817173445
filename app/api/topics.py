"""/messaging/topics: topics and their subscribers."""

from typing import Any

from app.api import wire
from app.api.kinds import NEW_ID, ROLES, UID, text
from app.api.lists import QUERY, SEARCH, SUBSCRIBERS, TOPICS, TOTAL, wish
from app.api.operations import Call, operation
from app.api.params import Param
from app.services.people import records, subscribers, topics
from app.services.programs import shelves
from app.services.work import Work

_DESCRIPTION = Param("description", text(topics.LONGEST_DESCRIPTION, 0))
_NAME = text(topics.LONGEST_NAME)


@operation(
    "POST", "/messaging/topics", "topics.write", Param("topic_id", NEW_ID, required=True),
    Param("name", _NAME, required=True), Param("subscribe", ROLES), _DESCRIPTION, status=201, fields={"id": "topicId"},
    model="Topic",
)  # fmt: skip
def create_topic(work: Work, call: Call) -> dict[str, Any]:
    """Make a topic."""
    made = topics.create_topic(
        work, name=call.name, description=call.description or "", topic_id=call.topic_id, subscribe=call.subscribe
    )
    return wire.topic(made)


@operation("GET", "/messaging/topics", "topics.read", QUERY, SEARCH, TOTAL, model="TopicList")
def list_topics(work: Work, call: Call) -> dict[str, Any]:
    """List topics."""
    found = shelves.list_topics(work, wish(call, TOPICS))
    return wire.page("topics", wire.topic, found.rows, found.total)


@operation("GET", "/messaging/topics/{topicId}", "topics.read", model="Topic")
def get_topic(work: Work, call: Call) -> dict[str, Any]:
    """Get a topic."""
    return wire.topic(topics.find_topic(work, call.topic_id))


@operation(
    "PATCH", "/messaging/topics/{topicId}", "topics.write", Param("name", _NAME), Param("subscribe", ROLES),
    _DESCRIPTION, model="Topic",
)  # fmt: skip
def update_topic(work: Work, call: Call) -> dict[str, Any]:
    """Change a topic."""
    changed = topics.update_topic(
        work, call.topic_id, name=call.name, description=call.description, subscribe=call.subscribe
    )
    return wire.topic(changed)


@operation("DELETE", "/messaging/topics/{topicId}", "topics.write")
def delete_topic(work: Work, call: Call) -> None:
    """Delete a topic with its subscribers."""
    topics.delete_topic(work, call.topic_id)


@operation(
    "POST", "/messaging/topics/{topicId}/subscribers", "subscribers.write",
    Param("subscriber_id", NEW_ID, required=True), Param("target_id", UID, required=True), status=201,
    fields={"id": "subscriberId"}, model="Subscriber", shares_commit=True,
)  # fmt: skip
def create_subscriber(work: Work, call: Call) -> dict[str, Any]:
    """Subscribe a target to a topic."""
    made = subscribers.subscribe(work, call.topic_id, call.target_id, subscriber_id=call.subscriber_id)
    return wire.subscriber(made)


@operation(
    "GET", "/messaging/topics/{topicId}/subscribers", "subscribers.read", QUERY, SEARCH, TOTAL, model="SubscriberList"
)  # fmt: skip
def list_subscribers(work: Work, call: Call) -> dict[str, Any]:
    """List the subscribers of a topic."""
    topic = topics.find_topic(work, call.topic_id)
    found = shelves.list_subscribers(work, topic, wish(call, SUBSCRIBERS))
    return wire.page("subscribers", wire.subscriber, found.rows, found.total)


@operation("GET", "/messaging/topics/{topicId}/subscribers/{subscriberId}", "subscribers.read", model="Subscriber")
def get_subscriber(work: Work, call: Call) -> dict[str, Any]:
    """Get a subscriber."""
    found = subscribers.find_subscriber(work, call.topic_id, call.subscriber_id)
    return wire.subscriber(records.of_subscribers(work, [found])[0])


@operation(
    "DELETE", "/messaging/topics/{topicId}/subscribers/{subscriberId}", "subscribers.write", shares_commit=True
)  # fmt: skip
def delete_subscriber(work: Work, call: Call) -> None:
    """Take a subscriber out of a topic."""
    subscribers.unsubscribe(work, call.topic_id, call.subscriber_id)
