"""The failover order by hand: buttons, side by side, shares; and what a script posts after a drag."""

import pytest
from bs4 import BeautifulSoup

from app.domain.permissions import Actor
from app.models.providers import Provider
from app.services.work import Work, Workshop
from tests.factories import make_provider
from tests.web.page_client import Page, PageClient

LIST = "/p/default/providers"


def put(work: Work, name: str, rank: int, kind: str = "smtp", channel: str = "email") -> Provider:
    """A provider in its place of the order."""
    provider: Provider = make_provider(work, name=name)
    provider.rank, provider.kind, provider.channel = rank, kind, channel
    return provider


@pytest.fixture
def ids(workshop: Workshop, actor: Actor) -> dict[str, str]:
    """Three mail providers one after the other, by name."""
    with workshop.open(actor) as work:
        return {name: put(work, name, rank).id for rank, name in enumerate(("Ada", "Bob", "Cid"))}


def tiers(page: Page) -> list[list[str]]:
    """The names on the page, place by place."""
    return [[link.get_text() for link in place.select("h3 a")] for place in page.select("[data-tier]")]


def test_the_buttons_move_it_up_and_down(olga: PageClient, ids: dict[str, str]) -> None:
    page = olga.get(LIST)
    assert tiers(page) == [["Ada"], ["Bob"], ["Cid"]]
    page = olga.submit(page, f"form[action$='{ids['Ada']}/move']", up="0")
    assert tiers(page) == [["Bob"], ["Ada"], ["Cid"]]
    page = olga.submit(page, f"form[action$='{ids['Cid']}/move']", up="1")
    assert tiers(page) == [["Bob"], ["Cid"], ["Ada"]]


def test_what_stands_side_by_side_shows_its_part_and_can_leave(olga: PageClient, ids: dict[str, str]) -> None:
    page = olga.submit(olga.get(LIST), f"form[action$='{ids['Bob']}/beside']", beside="1")
    assert tiers(page) == [["Ada", "Bob"], ["Cid"]]
    assert "Used first, side by side" in page.text
    page = olga.submit(page, f"form[action$='{ids['Bob']}/share']", share="3")
    assert [label.get_text() for label in page.select(".provider-head .state.tone-blue")] == ["25%", "75%"]
    page = olga.submit(page, f"form[action$='{ids['Bob']}/beside']", beside="0")
    assert tiers(page) == [["Ada"], ["Bob"], ["Cid"]]
    assert not page.select("[name='share']")


@pytest.mark.parametrize("share", ["0", "101", "many", "", "-1", "9" * 40])
def test_a_share_that_cannot_be_is_said_in_a_sentence(olga: PageClient, ids: dict[str, str], share: str) -> None:
    page = olga.submit(olga.get(LIST), f"form[action$='{ids['Bob']}/beside']", beside="1")
    page = olga.submit(page, f"form[action$='{ids['Bob']}/share']", share=share)
    assert "Share needs a whole number from 1 to 100." in page.text
    assert page.path == LIST


def test_the_first_one_has_nobody_to_share_with(olga: PageClient, ids: dict[str, str]) -> None:
    page = olga.get(LIST)
    assert not page.select(f"form[action$='{ids['Ada']}/beside']")
    assert not page.select(f"form[action$='{ids['Ada']}/move'] [value='1']")
    assert not page.select(f"form[action$='{ids['Cid']}/move'] [value='0']")


def drop(client: PageClient, *order: str) -> Page:
    """As the script posts it: htmx asks for the channel's section alone."""
    token = str(client.get(LIST).select("[data-order-form] [name='csrf_token']")[0]["value"])
    answer = client.raw.post(
        f"{LIST}/order",
        data={"csrf_token": token, "channel": "email", "tier": list(order)},
        headers={"HX-Request": "true"},
    )
    return Page(
        answer.status_code,
        f"{LIST}/order",
        dict(answer.headers),
        answer.text,
        BeautifulSoup(answer.text, "html.parser"),
    )


def test_a_drop_draws_the_channel_again(olga: PageClient, ids: dict[str, str]) -> None:
    piece = drop(olga, ids["Cid"], f"{ids['Ada']},{ids['Bob']}")
    assert piece.status == 200
    assert tiers(piece) == [["Cid"], ["Ada", "Bob"]]
    assert [section["id"] for section in piece.select("section")] == ["order-email"]
    assert "<html" not in piece.body
    assert tiers(olga.get(LIST)) == [["Cid"], ["Ada", "Bob"]]


def test_a_drop_that_leaves_one_out_changes_nothing_and_says_so(olga: PageClient, ids: dict[str, str]) -> None:
    piece = drop(olga, ids["Cid"], ids["Ada"])
    assert tiers(piece) == [["Ada"], ["Bob"], ["Cid"]]
    assert "Bob is missing" in piece.headers["HX-Trigger"]
    assert "There is no email provider with the id nobody" in drop(olga, *ids.values(), "nobody").headers["HX-Trigger"]
    for nonsense in ("", "pigeon"):
        answer = olga.raw.post(f"{LIST}/order", data={"channel": nonsense, "tier": ["a"]})
        assert answer.status_code < 500


def test_push_providers_are_not_called_stand_ins_for_one_another(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    with workshop.open(actor) as work:
        put(work, "Google", 0, "fcm", "push")
        put(work, "Apple", 1, "apns", "push")
    text = olga.get(LIST).text
    assert text.count("Sends to the devices that were registered with it") == 2
    assert "Used when those above cannot" not in text


def test_one_alone_has_nothing_to_order(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        make_provider(work, name="Only")
    assert not olga.get(LIST).select("[data-order], [data-grip], form[action$='/move']")


def test_a_viewer_sees_the_order_and_cannot_change_it(olga: PageClient, vera: PageClient, ids: dict[str, str]) -> None:
    page = vera.get(LIST)
    assert tiers(page) == [["Ada"], ["Bob"], ["Cid"]]
    assert not page.select("main form, [data-grip]")
    token = str(olga.get(LIST).select("[name='csrf_token']")[0]["value"])
    for path in ("order", f"{ids['Ada']}/move", f"{ids['Bob']}/beside", f"{ids['Ada']}/share"):
        assert vera.raw.post(f"{LIST}/{path}", data={"csrf_token": token}).status_code in {400, 403}
    assert tiers(olga.get(LIST)) == [["Ada"], ["Bob"], ["Cid"]]


def test_a_card_tells_its_limits_and_what_was_said_last(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        limited = put(work, "Ada", 0)
        limited.rate_count, limited.rate_seconds, limited.most_in_flight = 20, 1, 5
        put(work, "Bob", 1, "sendgrid")
    text = olga.get(LIST).text
    assert "Limit in use 0 of 20 a second; 0 of 5 requests at once" in text
    assert "Limit in use No limit" in text
    assert "Last receipt None yet" in text
