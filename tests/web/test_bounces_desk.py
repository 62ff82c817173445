"""What an SMTP provider's page says of mail that comes back: what is missing, where it is received, what was said."""

import pytest

from app.domain.permissions import Actor
from app.domain.receipts import Receipt, ReceiptEvent
from app.engine import feedback
from app.services.work import Workshop
from tests.factories import make_provider
from tests.web.page_client import Page, PageClient

TITLE = "What mail servers say afterwards"


def page_of(client: PageClient, workshop: Workshop, actor: Actor, port: int = 0, **options: str) -> Page:
    workshop.settings = workshop.settings.but({"bounces_port": port})
    with workshop.open(actor) as work:
        provider_id = make_provider(work, **options).id
    return client.get(f"/p/default/providers/{provider_id}")


def test_without_a_domain_it_says_what_one_is_good_for(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    page = page_of(olga, workshop, actor)
    assert TITLE in page.text
    assert "Set a bounce domain" in page.text
    assert "CARILLON_BOUNCES_PORT" in page.text
    assert "Address for complaints" not in page.text


def test_while_nobody_receives_it_the_page_says_so(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    page = page_of(olga, workshop, actor, bounceDomain="bounces.example.org")
    assert "It is not used yet" in page.text
    assert "complaints+" not in page.body


def test_it_shows_where_mail_comes_in_and_what_to_set_up(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    page = page_of(olga, workshop, actor, 2525, bounceDomain="bounces.example.org")
    assert "127.0.0.1:2525" in page.text
    assert "MX record" in page.text
    assert "complaints+" in page.body
    assert "@bounces.example.org" in page.body
    assert "No mail server has said anything yet" in page.text


def test_whoever_may_only_look_is_not_shown_the_address(vera: PageClient, workshop: Workshop, actor: Actor) -> None:
    page = page_of(vera, workshop, actor, 2525, bounceDomain="bounces.example.org")
    assert TITLE in page.text
    assert "complaints+" not in page.body


def test_the_last_word_of_a_mail_server_has_its_time(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work, bounceDomain="bounces.example.org")
        receipt = Receipt(ReceiptEvent.BOUNCED, "e1", delivery_key="1.m", detail="550 5.1.1 No such mailbox")
        feedback.keep(work.session, (provider.project_pk, provider.pk), [receipt], work.now)
        provider_id = provider.id
    page = olga.get(f"/p/default/providers/{provider_id}")
    assert "The last word of a mail server came in" in page.text


@pytest.mark.parametrize("domain", ["bounces", "a@b.example"])
def test_a_domain_that_is_none_is_said_at_its_field(olga: PageClient, domain: str) -> None:
    page = olga.submit(
        olga.get("/p/default/providers/new/smtp"), name="Mail", host="smtp.example.org", encryption="none",
        fromEmail="news@acme.example", bounceDomain=domain,
    )  # fmt: skip
    assert page.status == 422
    assert "The bounce domain must be a domain such as bounces.example.org." in page.text
