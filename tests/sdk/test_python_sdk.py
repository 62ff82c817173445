"""The official Python SDK 27.0.0, unmodified, against a running installation: its own models read every answer."""

from collections.abc import Callable
from typing import Any

import pytest
from appwrite.client import Client
from appwrite.enums.message_status import MessageStatus
from appwrite.enums.messaging_provider_type import MessagingProviderType
from appwrite.enums.smtp_encryption import SmtpEncryption
from appwrite.exception import AppwriteException
from appwrite.id import ID
from appwrite.query import Query
from appwrite.services.messaging import Messaging
from appwrite.services.users import Users

from app.infra.settings import ROOT
from tests.faults.tree import wait_for
from tests.sdk.conftest import Installation


@pytest.fixture
def messaging(client: Client) -> Messaging:
    return Messaging(client)


@pytest.fixture
def users(client: Client) -> Users:
    return Users(client)


def refusal(call: Callable[[], Any]) -> tuple[int | None, str | None]:
    """Code and type of what the SDK raises."""
    with pytest.raises(AppwriteException) as caught:
        call()
    return caught.value.code, caught.value.type


def test_a_topic_lives_its_whole_life(messaging: Messaging) -> None:
    made = messaging.create_topic(ID.unique(), "News", subscribe=["any"], description="Monthly")
    assert (made.name, made.subscribe, made.emailtotal, made.description) == ("News", ["any"], 0, "Monthly")
    assert messaging.get_topic(made.id).id == made.id
    assert messaging.update_topic(made.id, name="Weekly").name == "Weekly"
    found = messaging.list_topics(queries=[Query.equal("name", "Weekly"), Query.limit(1)], search="weekly")
    assert (found.total, found.topics[0].id) == (1, made.id)
    assert messaging.list_topics(total=False).total == 0
    assert messaging.delete_topic(made.id) == b""
    assert refusal(lambda: messaging.get_topic(made.id)) == (404, "topic_not_found")


def test_a_user_has_targets(users: Users) -> None:
    made = users.create(ID.unique(), email="Zoe@Example.org", phone="+4917099999999", name="Zoe")
    assert (made.email, made.prefs.data, len(made.targets)) == ("zoe@example.org", {}, 2)
    assert users.update_name(made.id, "Zoë").name == "Zoë"
    assert users.update_email(made.id, "zoe2@example.org").email == "zoe2@example.org"
    assert users.update_phone(made.id, "+4917088888888").phone == "+4917088888888"
    assert users.update_prefs(made.id, {"city": "Bonn"}).data == {"city": "Bonn"}
    assert users.get_prefs(made.id).data == {"city": "Bonn"}
    target = users.create_target(made.id, ID.unique(), MessagingProviderType.PUSH, "token-1", name="Phone")
    assert users.update_target(made.id, target.id, identifier="token-2").identifier == "token-2"
    assert users.get_target(made.id, target.id).providertype == "push"
    assert users.list_targets(made.id, queries=[Query.order_desc("$createdAt")]).total == 3
    users.delete_target(made.id, target.id)
    assert users.list(search="zoe2").users[0].id == made.id
    assert users.get(made.id).name == "Zoë"
    users.delete(made.id)
    assert refusal(lambda: users.get(made.id)) == (404, "user_not_found")


def test_a_provider_is_connected_changed_and_deleted(messaging: Messaging) -> None:
    made = messaging.create_smtp_provider(
        ID.unique(), "Post", "smtp.example.org", port=2525, encryption=SmtpEncryption.TLS, auto_tls=False,
        username="u", password="p", from_email="news@example.org", enabled=False,
    )  # fmt: skip
    assert (made.provider, made.type, made.enabled, made.credentials["port"]) == ("smtp", "email", False, 2525)
    changed = messaging.update_smtp_provider(made.id, name="Mail", reply_to_email="desk@example.org")
    assert (changed.name, changed.options["replyToEmail"]) == ("Mail", "desk@example.org")
    assert messaging.get_provider(made.id).credentials["password"] == "p"
    assert made.id in {each.id for each in messaging.list_providers(queries=[Query.equal("enabled", False)]).providers}
    messaging.delete_provider(made.id)
    assert refusal(lambda: messaging.get_provider(made.id)) == (404, "provider_not_found")


def test_an_email_goes_from_the_sdk_to_an_inbox(installation: Installation, messaging: Messaging, users: Users) -> None:
    provider = messaging.create_smtp_provider(
        "mail", "Mail", "127.0.0.1", port=installation.sink.port, encryption=SmtpEncryption.NONE, auto_tls=False,
        from_email="news@shop.example", enabled=True,
    )  # fmt: skip
    assert provider.enabled
    topic = messaging.create_topic("readers", "Readers")
    for name in ("ann", "ben"):
        person = users.create(name, email=f"{name}@example.org", name=name.title())
        made = messaging.create_subscriber(topic.id, ID.unique(), person.targets[0].id)
        assert (made.username, made.target.identifier) == (name.title(), f"{name}@example.org")
    assert messaging.list_subscribers(topic.id, search="ann").total == 1
    assert messaging.get_subscriber(topic.id, made.id).userid == "ben"

    draft = messaging.create_email("hello", "Hello {{ name }}", "<p>Hi {{ name }}</p>", html=True, draft=True)
    assert (draft.status, draft.data["html"]) == (MessageStatus.DRAFT, True)
    sent = messaging.update_email("hello", topics=[topic.id], draft=False)
    assert sent.status is MessageStatus.PROCESSING
    wait_for(lambda: messaging.get_message("hello").status is MessageStatus.SENT, "the email is sent", 30)
    done = messaging.get_message("hello")
    assert (done.deliveredtotal, done.deliveryerrors) == (2, [])
    assert done.deliveredat
    assert {"ann@example.org", "ben@example.org"} <= set(installation.sink.recipients())
    messaging.delete_subscriber(topic.id, made.id)
    assert messaging.get_topic(topic.id).emailtotal == 1


def test_a_scheduled_email_is_listed_moved_and_deleted(messaging: Messaging, users: Users) -> None:
    target = users.create("dora", email="dora@example.org").targets[0].id
    made = messaging.create_email(
        ID.unique(), "Later", "Text", targets=[target], scheduled_at="2027-05-01T09:00:00.000+00:00"
    )
    assert made.status is MessageStatus.SCHEDULED
    moved = messaging.update_email(made.id, scheduled_at="2027-06-01T09:00:00.000+00:00")
    assert moved.scheduledat == "2027-06-01T09:00:00.000+00:00"
    assert messaging.list_targets(made.id).targets[0].identifier == "dora@example.org"
    later = [Query.equal("status", "scheduled"), Query.contains("targets", [target])]
    assert [each.id for each in messaging.list_messages(queries=later).messages] == [made.id]
    assert messaging.update_email(made.id, draft=True).status is MessageStatus.DRAFT
    messaging.delete(made.id)
    assert refusal(lambda: messaging.get_message(made.id)) == (404, "message_not_found")


def test_pages_follow_one_another_by_cursor(messaging: Messaging) -> None:
    made = [messaging.create_topic(f"page{index}", "Page").id for index in range(5)]
    seen: list[str] = []
    queries = [Query.equal("name", "Page"), Query.limit(2)]
    while page := messaging.list_topics(queries=[*queries, *(Query.cursor_after(last) for last in seen[-1:])]).topics:
        seen += [each.id for each in page]
    assert seen == made


def test_the_quick_start_of_the_documentation_works(installation: Installation, messaging: Messaging) -> None:
    code = (ROOT / "docs" / "api.md").read_text().partition("```python\n")[2].partition("```")[0]
    code = code.replace("http://127.0.0.1:8025/v1", f"{installation.tree.address}/v1")
    exec(compile(code, "docs/api.md", "exec"), {"SECRET": installation.key})
    assert messaging.list_topics(queries=[Query.equal("name", "News")]).topics[0].emailtotal == 1


def test_credentials_fail_as_the_sdk_expects(installation: Installation) -> None:
    def topics(**given: str) -> Callable[[], Any]:
        return lambda: Messaging(installation.client(**given)).list_topics()

    assert refusal(topics(key="standard_wrong")) == (401, "general_unauthorized_scope")
    assert refusal(topics(project="nowhere")) == (404, "project_not_found")
    few = installation.run("key", "create", "--project", "shop", "--name", "Few", "--scopes", "users.read")
    assert refusal(topics(key=few)) == (401, "general_unauthorized_scope")


@pytest.mark.parametrize("method", ["create_sms", "create_push"])
def test_what_is_not_built_yet_says_so(messaging: Messaging, method: str) -> None:
    assert refusal(lambda: getattr(messaging, method)(ID.unique(), "x"))[0] == 404
