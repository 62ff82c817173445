"""The page of a template shows what anybody would get of it: an example, a contact, whoever is looked for."""

from app.domain.permissions import Actor
from app.services.messages import templates
from app.services.work import Workshop
from tests.factories import make_contact, make_message
from tests.web.page_client import PageClient

HOME = "/p/default/templates"


def keep(workshop: Workshop, actor: Actor, **options: object) -> str:
    with workshop.database.begin() as session:
        for name, address in (("Ann Berg", "ann@example.org"), ("Zoe Last", "zoe@example.org")):
            make_contact(session, name=name, email=address, **({"city": "Bern"} if name == "Ann Berg" else {}))
        message_id = make_message(session, status="sent", **options).id
    with workshop.open(actor) as work:
        return str(templates.create(work, "News", message_id).id)


def test_a_template_is_shown_for_an_example_then_for_whom_one_chooses(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    key = keep(workshop, actor, subject="News for {{ name }} in {{ city }}")
    page = olga.get(f"{HOME}/{key}")
    assert "Filled in for Alex Example, alex@example.org, an example. No value for city." in page.text
    people = {option.get_text(): str(option["value"]) for option in page.select("#preview-as option")}
    assert list(people) == [
        "Alex Example, alex@example.org (an example)", "Ann Berg, ann@example.org", "Zoe Last, zoe@example.org",
    ]  # fmt: skip
    ann = people["Ann Berg, ann@example.org"]
    shown = olga.submit(page, "form.template-who", **{"as": ann})
    assert "News for Ann Berg in Bern" in shown.text
    frame = str(shown.select("iframe.preview-frame")[0]["src"])
    assert f"as={ann}" in frame
    assert "Hello Ann Berg" in olga.raw.get(frame).get_data(as_text=True)
    piece = olga.fragment(f"{HOME}/{key}?as={ann}", target="template-content")
    assert "News for Ann Berg in Bern" in piece.text
    assert not piece.select("nav")


def test_whoever_is_looked_for_is_shown(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    key = keep(workshop, actor, channel="email", subject="News for {{ name }}")
    shown = olga.submit(olga.get(f"{HOME}/{key}"), "form.template-who", who="zoe")
    assert "News for Zoe Last" in shown.text
    assert [option.get_text() for option in shown.select("#preview-as option")] == ["Zoe Last, zoe@example.org"]


def test_who_is_deleted_since_is_the_example_again(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    key = keep(workshop, actor)
    assert "Filled in for Alex Example" in olga.get(f"{HOME}/{key}", **{"as": "gone"}).text
