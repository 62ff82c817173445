"""Files: buckets in words, lists in three orders, uploads by a plain form and in chunks, deletion with open eyes."""

import io
from typing import Any

import pytest
from PIL import Image

from app.domain.byte_ranges import CHUNK
from app.domain.content import EmailContent, PushContent
from app.models.files import Bucket, File
from app.services.messages import messages
from app.services.storage import file_lists, file_uses
from app.services.work import Workshop
from tests.conftest import START
from tests.faults.story import OLGA
from tests.web.page_client import Page, PageClient, find_token

FILES = "/p/default/files"
LISTED = "#files tbody tr"


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def make_bucket(client: PageClient, name: str = "Pictures", **typed: Any) -> str:
    """Through the form; its address."""
    page = client.submit(client.get(f"{FILES}/new"), name=name, **typed)
    assert page.status == 200, page.text
    return page.path


def upload(client: PageClient, bucket: str, *files: tuple[str, bytes], to: str = "/upload") -> Page:
    token = find_token(client.raw.get(bucket).text)
    parts = [(io.BytesIO(content), name) for name, content in files]
    answer = client.raw.post(
        bucket + to, data={"csrf_token": token, "file": parts}, follow_redirects=True,
        content_type="multipart/form-data",
    )  # fmt: skip
    return client._page(answer)


def test_an_empty_project_is_led_to_its_first_bucket(olga: PageClient) -> None:
    page = olga.get(FILES)
    assert "No buckets yet" in page.text
    bucket = make_bucket(olga, allowed_extensions=".JPG png", maximum_file_size="5", strip_metadata="y")
    assert "No files yet" in olga.get(bucket).text
    row = olga.get(FILES).select("tbody tr")[0].get_text(" ", strip=True)
    assert "Images up to 5 MB: JPG, PNG" in row
    assert "Encrypted; place and camera taken out of pictures" in row
    rules = olga.get(bucket).select("section[aria-labelledby=rules] dl")[0].get_text(" ", strip=True)
    assert "How files are kept Encrypted; place and camera taken out of pictures" in rules
    assert "Who may read them Only members of this project, and programs with a key." in rules


def test_a_bucket_is_changed_and_keeps_what_the_form_rounds_or_does_not_ask(
    olga: PageClient, workshop: Workshop
) -> None:
    bucket = make_bucket(olga, maximum_file_size="", permissions='create("users")', reading="any")
    with workshop.database.begin() as session:
        row = session.query(Bucket).one()
        row.maximum_file_size, row.antivirus = 5_000_000, False
    assert "Anybody may read." in olga.get(bucket).text
    page = olga.get(f"{bucket}/edit")
    assert page.form().values["maximum_file_size"] == "4.768"
    olga.submit(page, name="Flyers")
    with workshop.database.read() as session:
        row = session.query(Bucket).one()
    assert (row.name, row.maximum_file_size, row.antivirus) == ("Flyers", 5_000_000, False)
    assert row.permissions == ['read("any")', 'create("users")']


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "", "Name needs 1 to 128 characters"),
        ("maximum_file_size", "much", "Largest file needs a number of megabytes, like 5 or 0.5, or nothing."),
        ("maximum_file_size", "999999", "This server takes files up to"),
        ("permissions", "everybody", "Use permissions like"),
        ("id", "no id", "Bucket id cannot be that."),
    ],
)
def test_a_rule_that_cannot_be_is_refused_beside_its_field(
    olga: PageClient, field: str, typed: str, sentence: str
) -> None:
    values: dict[str, Any] = {"name": "B", field: typed}
    page = olga.submit(olga.get(f"{FILES}/new"), **values)
    assert page.status == 422
    assert sentence in page.text
    assert page.select(f"#{field}-error")


def test_several_files_come_by_a_plain_form_and_each_refusal_names_its_file(olga: PageClient) -> None:
    bucket = make_bucket(olga, allowed_extensions="png txt", maximum_file_size="0.001")
    page = upload(olga, bucket, ("a.txt", b"hello"), ("virus.exe", b"MZ"), ("b.txt", b"x" * 2000))
    assert page.status == 422
    assert "virus.exe was not uploaded: Pictures takes only png, txt." in page.text
    assert "b.txt was not uploaded: Pictures takes files up to 1 KB." in page.text
    assert names(page) == ["a.txt"]
    assert "No file was chosen" in upload(olga, bucket).text
    assert upload(olga, bucket, ("c.txt", b"c")).status == 200


def names(page: Page) -> list[str]:
    return [link.get_text() for link in page.select(f"{LISTED} .first a") or page.select("tbody .first a")]


def ids(page: Page) -> list[str]:
    return [str(box["value"]) for box in page.select("tbody [name='file']")]


def test_files_are_searched_kept_to_a_kind_and_ordered_and_the_address_says_so(olga: PageClient) -> None:
    bucket = make_bucket(olga)
    upload(
        olga, bucket, ("Zebra.png", picture()), ("apple.txt", b"a" * 900), ("tower bell.bin", b"\0\1\2" * 5),
        ("Bell.pdf", b"%PDF-1.4 x"),
    )  # fmt: skip
    assert names(olga.get(bucket)) == ["Bell.pdf", "tower bell.bin", "apple.txt", "Zebra.png"]
    assert names(olga.get(bucket, sort="name")) == ["apple.txt", "Bell.pdf", "tower bell.bin", "Zebra.png"]
    assert names(olga.get(bucket, sort="size"))[0] == "apple.txt"
    assert names(olga.get(bucket, kind="document")) == ["Bell.pdf", "apple.txt"]
    assert names(olga.get(bucket, q="BEL")) == ["Bell.pdf", "tower bell.bin"]
    assert names(olga.fragment(bucket, query_string={"q": "bell", "kind": "other"})) == ["tower bell.bin"]
    assert "Nothing matches" in olga.get(bucket, q="clapper").text
    for wrong in ("kind=film", "sort=age", "after=x", "after=5~&sort=size"):
        assert olga.get(f"{bucket}?{wrong}").status == 400


@pytest.mark.parametrize("sort", ["newest", "name", "size"])
def test_pages_lead_on_and_back_in_every_order(olga: PageClient, workshop: Workshop, sort: str) -> None:
    bucket = make_bucket(olga, name="Many")
    with workshop.database.begin() as session:
        held = session.query(Bucket).one()
        for number in range(120):
            session.add(make_row(held, number, kind=("image", "document", "other")[number % 3]))
    seen, page = [], olga.get(bucket, sort=sort)
    first = ids(page)
    while True:
        seen += ids(page)
        onward = page.select("a[rel='next']")
        if not onward:
            break
        page = olga.get(str(onward[0]["href"]))
    assert len(seen) == len(set(seen)) == 120
    back = olga.get(str(page.select("a[rel='prev']")[0]["href"]))
    assert ids(back) == seen[50:100]
    assert ids(olga.get(str(back.select("a[rel='prev']")[0]["href"]))) == first


def test_a_very_large_bucket_is_counted_after_its_page_is_shown(
    olga: PageClient, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = make_bucket(olga)
    monkeypatch.setattr(file_lists, "COUNTED", 2)
    upload(olga, bucket, *((f"{number}.txt", b"12345") for number in range(3)))
    later = olga.get(bucket).select("#files .held[hx-trigger='load']")[0]
    assert later.get_text() == "More than 2 files"
    counted = olga.fragment(str(later["hx-get"])).select(".held")[0]
    assert counted.get_text() == "3 files, 15 bytes"
    assert not counted.has_attr("hx-get")
    assert "3 files with 15 bytes go with it." in olga.get(f"{bucket}/delete").text


def make_row(held: Bucket, number: int, *, kind: str = "image") -> File:
    return File(
        id=f"f{number}", project_pk=1, bucket_pk=held.pk, name=f"F{number % 40}", name_key=f"f{number % 40}",
        kind=kind, permissions=[], size_original=number % 7, store_key="x", created_at=START, updated_at=START,
    )  # fmt: skip


def test_a_file_has_a_page_with_its_picture_its_facts_and_an_address_only_if_one_works(olga: PageClient) -> None:
    bucket = make_bucket(olga)
    upload(olga, bucket, ("bell.png", picture()))
    page = olga.get(str(olga.get(bucket).select(f"{LISTED} .first a")[0]["href"]))
    assert page.heading == "bell.png"
    assert "PNG image" in page.text
    assert "It has no address that everybody can open." in page.text
    shown = olga.raw.get(str(page.select(".picture img")[0]["src"]))
    assert (shown.status_code, shown.mimetype, shown.data) == (200, "image/png", picture())
    assert shown.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"

    olga.submit(olga.get(f"{bucket}/edit"), reading="any")
    address = str(olga.get(page.path).select("#file-address")[0]["value"])
    assert olga.raw.get(address).data == picture()
    renamed = olga.submit(page, f"form[action='{page.path}']", name="Big bell.png")
    assert renamed.heading == "Big bell.png"
    assert olga.submit(page, f"form[action='{page.path}']", name="").status == 422


def test_no_page_of_somebody_is_ever_shown_from_our_address(olga: PageClient) -> None:
    bucket = make_bucket(olga)
    script = b"<html><script>alert(1)</script></html>"
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    upload(olga, bucket, ("page.html", script), ("drawing.svg", drawing), ("lie.png", script))
    for link in olga.get(bucket).select(f"{LISTED} .first a"):
        address = str(link["href"])
        page = olga.get(address)
        assert not page.select(".picture img"), page.text
        assert "alert(1)" in page.select(".text-preview")[0].get_text()
        assert olga.raw.get(f"{address}/picture").status_code == 404
        assert olga.raw.get(f"{address}/thumbnail").status_code == 404
        came = olga.raw.get(f"{address}/download")
        assert came.headers["Content-Disposition"].startswith("attachment;")
        assert came.headers["X-Content-Type-Options"] == "nosniff"


def test_images_get_small_pictures_and_other_files_an_icon(olga: PageClient) -> None:
    bucket = make_bucket(olga)
    upload(olga, bucket, ("a.jpg", picture("JPEG")), ("b.gif", picture("GIF")), ("c.txt", b"c"))
    images = olga.get(bucket).select(f"{LISTED} img")
    assert [image["loading"] for image in images] == ["lazy", "lazy"]
    kinds = [olga.raw.get(str(image["src"])) for image in images]
    assert [answer.mimetype for answer in kinds] == ["image/png", "image/webp"]
    assert Image.open(io.BytesIO(kinds[1].data)).size == (96, 96)


# --- in chunks, as the browser sends them ---


def send_chunk(client: PageClient, bucket: str, key: str, content: bytes, number: int, name: str = "film.bin") -> Any:
    start = (number - 1) * CHUNK
    part = content[start : start + CHUNK]
    answer = client.raw.post(
        f"{bucket}/-/chunks", data={"file": (io.BytesIO(part), name)},
        headers={
            "X-CSRFToken": find_token(client.raw.get(f"{FILES}/new").text), "X-Upload-Id": key, "HX-Request": "true",
            "Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(content)}",
        },
    )  # fmt: skip
    answer.request.environ["wsgi.input"].close()  # the test client leaves its own file open
    return answer


def test_an_upload_in_chunks_goes_on_where_it_stopped_or_is_cancelled(olga: PageClient) -> None:
    bucket, content = make_bucket(olga), b"\1" * (2 * CHUNK + 7)
    assert olga.raw.get(f"{bucket}/-/uploads/u1").json == {"id": "u1", "received": 0, "chunks": 0, "done": False}
    answer = send_chunk(olga, bucket, "u1", content, 1).json
    assert answer == {"id": "u1", "received": 1, "chunks": 3, "done": False}
    page = olga.get(bucket)
    assert "1 upload is not complete" in page.text
    assert names(page) == []
    assert "The upload is not complete: 1 of 3 parts have come." in olga.get(f"{bucket}/f/u1").text
    answer = olga.raw.get(f"{bucket}/-/uploads/u1").json
    assert answer == {"id": "u1", "received": 1, "chunks": 3, "done": False}
    send_chunk(olga, bucket, "u1", content, 2)
    assert send_chunk(olga, bucket, "u1", content, 3).json["done"] is True
    body = olga.fragment(f"{bucket}/-/body")
    assert (names(body), "1 file, 10 MB" in body.text) == (["film.bin"], True)
    assert olga.raw.get(f"{bucket}/f/u1/download").data == content

    send_chunk(olga, bucket, "u2", content, 1)
    page = olga.submit(olga.get(bucket), "form[action$='/u2/cancel']")
    assert "The upload was cancelled" in page.text
    assert "not complete" not in page.text
    page = olga.post(f"{bucket}/-/uploads/u1/cancel", csrf_token=find_token(olga.raw.get(bucket).text))
    assert "The file was uploaded already." in page.text
    assert names(page) == ["film.bin"]


def test_a_chunk_that_is_refused_says_why_with_the_name_of_the_file(olga: PageClient) -> None:
    bucket = make_bucket(olga, allowed_extensions="png")
    answer = send_chunk(olga, bucket, "u1", b"x", 1, name="notes.doc")
    assert answer.status_code == 400
    assert answer.json == {"message": "notes.doc was not uploaded: Pictures takes only png."}
    gone = send_chunk(olga, f"{FILES}/nowhere", "u1", b"x", 1)
    assert (gone.status_code, gone.json) == (404, {"message": "This bucket does not exist, or was deleted."})


# --- who uses a file, and deleting it ---


def email_with(workshop: Workshop, *files: tuple[str, str], body: str = "Hello") -> str:
    with workshop.open(OLGA) as work:
        return messages.write(work, EmailContent("Bells", body=body, attachments=files), {}).id


def key_of(page_path: str) -> str:
    return page_path.rpartition("/")[2]


def only_file(client: PageClient, bucket: str) -> tuple[str, str]:
    return key_of(bucket), key_of(str(client.get(bucket).select(f"{LISTED} .first a")[0]["href"]))


def test_a_file_that_a_draft_needs_is_deleted_only_after_it_was_named(olga: PageClient, workshop: Workshop) -> None:
    bucket = make_bucket(olga)
    upload(olga, bucket, ("prices.pdf", b"%PDF-1.4"))
    pair = only_file(olga, bucket)
    assert "No message and no template names it." in olga.get(f"{bucket}/f/{pair[1]}").text
    before = olga.get(f"{bucket}/remove", file=pair[1])
    assert "even so" not in before.text
    message = email_with(workshop, pair)
    assert "Bells" in olga.get(f"{bucket}/f/{pair[1]}").text
    assert olga.get(bucket).select(f"{LISTED} [data-label='Used by']")[0].get_text(strip=True) == "1"

    asked_again = olga.submit(before)
    assert asked_again.status == 422
    assert "1 message needs it" in asked_again.text
    assert asked_again.select(f"main a[href$='/messages/{message}']")
    assert names(olga.get(bucket)) == ["prices.pdf"]
    assert "prices.pdf was deleted." in olga.submit(asked_again).text
    assert "What you chose was deleted already." in olga.submit(asked_again).text
    assert "No files yet" in olga.get(bucket).text


def test_uses_follow_the_draft_and_the_template_and_end_with_them(olga: PageClient, workshop: Workshop) -> None:
    bucket = make_bucket(olga)
    upload(olga, bucket, ("a.png", picture()), ("b.png", picture()))
    first, second = (
        (key_of(bucket), key_of(str(link["href"]))) for link in olga.get(bucket).select(f"{LISTED} .first a")
    )
    message = email_with(workshop, first)
    with workshop.open(OLGA) as work:
        messages.write(work, PushContent("Bells", image=second), {}, message_id="push1")
        row = messages.lock(work, message)
        messages.rewrite(work, row, EmailContent("Bells", attachments=(second,)), {})
    page = olga.get(f"{bucket}/remove?file={first[1]}&file={second[1]}")
    assert "2 messages need them" in page.text
    with workshop.open(OLGA) as work:
        assert file_uses.counts_of(work, key_of(bucket), [first[1], second[1]]) == {second[1]: 2}
        messages.remove(work, message)
        messages.remove(work, "push1")
    with workshop.read(OLGA) as work:
        assert file_uses.counts_of(work, key_of(bucket), [second[1]]) == {}


def test_a_bucket_is_deleted_with_its_numbers_and_those_who_need_it_named(olga: PageClient, workshop: Workshop) -> None:
    bucket = make_bucket(olga)
    upload(olga, bucket, ("a.txt", b"12345"), ("b.txt", b"12345"))
    page = olga.get(f"{bucket}/delete")
    assert "2 files with 10 bytes go with it." in page.text
    email_with(workshop, only_file(olga, bucket))
    again = olga.submit(page)
    assert (again.status, "1 message needs its files" in again.text) == (422, True)
    assert "Pictures was deleted." in olga.submit(again).text
    assert "No buckets yet" in olga.get(FILES).text


# --- who may ---


def test_a_viewer_looks_and_changes_nothing(olga: PageClient, vera: PageClient) -> None:
    bucket = make_bucket(olga)
    upload(olga, bucket, ("bell.png", picture()))
    file = str(vera.get(bucket).select(f"{LISTED} .first a")[0]["href"])
    for page in (vera.get(FILES), vera.get(bucket), vera.get(file)):
        assert page.status == 200
        assert not page.select("main form[method='post'], main input[type='checkbox'], main .btn-danger-line")
    assert vera.raw.get(f"{file}/thumbnail").status_code == 200
    for path in (f"{FILES}/new", f"{bucket}/edit", f"{bucket}/delete", f"{bucket}/remove"):
        assert vera.get(path).status == 403
    token = find_token(vera.raw.get("/p/default/").text)
    for path in ("/upload", "/-/chunks", "/remove", "/delete", "/-/uploads/u1/cancel"):
        assert vera.post(bucket + path, csrf_token=token).status == 403


def test_what_happened_to_files_stands_in_the_trail(olga: PageClient) -> None:
    bucket = make_bucket(olga)
    upload(olga, bucket, ("a.txt", b"a"))
    olga.submit(olga.get(f"{bucket}/remove", file=only_file(olga, bucket)[1]))
    olga.submit(olga.get(f"{bucket}/delete"))
    trail = olga.get("/p/default/settings/activity").text
    for line in ("Deleted a bucket", "Deleted a file", "Added a file", "Added a bucket"):
        assert line in trail
