"""Looking at everybody in the background: gone on with after a kill, begun anew by a save, ended by itself."""

from typing import Any

import pytest
from sqlalchemy import func, select

from app import jobs
from app.domain.errors import Conflict, Forbidden
from app.domain.permissions import Actor
from app.models.contacts import Contact
from app.models.lints import Lint
from app.models.messages import Message
from app.services.messages import messages
from app.services.previews import lint, lint_run
from app.services.sending import sending
from app.services.work import Workshop
from app.services.writing import drafts
from app.services.writing.drafts import Draft
from tests.conftest import FakeClock
from tests.factories import (
    make_audience,
    make_contact,
    make_message,
    make_provider,
)
from tests.services.linted import CITY, draft, found, look, person, seen


def test_a_job_that_is_killed_is_gone_on_with_where_it_stood(
    any_workshop: Workshop, composer: Actor, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_workshop.database.begin() as session:
        news = make_audience(session, 10)
    message = draft(any_workshop, composer, CITY | {"body": "Your {{ plan }}"}, topics=[news.id])
    monkeypatch.setattr(lint_run, "PAGE", 3)
    monkeypatch.setattr(lint_run, "SLICE", -1.0)
    lint_run.run(any_workshop, message.pk)
    half = seen(any_workshop, composer, message)
    assert (half.state, half.checked, half.total) == ("running", 3, 10)
    any_workshop.broker.redis.flushdb()
    lint.ring_due(any_workshop)
    assert any_workshop.broker.waiting()["bulk"] == 0, "whoever is at it is left alone"
    clock.move(16)
    lint.ring_due(any_workshop)
    assert any_workshop.broker.waiting()["bulk"] == 1
    any_workshop.broker.redis.flushdb()
    looks = 0
    while seen(any_workshop, composer, message).is_live:
        lint_run.run(any_workshop, message.pk)
        looks += 1
    report = seen(any_workshop, composer, message)
    assert (looks, report.state, report.checked, found(report)) == (4, "done", 10, {"missing:plan": 10})


def test_a_job_gives_way_to_every_other_behind_each_page(
    workshop: Workshop, composer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workshop.database.begin() as session:
        news = make_audience(session, 4)
    message = draft(workshop, composer, CITY, topics=[news.id])
    workshop.broker.redis.flushdb()
    workshop.broker.ring("dispatch", 99)
    monkeypatch.setattr(lint_run, "PAGE", 1)
    lint_run.run(workshop, message.pk)
    assert seen(workshop, composer, message).checked == 1
    assert workshop.broker.waiting()["bulk"] == 2, "it stands behind the other"


def test_a_save_while_it_runs_ends_it_and_the_newest_counts(
    any_workshop: Workshop, composer: Actor, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_workshop.database.begin() as session:
        news = make_audience(session, 4)
    message = draft(any_workshop, composer, CITY, topics=[news.id])
    monkeypatch.setattr(lint_run, "PAGE", 2)
    seen_by_old: list[int] = []
    rest = lint_run._look_at_page

    def save_meanwhile(*parts: Any) -> bool:
        goes_on = rest(*parts)
        if not seen_by_old:
            with any_workshop.open(composer) as work:
                drafts.save_draft(work, message.id, Draft({"body": "Your {{ plan }}", "subject": "N"}), message.version)
        seen_by_old.append(1)
        return goes_on

    monkeypatch.setattr(lint_run, "_look_at_page", save_meanwhile)
    lint_run.run(any_workshop, message.pk)
    assert len(seen_by_old) == 2, "it looked once more, and found a newer draft"
    assert seen(any_workshop, composer, message).state == "waiting"
    lint_run.run(any_workshop, message.pk)
    assert seen(any_workshop, composer, message).state == "waiting", "not before its time"
    clock.move(3)
    assert found(look(any_workshop, composer, message)) == {"missing:plan": 4}


def test_saving_every_second_begins_it_every_few_seconds(workshop: Workshop, composer: Actor, clock: FakeClock) -> None:
    one = person(workshop, "one@example.org")
    message = draft(workshop, composer, CITY, targets=[one])
    lint_run.run(workshop, message.pk)
    workshop.broker.redis.flushdb()
    for version in range(1, 4):
        clock.move(0.8)
        with workshop.open(composer) as work:
            drafts.save_draft(work, message.id, Draft({"body": f"Draft {version}"}), version)
    assert workshop.broker.waiting()["bulk"] == 0
    lint.ring_due(workshop)
    assert workshop.broker.waiting()["bulk"] == 0
    clock.move(0.6)
    lint.ring_due(workshop)
    assert workshop.broker.waiting()["bulk"] == 1
    workshop.broker.redis.flushdb()
    lint_run.run(workshop, message.pk)
    with workshop.read(composer) as work:
        row = work.session.get(Lint, message.pk)
    assert row is not None
    assert (row.state, row.version) == ("done", 4)


def test_what_is_sent_is_looked_at_no_more(workshop: Workshop, composer: Actor) -> None:
    with workshop.open(composer) as work:
        make_provider(work)
    message = draft(
        workshop, composer, CITY | {"body": "Hello", "subject": "N"}, targets=[person(workshop, "a@b.example")]
    )
    with workshop.open(composer) as work:
        sending.send(work, message.id)
    lint_run.run(workshop, message.pk)
    with workshop.read(composer) as work:
        assert work.session.scalar(select(func.count()).select_from(Lint)) == 0
        assert lint.report_of(work, messages.find(work, message.id)) is None


def test_a_deleted_draft_takes_its_findings_along(any_workshop: Workshop, composer: Actor) -> None:
    message = draft(any_workshop, composer, CITY, targets=[person(any_workshop, "a@b.example")])
    with any_workshop.open(composer) as work:
        messages.remove(work, message.id)
    lint_run.run(any_workshop, message.pk)
    with any_workshop.read(composer) as work:
        assert work.session.scalar(select(func.count()).select_from(Lint)) == 0


def test_two_workers_at_one_draft_count_nobody_twice(
    any_workshop: Workshop, composer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_workshop.database.begin() as session:
        news = make_audience(session, 6)
    message = draft(any_workshop, composer, CITY | {"body": "Your {{ plan }}"}, topics=[news.id])
    monkeypatch.setattr(lint_run, "PAGE", 2)
    monkeypatch.setattr(lint_run, "PROGRESS_STEP", -1.0)
    page, other = lint_run._look_at_page, list[int]()

    def with_another_beside(*parts: Any) -> bool:
        if not other:
            other.append(1)
            lint_run.run(any_workshop, message.pk)
        return page(*parts)

    monkeypatch.setattr(lint_run, "_look_at_page", with_another_beside)
    lint_run.run(any_workshop, message.pk)
    report = seen(any_workshop, composer, message)
    assert (report.state, report.checked, found(report)) == ("done", 6, {"missing:plan": 6})


def test_a_draft_that_nobody_asked_for_is_looked_at_when_it_is_opened(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        message = make_message(session, content=CITY, audience={"topics": [make_audience(session, 2).id]})
    with workshop.read(composer) as work:
        lint.ring_if_wanted(workshop, work, message)
        assert lint.report_of(work, message).is_live
    assert workshop.broker.waiting()["bulk"] == 1
    assert look(workshop, composer, message).checked == 2


def test_what_was_looked_at_long_ago_is_looked_at_again(workshop: Workshop, composer: Actor, clock: FakeClock) -> None:
    message = draft(workshop, composer, CITY, targets=[person(workshop, "one@example.org")])
    look(workshop, composer, message)
    workshop.broker.redis.flushdb()
    for seconds, rung in ((600, 0), (600, 1)):
        clock.move(seconds)
        with workshop.read(composer) as work:
            lint.ring_if_wanted(workshop, work, message)
        assert workshop.broker.waiting()["bulk"] == rung


def test_looking_again_is_for_drafts_and_for_those_who_write(
    workshop: Workshop, composer: Actor, viewer: Actor, clock: FakeClock
) -> None:
    with workshop.database.begin() as session:
        ann = make_contact(session, email="ann@example.org")
    message = draft(workshop, composer, CITY, contacts=[ann.id])
    assert found(look(workshop, composer, message)) == {"missing:city": 1}
    with workshop.database.begin() as session:
        session.get(Contact, ann.pk).attributes = {"city": "Bern"}
    clock.move(5)
    with pytest.raises(Forbidden), workshop.open(viewer) as work:
        lint.again(work, message.id)
    with workshop.open(composer) as work:
        lint.again(work, message.id)
    assert found(look(workshop, composer, message)) == {}
    with workshop.open(composer) as work:
        work.find(Message, message.id, noun="message").status = "sent"
    with pytest.raises(Conflict), workshop.open(composer) as work:
        lint.again(work, message.id)


def test_our_own_fault_is_said_and_holds_nothing_up(
    workshop: Workshop, composer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = draft(workshop, composer, CITY, targets=[person(workshop, "one@example.org")])
    jobs.bind(workshop)
    monkeypatch.setattr(lint_run, "_look_at_page", lambda *_parts: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        jobs.lint_audience(message.pk)
    report = seen(workshop, composer, message)
    assert (report.has_failed, report.is_live) == (True, False)
    lint.ring_due(workshop)


def test_what_was_found_is_forgotten_after_a_week(any_workshop: Workshop, composer: Actor, clock: FakeClock) -> None:
    message = draft(any_workshop, composer, CITY, targets=[person(any_workshop, "one@example.org")])
    look(any_workshop, composer, message)
    for seconds, left in ((7 * 86_400 - 1, 1), (2, 0)):
        clock.move(seconds)
        lint.ring_due(any_workshop)
        with any_workshop.read(composer) as work:
            assert work.session.scalar(select(func.count()).select_from(Lint)) == left
    assert look(any_workshop, composer, message).checked == 1, "and found again when somebody opens the draft"
