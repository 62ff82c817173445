"""Topics, subscribers and messages by the Python SDK 11.1.0, with the logs that later versions gave up."""

from datetime import UTC, datetime, timedelta
from typing import Any

from appwrite.enums.message_priority import MessagePriority
from appwrite.enums.messaging_provider_type import MessagingProviderType
from appwrite.query import Query


def run_topics(messaging: Any, users: Any) -> None:
    """A topic with somebody in it."""
    person = users.create("ann", email="ann@example.org", phone="+4917012345678", name="Ann")
    messaging.create_topic("news", "News", subscribe=["any"])
    assert messaging.update_topic("news", name="Weekly news")["name"] == "Weekly news"
    assert messaging.list_topics(queries=[Query.equal("name", "Weekly news")])["total"] == 1
    messaging.create_subscriber("news", "first", person["targets"][0]["$id"])
    assert messaging.get_subscriber("news", "first")["userName"] == "Ann"
    assert messaging.list_subscribers("news", search="ann")["total"] == 1
    assert messaging.list_subscriber_logs("first")["total"] >= 1
    assert messaging.get_topic("news")["emailTotal"] == 1
    messaging.delete_subscriber("news", "first")
    assert messaging.list_topic_logs("news", queries=[Query.limit(2)])["logs"][0]["event"] == "topic.update"
    messaging.create_topic("gone", "Gone")
    messaging.delete_topic("gone")


def write_messages(messaging: Any, users: Any, bucket: str) -> None:
    """A message of each channel, as a draft, for later, and gone."""
    later = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="milliseconds")
    email, phone = (target["$id"] for target in users.get("ann")["targets"])
    token = users.create_target("ann", "token", MessagingProviderType.PUSH, "a" * 64, name="Phone")["$id"]
    messaging.create_email("mail", "Hello", "Text", targets=[email], attachments=[f"{bucket}:terms"], draft=True)
    changed = messaging.update_email("mail", subject="Good day", html=True, scheduled_at=later)
    assert (changed["status"], changed["data"]["subject"], changed["data"]["html"]) == ("scheduled", "Good day", True)
    messaging.create_sms("text", "Ready", targets=[phone], draft=True)
    assert messaging.update_sms("text", content="Ready now", draft=True)["data"]["content"] == "Ready now"
    messaging.create_push(
        "push", "Sale", "All of it", targets=[token], data={"screen": "sale"}, image=f"{bucket}:picture", badge=2,
        priority=MessagePriority.NORMAL, draft=True,
    )  # fmt: skip
    assert messaging.update_push("push", title="Big sale", tag="sale")["data"]["title"] == "Big sale"
    assert messaging.list_messages(queries=[Query.equal("status", "scheduled")])["total"] == 1
    assert messaging.list_targets("mail")["targets"][0]["$id"] == email
    assert messaging.get_message("mail")["scheduledAt"] == later
    assert messaging.list_message_logs("mail")["total"] >= 1
    messaging.delete("text")
