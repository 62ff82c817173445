"""The Sandbox page: what arrived, its parts, the dial."""

from email.message import EmailMessage

import pytest

from app.emulators.faults import Faults
from app.emulators.outbox import Arrival, Outbox, outbox_path
from app.infra.settings import Settings
from tests.web.page_client import PageClient

BOX = "/p/default/sandbox"
EVIL = "<h1>Hi</h1><script>alert(1)</script><img src='https://example.org/pixel.png'>"


@pytest.fixture
def outbox(settings: Settings) -> Outbox:
    return Outbox(outbox_path(settings.data_dir))


def arrive(outbox: Outbox, subject: str = "Autumn news", account: str = "default", to: str = "ann@example.org") -> int:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = subject, "news@acme.example", to
    mail.set_content("Hello Ann <b>")
    mail.add_alternative(EVIL, subtype="html")
    mail.add_attachment(b"a,b\r\n", maintype="text", subtype="csv", filename="../../list.csv")
    return outbox.keep(
        Arrival("smtp", account, "news@acme.example", [to], subject, mail.as_bytes(), "c1", is_tls=False)
    )


def test_an_empty_sandbox_says_what_lands_here(olga: PageClient) -> None:
    assert "Nothing has arrived" in olga.get(BOX).text


def test_only_what_was_sent_for_this_project_is_here(outbox: Outbox, olga: PageClient) -> None:
    arrive(outbox, "Ours")
    theirs = arrive(outbox, "Theirs", account="other")
    page = olga.get(BOX)
    assert "Ours" in page.text
    assert "Theirs" not in page.text
    assert olga.get(f"{BOX}/{theirs}").status == 404
    assert olga.get(f"{BOX}/{theirs}/source.eml").status == 404


def test_the_first_page_fetches_itself_and_older_ones_do_not(outbox: Outbox, olga: PageClient) -> None:
    for number in range(60):
        arrive(outbox, f"Mail {number}")
    page = olga.get(BOX)
    assert page.select("[data-poll]")
    assert len(page.select("tbody tr")) == 50
    older = olga.get(str(page.select("a[rel='next']")[0]["href"]))
    assert len(older.select("tbody tr")) == 10
    assert not older.select("[data-poll]")
    assert len(olga.fragment(f"{BOX}?q=Mail 59").select("tbody tr")) == 1


def test_html_stands_in_a_frame_that_can_do_nothing(outbox: Outbox, olga: PageClient) -> None:
    number = arrive(outbox)
    page = olga.get(f"{BOX}/{number}")
    [frame] = page.select("iframe")
    assert not frame["sandbox"]
    answer = olga.raw.get(str(frame["src"]))
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert EVIL in answer.text
    assert "alert(1)" not in page.body


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("text", "Hello Ann <b>"),
        ("headers", "news@acme.example"),
        ("attachments", "list.csv"),
        ("source", "Content-Type: multipart/"),
        ("nonsense", "HTML"),
    ],
)
def test_each_part_has_a_tab(outbox: Outbox, olga: PageClient, view: str, words: str) -> None:
    number = arrive(outbox)
    assert words in olga.get(f"{BOX}/{number}?view={view}").text


def test_attachments_and_the_source_are_downloads(outbox: Outbox, olga: PageClient) -> None:
    number = arrive(outbox)
    for path, name in ((f"{number}/attachments/0", "list.csv"), (f"{number}/source.eml", f"message-{number}.eml")):
        answer = olga.raw.get(f"{BOX}/{path}")
        assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"
        assert answer.mimetype == "application/octet-stream"
        answer.close()
    assert olga.get(f"{BOX}/{number}/attachments/1").status == 404


def test_a_mail_that_is_no_mail_can_still_be_looked_at(outbox: Outbox, olga: PageClient) -> None:
    raw = b"Content-Type: text/plain; charset=klingon\r\nSubject: =?broken?\r\n\r\n\xff\xfe\x00"
    number = outbox.keep(Arrival("smtp", "default", "a@b.c", ["d@e.f"], "", raw, "c1", is_tls=False))
    for view in ("html", "text", "headers", "attachments"):
        assert olga.get(f"{BOX}/{number}?view={view}").status == 200


def test_the_dial_says_in_words_what_it_does(settings: Settings, olga: PageClient) -> None:
    page = olga.submit(olga.get(f"{BOX}/faults"), fault="mailbox-full", share="20", count="10")
    assert "Inbox full: refused for now and tried again later; in 20 % of the cases, 10 more times." in page.text
    [dial] = Faults(outbox_path(settings.data_dir)).dials()
    assert (dial.account, dial.fault, dial.share, dial.remaining) == ("default", "mailbox-full", 20, 10)
    page = olga.submit(olga.get(f"{BOX}/faults"), fault="")
    assert "It fails on purpose" not in page.text


@pytest.mark.parametrize(
    "values", [{"fault": "lightning"}, {"fault": "slow", "share": "x"}, {"fault": "slow", "share": "500"}]
)
def test_a_dial_that_cannot_be_is_refused(olga: PageClient, values: dict[str, str]) -> None:
    page = olga.submit(olga.get(f"{BOX}/faults"), **values)
    assert page.status == 422
    assert "Nothing was changed" in page.text


def test_clearing_asks_with_the_number(outbox: Outbox, olga: PageClient) -> None:
    arrive(outbox)
    arrive(outbox, account="other")
    page = olga.get(f"{BOX}/clear")
    assert "Delete 1 message" in page.text
    assert "1 message is gone." in olga.submit(page).text
    assert outbox.count() == 1


def test_a_viewer_looks_and_turns_nothing(outbox: Outbox, vera: PageClient) -> None:
    arrive(outbox)
    page = vera.get(BOX)
    assert "Autumn news" in page.text
    assert not page.select("a[href$='/faults'], a[href$='/clear']")
    assert vera.get(f"{BOX}/faults").status == 403
