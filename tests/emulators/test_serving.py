"""The kit of the HTTP emulators: both versions of HTTP, its journal, its faults on the wire, its receipts."""

import asyncio
import base64
import hmac
import json
from urllib.parse import parse_qsl

import httpx
import pytest

from app.emulators.faults import EVERYONE, Dial, Faults
from app.emulators.outbox import Outbox
from app.emulators.twilio import ACCOUNT, TwilioEmulator

MESSAGE = {"To": "+491701234567", "From": "+15005550006", "Body": "Hello"}
PLACE = f"/Accounts/{ACCOUNT}/Messages.json"
TOKEN = "0123456789abcdef"


@pytest.fixture
def outbox(tmp_path):
    box = Outbox(tmp_path / "outbox.sqlite3")
    yield box
    box.close()


@pytest.fixture
def faults(tmp_path, outbox):
    dials = Faults(tmp_path / "outbox.sqlite3")
    yield dials
    dials.close()


def play(outbox, faults, part, **client):
    """Run a part against a Twilio that is up; the part gets the emulator and an HTTP client that knows a token."""

    async def run():
        emulator = TwilioEmulator(outbox, faults)
        await emulator.start()
        options = {"auth": (ACCOUNT, TOKEN), "timeout": 5, "trust_env": False} | client
        try:
            async with httpx.AsyncClient(base_url=emulator.url, **options) as asking:
                return await part(emulator, asking)
        finally:
            await emulator.stop()

    return asyncio.run(run())


@pytest.mark.parametrize(("http1", "version"), [(True, "HTTP/1.1"), (False, "HTTP/2")])
def test_a_message_is_taken_kept_and_answered(outbox, faults, http1, version):
    async def part(_, client):
        return [await client.post(PLACE, data=MESSAGE) for _ in range(3)]

    answers = play(outbox, faults, part, http1=http1, http2=not http1)
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(201, "queued")}
    assert {answer.http_version for answer in answers} == {version}
    rows = [outbox.get(row.id) for row in outbox.newest()]
    assert len({row.connection for row in rows}) == 1
    assert {(row.protocol, row.channel, row.account, row.raw) for row in rows} == {("twilio", "sms", TOKEN, b"Hello")}
    assert rows[0].request.startswith(f"POST {PLACE} {version}\r\n".encode())
    assert rows[0].request.endswith(b"&Body=Hello")


def test_the_journal_shows_no_proof_of_who_asked(outbox, faults):
    async def part(_, client):
        await client.post(PLACE, data=MESSAGE)

    play(outbox, faults, part)
    request = outbox.get(outbox.newest()[0].id).request
    assert base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()) not in request


def test_many_requests_at_once_share_a_connection_of_http2(outbox, faults):
    async def part(_, client):
        return await asyncio.gather(*(client.post(PLACE, data=MESSAGE) for _ in range(40)))

    assert {answer.status_code for answer in play(outbox, faults, part, http1=False, http2=True)} == {201}
    assert len({row.connection for row in outbox.newest()}) == 1


@pytest.mark.parametrize("http1", [True, False])
def test_a_large_body_arrives_whole(outbox, faults, http1):
    async def part(_, client):
        return await client.post(PLACE, data=MESSAGE | {"Body": "x" * 3_000_000})

    answer = play(outbox, faults, part, http1=http1, http2=not http1)
    assert (answer.status_code, answer.json()["code"]) == (400, 21617)


def test_the_sandbox_has_a_name_of_its_own_in_the_address(outbox, faults):
    async def part(emulator, client):
        root = emulator.url.removesuffix(emulator.path)
        return await client.post(f"{root}/for/my%20shop{emulator.path}{PLACE}", data=MESSAGE)

    assert play(outbox, faults, part).status_code == 201
    assert outbox.newest()[0].account == "my shop"


@pytest.mark.parametrize(
    ("fault", "kept", "error"),
    [
        ("drop-before-body", 0, httpx.RemoteProtocolError), ("lose-after-dot", 0, httpx.RemoteProtocolError),
        ("drop-after-dot", 1, httpx.RemoteProtocolError), ("garbage", 0, httpx.RemoteProtocolError),
        ("hang", 0, httpx.ReadTimeout),
    ],
)  # fmt: skip
def test_a_connection_that_is_cut_has_kept_what_the_fault_says(outbox, faults, fault, kept, error):
    faults.turn(Dial(EVERYONE, fault))

    async def part(_, client):
        with pytest.raises((error, httpx.ReadError)):
            await client.post(PLACE, data=MESSAGE)

    play(outbox, faults, part, timeout=1)
    assert outbox.count() == kept


@pytest.mark.parametrize(
    ("fault", "status", "kept"),
    [
        ("throttled", 429, 0), ("server-error", 500, 0), ("busy", 503, 0), ("wrong-password", 401, 0),
        ("opted-out", 400, 0), ("accept-and-lie", 201, 0), ("wrong-json", 200, 0),
    ],
)  # fmt: skip
def test_a_fault_is_answered_in_the_services_words(outbox, faults, fault, status, kept):
    faults.turn(Dial(TOKEN, fault, remaining=1))

    async def part(_, client):
        return [await client.post(PLACE, data=MESSAGE) for _ in range(2)]

    first, second = play(outbox, faults, part)
    assert (first.status_code, second.status_code) == (status, 201)
    assert outbox.count() == kept + 1


@pytest.mark.parametrize(("kind", "status"), [("twilio", 500), ("vonage", 201), ("", 500)])
def test_the_dial_of_another_service_is_not_played(outbox, faults, kind, status):
    faults.turn(Dial(TOKEN, "server-error", kind=kind))

    async def part(_, client):
        return (await client.post(PLACE, data=MESSAGE)).status_code

    assert play(outbox, faults, part) == status


@pytest.mark.parametrize("kind", ["twilio", "vonage"])
def test_receipts_keep_to_the_dial_of_their_own_service(outbox, faults, kind):
    faults.turn(Dial(TOKEN, "receipts-never", kind=kind))
    _, seen = receipts(outbox, faults, 3, wait=1.0)
    assert states(seen) == ([] if kind == "twilio" else ["queued", "sent", "delivered"])


def test_what_an_emulator_announces_it_can_play_is_what_it_plays(outbox, faults):
    async def part(emulator, client):
        answers = {}
        for name in emulator.announcement()["faults"]:
            if name.startswith("receipts-") or name in ("hang", "late-bounce"):
                continue
            faults.turn(Dial(TOKEN, name, amount=1, kind="twilio"))
            try:
                answers[name] = (await client.post(PLACE, data=MESSAGE)).status_code
            except httpx.HTTPError as error:
                answers[name] = type(error).__name__
        return answers

    answers = play(outbox, faults, part)
    assert {name for name, answer in answers.items() if answer == 201} == {"slow", "accept-and-lie"}


def test_a_number_asks_for_its_own_fault(outbox, faults):
    async def part(_, client):
        return [await client.post(PLACE, data=MESSAGE | {"To": f"+15005550{end}"}) for end in ("004", "102", "001")]

    assert [answer.json()["code"] for answer in play(outbox, faults, part)] == [21610, 20500, 21211]


@pytest.mark.parametrize(
    "raw", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"PRI junk", b"G", b""]
)
def test_junk_on_the_wire_ends_that_connection_only(outbox, faults, raw):
    async def part(emulator, client):
        host, port = emulator.announcement()["host"], emulator.announcement()["port"]
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(raw)
        if writer.can_write_eof():
            writer.write_eof()
        await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return await client.post(PLACE, data=MESSAGE)

    assert play(outbox, faults, part).status_code == 201


# receipts


async def listen(take):
    """A server that takes receipts; `take` says how many are refused first."""
    seen, left = [], {"refuse": take}

    async def meet(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = await reader.readexactly(size)
        refused = left["refuse"] > 0
        left["refuse"] -= 1
        if not refused:
            seen.append((head, dict(parse_qsl(body.decode()))))
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % (503 if refused else 200))
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?delivery=d1", seen


def receipts(outbox, faults, count, *, refuse=0, wait=3.0):
    """The receipts that came for one message."""

    async def part(_, client):
        server, url, seen = await listen(refuse)
        await client.post(PLACE, data=MESSAGE | {"StatusCallback": url})
        for _ in range(int(wait / 0.05)):
            if len(seen) >= count:
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        server.close()
        return url, seen

    return play(outbox, faults, part)


def states(seen):
    return [fields["MessageStatus"] for _, fields in seen]


def test_receipts_come_in_order_and_signed(outbox, faults):
    url, seen = receipts(outbox, faults, 3)
    assert states(seen) == ["queued", "sent", "delivered"]
    for head, fields in seen:
        signed = url + "".join(f"{name}{fields.get(name, '')}" for name in sorted(fields))
        expected = base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), "sha1")).decode().lower()
        assert f"x-twilio-signature: {expected}" in head


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("receipts-twice", ["queued", "queued", "sent", "sent", "delivered", "delivered"]),
        ("receipts-backwards", ["delivered", "sent", "queued"]),
        ("late-bounce", ["queued", "sent", "delivered", "undelivered"]),
        ("complaint", ["queued", "sent", "delivered"]),  # a text message is not reported as spam
    ],
)
def test_receipts_come_as_the_dial_says(outbox, faults, fault, expected):
    faults.turn(Dial(TOKEN, fault))
    assert states(receipts(outbox, faults, len(expected))[1]) == expected


def test_receipts_may_never_come_or_late(outbox, faults):
    faults.turn(Dial(TOKEN, "receipts-never"))
    assert receipts(outbox, faults, 1, wait=0.5)[1] == []
    faults.turn(Dial(TOKEN, "receipts-late", amount=1))
    assert states(receipts(outbox, faults, 3)[1]) == ["queued", "sent", "delivered"]


def test_a_receipt_that_is_not_taken_comes_again(outbox, faults):
    assert states(receipts(outbox, faults, 3, refuse=1)[1]) == ["queued", "sent", "delivered"]


def test_the_emulators_answers_are_what_the_service_would_say(outbox, faults):
    async def part(_, client):
        return await client.get(f"/Accounts/{ACCOUNT}.json"), await client.get("/nowhere")

    account, nowhere = play(outbox, faults, part)
    assert (account.status_code, json.loads(account.content)["status"]) == (200, "active")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, 20404)
