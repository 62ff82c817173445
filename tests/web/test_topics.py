"""The pages of topics: add, subscribe by picking and by pasting, take out, delete."""

from datetime import timedelta

from app.domain.permissions import Actor
from app.services.work import Workshop
from tests import factories
from tests.web.page_client import PageClient

HOME = "/p/default/topics"


def test_a_topic_is_added_with_its_own_id(olga: PageClient) -> None:
    assert "No topics yet" in olga.get(HOME).text
    page = olga.submit(olga.get(f"{HOME}/new"), name="News", id="news")
    assert page.heading == "News"
    assert page.path == f"{HOME}/news"
    again = olga.submit(olga.get(f"{HOME}/new"), name="Other", id="news")
    assert again.status == 422
    assert "exists already" in again.text


def test_a_name_that_cannot_be_is_said_beside_the_field(olga: PageClient) -> None:
    page = olga.submit(olga.get(f"{HOME}/new"), name="")
    assert page.status == 422
    assert "Name needs 1 to 128 characters" in page.select("#name-error")[0].get_text()


def test_subscribers_are_picked_from_a_search(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_topic(work.session)
        factories.make_contact(work.session, name="Ann", email="ann@example.org")
    assert "ann@example.org" in olga.fragment(f"{HOME}/{topic.id}/add?q=an").text
    page = olga.submit(olga.get(f"{HOME}/{topic.id}/add", q="an"), f"form[action$='{topic.id}/add'][method='post']")
    assert "In the topic" in page.text
    shown = olga.get(f"{HOME}/{topic.id}")
    assert "ann@example.org" in shown.text
    assert "Nobody is in this topic" in olga.submit(shown, "form[action$='/remove']").text


def test_pasted_addresses_that_nobody_has_stay_in_the_form(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_topic(work.session)
        factories.make_contact(work.session, name="Ann", email="ann@example.org")
    page = olga.submit(
        olga.get(f"{HOME}/{topic.id}/add"), "form[action$='/paste']", addresses="ann@example.org\nx@example.org"
    )
    assert page.status == 422
    assert "1 added, 0 were in the topic already. 1 address belongs to no contact" in page.text
    assert page.form("form[action$='/paste']").values["addresses"] == "x@example.org"
    done = olga.submit(page, "form[action$='/paste']", addresses="ann@example.org")
    assert done.path == f"{HOME}/{topic.id}"


def test_subscribers_are_searched_and_filtered(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_audience(work.session, 3)
    found = olga.fragment(f"{HOME}/{topic.id}?q=person1")
    assert "person1@example.org" in found.text
    assert "person2" not in found.text
    assert "Nothing matches" in olga.get(f"{HOME}/{topic.id}?channel=sms").text


def test_renaming_and_deleting(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_audience(work.session, 3)
    assert olga.submit(olga.get(f"{HOME}/{topic.id}/edit"), name="Offers").heading == "Offers"
    assert olga.submit(olga.get(f"{HOME}/{topic.id}/edit"), name="").status == 422
    question = olga.get(f"{HOME}/{topic.id}/delete")
    assert "3 subscriptions go with it" in question.text
    assert "No topics yet" in olga.submit(question).text


def test_the_question_names_the_messages_that_count_on_the_topic(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_audience(work.session, 1)
    alone = olga.get(f"{HOME}/{topic.id}/delete").text
    with workshop.open(actor) as work:
        to_it = {"audience": {"topics": [topic.id]}}
        factories.make_message(work.session, subject="Half done", **to_it)
        later = factories.make_message(
            work.session, subject="December letter", status="scheduled", scheduled_at=work.now + timedelta(9), **to_it
        )
    assert "1 subscription goes with it" in alone
    assert "this topic" not in alone
    page = olga.get(f"{HOME}/{topic.id}/delete")
    assert "1 message waits to go to this topic" in page.text
    assert "1 draft names this topic" in page.text
    assert [link.get_text() for link in page.select(".notice a")] == ["December letter", "Half done"]
    assert page.select(".notice a")[0]["href"].endswith(f"/messages/{later.id}")


def test_a_viewer_sees_topics_but_changes_nothing(vera: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_audience(work.session, 1)
    page = vera.get(f"{HOME}/{topic.id}")
    assert "person0@example.org" in page.text
    assert "Take out" not in page.text
    assert vera.get(f"{HOME}/{topic.id}/add").status == 403
