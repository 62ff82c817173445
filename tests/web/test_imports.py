"""The pages of imports, by plain forms: from the upload to the report."""

import io

from app.domain.permissions import Actor
from app.models.imports import Import
from app.services.people import imports, topics
from app.services.work import Workshop
from tests.web.page_client import PageClient

HOME = "/p/default/imports"
PEOPLE = "Name;E-Mail;City\nAnn;ann@example.org;Bonn\nBen;nope;Köln\n".encode()


def send(client: PageClient, content: bytes = PEOPLE, name: str = "people.csv"):
    form = client.get(HOME).form("form[enctype]")
    data = {**form.values, "file": (io.BytesIO(content), name)}
    answer = client.raw.post(form.action, data=data, content_type="multipart/form-data", follow_redirects=True)
    return client._page(answer)


def work_off(shop: Workshop, actor: Actor) -> None:
    with shop.read(actor) as work:
        pks = [row.pk for row in work.session.query(Import)]
    for pk in pks:
        imports.run(shop, pk)


def test_a_list_goes_from_the_file_to_contacts(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topics.create_topic(work, name="News", topic_id="news")
    page = send(olga)
    assert page.heading == "people.csv"
    form = page.form("form[action$='/columns']")
    assert [form.values[f"columns-{index}-use"] for index in range(3)] == ["name", "email", "attribute"]
    assert form.values["columns-2-name"] == "city"
    page = olga.submit(page, "form[action$='/columns']", topics="news")
    assert "Trying out" in page.text
    assert page.select("[data-poll]")
    work_off(workshop, actor)
    page = olga.get(page.path)
    assert "E-Mail needs an address like name@example.org." in page.text
    assert not page.select("[data-poll]")
    assert b"nope" in olga.raw.get(f"{page.path}/report-check.csv").data
    page = olga.submit(page, "form[action$='/start']")
    assert "Importing" in page.text
    assert "0 of 2" in page.text
    work_off(workshop, actor)
    done = olga.fragment(f"{page.path}/-/progress")
    assert "Imported" in done.text
    assert "Download report" in done.text
    assert "Ann" in olga.get("/p/default/contacts?topic=news").text
    assert "people.csv" in olga.get(HOME).text


def test_the_button_says_how_many(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    page = olga.submit(send(olga), "form[action$='/columns']")
    work_off(workshop, actor)
    page = olga.get(page.path)
    assert page.select("form[action$='/start'] button")[0].get_text(strip=True) == "Import 1 contact"
    assert "Holds" in olga.get(f"{page.path}?step=columns").text


def test_a_file_that_is_no_csv_is_refused_in_words(olga: PageClient) -> None:
    page = send(olga, b"PK\x03\x04", "people.xlsx")
    assert page.status == 422
    assert "people.xlsx is a zip archive or an Excel workbook, not CSV." in page.text


def test_no_file_is_refused_in_words(olga: PageClient) -> None:
    page = olga.submit(olga.get(HOME), "form[enctype]")
    assert page.status == 422
    assert "CSV file is missing" in page.text


def test_a_file_over_the_usual_size_of_requests_is_taken(olga: PageClient) -> None:
    page = send(olga, b"email,note\n" + b"a@example.org,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n" * 650_000)
    assert page.status == 200
    assert page.heading == "people.csv"


def test_the_file_is_read_again_in_another_way(olga: PageClient) -> None:
    page = olga.submit(send(olga), "form[action$='/reading']", delimiter=",")
    assert [cell.get_text() for cell in page.select("#columns td.first")] == ["Name;E-Mail;City"]


def test_columns_that_cannot_be_are_said_on_top(olga: PageClient) -> None:
    page = olga.submit(send(olga), "form[action$='/columns']", **{"columns-1-use": "ignore"})
    assert page.status == 422
    assert "Columns need at least one that holds email addresses" in page.text


def test_deleting_asks_and_takes_the_file_away(olga: PageClient) -> None:
    page = send(olga)
    question = olga.get(f"{page.path}/delete")
    assert "people.csv" in question.text
    assert "No imports yet" in olga.submit(question).text


def test_a_viewer_sees_the_list_but_no_form(vera: PageClient, olga: PageClient) -> None:
    page = send(olga)
    assert not vera.get(HOME).select("form[enctype]")
    assert "needs the role of a composer" in vera.get(page.path).text
    assert vera.post(HOME).status in {400, 403}
