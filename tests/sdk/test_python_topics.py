"""Topics and subscribers by the official Python SDK 27.0.0, and what every call has in common."""

from appwrite.id import ID
from appwrite.query import Query
from appwrite.services.messaging import Messaging
from appwrite.services.users import Users

from tests.sdk.conftest import Access, Installation, refusal


def test_a_topic_lives_its_whole_life(messaging: Messaging) -> None:
    made = messaging.create_topic(ID.unique(), "News", subscribe=["any"], qos=1, expiry=60, description="Monthly")
    assert (made.name, made.subscribe, made.emailtotal, made.description) == ("News", ["any"], 0, "Monthly")
    assert messaging.get_topic(made.id).id == made.id
    assert messaging.update_topic(made.id, name="Weekly", description="", subscribe=["users"]).name == "Weekly"
    found = messaging.list_topics(queries=[Query.equal("name", "Weekly"), Query.limit(1)], search="weekly")
    assert (found.total, found.topics[0].id, found.topics[0].subscribe) == (1, made.id, ["users"])
    assert messaging.list_topics(total=False).total == 0
    assert messaging.delete_topic(made.id) == b""
    assert refusal(messaging.get_topic, made.id) == (404, "topic_not_found")


def test_a_target_subscribes_and_leaves(messaging: Messaging, users: Users) -> None:
    person = users.create("sue", email="sue@example.org", phone="+4917012345678", name="Sue")
    topic = messaging.create_topic(ID.unique(), "Offers")
    made = [messaging.create_subscriber(topic.id, ID.unique(), target.id) for target in person.targets]
    assert {(each.username, each.userid, each.topicid) for each in made} == {("Sue", person.id, topic.id)}
    counted = messaging.get_topic(topic.id)
    assert (counted.emailtotal, counted.smstotal, counted.pushtotal) == (1, 1, 0)
    assert messaging.list_subscribers(topic.id, [Query.equal("providerType", "sms")]).total == 1
    assert messaging.list_subscribers(topic.id, search="sue").total == 2  # the id of the user
    assert messaging.get_subscriber(topic.id, made[0].id).target.id == person.targets[0].id
    again = refusal(messaging.create_subscriber, topic.id, ID.unique(), person.targets[0].id)
    assert again == (409, "subscriber_already_exists")
    assert messaging.delete_subscriber(topic.id, made[0].id) == b""
    assert refusal(messaging.get_subscriber, topic.id, made[0].id) == (404, "subscriber_not_found")
    assert messaging.get_topic(topic.id).emailtotal == 0


def test_pages_follow_one_another_by_cursor(messaging: Messaging) -> None:
    made = [messaging.create_topic(f"page{index}", "Page").id for index in range(5)]
    seen: list[str] = []
    queries = [Query.equal("name", "Page"), Query.limit(2)]
    while page := messaging.list_topics(queries=[*queries, *(Query.cursor_after(last) for last in seen[-1:])]).topics:
        seen += [each.id for each in page]
    assert seen == made


def test_credentials_fail_as_the_sdk_expects(installation: Installation, shop: Access) -> None:
    def ask(**given: str) -> tuple[int | None, str | None]:
        return refusal(Messaging(shop.client(**given)).list_topics)

    assert ask(key="standard_wrong") == (401, "general_unauthorized_scope")
    assert ask(project="nowhere") == (404, "project_not_found")
    assert ask(key=installation.make_key("shop", "users.read")) == (401, "general_unauthorized_scope")
