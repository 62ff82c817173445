"""The Sandbox page: what arrived, its parts, the dial."""

import json
from email.message import EmailMessage

import pytest

from app.emulators.faults import FAULTS, NUMBERS, Dial, Faults, played_by
from app.emulators.inbox_dials import CONSEQUENCES, name_of
from app.emulators.outbox import Arrival, Outbox, outbox_path
from app.infra.settings import Settings
from app.services.providers import providers
from tests.web.page_client import PageClient

BOX = "/p/default/sandbox"
KINDS = (("smtp", "email", False), ("twilio", "sms", True), ("vonage", "sms", True))
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
    assert "Inbox full: refused for now and tried again later; in 20% of the cases, 10 more times" in page.text
    [dial] = Faults(outbox_path(settings.data_dir)).dials()
    assert (dial.account, dial.fault, dial.share, dial.remaining) == ("default", "mailbox-full", 20, 10)
    page = olga.submit(olga.get(f"{BOX}/faults"), fault="")
    assert "It fails on purpose" not in page.text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"fault": "lightning"}, "Choose a failure that a service can play."),
        ({"fault": "slow", "share": "x"}, "How often needs a whole number from 1 to 100."),
        ({"fault": "slow", "share": "500"}, "How often needs a whole number from 1 to 100."),
        ({"fault": "slow", "count": "-1"}, "How many times needs a whole number from 1 to 1,000,000."),
        ({"fault": "slow", "amount": "4000"}, "Seconds or recipients needs a whole number from 1 to 3,600."),
    ],
)
def test_a_dial_that_cannot_be_is_refused_with_a_sentence(olga: PageClient, values: dict[str, str], words: str) -> None:
    page = olga.submit(olga.get(f"{BOX}/faults"), **values)
    assert page.status == 422
    assert "Nothing was changed" in page.text
    assert words in page.text
    for name in ("share", "count", "amount"):
        if name in values:
            assert page.select(f"#{name}")[0]["value"] == values[name], "what was typed stays"


def announce(settings: Settings) -> None:
    """As the emulators write where they listen, and what they can play."""
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    faults = {kind: played_by(channel, over_http=http, tells=True) for kind, channel, http in KINDS}
    place = settings.run_dir / "emulators.json"
    place.write_text(json.dumps({kind: {"channel": "x", "faults": names} for kind, names in faults.items()}))


def test_each_service_has_a_dial_of_its_own_beside_the_one_for_all(settings: Settings, olga: PageClient) -> None:
    announce(settings)
    page = olga.get(f"{BOX}/faults?kind=twilio")
    assert page.select("select[name='kind'] option[selected]")[0].get_text() == "Twilio"
    assert page.select("input[value='opted-out']")
    assert not page.select("input[value='greylisted']"), "a mail server's"
    olga.submit(page, "form:has(#share)", fault="opted-out")
    page = olga.submit(olga.get(f"{BOX}/faults"), "form:has(#share)", fault="slow", amount="3")
    assert "Twilio: The person has opted out (SMS): never written to again; each time" in page.text
    assert "All services: Slow answers; each time" in page.text
    faults = Faults(outbox_path(settings.data_dir))
    assert [(dial.kind, dial.fault, dial.amount) for dial in faults.dials()] == [
        ("", "slow", 3),
        ("twilio", "opted-out", 0),
    ]
    page = olga.submit(page, "form:has(input[value='twilio'])")
    assert "Twilio accepts everything again." in page.text
    assert [dial.kind for dial in faults.dials()] == [""]


def test_a_service_is_not_told_to_play_what_it_cannot(settings: Settings, olga: PageClient) -> None:
    announce(settings)
    page = olga.submit(olga.get(f"{BOX}/faults?kind=twilio"), fault="greylisted")
    assert page.status == 422
    assert "Choose a failure that Twilio can play." in page.text


def test_the_dial_of_a_service_comes_before_the_one_for_all(settings: Settings) -> None:
    faults = Faults(outbox_path(settings.data_dir))
    faults.turn(Dial("default", "server-error"))
    faults.turn(Dial("default", "busy", kind="twilio"))
    assert [faults.strike("http", "default", (), kind)[0].name for kind in ("twilio", "vonage", "")] == [  # type: ignore[index]
        "busy", "server-error", "server-error",
    ]  # fmt: skip
    faults.turn_off("default", "twilio")
    assert faults.strike("http", "default", (), "twilio")[0].name == "server-error"  # type: ignore[index]


def test_every_failure_is_worded_and_stands_in_one_group() -> None:
    worded = [name for group in CONSEQUENCES.values() for name in group]
    assert sorted(worded) == sorted(FAULTS)


def test_the_page_tells_every_number_that_asks_for_a_failure(olga: PageClient) -> None:
    page = olga.get(f"{BOX}/faults")
    for end in NUMBERS:
        assert f"+1500555{end}" in page.text


def text(outbox: Outbox, words: str, request: bytes = b"") -> int:
    return outbox.keep(
        Arrival("twilio", "default", "ACME", ["+491701234567"], words[:80], words.encode(), "c2", False, "sms", request)
    )


def push(outbox: Outbox, payload: object, protocol: str = "fcm") -> int:
    raw = json.dumps(payload).encode()
    return outbox.keep(Arrival(protocol, "default", "com.acme", ["token-1"], "Hi", raw, "c3", True, "push", b"POST /x"))


def test_a_text_is_shown_as_the_phone_does_with_what_it_costs(outbox: Outbox, olga: PageClient) -> None:
    page = olga.get(f"{BOX}/{text(outbox, 'Guten Tag, ' + 'schön! ' * 30)}")
    assert "schön!" in page.select(".bubble")[0].get_text()
    heading = page.select("h1")[0].get_text()
    assert heading.startswith("Guten Tag, schön!")
    assert heading.endswith("schön!..."), "cut between words, and it says so"
    assert "Encoding GSM-7" in page.text
    assert "Segments 2, joined again on the phone" in page.text
    page = olga.get(f"{BOX}/{text(outbox, 'Zażółć', b'POST /Messages.json')}?view=text")
    assert "UCS-2, because of" in page.text
    assert {code.get_text() for code in page.select(".facts code")} == set("żółć"), "what GSM-7 lacks"
    assert "POST /Messages.json" in olga.get(f"{page.path}?view=request").text


@pytest.mark.parametrize(
    ("payload", "protocol", "seen"),
    [
        ({"token": "t", "notification": {"title": "News", "body": "Hello <b>"}}, "fcm", ["News", "Hello <b>"]),
        (
            {"aps": {"alert": {"title": "News", "subtitle": "Today", "body": "Hello"}}},
            "apns",
            ["News", "Today", "Hello"],
        ),
        ({"aps": {"alert": "Only words"}}, "apns", ["Only words"]),
        ({"aps": {"content-available": 1}, "k": "v"}, "apns", []),
        ({"token": "t", "data": {"k": "v"}}, "fcm", []),
        (["no", "object"], "fcm", []),
    ],
)
def test_a_push_is_shown_as_the_screen_does_and_as_exact_json(
    outbox: Outbox, olga: PageClient, payload: object, protocol: str, seen: list[str]
) -> None:
    page = olga.get(f"{BOX}/{push(outbox, payload, protocol)}")
    notes = page.select(".screen-note")
    for words in seen:
        assert words in notes[0].get_text()
    assert bool(notes) == bool(seen)
    assert ("Nothing is shown" in page.text) == (not seen)
    (shown,) = olga.get(f"{page.path}?view=json").select("pre")
    assert json.loads(shown.get_text()) == payload


def test_the_list_is_narrowed_to_a_channel_and_keeps_it_while_it_fetches_itself(
    outbox: Outbox, olga: PageClient
) -> None:
    arrive(outbox)
    text(outbox, "A text")
    push(outbox, {"aps": {"alert": "A push"}}, "apns")
    page = olga.get(f"{BOX}?channel=sms")
    assert [link.get_text() for link in page.select("tbody .first a")] == ["A text"]
    assert "channel=sms" in str(page.select("[data-poll]")[0]["hx-get"])
    assert len(olga.get(f"{BOX}?channel=pigeon").select("tbody tr")) == 3
    assert "Nothing matches" in olga.get(f"{BOX}?channel=sms&q=nobody").text


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


def test_an_image_that_came_with_an_email_is_seen_in_it_and_nothing_else_is(outbox: Outbox, olga: PageClient) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Hats", "news@acme.example", "ann@example.org"
    mail.set_content("A hat")
    mail.add_alternative("<img src='cid:hat'><img src=\"cid:odd\"><img src='cid:lost'>cid:hat", subtype="html")
    page = mail.get_body(("html",))
    assert page is not None
    page.add_related(b"hat", "image", "png", cid="<hat>")
    page.add_related(b"<script>", "text", "html", cid="<odd>")
    number = outbox.keep(
        Arrival(
            "smtp", "default", "news@acme.example", ["ann@example.org"], "Hats", mail.as_bytes(), "c1", is_tls=False
        )
    )
    shown = olga.raw.get(f"{BOX}/{number}/-/frame.html").text.strip()
    assert shown == (
        "<img src='data:image/png;base64,aGF0'><img src=\"cid:odd\"><img src='cid:lost'>cid:hat"
    )  # fmt: skip


def test_a_service_is_called_here_as_its_provider_is() -> None:
    names = {spec.kind: spec.label for spec in providers.specs()}
    assert {kind: name_of(kind) for kind in names} == names


def test_an_empty_sandbox_offers_to_use_it(olga: PageClient, vera: PageClient) -> None:
    page = olga.get(BOX)
    assert page.select(".nothing form[action$='/providers/sandbox'] button")
    assert not page.select(".toolbar")
    assert not vera.get(BOX).select(".nothing form")
