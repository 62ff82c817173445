"""The composer's sheet for text messages: parts, dear signs and their replacement, where it goes and what it costs."""

import pytest
from sqlalchemy import select

from app.domain.permissions import Actor
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.targets import Target
from app.services.messages import messages
from app.services.previews import sms_reach
from app.services.providers import prices
from app.services.providers.prices import Typed
from app.services.work import Work, Workshop
from tests import factories
from tests.services.test_prices import text_provider
from tests.web.page_client import Page, PageClient


class Desk:
    """A draft of a text message with people in it."""

    def __init__(self, workshop: Workshop, actor: Actor) -> None:
        self.workshop, self.actor = workshop, actor
        with workshop.open(actor) as work:
            provider = text_provider(work)
            provider.options = {"from": "+4915112345678"}
            provider.credentials = work.vault.encrypt_json({"accountSid": "AC" + "0" * 32, "authToken": "canary"})
            ann = factories.make_contact(work.session, name="Ann", phone="+4915112345678")
            ben = factories.make_contact(work.session, name="Ben 😀", phone="+14155550100")
            self.provider_id = provider.id
            self.audience = {"contacts": [ann.id, ben.id]}
            self.people = {name: target_of(work, contact) for name, contact in (("Ann", ann), ("Ben", ben))}

    def write(self, text: str) -> str:
        with self.workshop.open(self.actor) as work:
            message = factories.make_message(
                work.session, channel="sms", content={"text": text}, audience=self.audience, subject=text[:60]
            )
            return f"/p/default/messages/{message.id}"

    def text_of(self, address: str) -> str:
        with self.workshop.read(self.actor) as work:
            return str(messages.find(work, address.rsplit("/", 1)[-1]).content["text"])


def target_of(work: Work, contact: Contact) -> str:
    return str(work.session.scalar(select(Target.id).where(Target.contact_pk == contact.pk)))


@pytest.fixture
def desk(workshop: Workshop, actor: Actor) -> Desk:
    return Desk(workshop, actor)


def press(client: PageClient, page: Page, code: str, *, with_htmx: bool = False) -> Page:
    """Press the button that replaces a sign, with everything the form holds."""
    values = page.form("form#compose").values | {"replace": code}
    if with_htmx:
        return client.fragment(page.path.replace("/edit", "/-/save"), method="POST", data=values)
    return client.post(page.path, **values)


def test_parts_are_marked_where_the_network_cuts(olga: PageClient, desk: Desk) -> None:
    page = olga.get(desk.write("a" * 153 + "b" * 20) + "/edit")
    assert page.select(".sms-bubble")[0].get_text().startswith("a" * 153 + " Part 1/ of 2 ends here. b")
    assert [part.get_text() for part in page.select(".sms-parts li")] == [
        "Part 1 of 2: 153 of 153 characters", "Part 2 of 2: 20 of 153 characters",
    ]  # fmt: skip
    assert "2 parts" in page.select("#sms-count")[0].get_text()


def test_an_emoji_is_taken_out_at_one_click_without_a_script(olga: PageClient, desk: Desk) -> None:
    address = desk.write("See you at the market – bring a friend 😀 " + "a" * 60)
    page = olga.get(address + "/edit")
    assert "With these replaced it is 1 part instead of 2" in page.text
    page = press(olga, page, "1f600")
    assert desk.text_of(address).startswith("See you at the market – bring a friend aaa")
    page = press(olga, page, "2013")
    assert desk.text_of(address).startswith("See you at the market - bring a friend aaa")
    assert not page.select(".sms-signs")
    assert "1 part" in page.select("#sms-count")[0].get_text()


def test_everything_is_replaced_at_once_and_the_field_follows(olga: PageClient, desk: Desk) -> None:
    address = desk.write("Don’t wait… come – now")
    page = olga.get(address + "/edit")
    assert page.select("button[name='replace'][value='all']")[0].get_text() == "Replace all 3"
    answer = press(olga, page, "all", with_htmx=True)
    assert desk.text_of(address) == "Don't wait... come - now"
    field = answer.select("textarea#text[hx-swap-oob='true']")[0]
    assert field.get_text().strip() == "Don't wait... come - now"


def test_a_save_without_such_a_button_leaves_the_field_alone(olga: PageClient, desk: Desk) -> None:
    page = olga.get(desk.write("Hi") + "/edit")
    values = page.form("form#compose").values | {"text": "Hi – you"}
    answer = olga.fragment(page.path.replace("/edit", "/-/save"), method="POST", data=values)
    assert not answer.select("textarea")
    assert answer.select("#sms-count[hx-swap-oob]")


def test_signs_of_a_value_are_said_to_be_the_persons(olga: PageClient, desk: Desk) -> None:
    page = olga.get(desk.write("Hi {{ name }}") + "/edit", **{"as": desk.people["Ben"]})
    assert "A value of Ben 😀, not your words" in page.text
    assert not page.select("button[name='replace']")


def test_another_alphabet_is_not_called_a_mistake(olga: PageClient, desk: Desk) -> None:
    page = olga.get(desk.write("Привет 😀") + "/edit")
    assert "That is how this language travels" in page.text
    assert not page.select("button[name='replace']")


def test_the_cost_of_everybody_stands_by_country(
    olga: PageClient, desk: Desk, workshop: Workshop, actor: Actor
) -> None:
    address = desk.write("Hi {{ name }}" + "a" * 66)
    page = olga.get(address + "/edit?view=cost")
    assert "Its prices are not known" in page.text
    with workshop.open(actor) as work:
        provider = prices.find_priced(work, desk.provider_id)
        prices.add_price(work, provider, Typed("DE", "0.08", "EUR"))
    page = olga.get(address + "/edit?view=cost")
    assert "About €0.08 through Texts" in page.text
    assert "2 people, 3 parts are charged. Everybody was counted." in page.text
    assert "without 2 parts to 1 country whose price is not known" in page.text
    assert [line.get_text(" ", strip=True) for line in page.select(".sms-countries li")] == [
        "Germany €0.08 1 person, 1 part at €0.08 Phones show +4915112345678.",
        "United States Price not known 1 person, 2 parts Phones show +4915112345678. "
        "Networks may put a number of their own country in its place.",
    ]


def test_a_cost_that_is_estimated_is_drawn_anew_when_everybody_was_looked_at(
    olga: PageClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms_reach, "SAMPLE", 1)
    monkeypatch.setattr(sms_reach, "MOST_PAGES", 1)
    page = olga.get(desk.write("Hi {{ name }}") + "/edit?view=cost")
    assert "Estimated from the first 1" in page.text
    link = page.select("#preview-paper a[hx-trigger]")[0]
    assert "looked-at-all from:body" in str(link["hx-trigger"])
    assert "charged" in olga.fragment(str(link["hx-get"])).text


def test_the_cost_is_named_before_it_is_sent(olga: PageClient, desk: Desk, workshop: Workshop, actor: Actor) -> None:
    address = desk.write("Hi there")
    assert "Charged as 2 parts" in olga.get(f"{address}/send").text
    with workshop.open(actor) as work:
        prices.add_price(work, prices.find_priced(work, desk.provider_id), Typed("*", "0.08", "EUR"))
    assert "About €0.16 for 2 parts" in olga.get(f"{address}/send").text


def test_where_a_service_has_a_hand_in_the_text_the_preview_says_so(
    olga: PageClient, desk: Desk, workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        prices.find_priced(work, desk.provider_id).kind = "msg91"
    assert "the template that MSG91 has approved" in olga.get(desk.write("Hi there") + "/edit").text


def test_the_request_is_shown_without_secrets(olga: PageClient, desk: Desk) -> None:
    page = olga.get(desk.write("Hi there") + "/edit?view=request")
    assert "Messages.json" in page.text
    assert "Body: Hi there" in page.text
    assert "canary" not in page.body


@pytest.mark.parametrize("view", ["phone", "cost", "request"])
@pytest.mark.parametrize(
    "text", ["", " ", "a" * 5000, "{{ first_name", "😀" * 400, "\u202eabc", "{{ unsubscribe_url }}"]
)
def test_whatever_is_written_every_view_stands(olga: PageClient, desk: Desk, text: str, view: str) -> None:
    assert olga.get(f"{desk.write(text)}/edit?view={view}").status == 200


def test_what_a_provider_refuses_blocks(olga: PageClient, desk: Desk) -> None:
    page = olga.get(desk.write("a" * 1601) + "/edit")
    assert "The text has 1,601 characters; Twilio takes 1,600. Shorten it." in page.select("#checks")[0].get_text()


def test_nobody_and_no_provider_is_said(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message: Message = factories.make_message(work.session, channel="sms", content={"text": "Hi"})
        address = f"/p/default/messages/{message.id}/edit"
    assert "Choose an audience to see what it costs" in olga.get(address, view="cost").text
    assert "No provider can carry a text message yet" in olga.get(address, view="request").text
