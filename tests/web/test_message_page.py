"""The message page: what it says in each state, its acts, its live parts, its export."""

import csv
import io
from datetime import timedelta

from sqlalchemy import select

from app.domain.permissions import Actor
from app.models.deliveries import Delivery, Tally
from app.models.messages import Message
from app.services.story import demo
from app.services.work import Workshop
from tests.conftest import START
from tests.factories import make_audience, make_message, make_provider
from tests.sent_messages import make_sent
from tests.web.page_client import PageClient


def path_of(message: Message) -> str:
    return f"/p/default/messages/{message.id}"


def made(workshop: Workshop, actor: Actor, states: dict[str, int], **columns) -> Message:
    with workshop.open(actor) as work:
        return make_sent(work.session, states, provider=make_provider(work), **columns)


def test_a_sent_message_says_how_many_got_it_and_writes_the_balance_out(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    message = made(workshop, actor, {"sent": 5, "failed": 2, "skipped": 1})
    page = olga.get(path_of(message))
    assert "It went to 5 of 8 people" in page.text
    assert "2 failed" in page.text
    assert "; 1 was skipped" in page.text
    assert "8 = 5 sent + 2 failed + 1 skipped" in page.text
    assert not page.select("[data-poll]")
    assert len(page.select("#recipients tbody tr")) == 8


def test_the_tiles_filter_the_table(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    message = made(workshop, actor, {"sent": 5, "failed": 2})
    tile = olga.get(path_of(message)).select("#tile-failed, .metric a[href*='state=failed']")[0]
    page = olga.get(str(tile["href"]).partition("#")[0])
    assert len(page.select("#recipients tbody tr")) == 2
    assert page.select(".metric.is-active")[0].get_text(" ", strip=True).endswith("Failed")


def test_searching_swaps_the_recipients_alone(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    message = made(workshop, actor, {"sent": 12})
    piece = olga.fragment(f"{path_of(message)}?q=sent-1")
    assert len(piece.select("#recipients tbody tr")) == 3
    assert not piece.select("h1")


def test_while_it_is_sent_three_parts_fetch_themselves_and_then_stop(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    message = made(workshop, actor, {"sent": 5, "queued": 3})
    page = olga.get(path_of(message))
    polls = {str(part["id"]): str(part["hx-get"]) for part in page.select("[data-poll]")}
    assert set(polls) == {"progress", "timeline", "recipients"}
    assert "5 of 8 people are done, 3 to go" in page.text
    with workshop.open(actor) as work:
        row = work.session.get_one(Message, message.pk)
        row.status, row.settled_at = "sent", work.now
    for name, address in polls.items():
        piece = olga.fragment(address)
        assert piece.select(f"#{name}"), name
        assert not piece.select("[data-poll]"), name


def test_a_scheduled_message_says_how_many_get_it(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        topic = make_audience(work.session, 3)
        scheduled = {"status": "scheduled", "scheduled_at": START + timedelta(days=2)}
        told = make_message(work.session, audience={"topics": [topic.id]}, **scheduled)
        idle = make_message(work.session, **scheduled)
    page = olga.get(path_of(told))
    assert "(in 2 days), to 3 people as of now." in page.text
    assert "3 people are to get it as of now." in page.text
    assert "(in 2 days), to nobody as of now." in olga.get(path_of(idle)).text


def test_a_paused_message_counts_who_got_it_and_who_was_skipped_apart(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    message = made(workshop, actor, {"sent": 5, "skipped": 2, "queued": 3}, paused_at=START)
    page = olga.get(path_of(message))
    assert "it went to 5 of 10 people; 2 were skipped; 3 wait until somebody resumes." in page.text


def test_why_has_a_column_only_where_somebody_has_a_reason(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    message = made(workshop, actor, {"sent": 5, "failed": 2})
    page = olga.get(path_of(message))
    assert "Why" in [head.get_text() for head in page.select("#recipients th")]
    page = olga.get(f"{path_of(message)}?state=sent")
    assert "Why" not in [head.get_text() for head in page.select("#recipients th")]


def test_pause_and_resume(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    message = made(workshop, actor, {"sent": 5, "queued": 3})
    page = olga.submit(olga.get(path_of(message)), "form[action$='/pause']")
    assert "3 wait until somebody resumes" in page.text
    page = olga.submit(page, "form[action$='/resume']")
    assert "3 to go" in page.text


def test_cancelling_asks_with_the_exact_number_and_skips_the_rest(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    message = made(workshop, actor, {"sent": 5, "queued": 3})
    question = olga.get(f"{path_of(message)}/cancel")
    assert "Cancel for 3 people" in question.text
    assert "It went to 5 of 8 already" in question.text
    page = olga.submit(question)
    assert "Cancelled. 3 people do not get it." in page.text
    assert "Cancelled; 3 people were not written to" in page.select("#timeline")[0].get_text()


def test_failed_ones_are_retried_all_together(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    message = made(workshop, actor, {"sent": 5, "failed": 2})
    question = olga.get(f"{path_of(message)}/retry")
    assert "2 failed: Email address does not exist." in question.text
    assert "Retry for 2 people" in question.text
    page = olga.submit(question)
    assert "2 deliveries are tried again." in page.text
    assert "2 to go" in page.text


def test_failed_ones_are_retried_by_what_went_wrong(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    message = made(workshop, actor, {"sent": 5, "failed": 3})
    with workshop.open(actor) as work:
        delivery = work.session.scalars(select(Delivery).where(Delivery.address == "failed-2@example.org")).one()
        delivery.reason = "mailbox_full"
    question = olga.get(f"{path_of(message)}/retry")
    assert "Email address does not exist, 2" in question.text
    assert "Inbox full, 1" in question.text
    page = olga.submit(question, reason="mailbox_unknown")
    assert "2 deliveries are tried again." in page.text


def test_a_waiting_message_names_the_cause_and_links_to_the_provider(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    message = made(workshop, actor, {"queued": 3}, waiting_reason="Mail cannot be used: 535 5.7.8 wrong password")
    with workshop.open(actor) as work:
        provider = make_provider(work, name="Mail of the shop")
        provider.blocked_at, provider.blocked_reason = work.now, "authentication_failed"
        address = f"/p/default/providers/{provider.id}"
    page = olga.get(path_of(message))
    assert "535 5.7.8 wrong password" in page.text
    assert page.select(f"a[href='{address}']")


def test_verify_recounts_and_says_so(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    message = made(workshop, actor, {"sent": 5, "failed": 2})
    assert "The numbers agree" in olga.get(f"{path_of(message)}/verify").text
    with workshop.open(actor) as work:
        tally = work.session.get_one(Tally, message.pk)
        tally.sent, tally.failed = 4, 3
    assert "Both count 7, but not in the same states." in olga.get(f"{path_of(message)}/verify").text
    with workshop.open(actor) as work:
        work.session.get_one(Tally, message.pk).audience = 8
    assert "The deliveries are 7, the message page says 8." in olga.get(f"{path_of(message)}/verify").text


def test_sample_data_that_never_went_through_the_sandbox_is_not_called_missing_there(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    with workshop.open(actor) as work:
        demo.add(work)
        key = work.session.scalars(select(Message.id).where(Message.title == "Winter opening hours")).one()
    page = olga.get(f"/p/default/messages/{key}/verify")
    assert "The numbers agree" in page.text
    assert "This is sample data." in page.text
    assert "Missing" not in page.text


def test_nothing_of_a_cancelled_message_is_offered_to_be_tried_again(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    message = made(workshop, actor, {"sent": 5, "failed": 2}, cancelled_at=START)
    assert not olga.get(path_of(message)).select("#act-retry")
    question = olga.get(f"{path_of(message)}/retry")
    assert "This message was cancelled" in question.text
    assert not question.select("main form")


def test_the_export_has_every_recipient_and_no_formula(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    message = made(workshop, actor, {"sent": 2_100, "failed": 1})
    answer = olga.raw.get(f"{path_of(message)}/recipients.csv")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert len(rows) == 2_101
    assert rows[0]["address"] == "failed-0@example.org"
    assert rows[0]["explanation"] == "Email address does not exist."
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "@", "-"))]


def test_a_draft_shows_what_will_go_out_and_no_numbers(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        message = make_message(work.session)
    page = olga.get(path_of(message))
    assert "This is a draft" in page.text
    assert page.select("iframe[sandbox='']")
    assert not page.select(".metrics")


def test_a_viewer_sees_everything_and_can_press_nothing(workshop: Workshop, actor: Actor, vera: PageClient) -> None:
    message = made(workshop, actor, {"sent": 5, "queued": 3, "failed": 1})
    page = vera.get(path_of(message))
    assert not page.select("main form[method='post']")
    assert vera.post(f"{path_of(message)}/pause").status in {400, 403}
    with workshop.read(actor) as work:
        assert work.session.scalar(select(Message.paused_at).where(Message.pk == message.pk)) is None


def test_a_message_of_nobody_is_not_found(olga: PageClient) -> None:
    assert olga.get("/p/default/messages/nothing").status == 404
