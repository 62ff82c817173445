"""The first page: the checklist of a new project, what needs attention, the figures."""

from datetime import timedelta

from app.domain.permissions import Actor
from app.services.work import Workshop
from tests.factories import make_contact, make_message, make_provider
from tests.sent_messages import make_sent
from tests.web.page_client import PageClient

HOME = "/p/default"


def test_a_new_project_shows_the_first_steps_and_one_click_connects_the_sandbox(olga: PageClient) -> None:
    page = olga.get(HOME)
    assert len(page.select(".steplist-line")) == 4
    assert not page.select(".steplist-line.is-done")
    page = olga.submit(page, "form[action$='/providers/sandbox']")
    assert page.path == HOME
    assert len(page.select(".steplist-line.is-done")) == 1


def test_the_steps_are_ticked_by_fact_and_go_away(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        make_provider(work)
        make_contact(work.session, email="ann@example.org")
        make_message(work.session)
    assert len(olga.get(HOME).select(".steplist-line.is-done")) == 3
    with workshop.open(actor) as work:
        make_sent(work.session, {"sent": 1})
    assert not olga.get(HOME).select(".steplist")


def test_what_needs_a_person_stands_first(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work, name="Mail of the shop")
        provider.blocked_at, provider.blocked_reason = work.now, "authentication_failed"
        make_sent(work.session, {"sent": 7, "failed": 2}, subject="Autumn news")
        make_sent(work.session, {"queued": 2}, subject="Held up", waiting_reason="Mail of the shop cannot be used")
        make_message(work.session, subject="Soon", status="scheduled", scheduled_at=work.now + timedelta(minutes=20))
    text = olga.get(HOME).text
    assert "Mail of the shop cannot be used" in text
    assert "2 of 9 failed" in text
    assert "“Held up” waits" in text
    assert "“Soon” goes out soon" in text
    assert "Nobody was written to" not in text


def test_a_queue_that_lags_is_named(workshop: Workshop, actor: Actor, olga: PageClient, clock) -> None:
    with workshop.open(actor) as work:
        make_sent(work.session, {"queued": 2}, subject="Slow one")
    clock.move(600)
    text = olga.get(HOME).text
    assert "The queue lags" in text
    assert "10 minutes" in text


def test_today_and_the_chart_count_by_the_day_of_the_project(
    workshop: Workshop, actor: Actor, olga: PageClient, clock
) -> None:
    with workshop.open(actor) as work:
        make_sent(work.session, {"sent": 7, "failed": 2})
        make_sent(work.session, {"sent": 4}, at=work.now - timedelta(hours=10))  # 00:00 in Berlin: still today
        make_sent(work.session, {"sent": 11}, at=work.now - timedelta(hours=11))  # yesterday
    page = olga.get(HOME)
    rows = [row.get_text(" ", strip=True) for row in page.select("table tbody tr")]
    assert rows[0] == "Sat 21 Nov 2026 13 11 2 0"
    assert rows[1] == "Fri 20 Nov 2026 11 11 0 0"
    assert len(rows) == 14
    assert page.select("svg.chart rect[class='fill-red']")


def test_the_latest_messages_stand_in_the_order_of_the_time_they_show(
    workshop: Workshop, actor: Actor, olga: PageClient, clock
) -> None:
    with workshop.open(actor) as work:
        make_sent(work.session, {"sent": 1}, subject="First, and sent later", at=work.now + timedelta(minutes=50))
    clock.move(3600)
    with workshop.open(actor) as work:
        make_message(work.session, subject="Second").created_at = work.now
    clock.move(3600)
    rows = olga.get(HOME).select("[aria-labelledby='latest-title'] li")
    assert [row.a.get_text() for row in rows] == ["Second", "First, and sent later"]
    assert [row.select("time > [aria-hidden]")[0].get_text() for row in rows] == ["1 hour ago", "2 hours ago"]


def test_an_empty_fortnight_says_so_instead_of_drawing_nothing(olga: PageClient) -> None:
    page = olga.get(HOME)
    assert "Nobody was written to in the last 14 days." in page.text
    assert not page.select("svg.chart")
    assert not page.select(".metric[class*='tone-']")


def test_while_all_sending_is_stopped_nothing_is_announced_to_go_out(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    with workshop.open(actor) as work:
        make_message(work.session, subject="Soon", status="scheduled", scheduled_at=work.now + timedelta(minutes=20))
        work.project.stopped_at = work.now
    page = olga.get(HOME)
    assert "goes out soon" not in page.text
    assert "Soon" in page.select("[aria-labelledby='next-title']")[0].get_text()


def test_a_viewer_may_look_and_is_asked_for_nothing_a_viewer_may_not(
    workshop: Workshop, actor: Actor, olga: PageClient, vera: PageClient
) -> None:
    with workshop.open(actor) as work:
        make_sent(work.session, {"sent": 7, "uncertain": 2}, subject="Autumn news")
        make_message(
            work.session, subject="Missed", status="scheduled", scheduled_at=work.now - timedelta(hours=5),
            late_at=work.now,
        )  # fmt: skip
    page = vera.get(HOME)
    assert page.heading == "Home"
    assert not page.select("main form[method='post']")
    for words in ("Send it now", "you can do something", "Replay or dismiss"):
        assert words in olga.get(HOME).text
        assert words not in page.text
