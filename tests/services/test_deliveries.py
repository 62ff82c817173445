"""The delivery log: filters, pages, stories, and the recount."""

import pytest
from sqlalchemy import update

from app.domain.errors import Forbidden, NotFound
from app.domain.permissions import Actor
from app.models.deliveries import Tally
from app.models.projects import Project
from app.services.lists.listing import Cursor
from app.services.tracking import deliveries, verifying
from app.services.tracking.deliveries import Filter
from app.services.work import Work, Workshop
from tests.conftest import START, FakeClock
from tests.factories import make_message, make_provider
from tests.sent_messages import add_delivery, make_sent


def addresses(page) -> list[str]:
    return [row.delivery.address for row in page.items]


def walk(step) -> list[str]:
    """Every address of a list, page by page, down to its end."""
    found, cursor = [], Cursor()
    while True:
        page = step(cursor)
        found += addresses(page)
        if page.older is None:
            return found
        cursor = Cursor.parse(page.older)


def test_a_message_that_was_never_sent_has_no_tally(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        draft = make_message(work.session)
        sent = make_sent(work.session, {"sent": 3, "failed": 1})
        tallies = deliveries.tallies_of(work, [draft.pk, sent.pk])
    assert list(tallies) == [sent.pk]
    assert (tallies[sent.pk].audience, tallies[sent.pk].sent, tallies[sent.pk].failed) == (4, 3, 1)


def test_recipients_come_by_address_page_by_page_and_back(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        message = make_sent(work.session, {"sent": 25, "failed": 3})
        found = walk(lambda cursor: deliveries.recipients_of(work, message, Filter(), cursor, size=10))
        assert found == sorted(found)
        assert len(found) == 28
        second = deliveries.recipients_of(work, message, Filter(), Cursor(after=_pk(work, message, found[9])), size=10)
        back = deliveries.recipients_of(work, message, Filter(), Cursor.parse(before=second.newer or ""), size=10)
    assert addresses(second) == found[10:20]
    assert addresses(back) == found[:10]
    assert back.newer is None


def _pk(work: Work, message, address: str) -> int:
    page = deliveries.recipients_of(work, message, Filter(search=address), Cursor())
    return next(row.delivery.pk for row in page.items if row.delivery.address == address)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(search="failed"), 3),
        (Filter(search="FAILED-1"), 1),
        (Filter(state="failed"), 3),
        (Filter(state="sent", search="sent-1"), 11),
        (Filter(state="failed", search="failed-2"), 1),
        (Filter(state="failed", reason="mailbox_unknown"), 3),
        (Filter(reason="mailbox_unknown"), 3),
        (Filter(reason="mailbox_full"), 0),
        (Filter(search="nobody"), 0),
        (Filter(provider_id="nothing"), 0),
    ],
)
def test_filters_find_exactly_what_fits(workshop: Workshop, actor: Actor, wanted: Filter, expected: int) -> None:
    with workshop.open(actor) as work:
        message = make_sent(work.session, {"sent": 25, "failed": 3})
        found = walk(lambda cursor: deliveries.recipients_of(work, message, wanted, cursor, size=4))
    assert len(found) == len(set(found)) == expected


@pytest.mark.parametrize(("first", "size"), [(3, 50), (7, 50), (3, 1), (7, 1)])
def test_a_search_that_no_index_knows_goes_on_in_steps(
    any_workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch, first: int, size: int
) -> None:
    monkeypatch.setattr(deliveries, "FIRST_LOOK", first)
    monkeypatch.setattr(deliveries, "LOOKED_THROUGH", 7)
    with any_workshop.open(actor) as work:
        rare = make_provider(work, name="Rare")
        message = make_sent(work.session, {"sent": 40})
        add_delivery(work.session, message, "sent", "a-rare-one@example.org", provider=rare)
        add_delivery(work.session, message, "sent", "z-rare-one@example.org", provider=rare)
        wanted = Filter(provider_id=rare.id)
        found = walk(lambda cursor: deliveries.recipients_of(work, message, wanted, cursor, size=size))
        across = walk(lambda cursor: deliveries.explore(work, wanted, cursor, size=size))
        assert deliveries.explore(work, wanted, Cursor()).older is not None, "one page does not look through all"
    assert found == ["a-rare-one@example.org", "z-rare-one@example.org"]
    assert sorted(across) == found


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("sent", ["sent-off@example.org"]),
        ("sent-o", ["sent-off@example.org"]),
        ("failed-", ["failed-0@example.org", "failed-1@example.org", "failed-2@example.org"]),
        ("nobody", []),
    ],
)
def test_a_state_and_an_address_find_the_same_whichever_is_rarer(
    any_workshop: Workshop, actor: Actor, search: str, expected: list[str]
) -> None:
    with any_workshop.open(actor) as work:
        message = make_sent(work.session, {"sent": 25, "failed": 3})
        add_delivery(work.session, message, "failed", "sent-off@example.org")
        wanted = Filter(state="failed", search=search)
        found = walk(lambda cursor: deliveries.recipients_of(work, message, wanted, cursor, size=2))
    assert found == expected


def test_the_log_shows_one_address_with_its_whole_history(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        first, second = make_sent(work.session, {"sent": 2}), make_sent(work.session, {"sent": 2})
        page = deliveries.explore(work, Filter(search="Sent-1@example.org "), Cursor())
    assert [row.message_id for row in page.items] == [second.id, first.id]


def test_the_log_finds_addresses_by_their_beginning(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        make_sent(work.session, {"sent": 12, "failed": 2})
        make_sent(work.session, {"sent": 2})
        found = walk(lambda cursor: deliveries.explore(work, Filter(search="sent-1"), cursor, size=2))
    assert found == ["sent-10@example.org", "sent-11@example.org", "sent-1@example.org", "sent-1@example.org"]


def test_the_log_keeps_to_a_time(workshop: Workshop, actor: Actor, clock: FakeClock) -> None:
    with workshop.open(actor) as work:
        make_sent(work.session, {"sent": 2})
        clock.move(7200)
        fresh = make_sent(work.session, {"failed": 1}, at=clock.now())
        page = deliveries.explore(work, Filter(since=START.replace(hour=10)), Cursor())
    assert [row.message_id for row in page.items] == [fresh.id]


def test_a_story_has_every_attempt_with_its_provider(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work, name="Mail of the shop")
        make_sent(work.session, {"failed": 1}, provider=provider)
        number = deliveries.explore(work, Filter(), Cursor()).items[0].delivery.pk
        story = deliveries.story_of(work, number)
    [(attempt, name)] = story.attempts
    assert (attempt.code, attempt.reason, name) == ("550 5.1.1", "mailbox_unknown", "Mail of the shop")


def test_a_delivery_of_another_project_is_not_there(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        work.session.add(Project(id="other", name="Other", created_at=START, updated_at=START))
        work.session.flush()
        theirs = make_sent(work.session, {"sent": 1})
        number = deliveries.explore(work, Filter(), Cursor()).items[0].delivery.pk
        stranger = work.given_to(Actor(actor.kind, "Eve", 2, 9, actor.permissions))
        with pytest.raises(NotFound):
            deliveries.story_of(stranger, number)
        with pytest.raises(NotFound):
            verifying.recount(stranger, theirs.id)
        assert not deliveries.explore(stranger, Filter(), Cursor()).items


def test_reasons_are_counted_the_most_frequent_first(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        message = make_sent(work.session, {"failed": 2, "sent": 5, "skipped": 1})
        for index in range(4):
            add_delivery(work.session, message, "failed", f"full-{index}@example.org", reason="mailbox_full")
        lines = deliveries.reasons_of(work, message.pk)
    assert lines == [("failed", "mailbox_full", 4), ("failed", "mailbox_unknown", 2), ("skipped", "suppressed", 1)]


def test_the_recount_agrees_with_true_numbers_and_names_false_ones(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        message = make_sent(work.session, {"sent": 4, "failed": 1, "skipped": 2})
        assert verifying.recount(work, message.id).agrees
        work.session.execute(update(Tally).values(sent=5))
        verdict = verifying.recount(work, message.id)
    assert not verdict.agrees
    assert ("sent", 4, 5) in verdict.lines


def test_an_export_needs_its_permission_and_leaves_a_line_in_the_trail(
    workshop: Workshop, actor: Actor, viewer: Actor
) -> None:
    with workshop.open(actor) as work:
        message = make_sent(work.session, {"sent": 3})
    with pytest.raises(Forbidden), workshop.open(viewer) as work:
        deliveries.begin_export(work, message.id)
    with workshop.read(viewer) as work, pytest.raises(Forbidden):
        deliveries.export_page(work, message.pk, Filter(), Cursor())


def test_a_cursor_of_another_project_says_nothing_of_its_addresses(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        mine = make_sent(work.session, {"sent": 5})
        other = Project(id="other", name="Other", created_at=START, updated_at=START)
        work.session.add(other)
        work.session.flush()
        theirs = make_sent(work.session, {})
        theirs.project_pk = other.pk
        secret = add_delivery(work.session, theirs, "sent", "sent-2-and-a-half@example.org")
        page = deliveries.recipients_of(work, mine, Filter(), Cursor(after=secret.pk))
        assert addresses(page) in ([], [f"sent-{number}@example.org" for number in range(5)])
