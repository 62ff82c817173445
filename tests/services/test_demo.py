"""The demo story: it balances, shows every state, leaves this machine in nothing, and goes without a trace."""

import io
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.domain.content import EmailContent, content_of
from app.domain.errors import Conflict, Forbidden
from app.domain.permissions import Actor, system
from app.engine import balance, dispatch, ledger
from app.engine.machine import Machine
from app.infra.settings import Settings
from app.migrations import upgrade
from app.models.base import Base
from app.models.contacts import Contact
from app.models.deliveries import Attempt, Delivery
from app.models.files import Bucket, File, FileUse
from app.models.messages import Message, MessageEvent
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.topics import Topic
from app.seed import seed
from app.services.messages import enclosures, messages
from app.services.people import topic_totals
from app.services.providers import provider_sandbox
from app.services.sending import dashboard
from app.services.storage import file_sweeps, uploads
from app.services.storage.upload_admission import Incoming
from app.services.story import demo, demo_files
from app.services.team import access, members
from app.services.work import Workshop
from tests.conftest import SECRET, START, FakeClock, open_workshop
from tests.engine.conftest import MailServer
from tests.factories import make_contact, make_message, make_suppression, make_topic, subscribe

OWNERLESS = {
    "email": re.compile(r"[a-z0-9._]+@example\.(org|com|net)"),
    "sms": re.compile(r"\+1\d{3}55501\d\d|\+447700900\d{3}|\+3363998\d{4}"),
    "push": re.compile(r"sample-[0-9a-f]{64}"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, valkey: str) -> Iterator[Workshop]:
    """A project in which the story was told; for tests that only look at it."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("demo"), redis_url=valkey, secret_keys=SECRET)
    upgrade(settings.sqlalchemy_url)
    shops = open_workshop(settings, FakeClock())
    shop = next(shops)
    with shop.open(system(1)) as work:
        demo.add(work)
    yield shop
    next(shops, None)


def count_rows(shop: Workshop) -> dict[str, int]:
    with shop.database.read() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
            if table.name != "audit_entries"
        }


def assert_balanced(shop: Workshop) -> None:
    with shop.database.read() as session:
        for message in session.scalars(select(Message).where(Message.started_at.is_not(None))):
            tally = ledger.tally_of(session, message.pk)
            assert tally is not None
            rows = balance.recount(session, message.pk)
            assert {state: getattr(tally, state) for state in ledger.STATES} == rows, message.title
            assert tally.audience == sum(rows.values()) > 0


def test_every_number_of_the_story_agrees_with_its_rows(told: Workshop) -> None:
    assert_balanced(told)
    with told.open(system(1)) as work:
        assert topic_totals.recount(work) == 0
    with told.database.read() as session:
        tries = session.scalar(select(func.count()).where(Attempt.outcome != "throttled"))  # those wear out nothing
        assert tries == session.scalar(select(func.sum(Delivery.attempts)))
        assert session.scalar(select(func.count()).where(Delivery.state == "sending")) == 0
        assert session.scalar(select(func.count()).where(Attempt.started_at >= Attempt.ended_at)) == 0


def test_the_story_is_as_large_as_it_says(told: Workshop) -> None:
    counts = count_rows(told)
    assert (counts["contacts"], counts["topics"], counts["messages"], counts["providers"]) == (2_000, 5, 40, 1)
    assert counts["suppressions"] == 40


def test_every_state_of_a_message_and_of_a_delivery_is_shown(told: Workshop) -> None:
    with told.database.read() as session:
        phases = Counter(message.phase() for message in session.scalars(select(Message)))
        states = set(session.scalars(select(Delivery.state).distinct()))
        reasons = set(session.scalars(select(Delivery.reason).where(Delivery.state == "failed").distinct()))
        suppressed = set(session.scalars(select(Suppression.reason).distinct()))
    assert set(phases) == set(messages.PHASES)
    assert (phases["draft"], phases["scheduled"], phases["late"]) == (6, 6, 1)
    assert states == {"queued", "sent", "failed", "skipped", "uncertain"}
    assert len(reasons) >= 5
    assert suppressed == {"unsubscribed", "hard_bounce", "complaint", "by_hand"}


def test_no_address_of_the_story_can_be_somebodys(told: Workshop) -> None:
    with told.database.read() as session:
        targets = session.execute(select(Target.channel, Target.address)).all()
    assert {channel for channel, _ in targets} == {"email", "sms", "push"}
    assert [address for channel, address in targets if not OWNERLESS[channel].fullmatch(address)] == []


def test_names_come_from_many_languages_and_some_are_missing(told: Workshop) -> None:
    with told.database.read() as session:
        people = session.execute(select(Contact.name, Contact.attributes)).all()
    assert len({row.attributes["language"] for row in people}) >= 12
    assert 20 < sum(not row.name for row in people) < 120
    assert any(not row.name.isascii() for row in people)


def test_everything_is_marked_and_pinned_to_the_sandbox(told: Workshop) -> None:
    with told.database.read() as session:
        provider = session.scalars(select(Provider)).one()
        assert provider.is_emulated
        for table in (Contact, Topic, Message, Suppression, Provider):
            assert session.scalar(select(func.count()).where(table.is_demo.is_(False))) == 0
        assert set(session.scalars(select(Message.provider_pk))) == {provider.pk}
        credentials = told.vault.decrypt_json(provider.credentials)
    assert credentials["username"] == "default"


def test_only_what_is_on_its_way_may_be_sent_by_workers(told: Workshop) -> None:
    with told.database.read() as session:
        waiting = session.scalars(select(Message).where(Message.status == "processing")).all()
        queued = set(session.scalars(select(Delivery.message_pk).where(Delivery.state == "queued").distinct()))
        due = [message for message in waiting if ledger.may_send(session, message.pk)]
        now = [message.title for message in due if ledger.has_due(session, message.pk, START)]
    assert queued == {message.pk for message in waiting}
    assert sorted(message.phase() for message in waiting) == ["paused", "sending", "sending"]
    assert now == ["Tonight we sing at six"]


def test_the_first_page_has_something_to_show(told: Workshop) -> None:
    with told.read(system(1)) as work:
        home = dashboard.home_of(work)
    assert home.checklist.is_done
    assert sum(day.total > 0 for day in home.days) >= 10
    assert home.today.good > 0
    assert home.attention.with_failures
    assert home.attention.due_soon
    ((late, by),) = home.attention.too_late
    assert late.title == "The tower opens at noon today"
    assert timedelta(hours=2) < by < timedelta(hours=3)
    assert len(home.upcoming) == 5


def test_a_timeline_tells_what_happened_in_order(told: Workshop) -> None:
    with told.database.read() as session:
        for message in session.scalars(select(Message)):
            lines = session.scalars(
                select(MessageEvent).where(MessageEvent.message_pk == message.pk).order_by(MessageEvent.pk)
            ).all()
            assert lines[0].event == "created"
            assert [line.at for line in lines] == sorted(line.at for line in lines), message.title
            assert lines[-1].at <= START
            if message.status in {"sent", "failed"}:
                assert lines[-1].event == "settled"


def test_a_mailbox_that_stays_full_is_given_up_after_a_day(told: Workshop) -> None:
    with told.database.read() as session:
        full = session.scalars(select(Delivery).where(Delivery.reason == "mailbox_full")).first()
        assert full is not None
        tries = session.scalars(select(Attempt).where(Attempt.delivery_pk == full.pk).order_by(Attempt.pk)).all()
    assert [attempt.number for attempt in tries] == list(range(1, len(tries) + 1))
    assert 7 <= len(tries) <= 12  # after half an hour, an hour, two, and then every four
    assert tries[-1].ended_at - tries[0].ended_at > timedelta(hours=18)


def test_the_story_is_told_on_each_sort_of_database_and_goes_without_a_trace(any_workshop: Workshop) -> None:
    before = count_rows(any_workshop)
    with any_workshop.open(system(1)) as work:
        added = demo.add(work)
        assert demo.is_there(work)
    assert_balanced(any_workshop)
    with any_workshop.open(system(1)) as work:
        assert demo.remove(work) == added
        assert not demo.is_there(work)
    assert file_sweeps.sweep(any_workshop) == 2
    assert count_rows(any_workshop) == before
    assert [path for path in (any_workshop.settings.data_dir / "files").rglob("*") if path.is_file()] == []


def test_telling_it_is_quick_enough_for_a_request(workshop: Workshop, actor: Actor) -> None:
    began = time.process_time()
    with workshop.open(actor) as work:
        demo.add(work)
    assert time.process_time() - began < 5


def test_a_draft_shows_its_picture_and_encloses_the_programme(told: Workshop) -> None:
    with told.read(system(1)) as work:
        assert {row.name: row.kind for row in work.session.scalars(select(File))} == {
            "candlelight-concert.jpg": "image", "tower-at-dusk.jpg": "image", "programme.pdf": "document",
        }  # fmt: skip
        using = select(Message).join(FileUse).where(Message.channel == "email").distinct()
        draft = work.session.scalars(using).one()
        enclosed = enclosures.lay_out(work, draft, content_of("email", draft.content), None)
    assert [(each.name, each.place) for each in enclosed.files] == [
        ("programme.pdf", "attached"), ("candlelight-concert.jpg", "shown"),
    ]  # fmt: skip


def test_its_bucket_stays_while_something_of_yours_is_in_it_or_shows_its_files(
    workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        demo.add(work)
        bucket = work.session.scalars(select(Bucket)).one()
        mine = EmailContent("Mine", "", "markdown", "Look", attachments=((bucket.id, demo_files.PROGRAMME),))
        letter = make_message(work.session, content=mine.to_json())
    with workshop.open(actor) as work:
        assert demo.remove(work).buckets == 0
        assert not demo.is_there(work)
        assert work.session.scalar(select(func.count()).select_from(File)) == 3
        work.session.delete(work.session.get_one(Message, letter.pk))
        work.session.flush()
        demo.add(work)
        again = work.session.scalars(select(Bucket).where(Bucket.is_demo.is_(True))).one()
    uploads.receive(workshop, actor, Incoming(again.id, io.BytesIO(b"%PDF-1.4"), "mine.pdf"))
    with workshop.open(actor) as work:
        assert demo.remove(work).buckets == 0


def test_a_file_store_that_is_away_leaves_it_without_files(
    workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(workshop.settings.data_dir / "files", ignore_errors=True)
    (workshop.settings.data_dir / "files").write_text("no folder")
    with workshop.open(actor) as work:
        assert demo.add(work).buckets == 0
    assert count_rows(workshop)["files"] == 0
    with workshop.read(actor) as work:
        told = [content_of(row.channel, row.content) for row in work.session.scalars(select(Message))]
    assert [content for content in told if content.files] == []


def test_telling_it_twice_is_refused_in_words(told: Workshop) -> None:
    with pytest.raises(Conflict, match="There is sample data in this project already"), told.open(system(1)) as work:
        demo.add(work)


def test_removing_what_is_not_there_does_nothing(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        assert demo.remove(work) == demo.Cast()


def test_only_an_admin_may_add_or_remove_it(told: Workshop, composer: Actor) -> None:
    with pytest.raises(Forbidden), told.open(composer) as work:
        demo.add(work)
    with pytest.raises(Forbidden), told.open(composer) as work:
        demo.remove(work)


@pytest.mark.parametrize("now", [datetime(2026, 11, 20, 23, 3, tzinfo=UTC), datetime(2027, 3, 27, 23, 40, tzinfo=UTC)])
def test_the_hour_of_the_day_does_not_matter(workshop: Workshop, clock: FakeClock, now: datetime) -> None:
    clock.moment = now
    with workshop.open(system(1)) as work:
        demo.add(work)
    assert_balanced(workshop)
    with workshop.database.read() as session:
        assert session.scalar(select(func.count()).where(Message.started_at > now)) == 0
        due = session.scalars(
            select(Message.scheduled_at).where(Message.status == "scheduled", Message.late_at.is_(None))
        )
        first = min(moment for moment in due if moment is not None)
    assert now < first < now + timedelta(hours=1)
    assert first.minute % 5 == first.second == first.microsecond == 0


def test_what_you_made_yourself_stays_and_works(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        demo.add(work)
    with workshop.open(actor) as work:
        session = work.session
        target = session.scalars(select(Target).where(Target.channel == "email").limit(1)).one()
        circle = session.scalars(select(Topic).limit(1)).one()
        ann = make_contact(session, email="ann@real.example")
        subscribe(session, circle, session.scalars(select(Target).where(Target.contact_pk == ann.pk)).one())
        mine = make_topic(session, name="Mine", targets=[target])
        message = make_message(session, audience={"topics": [circle.id, mine.id]})
        make_suppression(session, "bob@real.example")
    with workshop.open(actor) as work:
        removed = demo.remove(work)
    assert (removed.messages, removed.kept_provider) == (40, False)
    counts = count_rows(workshop)
    rest = ("contacts", "targets", "topics", "subscribers", "messages", "suppressions")
    assert [counts[name] for name in rest] == [1, 1, 1, 0, 1, 1]
    with workshop.open(actor) as work:
        assert topic_totals.recount(work) == 0
        assert messages.find(work, message.id).audience["topics"] == [circle.id, mine.id]


def test_its_provider_stays_while_a_message_of_yours_needs_it(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        demo.add(work)
        sandbox = work.session.scalars(select(Provider)).one()
        make_message(work.session, status="draft", provider_pk=sandbox.pk)
    with workshop.open(actor) as work:
        assert demo.remove(work).kept_provider
        assert not demo.is_there(work)
    with workshop.database.read() as session:
        assert session.scalars(select(Provider)).one().name == "Sandbox mail"


def test_a_sandbox_that_was_there_before_is_used_and_stays(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        sandbox = provider_sandbox.connect_emulated(work)
    with workshop.open(actor) as work:
        assert demo.add(work).providers == 0
        assert set(work.session.scalars(select(Message.provider_pk))) == {sandbox.pk}
    with workshop.open(actor) as work:
        demo.remove(work)
    assert count_rows(workshop)["providers"] == 1


def test_addresses_that_are_somebodys_already_are_left_alone(workshop: Workshop, actor: Actor, told: Workshop) -> None:
    with told.database.read() as session:
        used = list(session.scalars(select(Target.address).where(Target.channel == "email").limit(30)))
    with workshop.open(actor) as work:
        for address in used[:20]:
            make_contact(work.session, email=address)
        for address in used[20:]:
            make_suppression(work.session, address)
    before = count_rows(workshop)
    with workshop.open(actor) as work:
        demo.add(work)
    assert_balanced(workshop)
    with workshop.open(actor) as work:
        demo.remove(work)
    file_sweeps.sweep(workshop)
    assert count_rows(workshop) == before


def test_the_first_member_finds_it_in_the_first_project(workshop: Workshop) -> None:
    with workshop.open(system()) as work:
        token = access.invite_first_member(work)
    with workshop.open(system()) as work:
        session = members.accept_first_invitation(
            work, token, email="olga@example.org", name="Olga", password="a long password"
        )
    for _ in range(2):  # the second time it is there already, and nothing happens
        with workshop.open(system()) as work:
            demo.add_to_first_project(work, session)
    assert count_rows(workshop)["messages"] == 40


def test_the_command_says_what_it_did_and_that_it_was_done(workshop: Workshop) -> None:
    assert seed(workshop, "default").startswith("Added 2,000 contacts, 5 topics and 40 messages to project default.")
    assert seed(workshop) == "Project default has sample data already; nothing was added."


def test_workers_send_the_rest_to_the_sandbox(workshop: Workshop, clock: FakeClock) -> None:
    with workshop.open(system(1)) as work:
        demo.add(work)
    with workshop.database.read() as session:
        message = session.scalars(select(Message).where(Message.title == "Tonight we sing at six")).one()
        tally = ledger.tally_of(session, message.pk)
    assert tally is not None
    mail = MailServer(workshop.settings.data_dir)
    try:
        machine = Machine(workshop.settings, workshop.database, workshop.broker, clock, workshop.vault)
        assert dispatch.drain(machine, message.pk) == tally.queued > 10
        assert len(mail.recipients()) == tally.queued
    finally:
        mail.stop()
    with workshop.database.read() as session:
        assert session.get_one(Message, message.pk).status == "sent"
    assert_balanced(workshop)
