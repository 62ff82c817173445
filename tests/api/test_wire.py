"""Each wire model against the fields of the official SDK's own models."""

from typing import Any

import pytest
from appwrite.models.message import Message
from appwrite.models.provider import Provider
from appwrite.models.subscriber import Subscriber
from appwrite.models.target import Target
from appwrite.models.topic import Topic
from appwrite.models.user import User

from tests.api.caller import Caller

WANTED: list[tuple[str, Any]] = [
    ("/users/a", User), ("/users/a/targets/a", Target), ("/messaging/topics/a", Topic),
    ("/messaging/topics/a/subscribers/a", Subscriber), ("/messaging/providers/a", Provider),
    ("/messaging/messages/a", Message),
]  # fmt: skip


@pytest.mark.parametrize(("path", "model"), WANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_no_field_of_the_sdk_is_missing(api: Caller, path: str, model: Any) -> None:
    api.post("/users", userId="a", name="Ann")
    api.post("/users/a/targets", targetId="a", providerType="email", identifier="ann@example.org")
    api.post("/messaging/topics", topicId="a", name="A")
    api.post("/messaging/topics/a/subscribers", subscriberId="a", targetId="a")
    api.post("/messaging/providers/smtp", providerId="a", name="A", host="smtp.example.org")
    api.post("/messaging/messages/email", messageId="a", subject="a", content="b", draft=True)
    found = api.get(path)
    assert {field.alias for field in model.model_fields.values()} - set(found) == set()
    assert model.model_validate(found)
