"""The file picker: what fits is said before the choice, what is chosen goes to the composer."""

import io
from typing import Any

import pytest
from PIL import Image

from app.domain.content import EmailContent, PushContent, SmsContent, content_of
from app.services.messages import messages
from app.services.work import Workshop
from tests.faults.story import OLGA
from tests.web.page_client import Page, PageClient
from tests.web.test_files import FILES, make_bucket, picture, upload

MESSAGES = "/p/default/messages"
GRID = ".picker-grid > li"


def write(workshop: Workshop, content: Any) -> str:
    with workshop.open(OLGA) as work:
        return messages.write(work, content, {}).id


def stored(workshop: Workshop, key: str) -> Any:
    with workshop.read(OLGA) as work:
        row = messages.find(work, key)
        return content_of(row.channel, row.content)


def lines(page: Page) -> dict[str, str]:
    return {
        item.select(".picker-name")[0].get_text(): " ".join(item.get_text(" ").split()) for item in page.select(GRID)
    }


def press(client: PageClient, page: Page, name: str) -> Page:
    """The button of that file, as a browser without scripts sends it."""
    card = page.form("form[data-picker-form]")
    button = page.select(f"button[aria-label$='{name}']")[0]
    values: dict[str, Any] = {key: value for key, value in card.values.items() if key in {"csrf_token", "keep"}}
    values[str(button["name"])] = str(button["value"])
    return client.post(card.action, **values)


@pytest.fixture
def bucket(olga: PageClient) -> str:
    address = make_bucket(olga)
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8)).save(drawn, "WEBP")
    upload(
        olga, address, ("a.png", picture()), ("b.webp", drawn.getvalue()), ("c.pdf", b"%PDF-1.4"),
        ("d.bmp", picture("BMP")),
    )  # fmt: skip
    return address


def test_a_push_image_that_no_device_shows_says_so_before_the_choice(
    olga: PageClient, workshop: Workshop, bucket: str
) -> None:
    key = write(workshop, PushContent("Bells"))
    page = olga.get(f"{MESSAGES}/{key}/files", use="image")
    shown = lines(page)
    assert "A push shows JPEG, PNG or BMP." in shown["b.webp"]
    assert "A push shows JPEG, PNG or BMP." in shown["c.pdf"]
    assert not page.select(".is-unfit button")
    assert {name for name, text in shown.items() if "Choose" in text} == {"a.png", "d.bmp"}
    assert press(olga, page, "a.png").path == f"{MESSAGES}/{key}/edit"
    image = stored(workshop, key).image
    assert image is not None
    chosen = olga.get(f"{MESSAGES}/{key}/files", use="image").select(".is-chosen .picker-name")
    assert [each.get_text() for each in chosen] == ["a.png"]


@pytest.mark.parametrize(
    ("allowed", "said", "accepted"),
    [
        ("", "Images up to 28.6 MB: BMP, JPG, JPEG, PNG.", ".bmp,.jpg,.jpeg,.png"),
        ("pdf, png", "Images up to 28.6 MB: PNG.", ".png"),
        ("pdf", "Nothing that fits can be uploaded into this bucket: it takes files up to 28.6 MB: PDF.", None),
    ],
)
def test_only_what_fits_is_offered_to_be_uploaded_where_one_image_is_chosen(
    olga: PageClient, workshop: Workshop, allowed: str, said: str, accepted: str | None
) -> None:
    make_bucket(olga, allowed_extensions=allowed)
    page = olga.get(f"{MESSAGES}/{write(workshop, PushContent('Bells'))}/files", use="image")
    assert said in page.text
    inputs = page.select("input[type=file]")
    assert [(each["accept"], each.has_attr("multiple")) for each in inputs] == ([(accepted, False)] if accepted else [])


def test_another_file_is_looked_for_where_one_chose_last(olga: PageClient, workshop: Workshop, bucket: str) -> None:
    first = make_bucket(olga, name="A first one").rpartition("/")[2]
    key = write(workshop, PushContent("Bells"))
    current = ".picker-buckets [aria-current]"
    assert olga.get(f"{MESSAGES}/{key}/files", use="image").select(current)[0].get_text(strip=True) == "A first one"
    page = olga.get(f"{MESSAGES}/{key}/files", use="image", bucket=bucket.rpartition("/")[2])
    press(olga, page, "a.png")
    assert olga.get(f"{MESSAGES}/{key}/files", use="image").select(GRID)
    assert not olga.get(f"{MESSAGES}/{key}/files", use="image", bucket=first).select(GRID)


def test_files_are_attached_one_by_one_or_several_at_once_with_their_size_together(
    olga: PageClient, workshop: Workshop, bucket: str
) -> None:
    key = write(workshop, EmailContent("Bells"))
    page = olga.get(f"{MESSAGES}/{key}/files")
    assert "Nothing attached yet; 100 fit" in page.text
    press(olga, page, "c.pdf")
    page = olga.get(f"{MESSAGES}/{key}/files")
    assert "1 of 100 attached, 8 bytes together" in page.text
    card = page.form("form[data-picker-form]")
    ticked = [str(box["value"]) for box in page.select("[name='attach'][type='checkbox']")]
    olga.post(card.action, csrf_token=card.values["csrf_token"], keep=card.values["keep"], attach=ticked)
    assert len(stored(workshop, key).attachments) == 4
    assert not olga.get(f"{MESSAGES}/{key}/files").select("[name='attach']")


def test_only_images_that_email_programs_show_go_into_the_text(
    olga: PageClient, workshop: Workshop, bucket: str
) -> None:
    key = write(workshop, EmailContent("Bells", body="Hello"))
    page = olga.get(f"{MESSAGES}/{key}/files", use="inline")
    shown = lines(page)
    assert {name for name, text in shown.items() if "Choose" in text} == {"a.png", "b.webp"}
    press(olga, page, "a.png")
    content = stored(workshop, key)
    assert len(content.images) == 1
    assert content.images[0][1] in content.body


def test_a_search_and_another_bucket_keep_what_the_choice_is_for(
    olga: PageClient, workshop: Workshop, bucket: str
) -> None:
    make_bucket(olga, name="Texts")
    key = write(workshop, EmailContent("Bells"))
    page = olga.get(f"{MESSAGES}/{key}/files", use="inline")
    found = olga.submit(page, "main form[role='search']", q="web")
    assert list(lines(found)) == ["b.webp"]
    assert found.form("main form[role='search']").values["use"] == "inline"
    other = olga.get(str(page.select(".picker-buckets a:not([aria-current])")[0]["href"]))
    assert "No files in Texts" in other.text
    assert other.heading == page.heading == "Put an image into the email"


def test_what_is_uploaded_here_stands_first_and_a_refusal_is_said_here(
    olga: PageClient, workshop: Workshop, bucket: str
) -> None:
    key = write(workshop, EmailContent("Bells"))
    page = olga.get(f"{MESSAGES}/{key}/files")
    path, _, query = str(page.form("form[data-uploader]").action).partition("?")
    came = upload(olga, path, ("new.txt", b"new"), to=f"?{query}")
    assert next(iter(lines(came))) == "new.txt"
    assert "No file was chosen" in upload(olga, path, to=f"?{query}").text


def test_the_dialog_gets_the_inside_and_a_list_of_its_own(olga: PageClient, workshop: Workshop, bucket: str) -> None:
    key = write(workshop, EmailContent("Bells"))
    inside = olga.fragment(f"{MESSAGES}/{key}/files")
    assert inside.select("#picker-title")
    assert not inside.select("h1")
    listed = olga.fragment(f"{MESSAGES}/{key}/files/-/found", query_string={"q": "pdf"})
    assert list(lines(listed)) == ["c.pdf"]
    assert not listed.select("#picker-title, [data-uploader]")


def test_what_takes_no_files_and_who_may_not_write_get_a_plain_answer(
    olga: PageClient, vera: PageClient, workshop: Workshop
) -> None:
    text = write(workshop, SmsContent("Bells"))
    email = write(workshop, EmailContent("Bells"))
    assert olga.get(f"{MESSAGES}/{text}/files").status == 409
    assert olga.get(f"{MESSAGES}/{email}/files", use="image").status == 409
    assert olga.get(f"{MESSAGES}/{email}/files", use="hat").status == 404
    assert olga.get(f"{MESSAGES}/nowhere/files").status == 404
    assert vera.get(f"{MESSAGES}/{email}/files").status == 403
    empty = olga.get(f"{MESSAGES}/{email}/files")
    assert "No buckets yet" in empty.text
    assert empty.select(f"a[href='{FILES}/new']")
