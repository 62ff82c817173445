"""What the holder of an unsubscribe link may do, and what it must not reach."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from app.domain.errors import NotFound
from app.domain.permissions import Actor, ActorKind
from app.domain.unsubscribing import Ticket
from app.engine.unsubscribe_links import issued_at
from app.models.audit import AuditEntry
from app.models.messages import Message
from app.models.opt_outs import OptOut
from app.models.projects import Project
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.lists.listing import Cursor
from app.services.people import contacts, preferences, subscribers, topics
from app.services.team import audit
from app.services.work import Workshop
from tests import factories
from tests.conftest import FakeClock
from tests.postgres import wait_for_a_lock

ANN = "ann@example.org"
STRANGER = Actor(ActorKind.MEMBER, "", ip="192.0.2.7", user_agent="Mozilla/5.0")  # whoever opened the page


class Scene:
    """Ann, Ben, three topics that both are in, and a message to the first of them."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        with shop.database.begin() as session:
            people = [factories.make_contact(session, name=name) for name in ("Ann", "Ben")]
            targets = [
                factories.make_target(session, person, address=f"{person.name}@example.org") for person in people
            ]
            made = [factories.make_topic(session, name=name, targets=targets) for name in ("News", "Offers", "Staff")]
            made[2].subscribe = []  # nobody's business
            self.news, self.offers, self.staff = ((topic.pk, topic.id) for topic in made)
            self.ann, self.ann_id = targets[0].pk, people[0].id
        self.ticket = self.message_to(topics=[self.news[1]])

    def message_to(self, **audience: list[str]) -> Ticket:
        """Ann's ticket of a new message to that audience."""
        with self.shop.database.begin() as session:
            message = factories.make_message(session, audience=audience)
            message.started_at = self.shop.clock.now()
            ids = audience.get("topics", [])
            named = session.scalars(select(Topic.pk).where(Topic.id.in_(ids))).all()
            return Ticket(1, message.pk, issued_at(message), "email", ANN, tuple(named), is_bulk=bool(ids))

    def leave(self, ticket: Ticket | None = None) -> preferences.Left:
        with self.shop.open(STRANGER) as work:
            return preferences.leave(work, ticket or self.ticket)

    def choose(self, shown: set[str], ticked: set[str]) -> None:
        with self.shop.open(STRANGER) as work:
            preferences.choose(work, self.ticket, shown, ticked)

    def standing(self, ticket: Ticket | None = None) -> preferences.Standing:
        with self.shop.read(STRANGER) as work:
            return preferences.standing_of(work, ticket or self.ticket)

    def of_ann(self) -> set[int]:
        """The topics that Ann is in."""
        with self.shop.database.read() as session:
            return set(session.scalars(select(Subscriber.topic_pk).where(Subscriber.target_pk == self.ann)))

    def suppressed(self) -> list[tuple[str, str, str]]:
        with self.shop.database.read() as session:
            return [(row.address_key, row.reason, row.source) for row in session.query(Suppression)]


@pytest.fixture
def scene(any_workshop: Workshop) -> Scene:
    return Scene(any_workshop)


def test_leaving_ends_what_the_message_was_about_and_nothing_else(scene: Scene) -> None:
    left = scene.leave()
    assert [choice.name for choice in left.topics] == ["News"]
    assert not left.is_everything
    assert scene.of_ann() == {scene.offers[0], scene.staff[0]}
    assert scene.suppressed() == []
    with scene.shop.database.read() as session:
        assert session.get_one(Topic, scene.news[0]).email_total == 1, "Ben is still there, and the total knows"


def test_leaving_twice_is_leaving_once(scene: Scene) -> None:
    assert scene.leave() == scene.leave()
    with scene.shop.database.read() as session:
        assert session.query(OptOut).count() == 1
        assert session.get_one(Topic, scene.news[0]).email_total == 1
    assert scene.suppressed() == [], "a second click must not take more than the first"


def test_it_stands_in_the_trail_and_with_the_contact(scene: Scene, actor: Actor) -> None:
    scene.leave()
    with scene.shop.database.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.event == "subscriber.delete")).one()
    assert (entry.actor_kind, entry.actor_name, entry.ip) == ("contact", "", "192.0.2.7")
    with scene.shop.read(actor) as work:
        line = audit.list_lines(work, Cursor()).items[0]
        assert (line.entry.event, line.doer, line.subject.name) == ("subscriber.delete", "Ann", "Ann@example.org")
        found = contacts.left_topics_of(work, contacts.find_contact(work, scene.ann_id))
    assert [(row.topic_name, row.address, row.at) for row in found] == [
        ("News", "Ann@example.org", scene.shop.clock.now())
    ]


def test_looking_changes_nothing(scene: Scene) -> None:
    standing = scene.standing()
    assert [(each.name, each.is_subscribed, each.is_named) for each in standing.choices] == [
        ("News", True, True), ("Offers", True, False),
    ]  # fmt: skip
    assert standing.address == "a…@example.org"
    assert len(scene.of_ann()) == 3


def test_what_a_project_keeps_to_itself_is_not_shown_unless_the_message_went_there(scene: Scene) -> None:
    assert "Staff" not in {each.name for each in scene.standing().choices}
    ticket = scene.message_to(topics=[scene.staff[1]])
    assert {each.name for each in scene.standing(ticket).named} == {"Staff"}
    scene.choose({scene.staff[1]}, set())
    assert scene.staff[0] in scene.of_ann(), "what was not shown cannot be chosen"


def test_nobody_comes_into_a_topic_that_they_were_never_in(scene: Scene) -> None:
    with scene.shop.database.begin() as session:
        others = factories.make_topic(session, name="Others")
        pk, public_id = others.pk, others.id
    scene.choose({public_id}, {public_id})
    assert pk not in scene.of_ann()


def test_leaving_can_be_taken_back(scene: Scene, clock: FakeClock) -> None:
    scene.leave()
    clock.move(86_400 * 200)
    scene.choose({scene.news[1]}, {scene.news[1]})
    assert scene.news[0] in scene.of_ann()
    assert [each.is_subscribed for each in scene.standing().named] == [True]


def test_an_api_may_subscribe_somebody_anew_who_left(scene: Scene, actor: Actor) -> None:
    scene.leave()
    with scene.shop.open(actor) as work:
        target = work.session.get_one(Target, scene.ann)
        subscribers.subscribe(work, scene.news[1], target.id)
        found = contacts.left_topics_of(work, contacts.find_contact(work, scene.ann_id))
    assert found == []
    assert [choice.name for choice in scene.leave().topics] == ["News"]
    assert scene.news[0] not in scene.of_ann()


def test_a_link_works_on_when_its_message_is_deleted(scene: Scene) -> None:
    with scene.shop.database.begin() as session:
        session.execute(delete(Message))
    assert [choice.name for choice in scene.leave().topics] == ["News"]


def test_a_number_that_something_else_took_over_is_not_followed(scene: Scene, clock: FakeClock, actor: Actor) -> None:
    with scene.shop.open(actor) as work:
        topics.delete_topic(work, scene.news[1])
    clock.move(60)
    with scene.shop.database.begin() as session:
        newer = Topic(
            pk=scene.news[0], id="newer", project_pk=1, name="Newer", subscribe=["users"],
            created_at=clock.now(), updated_at=clock.now(),
        )  # fmt: skip
        session.add(newer)
        session.flush()
        factories.subscribe(session, newer, session.get_one(Target, scene.ann))
    assert scene.leave().topics == []
    assert scene.news[0] in scene.of_ann()


def test_the_links_of_sample_data_work_though_their_past_is_older_than_their_project(scene: Scene) -> None:
    with scene.shop.database.begin() as session:
        session.get_one(Project, 1).created_at = scene.shop.clock.now() + timedelta(minutes=5)
    assert [choice.name for choice in scene.standing().named] == ["News"]
    with scene.shop.database.begin() as session:
        session.execute(delete(Message))
    with pytest.raises(NotFound):
        scene.standing()


def test_a_message_to_people_themselves_ends_everything_on_the_channel_and_back(scene: Scene) -> None:
    ticket = scene.message_to(contacts=[scene.ann_id])
    assert scene.leave(ticket) == preferences.Left([], is_everything=True)
    assert scene.suppressed() == [(ANN, "unsubscribed", "Unsubscribe link")]
    assert len(scene.of_ann()) == 3, "coming back brings all topics back"
    assert scene.standing().may_resume
    with scene.shop.open(STRANGER) as work:
        preferences.resume(work, ticket)
    assert scene.suppressed() == []


@pytest.mark.parametrize("named", ["contacts", "emails"])
def test_whom_a_topic_message_names_besides_is_left_alone_altogether(scene: Scene, named: str) -> None:
    with scene.shop.database.begin() as session:
        session.execute(delete(Subscriber).where(Subscriber.target_pk == scene.ann))
    ticket = scene.message_to(
        topics=[scene.news[1]], **{named: [scene.ann_id if named == "contacts" else "ANN@example.org"]}
    )
    assert scene.leave(ticket).is_everything
    assert [row[0] for row in scene.suppressed()] == [ANN]


def test_whom_somebody_took_out_already_is_not_suppressed(scene: Scene) -> None:
    with scene.shop.database.begin() as session:
        session.execute(delete(Subscriber).where(Subscriber.target_pk == scene.ann))
    assert scene.leave() == preferences.Left([], is_everything=False)
    assert scene.suppressed() == []


@pytest.mark.parametrize("reason", ["complaint", "hard_bounce", "by_hand"])
def test_a_link_lifts_no_suppression_that_was_not_its_holders_wish(scene: Scene, reason: str) -> None:
    with scene.shop.database.begin() as session:
        factories.make_suppression(session, ANN, reason=reason)
    with scene.shop.open(STRANGER) as work:
        preferences.stop(work, scene.ticket)
        preferences.resume(work, scene.ticket)
    assert [row[1] for row in scene.suppressed()] == [reason]
    assert not scene.standing().may_resume


def test_a_sample_changes_nothing(scene: Scene) -> None:
    sample = replace(scene.ticket, is_sample=True)
    with scene.shop.open(STRANGER) as work:
        preferences.leave(work, sample)
        preferences.stop(work, sample)
        preferences.choose(work, sample, {scene.news[1]}, set())
    assert len(scene.of_ann()) == 3
    assert scene.suppressed() == []


def test_an_address_that_is_nobodys_any_more_can_still_say_stop(scene: Scene) -> None:
    with scene.shop.database.begin() as session:
        session.delete(session.get_one(Target, scene.ann))
    assert scene.leave().topics == []
    assert scene.standing().choices == []
    with scene.shop.open(STRANGER) as work:
        preferences.stop(work, scene.ticket)
    assert [row[0] for row in scene.suppressed()] == [ANN]


def test_a_message_to_more_topics_than_a_link_names_is_looked_up(scene: Scene) -> None:
    ticket = replace(scene.message_to(topics=[scene.news[1], scene.offers[1]]), topics=())
    assert {choice.name for choice in scene.leave(ticket).topics} == {"News", "Offers"}


def test_a_link_of_another_house_is_none(scene: Scene) -> None:
    with pytest.raises(NotFound):
        preferences.open_link(scene.shop.vault, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    with pytest.raises(NotFound):
        scene.standing(replace(scene.ticket, project_pk=99))
    with pytest.raises(NotFound):
        scene.standing(replace(scene.ticket, issued=1))  # from before there was a project


def test_nothing_is_kept_of_somebody_who_is_deleted(scene: Scene, actor: Actor) -> None:
    scene.leave()
    with scene.shop.open(actor) as work:
        contacts.delete_contact(work, scene.ann_id)
    with scene.shop.database.read() as session:
        assert session.query(OptOut).count() == 0


@pytest.mark.parametrize("any_database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_who_stops_at_the_moment_that_somebody_else_stops_it_is_told_no_trouble(any_workshop: Workshop) -> None:
    """An address without a target has no row that the two could wait for; only PostgreSQL lets them meet."""
    scene = Scene(any_workshop)
    nobody = replace(scene.ticket, address="nobody@example.org")

    def stop() -> None:
        with any_workshop.open(STRANGER) as work:
            preferences.stop(work, nobody)

    with ThreadPoolExecutor(1) as pool:
        with any_workshop.open(STRANGER) as work:
            preferences.stop(work, nobody)
            work.session.flush()
            second = pool.submit(stop)
            wait_for_a_lock(any_workshop.database)
        second.result(10)
    assert len(scene.suppressed()) == 1
