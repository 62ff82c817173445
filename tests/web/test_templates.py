"""Pages of templates: kept from a message, used, compared, restored; and the question that begins a message."""

import pytest

from app.domain.permissions import Actor
from app.services.messages import messages, templates
from app.services.work import Workshop
from app.services.writing import drafts
from app.services.writing.drafts import Draft
from tests.conftest import FakeClock
from tests.factories import make_contact, make_message, make_provider, make_topic
from tests.web.page_client import Page, PageClient

HOME = "/p/default/templates"
MESSAGES = "/p/default/messages"
HOSTILE = '<script>alert("x")</script></p></body>'
CONTENTS = {
    "email": {"subject": "Bells at noon", "preheader": "Come", "format": "markdown", "body": "Hello {{ name | you }}"},
    "push": {"title": "Bells at noon", "body": "Come {{ first_name | all }}", "priority": "high"},
    "sms": {"text": "Bells at noon, {{ first_name | friend }}"},
}


def write(workshop: Workshop, **options: object) -> str:
    with workshop.database.begin() as session:
        return str(make_message(session, **options).id)


def keep(workshop: Workshop, actor: Actor, name: str = "News", **options: object) -> str:
    message_id = write(workshop, status="sent", **options)
    with workshop.open(actor) as work:
        return templates.create(work, name, message_id).id


def add_version(workshop: Workshop, actor: Actor, template_id: str, seen: int = 1, **options: object) -> None:
    message_id = write(workshop, status="sent", **options)
    with workshop.open(actor) as work:
        templates.save_version(work, template_id, message_id, seen=seen)


def token(client: PageClient) -> str:
    return str(client.get(f"{HOME}/new").form().values["csrf_token"])


def begun(client: PageClient, page: Page, selector: str = "form[action$='/messages/new']") -> str:
    """The id of the draft that a form begins; it opens in the composer."""
    answer = client.submit(page, selector, follow=False)
    home, _, end = answer.headers["Location"].rpartition("/")
    assert (answer.status, end) == (303, "edit"), answer.text
    return home.rpartition("/")[2]


def labels(page: Page) -> list[str]:
    return [button.get_text(strip=True) for button in page.select("main button, main a.btn")]


def test_an_empty_project_says_what_a_template_is(olga: PageClient) -> None:
    page = olga.get(HOME)
    assert "No templates yet" in page.text
    assert page.select(f"main a[href='{HOME}/new']")
    assert page.select("nav[aria-label='Messages and templates'] a[aria-current]")[0].get_text() == "Templates"


def test_the_list_is_searched_filtered_and_swapped_alone(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    keep(workshop, actor, "Monthly letter")
    keep(workshop, actor, "Rain alarm", channel="sms", content=CONTENTS["sms"])
    assert "Rain alarm" not in olga.get(HOME, q="mon").text
    assert "Monthly letter" not in olga.get(HOME, channel="sms").text
    assert "No template is like that." in olga.get(HOME, q="nothing like it").text
    piece = olga.fragment(f"{HOME}?q=rain")
    assert piece.select("#templates")
    assert not piece.select("h1")


def test_the_list_says_when_each_was_added_which_is_its_order_and_what_changed_since(
    olga: PageClient, workshop: Workshop, clock: FakeClock, actor: Actor
) -> None:
    first = keep(workshop, actor, "Noon")
    clock.move(3600)
    keep(workshop, actor, "Evening")
    clock.move(3600)
    add_version(workshop, actor, first, subject="Two")
    rows = [" ".join(row.get_text(" ").split()) for row in olga.get(HOME).select("tbody tr")]
    assert [row.split()[0] for row in rows] == ["Evening", "Noon"]
    assert ["Changed" in row for row in rows] == [False, True]


def test_the_list_goes_on_to_older_templates(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    message_id = write(workshop)
    with workshop.open(actor) as work:
        for number in range(52):
            templates.create(work, f"Number {number}", message_id)
    first = olga.get(HOME)
    assert "Number 51" in first.text
    assert "Number 0" in olga.get(str(first.select("a[rel='next']")[0]["href"])).text


@pytest.mark.parametrize("channel", CONTENTS)
def test_a_message_is_kept_as_a_template_and_a_new_one_begins_with_it(
    olga: PageClient, workshop: Workshop, channel: str
) -> None:
    message_id = write(workshop, channel=channel, content=CONTENTS[channel], subject="Bells at noon")
    asked = olga.get(f"{MESSAGES}/{message_id}")
    assert asked.select(f"a[href='{HOME}/new?message_id={message_id}']")
    page = olga.submit(olga.get(f"{HOME}/new", message_id=message_id), name="Noon")
    assert page.heading == "Noon"
    assert "Filled in for Alex Example" in page.text
    if channel == "email":
        frame = olga.raw.get(str(page.select("main iframe")[0]["src"]))
        assert "Hello Alex Example" in frame.text
        assert frame.headers["Content-Security-Policy"].startswith("sandbox;")
    else:
        assert "Alex" in page.text
    assert "Made from the template Noon, version 1" in olga.get(f"{MESSAGES}/{begun(olga, page)}").text


def test_the_message_page_names_the_template_until_it_is_deleted(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    template_id = keep(workshop, actor, "Noon")
    home = f"{MESSAGES}/{begun(olga, olga.get(f'{HOME}/{template_id}'))}"
    assert olga.get(home).select(f"main a[href='{HOME}/{template_id}']")
    assert olga.submit(olga.get(f"{HOME}/{template_id}/delete")).path == HOME
    page = olga.get(home)
    assert not page.select(f"main a[href='{HOME}/{template_id}']")
    assert "a template that was deleted" in page.text


def test_deleting_says_what_goes_and_what_stays(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    template_id = keep(workshop, actor, "Noon")
    begun(olga, olga.get(f"{HOME}/{template_id}"))
    page = olga.get(f"{HOME}/{template_id}/delete")
    assert "Its one version goes with it. This cannot be undone." in page.text
    assert "1 message was made from it; it keeps what it says." in page.text


def test_a_name_that_is_taken_is_told_beside_the_field(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    keep(workshop, actor, "Noon")
    message_id = write(workshop)
    page = olga.submit(olga.get(f"{HOME}/new", message_id=message_id), "form[action$='/templates/new']", name="NOON")
    assert page.status == 422
    assert "taken by another email template" in page.select("#new-name-error")[0].get_text()


def test_editing_opens_a_draft_that_becomes_the_next_version_and_goes(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    template_id = keep(workshop, actor, "Noon", subject="One")
    message_id = begun(olga, olga.get(f"{HOME}/{template_id}"), "form[action$='/edit']")
    with workshop.open(actor) as work:
        drafts.save_draft(work, message_id, Draft({"subject": "Two"}), 1)
    ask = olga.get(f"{HOME}/new", message_id=message_id)
    assert "As a new version of “Noon”" in ask.text
    assert ask.select("#version-ends[checked]")
    page = olga.submit(ask, "form[action$='/new-version']", note="Shorter")
    assert page.path == f"{HOME}/{template_id}"
    assert "Saved as version 2. The draft is deleted." in page.text
    assert "Shorter" in page.text
    assert olga.get(f"{MESSAGES}/{message_id}").status == 404


def test_the_composers_button_saves_what_was_typed_and_asks_for_the_name(olga: PageClient, workshop: Workshop) -> None:
    message_id = write(workshop)
    answer = olga.post(
        f"{MESSAGES}/{message_id}/edit", follow=False, then="template", version="1", subject="Typed", body="",
        csrf_token=token(olga),
    )  # fmt: skip
    assert answer.headers["Location"] == f"{HOME}/new?message_id={message_id}"
    assert olga.get(answer.headers["Location"]).select("#new-name[value='Typed']")


def test_a_version_that_somebody_saved_meanwhile_is_told_and_nothing_typed_is_lost(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    template_id = keep(workshop, actor, "Noon", subject="One")
    message_id = write(workshop, subject="Three")
    ask = olga.get(f"{HOME}/new", message_id=message_id)
    add_version(workshop, actor, template_id, subject="Two")
    page = olga.submit(ask, "form[action$='/new-version']", template=f"{template_id}:1", note="Mine")
    assert page.status == 422
    assert "Olga saved version 2 of Noon since you opened this page" in page.text
    assert page.select("#version-note[value='Mine']")
    again = olga.submit(page, "form[action$='/new-version']", template=f"{template_id}:2")
    assert "Saved as version 3." in again.text


def test_a_new_template_can_be_written_from_scratch(olga: PageClient) -> None:
    message_id = begun(olga, olga.get(f"{HOME}/new"), "main form[action$='/new-draft']")
    assert olga.get(f"{HOME}/new", message_id=message_id).select("#new-ends[checked]")


def test_versions_are_looked_at_compared_and_restored(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    template_id = keep(workshop, actor, "Noon", subject="Bells at noon")
    add_version(workshop, actor, template_id, subject="Bells at one")
    compared = olga.get(f"{HOME}/{template_id}/compare")
    assert [tag.get_text() for tag in compared.select("#changes del, #changes ins")] == [
        "gone: noon end of gone.", "new: one end of new."
    ]  # fmt: skip
    old = olga.get(f"{HOME}/{template_id}", version=1)
    assert "This is version 1 of 2." in old.text
    page = olga.submit(old, "form[action$='/versions/1/restore']")
    assert "Version 1 is the newest again, as version 3." in page.text
    listed = olga.get(f"{HOME}/{template_id}/versions")
    assert "Version 1 again" in listed.text
    assert olga.get(f"{HOME}/{template_id}/compare", old="1", new="3").select("#changes .nothing")


@pytest.mark.parametrize("query", [{"version": "9"}, {"version": "x"}, {"version": "99999999999999999999"}])
def test_a_version_that_is_not_there_leads_nowhere(
    olga: PageClient, workshop: Workshop, actor: Actor, query: dict[str, str]
) -> None:
    template_id = keep(workshop, actor)
    assert olga.get(f"{HOME}/{template_id}", **query).status == 404
    assert olga.get(f"{HOME}/{template_id}/compare", old="1", new=query["version"]).status == 404


def test_hostile_content_is_shown_as_text_wherever_it_stands(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    for channel, content in (
        ("push", {"title": HOSTILE, "body": HOSTILE, "data": {HOSTILE: HOSTILE}}), ("sms", {"text": HOSTILE}),
        ("email", {"subject": HOSTILE, "preheader": HOSTILE, "format": "html", "body": HOSTILE}),
    ):  # fmt: skip
        template_id = keep(workshop, actor, HOSTILE, channel=channel, content=CONTENTS[channel])
        add_version(workshop, actor, template_id, channel=channel, content=content, subject=HOSTILE)
        for path in ("", "/compare", "/versions", "/rename", "/delete", "/messages"):
            page = olga.get(f"{HOME}/{template_id}{path}")
            assert page.status == 200
            assert HOSTILE not in page.body
        assert "&lt;script&gt;" in olga.get(f"{HOME}/{template_id}/compare").body
    assert HOSTILE not in olga.get(HOME).body
    assert HOSTILE not in olga.get(f"{MESSAGES}/new").body


def test_a_copy_and_another_name(olga: PageClient, workshop: Workshop, actor: Actor) -> None:
    template_id = keep(workshop, actor, "Noon")
    copy = olga.submit(olga.get(f"{HOME}/{template_id}"), "form[action$='/duplicate']")
    assert copy.heading == "Noon (copy)"
    assert olga.submit(olga.get(f"{copy.path}/rename"), name="").status == 422
    assert olga.submit(olga.get(f"{copy.path}/rename"), name="Evening").heading == "Evening"


def test_a_template_whose_file_was_deleted_says_so_and_so_does_the_draft(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    content = {**CONTENTS["email"], "attachments": [["b", "flyer1"]]}
    template_id = keep(workshop, actor, "Noon", content=content)
    page = olga.get(f"{HOME}/{template_id}")
    assert "A file of it was deleted" in page.text
    assert "flyer1" in page.text
    begun(olga, page)
    assert "A file of this template was deleted" in olga.get(HOME).text


def test_a_viewer_looks_and_changes_nothing(vera: PageClient, workshop: Workshop, actor: Actor) -> None:
    template_id = keep(workshop, actor, "Noon")
    add_version(workshop, actor, template_id, subject="Two")
    assert labels(vera.get(HOME)) == ["Search"]
    for path in ("", "?version=1", "/versions", "/compare", "/messages"):
        page = vera.get(f"{HOME}/{template_id}{path}")
        assert page.status == 200
        assert not page.select("main form[method='post']")
    assert vera.get(f"{HOME}/new").status == 403


def test_the_question_offers_each_channel_with_one_button_and_its_templates(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        make_provider(work)
    for number in range(5):
        keep(workshop, actor, f"Letter {number}")
    page = olga.get(f"{MESSAGES}/new")
    assert [button for button in labels(page) if button.startswith("Write")] == [
        "Write an email", "Write a push", "Write an SMS"
    ]  # fmt: skip
    assert labels(page).count("Use") == 4
    assert [link.get_text() for link in page.select(".panel-link a")] == ["All 5 email templates"]
    assert page.text.count("No provider can send it yet") == 2
    assert len(page.select("main a[href$='/providers/new']")) == 2
    listed = olga.get(str(page.select(".panel-link a")[0]["href"]))
    assert labels(listed)[0] == "Write from scratch"
    assert "Letter 0" in listed.text
    found = olga.fragment(f"{MESSAGES}/new?channel=email&q=nothing")
    assert "No template has a name like that." in found.text
    assert begun(olga, listed, "#choices form")


def test_time_and_audience_go_along_from_the_calendar_to_the_draft(
    olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    with workshop.database.begin() as session:
        topic, contact = make_topic(session, name="Choir"), make_contact(session, name="Ben")
    wish = {"at": "2026-11-24T09:00", "zone": "America/New_York", "topic": topic.id, "contact": contact.id}
    page = olga.get(f"{MESSAGES}/new", **wish)
    assert "For Tue 24 Nov 2026, 09:00 in America/New York, which is Tue 24 Nov 2026, 15:00 CET" in page.text
    assert "To everybody in the topic Choir" in page.text
    assert "To Ben ." in page.text
    message_id = begun(olga, page)
    with workshop.read(actor) as work:
        message = messages.find(work, message_id)
        assert (message.scheduled_wall, message.scheduled_zone) == (wish["at"], wish["zone"])
        assert (message.audience["topics"], message.audience["contacts"]) == ([topic.id], [contact.id])


def test_a_topic_and_a_contact_lead_to_a_message_for_them(
    olga: PageClient, vera: PageClient, workshop: Workshop
) -> None:
    with workshop.database.begin() as session:
        topic, contact = make_topic(session), make_contact(session)
    for path, query in (
        (f"topics/{topic.id}", f"topic={topic.id}"),
        (f"contacts/{contact.id}", f"contact={contact.id}"),
    ):
        assert olga.get(f"/p/default/{path}").select(f"main a[href='{MESSAGES}/new?{query}']")
        assert not vera.get(f"/p/default/{path}").select(f"main a[href^='{MESSAGES}/new']")


def test_a_past_time_is_refused_with_a_sentence_and_the_page_goes_on_without_it(olga: PageClient) -> None:
    page = olga.get(f"{MESSAGES}/new", at="2026-11-20T09:00", zone="Europe/Berlin")
    assert page.status == 200
    assert "lies in the past" in page.text
    assert not page.select("input[name='at']")
    late = olga.post(f"{MESSAGES}/new", channel="email", at="2026-11-20T09:00", zone="x", csrf_token=token(olga))
    assert late.status == 422
    assert "does not exist" in late.text


@pytest.mark.parametrize("query", [{"topic": "nowhere"}, {"contact": "nobody"}])
def test_an_audience_that_is_not_there_leads_nowhere(olga: PageClient, query: dict[str, str]) -> None:
    assert olga.get(f"{MESSAGES}/new", **query).status == 404
