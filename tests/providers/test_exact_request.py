"""What people are shown as the exact request is what the service gets, and no secret is in it, for every kind."""

import asyncio
import base64
import importlib
import json
import re
from urllib.parse import quote, quote_plus

import pytest

from app.domain.channels import Channel
from app.domain.exact_request import HIDDEN, varying
from app.domain.provider_spec import FieldKind
from app.domain.rendered import Attachment, Extras, Recipient, RenderedEmail, RenderedPush, RenderedSms
from app.domain.return_paths import ReturnPaths
from app.providers import catalog, get
from app.providers.base import Account, Envelope
from tests.providers.contract import Recorder, address_of
from tests.providers.http_rig import RECEIPTS, body_of

KINDS = sorted(catalog())
OVER_HTTP = [kind for kind in KINDS if kind != "smtp"]
KEY = "17.message"
CANARY = "canary5sings"
TIMED = {"apns-expiration"}  # in seconds of the clock
FILE = Attachment("menu.pdf", "application/pdf", bytes(range(256)) * 40)


class Said:
    """One rendered message, whoever gets it."""

    def __init__(self, rendered):
        self.rendered = rendered

    def render(self, recipient):
        return self.rendered


def message_for(kind, *, attachments=()):
    """Words beyond ASCII and everything that the channel can say."""
    match get(kind).spec.channel:
        case Channel.EMAIL:
            extras = Extras("help@example.org", "Help & more", (), attachments)
            return Said(
                RenderedEmail("Grüße “a”", "Hällo\n", "<p>Hällo &amp; more</p>\n", (("X-Kind", "news"),), (), extras)
            )
        case Channel.SMS:
            return Said(RenderedSms("Grüße & 100 % “now” 🎉"))
        case Channel.PUSH:
            return Said(
                RenderedPush(
                    "Grüße", "Zwei\nZeilen 🎉", {"order": 17, "deep": {"a": [1, None]}}, "https://example.org/o",
                    "https://example.org/i.png", "van", "bell", "#0a7cff", badge=3, priority="normal",
                )
            )  # fmt: skip


def person(kind):
    return Recipient(address_of(1, get(kind).spec.channel), "Zoë & Co")


def rig_of(kind):
    return importlib.import_module(f"tests.providers.test_{kind}").RIG


def shown_and_received(kind, tmp_path, message):
    """What is shown for an envelope, and the row of the outbox after it was sent."""

    async def run():
        async with rig_of(kind).open(tmp_path) as stage:
            envelope = Envelope(KEY, person(kind))
            shown = get(kind).request_of(stage.account, message, envelope)
            told = Recorder()
            await get(kind).send(stage.account, message, [envelope], told)
            await rig_of(kind).close()
            assert told.outcomes[0].kind == "accepted", told.outcomes
            return shown, stage.outbox.get(stage.outbox.newest(1)[0].id)

    return asyncio.run(run())


def settled(octets):
    """The same without what is made anew each time: boundaries, the date, and the end of the address for receipts."""
    octets = re.sub(rb"=_[0-9a-f]{24}|(?<=--)[0-9a-f]{32}|(?<=boundary=)[0-9a-f]{32}", b"boundary", octets)
    token = RECEIPTS.rpartition("/")[2]
    octets = octets.replace(quote(HIDDEN * len(token)).encode(), token.encode())
    return re.sub(rb"\nDate: [^\r]+", b"\nDate: now", octets)


def settled_json(octets):
    """A document whose emails in base64 are settled too."""

    def look(value):
        if isinstance(value, dict):
            return {name: look(inner) for name, inner in value.items()}
        if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9+/]{200,}={0,2}", value):
            return settled(base64.b64decode(value)).decode("utf-8", "replace")
        return value

    return look(json.loads(octets))


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_the_service_gets_the_bytes_that_are_shown(kind, tmp_path):
    shown, row = shown_and_received(kind, tmp_path, message_for(kind))
    if kind == "ses":
        assert settled_json(shown.body) == settled_json(body_of(row))
        assert shown.enclosed.startswith("From: ")
    else:
        assert settled(shown.body) == settled(body_of(row))
    head = row.request.partition(b"\r\n\r\n")[0].decode().splitlines()
    assert head[0].startswith(f"{shown.method} /")
    assert shown.address.endswith(head[0].split()[1]), "the emulator leaves the start of its own path out"
    heard = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    for name, value in shown.headers:
        if HIDDEN in value:
            assert heard[name], "what proves who we are is named"
        elif name in TIMED:
            assert abs(int(heard[name]) - int(value)) < 60
        else:
            assert settled(heard[name].encode()) == settled(value.encode())
    assert shown.refusal == ""


@pytest.mark.parametrize("kind", ["mailgun", "resend", "sendgrid"])
def test_files_travel_as_they_are_shown(kind, tmp_path):
    shown, row = shown_and_received(kind, tmp_path, message_for(kind, attachments=(FILE,)))
    assert settled(shown.body) == settled(body_of(row))
    assert len(shown.text) < shown.size


def test_a_mail_server_gets_the_envelope_and_the_bytes_that_are_shown(tmp_path):
    shown, row = shown_and_received("smtp", tmp_path, message_for("smtp", attachments=(FILE,)))
    assert (shown.method, shown.address) == ("SMTP", f"127.0.0.1:{shown.address.rpartition(':')[2]}")
    assert dict(shown.headers) == {"MAIL FROM": f"<{row.sender}>", "RCPT TO": f"<{row.recipient}>"}
    assert settled(shown.body) == settled(row.raw)
    assert "characters of base64" in shown.text


def secrets_of(kind):
    """Settings whose secrets are all canaries."""
    spec, values = get(kind).spec, dict(rig_of(kind).good_values)
    for field in spec.fields:
        if field.secret:
            values[field.name] = {**values[field.name], "private_key": CANARY, "private_key_id": CANARY} if (
                field.kind is FieldKind.JSON
            ) else CANARY  # fmt: skip
    return values


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_shown_in_any_form(kind):
    receipts = f"https://carillon.example/hooks/{kind}/p1/{CANARY}"
    paths = ReturnPaths(CANARY.encode(), 3)
    account = Account("key", secrets_of(kind), receipts_url=receipts, return_paths=paths)
    shown = get(kind).request_of(account, message_for(kind), Envelope(KEY, person(kind)))
    everything = "\n".join([shown.address, repr(shown.headers), shown.text, shown.body.decode("latin-1"), repr(shown)])
    for start in range(3):  # base64 of the secret behind 0, 1 or 2 other octets, without the signs those change
        written = base64.b64encode(b"-" * start + CANARY.encode()).decode()
        assert written[2 + start : -4] not in everything
    for form in (CANARY, quote(CANARY), quote_plus(CANARY), CANARY.encode().hex()):
        assert form not in everything
    assert get(kind).spec.channel is not Channel.SMS or HIDDEN in everything


def test_the_signature_of_a_return_path_that_is_shown_holds_nowhere():
    values = {**rig_of("smtp").good_values, "bounceDomain": "bounces.example.org"}
    paths = ReturnPaths(b"the real key", 3)
    shown = get("smtp").request_of(
        Account("key", values, return_paths=paths), message_for("smtp"), Envelope(KEY, person("smtp"))
    )
    sender = dict(shown.headers)["MAIL FROM"]
    assert sender.startswith("<bounce+11-3-")
    assert sender.endswith("@bounces.example.org>")
    day = int(sender.split("-")[2], 16)
    assert paths.of(KEY, day) not in sender


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("apns", {"apns-id", "apns-collapse-id"}),
        ("fcm", {"message.android.notification.tag", "message.apns.headers.apns-collapse-id",
                 "message.webpush.notification.tag"}),
        ("ses", {"Content.Raw.Data", "EmailTags.Value", "Message-ID", "boundary"}),
        ("smtp", {"Message-ID", "boundary"}),
        ("sendgrid", {"personalizations.custom_args.delivery", "headers.Message-ID"}),
        ("twilio", {"StatusCallback"}),
        ("vonage", {"client-ref"}),
        ("telesign", {"external_id"}),
        ("msg91", {"CRQID"}),
        ("textmagic", {"referenceId"}),
    ],
)  # fmt: skip
def test_what_differs_from_delivery_to_delivery_is_named(kind, places):
    account = Account("key", rig_of(kind).good_values, receipts_url=RECEIPTS)
    one, two = (get(kind).request_of(account, message_for(kind), Envelope(key, person(kind))) for key in (KEY, "9.b"))
    assert set(varying(one, two)) == places


def test_a_refused_message_says_why_it_would_not_go():
    push = Said(RenderedPush("Hi", "x" * 5000))
    for kind in ("fcm", "apns"):
        account = Account("key", rig_of(kind).good_values)
        shown = get(kind).request_of(account, push, Envelope(KEY, person(kind)))
        assert "takes at most 4,096" in shown.refusal
        assert shown.size > 4096
