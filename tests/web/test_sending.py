"""The stop of all sending and late messages, as they are seen: banner, questions with numbers, what to do."""

from datetime import timedelta

from app.domain.permissions import Actor
from app.engine import scheduler
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.projects import Project
from app.services.work import Workshop
from tests.conftest import FakeClock
from tests.factories import make_audience, make_message, make_provider
from tests.sent_messages import make_sent
from tests.web.page_client import PageClient

HOME = "/p/default"


def _sending(workshop: Workshop, actor: Actor) -> str:
    with workshop.open(actor) as work:
        return str(make_sent(work.session, {"sent": 5, "queued": 1200}).id)


def _late(workshop: Workshop, actor: Actor, clock: FakeClock) -> str:
    with workshop.open(actor) as work:
        make_provider(work)
        topic = make_audience(work.session, 2)
        key = make_message(
            work.session, audience={"topics": [topic.id]}, status="scheduled", scheduled_at=clock.now(),
            scheduled_wall="2026-11-21T10:00", scheduled_zone="Europe/Berlin",
        ).id  # fmt: skip
    clock.move(5 * 3600)
    scheduler.set_aside_late(
        Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    )
    return str(key)


def test_the_frame_leads_to_a_question_with_numbers_and_then_every_page_says_it(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    key = _sending(workshop, actor)
    page = olga.get(str(olga.get(f"{HOME}/contacts").select(".side .stop-all a")[0]["href"]))
    assert page.heading == "Stop all sending"
    assert "1 message is on its way, with 1,200 people still to be written to" in " ".join(page.text.split())
    page = olga.submit(page, "form[action$='/sending/stop']")
    assert page.heading == "Resume sending"
    for path in (HOME, f"{HOME}/contacts", f"{HOME}/messages/{key}", f"{HOME}/settings"):
        page = olga.get(path)
        assert "All sending is stopped" in page.select("#stopped")[0].get_text()
        assert "by Olga" in page.select("#stopped")[0].get_text()
        assert not page.select(".stop-all")


def test_a_stopped_message_says_so_and_how_many_wait(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    key = _sending(workshop, actor)
    olga.submit(olga.get(f"{HOME}/sending/stop"), "form[action$='/sending/stop']")
    page = olga.get(f"{HOME}/messages/{key}")
    assert "It went to 5 of 1,205 people; 1,200 wait until somebody resumes all sending" in page.text
    assert "Stopped" in page.select("#progress .state")[0].get_text()
    assert "Stopped" in olga.get(f"{HOME}/messages").select("tbody .state")[0].get_text()


def test_resume_says_how_many_go_on_and_ends_the_banner(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    _sending(workshop, actor)
    olga.submit(olga.get(f"{HOME}/sending/stop"), "form[action$='/sending/stop']")
    page = olga.get(str(olga.get(HOME).select("#stopped a")[0]["href"]))
    assert not page.select("#stopped a"), "it would lead to the page one is on"
    assert "Resume for 1,200 people" in page.text
    page = olga.submit(page, "form[action$='/sending/resume']")
    assert page.heading == "Home"
    assert not page.select("#stopped")


def test_whoever_may_not_stop_sees_the_banner_and_no_buttons(workshop: Workshop, vera: PageClient) -> None:
    assert not vera.get(HOME).select(".stop-all")
    with workshop.database.begin() as session:
        session.get_one(Project, 1).stopped_at = workshop.clock.now()
    assert not vera.get(HOME).select("#stopped a")
    assert vera.get(f"{HOME}/sending/stop").status == 403


def test_a_late_message_says_how_late_and_what_can_be_done(
    workshop: Workshop, actor: Actor, olga: PageClient, clock: FakeClock
) -> None:
    key = _late(workshop, actor, clock)
    page = olga.get(f"{HOME}/messages/{key}")
    assert "It is 5 hours late, so nothing was sent" in page.text
    assert "Late, not sent" in page.select("#progress .state")[0].get_text()
    assert {str(act["id"]) for act in page.select("#progress .actions [id]")} >= {"act-send", "act-when", "act-draft"}
    assert "Too late to start by itself" in page.select("#timeline")[0].get_text()
    assert "It would go to 2 people as of now." in page.text


def test_a_late_message_tells_a_viewer_that_somebody_else_decides(
    workshop: Workshop, actor: Actor, vera: PageClient, clock: FakeClock
) -> None:
    page = vera.get(f"{HOME}/messages/{_late(workshop, actor, clock)}")
    assert "Somebody who may send decides." in page.text
    assert "Send it now" not in page.text


def test_home_asks_for_a_decision_and_does_not_announce_it_as_next(
    workshop: Workshop, actor: Actor, olga: PageClient, clock: FakeClock
) -> None:
    key = _late(workshop, actor, clock)
    page = olga.get(HOME)
    assert "is late" in page.select(".attention")[0].get_text()
    assert page.select(f".attention a[href$='/messages/{key}']")
    assert "Nothing is scheduled" in page.text
    assert len(olga.get(f"{HOME}/messages?phase=late").select("tbody tr")) == 1
    assert not olga.get(f"{HOME}/messages?phase=scheduled").select("tbody tr")


def test_a_late_message_can_be_sent_after_all(
    workshop: Workshop, actor: Actor, olga: PageClient, clock: FakeClock
) -> None:
    key = _late(workshop, actor, clock)
    olga.submit(olga.get(f"{HOME}/messages/{key}/send"), f"form[action$='/{key}/send']")
    with workshop.database.read() as session:
        message = session.query(Message).filter_by(id=key).one()
    assert (message.status, message.late_at) == ("processing", None)


def test_the_schedule_form_takes_a_limit_and_shows_it_again(
    workshop: Workshop, actor: Actor, olga: PageClient, clock: FakeClock
) -> None:
    key = _late(workshop, actor, clock)
    page = olga.get(f"{HOME}/messages/{key}/schedule")
    assert "1 hour, as in the project's settings" in page.text
    when = {"date": "2026-11-24", "time": "09:00", "zone": "Europe/Berlin"}
    olga.submit(page, max_lateness="14400", **when)
    with workshop.database.read() as session:
        assert session.query(Message).filter_by(id=key).one().max_lateness == timedelta(hours=4).total_seconds()
    page = olga.get(f"{HOME}/messages/{key}/schedule")
    assert "it waits for you after 4 hours" in page.text
    assert page.select("details[open] select[name=max_lateness]")
    page = olga.submit(page, max_lateness="7", **when)
    assert page.status == 422
    assert "Choose how late it may start" in page.text


def test_a_time_that_clocks_show_twice_is_explained(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        key = make_message(work.session).id
    words = olga.fragment(f"{HOME}/messages/{key}/-/when?date=2027-10-31&time=02:30&zone=Europe/Berlin").text
    assert "the first of the two is meant" in words
    words = olga.fragment(f"{HOME}/messages/{key}/-/when?date=2027-03-28&time=02:30&zone=Europe/Berlin").text
    assert "go forward over 02:30" in words


def test_the_project_keeps_its_own_limit(workshop: Workshop, olga: PageClient) -> None:
    page = olga.submit(olga.get(f"{HOME}/settings"), max_lateness="86400")
    assert str(page.select("select[name=max_lateness] option[selected]")[0]["value"]) == "86400"
    with workshop.database.read() as session:
        assert session.get_one(Project, 1).max_lateness == 86400
    assert "Choose how late" in olga.submit(page, max_lateness="never").text
