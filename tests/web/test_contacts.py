"""The pages of contacts, by plain forms: add, find, correct, delete, and what each role sees."""

import pytest

from app.domain.permissions import Actor
from app.services.people import contact_search
from app.services.work import Workshop
from tests import factories
from tests.web.page_client import PageClient

HOME = "/p/default/contacts"


def test_an_empty_project_offers_the_import(olga: PageClient) -> None:
    page = olga.get(HOME)
    assert "No contacts yet" in page.text
    assert page.select(".nothing a")[0]["href"].endswith("/imports")


def test_a_contact_is_added_by_a_plain_form(olga: PageClient) -> None:
    page = olga.submit(
        olga.get(f"{HOME}/new"), name="Ann Lee", email="ann@example.org", sms="+49 170 1234567", attributes="city=Bonn"
    )
    assert page.heading == "Ann Lee"
    assert "ann@example.org" in page.text
    assert "+491701234567" in page.text
    assert "Bonn" in page.text
    assert "Germany, mobile" in page.text


def test_wrong_fields_keep_what_was_typed_and_say_what_is_right(olga: PageClient) -> None:
    page = olga.submit(olga.get(f"{HOME}/new"), name="Ann", email="ann", attributes="City=Bonn")
    assert page.status == 422
    assert "Email needs an address like name@example.org." in page.text
    assert "Attributes, line 1" in page.text
    assert page.form().values["email"] == "ann"


def test_the_list_is_searched_as_one_types(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        factories.make_contact(work.session, name="Ann", email="ann@example.org")
        factories.make_contact(work.session, name="Ben", email="ben@example.org")
    found = olga.fragment(f"{HOME}?q=an")
    assert "Ann" in found.text
    assert "Ben" not in found.text
    assert "Nothing matches" in olga.fragment(f"{HOME}?q=zzz").text
    assert "Ben" in olga.get(f"{HOME}?channel=email").text
    assert "Nothing matches" in olga.get(f"{HOME}?channel=push").text


def test_pages_lead_on_and_back(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        factories.make_audience(work.session, 60)
    first = olga.get(HOME)
    second = olga.get(first.select("a[rel='next']")[0]["href"])
    assert "10 on this page" in second.text
    assert "Person 59" in olga.get(second.select("a[rel='prev']")[0]["href"]).text
    searched = olga.get(HOME, q="person")
    assert "10 on this page" in olga.get(searched.select("a[rel='next']")[0]["href"]).text


def test_an_address_of_somebody_else_is_refused_with_the_name(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        factories.make_contact(work.session, name="Ann", email="ann@example.org")
        ben = factories.make_contact(work.session, name="Ben")
    page = olga.submit(
        olga.get(f"{HOME}/{ben.id}"), f"form[action$='{ben.id}/targets']", channel="email", address="ANN@example.org"
    )
    assert page.status == 422
    assert "belongs to “Ann” already" in page.text


def test_an_address_is_corrected_and_removed(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        ann = factories.make_contact(work.session, name="Ann")
        target = factories.make_target(work.session, ann, address="old@example.org")
    page = olga.submit(olga.get(f"{HOME}/{ann.id}/targets/{target.id}"), address="new@example.org")
    assert "new@example.org" in page.text
    page = olga.submit(olga.get(f"{HOME}/{ann.id}/targets/{target.id}/remove"))
    assert "No address yet" in page.text


def test_a_contact_joins_and_leaves_a_topic_on_its_page(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        ann = factories.make_contact(work.session, name="Ann", email="ann@example.org")
        factories.make_topic(work.session, name="News")
    page = olga.submit(olga.get(f"{HOME}/{ann.id}"), "form[action$='/topics']")
    assert "Take out" in page.text
    page = olga.submit(page, "form[action$='/remove']")
    assert "In no topic" in page.text


def test_deleting_asks_with_numbers(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        ann = factories.make_contact(work.session, name="Ann", email="ann@example.org", phone="+491701234567")
    question = olga.get(f"{HOME}/{ann.id}/delete")
    assert "2 addresses and 0 subscriptions go with it" in question.text
    assert "No contacts yet" in olga.submit(question).text
    assert olga.get(f"{HOME}/{ann.id}").status == 404


def test_script_in_a_name_is_only_text(olga: PageClient) -> None:
    page = olga.submit(olga.get(f"{HOME}/new"), name="<script>alert(1)</script>", attributes="x=<img src=x onerror=y>")
    assert page.heading == "<script>alert(1)</script>"
    assert not page.select("main script, main img")


def test_an_edit_saves_and_an_error_keeps_the_page(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        ann = factories.make_contact(work.session, name="Ann", city="Bonn")
    page = olga.submit(olga.get(f"{HOME}/{ann.id}/edit"), name="Anne", attributes="city=Köln\nplan=pro")
    assert page.heading == "Anne"
    assert "Köln" in page.text
    assert olga.submit(olga.get(f"{HOME}/{ann.id}/edit"), name="x" * 129).status == 422


def test_the_export_is_a_csv_download(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        factories.make_contact(work.session, name="Ann", email="ann@example.org")
    answer = olga.raw.get(f"{HOME}/export.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="contacts-default.csv"'
    assert "Ann,ann@example.org" in answer.text


def test_a_viewer_sees_no_button_and_gets_no_further(vera: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        ann = factories.make_contact(work.session, name="Ann", email="ann@example.org")
    page = vera.get(f"{HOME}/{ann.id}")
    assert "Delete" not in page.text
    assert "Add address" not in page.text
    for path in (f"{HOME}/new", f"{HOME}/export.csv", f"{HOME}/{ann.id}/edit", f"{HOME}/{ann.id}/delete"):
        assert vera.get(path).status == 403


def test_a_page_on_which_nobody_fits_so_far_leads_on(
    olga: PageClient, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_search, "LOOKED_THROUGH", 2)
    with workshop.database.begin() as session:
        for number in range(3):
            factories.make_contact(session, name=f"Pat {number}", email=f"pat{number}@example.org")
        factories.make_contact(session, name="Pat 3", phone="+12025550123")
    page = olga.get(HOME, q="pat", channel="sms")
    assert "Nobody so far" in page.text
    further = olga.get(str(page.select("a[rel='next']")[0]["href"]))
    assert "Pat 3" in further.text


def test_a_device_stands_in_lists_by_the_end_of_its_token(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    token = "0a" * 30 + "b02f4a1c"
    with workshop.open(actor) as work:
        contact = factories.make_contact(work.session, name="")
        factories.make_topic(
            work.session, targets=[factories.make_target(work.session, contact, address=token, channel="push")]
        )
    page = olga.get(HOME)
    assert token not in page.text
    assert {each["title"] for each in page.select("#contacts [title^='0a']")} == {token}
    assert "Device …2f4a1c" in page.select(".address")[0].get_text(" ")


def test_a_search_says_what_it_looks_for_and_the_order(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        factories.make_contact(work.session, name="Ann")
    assert "that begin with “an”, by name" in olga.fragment(f"{HOME}?q=an").text
    assert "that begin with" not in olga.get(HOME).text
