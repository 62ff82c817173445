"""The page of dead letters: groups, filters, questions with exact numbers, and who may answer them."""

from sqlalchemy import select, update

from app.domain.permissions import Actor
from app.engine import dead_letters as engine
from app.models.dead_letters import DeadLetterOrder
from app.models.deliveries import Delivery, Tally
from app.models.messages import Message
from app.models.projects import Project
from app.services.tracking import dead_letter_orders
from app.services.work import Workshop
from tests.conftest import START
from tests.factories import make_provider
from tests.services.test_dead_letter_orders import bury
from tests.web.page_client import Page, PageClient

DEAD = "/p/default/dead-letters"


def fill(workshop: Workshop, actor: Actor, **ends: object) -> str:
    with workshop.open(actor) as work:
        return str(bury(work, **ends).id)  # type: ignore[arg-type]


def words(page: Page) -> str:
    return " ".join(page.text.split())


def send(client: PageClient, path: str, **values: str) -> Page:
    token = client.get("/p/default").select("input[name=csrf_token]")[0]["value"]
    return client.post(path, csrf_token=token, **values)


def refuse(page: Page, status: int) -> Page:
    assert page.status == status, page.path
    return page


def test_nothing_dead_says_so_and_what_is_not_here(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    page = olga.get(DEAD)
    assert "No dead letters" in page.text
    assert not page.select(".toolbar, .head-actions, .pages")
    leads = [str(link["href"]).rpartition("/")[2] for link in page.select("#groups + .small a")]
    assert leads == ["deliveries?state=failed", "deliveries?state=bounced", "suppressions"]
    fill(workshop, actor, failed=0)  # a hard bounce is no dead letter
    assert "No dead letters" in olga.get(DEAD).text
    assert "Nothing matches" in olga.get(f"{DEAD}?state=uncertain").text


def test_a_group_says_what_happened_how_often_and_what_to_do(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    fill(workshop, actor, failed=3, uncertain=1)
    page = olga.get(DEAD)
    rows = page.select("#groups tbody tr")
    assert len(rows) == 2
    assert page.select("#groups .found")[0].get_text(strip=True) == "4 deliveries in 2 groups"
    first = " ".join(rows[0].get_text(" ").split())
    assert "Autumn news" in first
    assert "The provider has a fault of its own. We tried for a day. Replay it when this is over." in first
    group = olga.get(str(rows[0].select("a")[0]["href"]))
    assert len(group.select("#letters tbody tr")) == 3
    assert "550 5.1.1 No such mailbox" in group.text
    story = olga.get(str(group.select("#letters tbody a")[0]["href"]))
    assert [link.get_text(strip=True) for link in story.select("main .actions a")[:2]] == ["Replay", "Dismiss"]
    assert "We try again by ourselves" not in story.text


def test_filters_stand_in_the_address_as_chips_that_go_away(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    message = fill(workshop, actor, failed=1)
    page = olga.get(f"{DEAD}?state=failed&reason=server_error&channel=email&time=day&provider=none&message={message}")
    assert len(page.select("#groups tbody tr")) == 1
    links = [str(link["href"]) for link in page.select(".chip-x")]
    assert len(links) == 6
    assert not [link for link in links if link.count("=") != 5]
    assert "Autumn news" in page.select(".chips")[0].get_text()
    assert "Nothing matches" in olga.get(f"{DEAD}?reason=mailbox_full").text
    assert "Nothing matches" in olga.get(f"{DEAD}?state=%00&channel=pigeon&provider=%27").text
    assert olga.fragment(f"{DEAD}?time=hour").select("tbody tr")


def test_damaged_addresses_get_a_sentence(olga: PageClient) -> None:
    for path, status in (
        ("?after=x", 400), ("?message=nowhere", 404), ("/group?message=nowhere", 404),
        ("/replay", 409), ("/dismiss?delivery=x", 404), ("/replay?delivery=" + "9" * 40, 404), ("/orders?after=-", 400),
    ):  # fmt: skip
        assert refuse(olga.get(f"{DEAD}{path}"), status).select("h1")


def test_a_replay_asks_with_exact_numbers_and_then_does_just_that(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    fill(workshop, actor, failed=2, uncertain=1)
    asked = olga.get(f"{DEAD}/replay")
    buttons = [button.get_text(strip=True) for button in asked.select("main form .actions button")]
    assert buttons == ["Replay 2 that failed", "Replay all 3"]
    assert "Who got it already gets it twice." in words(asked)
    page = olga.submit(asked)
    assert "2 deliveries are tried again." in words(page)
    assert "replayed 2 deliveries" in words(page)
    assert "Back in the queue, 2 still to go." in words(page)
    assert page.select("#decided[hx-get]")
    again = refuse(send(olga, f"{DEAD}/replay"), 409)
    assert "may have arrived" in again.text
    send(olga, f"{DEAD}/replay?state=uncertain", uncertain="1")
    assert "No dead letters" in olga.get(DEAD).text


def test_a_large_replay_shows_how_far_it_is(olga: PageClient, workshop: Workshop, actor: Actor, monkeypatch) -> None:
    monkeypatch.setattr(engine, "PAGE", 2)
    fill(workshop, actor, failed=5)
    page = send(olga, f"{DEAD}/replay")
    bar = page.select("#decided progress")[0]
    assert (bar["value"], bar["max"]) == ("2", "5")
    with workshop.read(actor) as work:
        pk = work.session.scalars(select(DeadLetterOrder.pk)).one()
    dead_letter_orders.carry_out(workshop, pk)
    moving = olga.fragment(f"{DEAD}/-/orders")
    assert "Back in the queue, 5 still to go." in words(moving)
    with workshop.open(actor) as work:
        work.session.execute(update(Delivery).where(Delivery.state == "queued").values(state="sent"))
        work.session.execute(update(Tally).values(sent=Tally.sent + Tally.queued, queued=0))
    done = olga.fragment(f"{DEAD}/-/orders")
    assert "Tried again." in words(done)
    assert not done.select("[hx-get]")


def test_a_dismissal_asks_and_is_taken_back(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    fill(workshop, actor, failed=1)
    asked = olga.get(f"{DEAD}/dismiss")
    assert asked.select("main form button")[-1].get_text(strip=True) == "Dismiss 1 delivery"
    narrow = olga.get(f"{DEAD}/dismiss?time=day&state=failed&reason=server_error").select(".facts dt")
    assert [term.get_text() for term in narrow] == ["State", "What happened", "Time", "Ended"]
    page = send(olga, f"{DEAD}/dismiss")
    assert "1 delivery dismissed." in words(page)
    assert "No dead letters" in page.text
    log = olga.get("/p/default/deliveries?state=failed")
    story = olga.get(str(log.select("#log tbody a")[0]["href"]))
    assert "by Olga" in words(story)
    decisions = olga.get(f"{DEAD}/orders")
    assert "Olga dismissed 1 delivery of" in words(decisions)
    undo = decisions.select("form[action*=undo]")[0]
    back = send(olga, str(undo["action"]))
    assert "1 delivery is on the list again." in words(back)
    assert len(back.select("#groups tbody tr")) == 1
    assert not back.select("form[action*=undo]")
    assert "Took a dismissal of dead letters back" in olga.get("/p/default/settings/activity").text


def test_a_decision_about_many_messages_names_the_first_and_says_how_many_more(
    olga: PageClient, workshop: Workshop, actor: Actor, monkeypatch
) -> None:
    for _ in range(5):
        fill(workshop, actor, failed=1)
    send(olga, f"{DEAD}/dismiss")
    assert " and 2 more," in words(olga.get(f"{DEAD}/orders"))
    monkeypatch.setattr(engine, "MOST_NAMED", 5)
    assert " and at least 2 more," in words(olga.get(f"{DEAD}/orders"))


def test_one_delivery_is_replayed_from_its_story(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    fill(workshop, actor, failed=2)
    with workshop.read(actor) as work:
        pk = work.session.scalars(select(Delivery.pk).where(Delivery.state == "failed")).first()
    asked = olga.get(f"{DEAD}/replay?delivery={pk}")
    assert "failed-0@example.org" in words(asked)
    story = send(olga, f"{DEAD}/replay?delivery={pk}")
    assert "Queued" in story.select("h1")[0].find_parent().get_text()  # type: ignore[union-attr]
    assert "1 delivery is tried again." in words(story)


def test_what_holds_a_replay_back_is_said_before(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    cancelled = fill(workshop, actor, failed=2, cancelled_at=START)
    fill(workshop, actor, failed=1)
    with workshop.open(actor) as work:
        work.session.execute(update(Project).values(stopped_at=START, stopped_by="Otis"))
        work.session.execute(
            update(Message).where(Message.cancelled_at.is_(None)).values(scheduled_at=START.replace(day=1))
        )
    page = words(olga.get(f"{DEAD}/replay"))
    assert "2 are of cancelled messages" in page
    assert "1 message is late" in page
    assert "All sending is stopped" in page
    group = olga.get(f"{DEAD}?message={cancelled}")
    assert [link.get_text(strip=True) for link in group.select("#groups .row-acts a")] == ["Dismiss"]
    refused = refuse(send(olga, f"{DEAD}/replay?message={cancelled}"), 409)
    assert "This message was cancelled" in refused.text


def test_a_viewer_sees_the_page_and_no_buttons(
    vera: PageClient, olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    fill(workshop, actor, failed=1)
    page = vera.get(DEAD)
    assert len(page.select("#groups tbody tr")) == 1
    group = vera.get(str(page.select("#groups tbody a")[0]["href"]))
    story = vera.get(str(group.select("#letters tbody a")[0]["href"]))
    for seen in (page, group, story):
        assert not [
            link for link in seen.select("main a, main button") if link.get_text(strip=True) in {"Replay", "Dismiss"}
        ]
        assert not seen.select(".head-actions")
    for path in ("/replay", "/dismiss"):
        refuse(vera.get(f"{DEAD}{path}"), 403)
        refuse(send(vera, f"{DEAD}{path}"), 403)
    send(olga, f"{DEAD}/dismiss")
    assert not vera.get(f"{DEAD}/orders").select("main form")


def test_home_counts_them_and_leads_here(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    assert "dead letter" not in olga.get("/p/default").text.partition("<main")[2]
    fill(workshop, actor, failed=2)
    alert = [each for each in olga.get("/p/default").select(".notice") if "2 dead letters" in each.get_text()]
    assert str(alert[0].select("a")[0]["href"]) == DEAD


def test_a_group_names_its_provider_and_is_found_by_it(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work, name="Mail of the shop")
        bury(work, failed=1)
        work.session.execute(update(Delivery).values(provider_pk=provider.pk))
    page = olga.get(f"{DEAD}?provider={provider.id}")
    assert "Mail of the shop" in page.select("#groups tbody tr")[0].get_text()
