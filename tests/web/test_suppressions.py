"""The pages of suppressions: add by hand, find, lift."""

from app.domain.permissions import Actor
from app.services.work import Workshop
from tests import factories
from tests.web.page_client import PageClient

HOME = "/p/default/suppressions"


def test_an_address_is_suppressed_and_lifted(olga: PageClient) -> None:
    assert "Nobody is suppressed" in olga.get(HOME).text
    page = olga.submit(olga.get(f"{HOME}/new"), channel="email", address="Ann@example.org")
    assert "ann@example.org" in page.text
    assert "Added by Olga" in page.text
    question = olga.get(page.select("a[href$='/lift']")[0]["href"])
    assert "ann@example.org will get messages again" in question.text
    assert "Nobody is suppressed" in olga.submit(question).text


def test_what_cannot_be_is_said_beside_the_field(olga: PageClient) -> None:
    page = olga.submit(olga.get(f"{HOME}/new"), channel="sms", address="0170 1234567")
    assert page.status == 422
    assert "needs an international number" in page.select("#address-error")[0].get_text()


def test_a_second_time_is_refused(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        factories.make_suppression(work.session, "ann@example.org")
    page = olga.submit(olga.get(f"{HOME}/new"), channel="email", address="ann@example.org")
    assert page.status == 422
    assert "is suppressed already (unsubscribed)" in page.text


def test_the_list_is_searched_and_filtered(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        factories.make_suppression(work.session, "ann@example.org", reason="complaint")
        factories.make_suppression(work.session, "ben@example.org")
    assert "ben@" not in olga.fragment(f"{HOME}?q=ann").text
    assert "ann@" not in olga.fragment(f"{HOME}?reason=unsubscribed").text
    assert "Nothing matches" in olga.get(f"{HOME}?channel=sms").text


def test_a_viewer_sees_the_list_only(vera: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        row = factories.make_suppression(work.session, "ann@example.org")
    page = vera.get(HOME)
    assert "ann@example.org" in page.text
    assert "Lift" not in page.text
    assert vera.get(f"{HOME}/{row.id}/lift").status == 403


def test_the_advice_before_lifting_fits_the_reason(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        bounced = factories.make_suppression(work.session, "ann@example.org", reason="hard_bounce")
        left = factories.make_suppression(work.session, "ben@example.org")
    assert "otherwise it bounces once more" in olga.get(f"{HOME}/{bounced.id}/lift").text
    assert "when the person asked for it" in olga.get(f"{HOME}/{left.id}/lift").text
