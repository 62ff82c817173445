"""The log explorer and a delivery's story, as pages."""

from dataclasses import replace

from sqlalchemy import select

from app.domain.outcomes import Reason
from app.domain.permissions import Actor
from app.domain.receipts import Receipt, ReceiptEvent
from app.engine import feedback
from app.models.deliveries import Delivery
from app.models.messages import Message
from app.models.providers import Provider
from app.services.work import Workshop
from tests.factories import make_provider
from tests.sent_messages import make_sent
from tests.web.page_client import PageClient

LOG = "/p/default/deliveries"


def fill(workshop: Workshop, actor: Actor, states: dict[str, int]) -> None:
    with workshop.open(actor) as work:
        make_sent(work.session, states, provider=make_provider(work, name="Mail of the shop"))


def test_an_empty_log_says_what_will_be_here(olga: PageClient) -> None:
    assert "No deliveries yet" in olga.get(LOG).text


def test_filters_stand_in_the_address_as_chips_that_go_away(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    fill(workshop, actor, {"sent": 3, "failed": 2})
    page = olga.get(f"{LOG}?state=failed&reason=mailbox_unknown&channel=email&time=day")
    assert len(page.select("#log tbody tr")) == 2
    links = [str(link["href"]) for link in page.select(".chip-x")]
    assert len(links) == 4
    assert not [link for link in links if link.count("=") != 3]


def test_an_address_shows_its_history_in_one_search(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    fill(workshop, actor, {"sent": 3})
    fill(workshop, actor, {"sent": 3})
    page = olga.get(f"{LOG}?q=sent-2@example.org")
    assert len(page.select("#log tbody tr")) == 2


def test_pages_lead_on_and_back(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    fill(workshop, actor, {"sent": 120})
    first = olga.get(LOG)
    second = olga.get(str(first.select("a[rel='next']")[0]["href"]))
    back = olga.get(str(second.select("a[rel='prev']")[0]["href"]))
    assert len(second.select("#log tbody tr")) == 50
    assert back.select("#log tbody tr")[0].get_text() == first.select("#log tbody tr")[0].get_text()


def test_nothing_matches_offers_everything(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    fill(workshop, actor, {"sent": 3})
    assert "Nothing matches" in olga.get(f"{LOG}?q=nobody@example.org").text
    assert "Nothing matches" in olga.get(f"{LOG}?state=%00&channel=pigeon").text


def test_htmx_gets_the_table_alone(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    fill(workshop, actor, {"sent": 3})
    piece = olga.fragment(f"{LOG}?q=sent")
    assert len(piece.select("tbody tr")) == 3


def test_a_story_shows_the_attempt_its_answer_and_what_to_do(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    fill(workshop, actor, {"failed": 1})
    link = olga.get(LOG).select("#log tbody td.first a")[0]
    page = olga.get(str(link["href"]))
    assert "Email address does not exist." in page.text
    assert "550 5.1.1 No such mailbox" in page.text
    assert "Mail of the shop" in page.text


def test_a_story_shows_what_the_service_said_afterwards(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    fill(workshop, actor, {"sent": 1})
    with workshop.open(actor) as work:
        pk, message_id = work.session.execute(
            select(Delivery.pk, Message.id).join(Message, Message.pk == Delivery.message_pk)
        ).one()
        provider_pk = work.session.scalar(select(Provider.pk))
        told = [
            Receipt(ReceiptEvent.DELIVERED, "1"),
            Receipt(
                ReceiptEvent.BOUNCED, "2", reason=Reason.MAILBOX_FULL, code="552 5.2.2",
                detail="5.2.2 <b>Over quota</b>",
            ),
            Receipt(ReceiptEvent.UNKNOWN, "3"),
        ]  # fmt: skip
        keyed = [replace(each, delivery_key=f"{pk}.{message_id}") for each in told]
        feedback.keep(work.session, (1, provider_pk), keyed, work.now)
        feedback.apply_page(work.session, work.now)
    page = olga.get(f"{LOG}/{pk}")
    events = [" ".join(each.text.split()) for each in page.select("ol[aria-label='Receipts'] .event-text")]
    assert events == [f"{word} · Mail of the shop" for word in ("Delivered", "Bounced", "Something else")]
    assert "Inbox full." in page.text
    assert "552 5.2.2 <b>Over quota</b>" in page.text, "shown as it came, never as a page of ours"


def test_a_damaged_page_number_is_answered_in_words(olga: PageClient) -> None:
    page = olga.get(f"{LOG}?after=x%27")
    assert page.status == 400
    assert "go back to the first page" in page.text
