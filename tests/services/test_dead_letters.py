"""Dead letters: which deliveries are some, how they stand in groups and pages, and what a page costs."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.domain.dead_letters import HOPELESS, Chosen, is_dead_letter
from app.domain.delivery_states import DeliveryState
from app.domain.errors import Forbidden, Invalid, NotFound
from app.domain.outcomes import Reason
from app.domain.permissions import Actor, ActorKind
from app.engine import dead_letters as engine
from app.models.deliveries import Delivery
from app.models.messages import Message
from app.models.projects import Project
from app.services.lists.listing import Cursor
from app.services.tracking import dead_letters
from app.services.tracking.dead_letters import MOST, Group, Wish, list_groups, list_letters, total_of
from app.services.work import Work, Workshop
from tests.conftest import START
from tests.factories import make_provider
from tests.sent_messages import add_delivery, make_sent
from tests.statements import heard

MANY = """INSERT INTO deliveries (project_pk, message_pk, address, channel, state, reason, attempts, wish_pk,
next_attempt_at, was_uncertain, provider_message_id, created_at, updated_at)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
SELECT 1, :message, 'many-' || n, 'email', :state, :reason, 1, 0, 0, false, '', 0, :at + n FROM numbers"""


def add_many(work: Work, message: Message, count: int, *, state: str = "failed", reason: str = "server_error") -> None:
    """That many deliveries that ended alike, one each millisecond."""
    values = {"message": message.pk, "count": count, "state": state, "reason": reason}
    work.session.execute(text(MANY), values | {"at": 1_763_712_000_000})


def add_dead(work: Work, *ends: tuple[str, str], count: int = 1) -> Message:
    """A message with a delivery that got through, and `count` for each (state, reason)."""
    message = make_sent(work.session, {"sent": 1})
    for state, reason in ends:
        for index in range(count):
            add_delivery(work.session, message, state, f"{state}-{reason}-{index}@example.org", reason=reason)
    return message


def keys(groups: list[Group] | tuple[Group, ...]) -> list[tuple[str, str, str, int]]:
    return [(group.message.id, group.state, group.reason, group.total.number) for group in groups]


def test_the_index_holds_exactly_what_the_domain_calls_dead(any_workshop: Workshop, actor: Actor) -> None:
    ends = [(state.value, reason.value) for state in DeliveryState for reason in Reason]
    with any_workshop.open(actor) as work:
        message = add_dead(work, *ends)
        chosen = select(Delivery.state, Delivery.reason).where(*engine.where(1, Chosen()))
        found = {(state, reason) for state, reason in work.session.execute(chosen)}
        assert total_of(work).number == len(found)
    assert message.pk
    assert found == {(state, reason) for state, reason in ends if is_dead_letter(state, reason)}
    assert ("failed", "server_error") in found
    assert ("uncertain", "connection_lost") in found
    assert not {reason for _, reason in found} & set(HOPELESS)


def test_groups_tell_message_state_reason_and_provider_apart(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        one, other = make_provider(work, name="One"), make_provider(work, name="Other")
        message = make_sent(work.session, {"delivered": 2, "bounced": 1, "failed": 1})  # that one's mailbox is unknown
        for index, provider in enumerate([one, other, other, None, None, None]):
            end = {"reason": "server_error", "provider": provider, "at": START + timedelta(minutes=index)}
            add_delivery(work.session, message, "failed", f"{index}@example.org", **end)
        add_delivery(work.session, message, "failed", "full@example.org", reason="mailbox_full", provider=one)
        add_delivery(work.session, message, "uncertain", "doubt@example.org", reason="server_error", provider=one)
        page = list_groups(work, Wish(), Cursor())
        found = {(group.state, group.reason, group.carrier.name): group for group in page.items}
        assert {key: group.total for key, group in found.items()} == {
            ("failed", "mailbox_full", "One"): (1, False),
            ("failed", "server_error", "None"): (3, False),
            ("failed", "server_error", "One"): (1, False),
            ("failed", "server_error", "Other"): (2, False),
            ("uncertain", "server_error", "One"): (1, False),
        }
        assert len(page.items) == len(found)
        group = found["failed", "server_error", "Other"]
        assert (group.oldest, group.newest) == (START + timedelta(minutes=1), START + timedelta(minutes=2))
        for each in page.items:
            key = {"message_id" if name == "message" else name: value for name, value in each.key.items()}
            assert len(list_letters(work, Wish(**key)).items) == each.total.number
            assert [row.key for row in list_groups(work, Wish(**key), Cursor()).items] == [each.key]


def test_a_provider_that_was_disconnected_keeps_its_group(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = make_sent(work.session, {})
        row = add_delivery(work.session, message, "failed", "a@example.org", reason="server_error")
        row.provider_pk = 4711
        work.session.flush()
        group = list_groups(work, Wish(), Cursor()).items[0]
        assert group.carrier.name == "A provider that was disconnected"
        assert len(list_groups(work, Wish(provider=group.carrier.key), Cursor()).items) == 1
        for damaged in ("gone:", "gone:x", "gone:" + "9" * 30, "nobody"):
            assert list_groups(work, Wish(provider=damaged), Cursor()).items == []


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Wish(), 4),
        (Wish(state="uncertain"), 1),
        (Wish(reason="mailbox_full"), 1),
        (Wish(reason="mailbox_unknown"), 0),
        (Wish(channel="sms"), 1),
        (Wish(channel="pigeon"), 0),
        (Wish(provider="none"), 4),
        (Wish(provider="nobody"), 0),
        (Wish(since=START + timedelta(seconds=1)), 0),
        (Wish(since=START), 4),
    ],
)
def test_filters_find_exactly_what_fits(workshop: Workshop, actor: Actor, wish: Wish, expected: int) -> None:
    with workshop.open(actor) as work:
        add_dead(work, ("failed", "mailbox_full"), ("failed", "server_error"), ("uncertain", "timed_out"))
        text_message = make_sent(work.session, {}, channel="sms", content={"text": "Hello"})
        add_delivery(work.session, text_message, "failed", "+4915112345678", reason="content_rejected")
        assert len(list_groups(work, wish, Cursor()).items) == expected
        assert engine.count(work.session, 1, dead_letters.choose(work, wish)).total == expected


def test_groups_come_by_message_page_by_page_and_back(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        ids = [add_dead(work, ("failed", "server_error"), ("failed", "mailbox_full")).id for _ in range(7)][::-1]
        first = list_groups(work, Wish(), Cursor(), size=3)
        second = list_groups(work, Wish(), Cursor.parse(first.older or ""), size=3)
        third = list_groups(work, Wish(), Cursor.parse(second.older or ""), size=3)
        back = list_groups(work, Wish(), Cursor.parse(before=third.newer or ""), size=3)
        top = list_groups(work, Wish(), Cursor.parse(before=back.newer or ""), size=3)
    pages = [list(dict.fromkeys(group.message.id for group in page.items)) for page in (first, second, third)]
    assert pages == [ids[:3], ids[3:6], ids[6:]]
    assert (first.newer, third.older, top.newer) == (None, None, None)
    assert keys(back.items) == keys(second.items)
    assert keys(top.items) == keys(first.items)


def test_filters_look_past_messages_that_do_not_fit(workshop: Workshop, actor: Actor, monkeypatch) -> None:
    monkeypatch.setattr(dead_letters, "LOOKED_THROUGH", 4)
    with workshop.open(actor) as work:
        rare = add_dead(work, ("failed", "mailbox_full")).id
        for _ in range(6):
            add_dead(work, ("failed", "server_error"))
        page = list_groups(work, Wish(reason="mailbox_full"), Cursor(), size=3)
        assert (list(page.items), page.older is None) == ([], False)  # it looked at four messages, and says so
        further = list_groups(work, Wish(reason="mailbox_full"), Cursor.parse(page.older or ""), size=3)
    assert [group.message.id for group in further.items] == [rare]
    assert further.older is None


def test_letters_come_by_their_death_page_by_page_and_back(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        message = add_dead(work)
        for index in range(7):  # three of them in the same moment
            at = START + timedelta(seconds=max(0, index - 2))
            add_delivery(work.session, message, "failed", f"{index}@example.org", reason="server_error", at=at)
        wish = Wish(message.id, "failed", "server_error", "none")
        first = list_letters(work, wish, size=3)
        second = list_letters(work, wish, after=first.older or "", size=3)
        third = list_letters(work, wish, after=second.older or "", size=3)
        back = list_letters(work, wish, before=third.newer or "", size=3)
        pages = [[letter.delivery.address[0] for letter in page.items] for page in (first, second, third, back)]
    assert pages == [["6", "5", "4"], ["3", "2", "1"], ["0"], ["3", "2", "1"]]
    assert (first.newer, third.older) == (None, None)
    assert first.items[0].answer == "550 5.1.1 No such mailbox"


def test_a_damaged_address_is_refused_in_words(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = add_dead(work, ("failed", "server_error"))
        wish = Wish(message.id, "failed", "server_error", "none")
        for damaged in ("1", "x-1", "1-x", "-", f"1-{'9' * 40}"):
            with pytest.raises(Invalid):
                list_letters(work, wish, after=damaged)
        with pytest.raises(NotFound):
            list_letters(work, Wish(message.id))
        with pytest.raises(NotFound):
            list_groups(work, Wish("nothing"), Cursor())


def test_another_project_sees_nothing_of_them(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        add_dead(work, ("failed", "server_error"))
        work.session.add(Project(id="other", name="Other", created_at=START, updated_at=START))
        work.session.flush()
        elsewhere = work.given_to(Actor(actor.kind, "Eve", project_pk=2, pk=2, permissions=actor.permissions))
        assert total_of(elsewhere).number == 0
        assert list_groups(elsewhere, Wish(), Cursor()).items == []


def test_nobody_without_the_permission_sees_them(workshop: Workshop) -> None:
    nobody = Actor(ActorKind.MEMBER, "Nobody", project_pk=1)
    with workshop.read(nobody) as work:
        for look in (
            total_of,
            lambda work: list_groups(work, Wish(), Cursor()),
            lambda work: list_letters(work, Wish()),
        ):
            with pytest.raises(Forbidden):
                look(work)


def test_a_page_of_a_large_heap_is_found_by_its_index(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        messages = [add_dead(work, ("failed", "mailbox_full")) for _ in range(3)]
        add_many(work, messages[0], MOST + 500)
        add_many(work, messages[1], 5_000, state="sent", reason="accepted")
        add_many(work, messages[2], 5_000, reason="mailbox_unknown")
        wish = Wish(messages[0].id, "failed", "server_error", "none")
    look_at_all(any_workshop, actor, wish)
    with any_workshop.database.begin() as session:
        session.execute(text("ANALYZE"))
    look_at_all(any_workshop, actor, wish)


def look_at_all(shop: Workshop, actor: Actor, wish: Wish) -> None:
    """Look at Home's number, the groups and one of them; everything must come from the index, in its order."""
    with shop.open(actor) as work, heard() as asked:
        assert total_of(work) == (MOST, True)
        groups = list_groups(work, Wish(), Cursor()).items
        assert {(group.reason, group.total) for group in groups} >= {("server_error", (MOST, True))}
        assert len(list_letters(work, wish).items) == 50
    asked = [(statement, values) for statement, values in asked if "dismissal_pk" in statement]
    assert len(asked) >= 8
    for statement, values in asked:
        plan = plan_of(shop, statement, values)
        assert "ix_deliveries_dead" in plan, plan
        assert "provider_pk" in plan or "provider_pk" not in statement, plan  # entered where its group begins
        assert "SORT" not in plan.upper()
        assert "TEMP B-TREE" not in plan.upper()


def plan_of(shop: Workshop, statement: str, values: object) -> str:
    """How the database goes about a statement."""
    word = "EXPLAIN QUERY PLAN" if shop.database.engine.dialect.name == "sqlite" else "EXPLAIN"
    with shop.database.connect() as connection:
        rows = connection.exec_driver_sql(f"{word} {statement}", values)  # type: ignore[arg-type]
        return "\n".join(str(row[-1]) for row in rows)
