"""The APNs emulator is as strict as Apple: HTTP/2, provider tokens, headers, limits; seen by a client not ours."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.emulators.apns import BUNDLE, EMULATOR, TEAM, own_key_id
from app.emulators.faults import Dial, Faults
from app.emulators.outbox import Outbox

DEVICE = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
NAME = "123e4567-e89b-12d3-a456-42665544000a"
ALERT = {"aps": {"alert": {"title": "Hi", "body": "there"}}}
SILENT = {"aps": {"content-available": 1}}
OTHER_KEY = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@asynccontextmanager
async def running(tmp_path, http2=True):
    """The emulator, its client, its outbox and dial."""
    outbox, faults = Outbox(tmp_path / "outbox.sqlite3"), Faults(tmp_path / "outbox.sqlite3")
    emulator = EMULATOR(outbox, faults)
    await emulator.start()
    async with httpx.AsyncClient(
        base_url=emulator.url, http1=not http2, http2=http2, verify=False, trust_env=False
    ) as client:
        yield emulator, client, outbox, faults
    await emulator.stop()
    outbox.close()
    faults.close()


def provider_token(emulator, *, key="", algorithm="ES256", kid=None, age=0, **changes):
    """A provider token of the key that the emulator handed out."""
    claims = {"iss": TEAM, "iat": int(datetime.now(UTC).timestamp()) - age, **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    kid = own_key_id() if kid is None else kid
    own = emulator.announcement()["values"]["authKey"]
    return jwt.encode(claims, key or own, algorithm, headers={"kid": kid} if kid else {})


def ask(tmp_path, *, payload=ALERT, device=DEVICE, before=None, method="POST", path=None, content=None, **headers):
    """Ask once; the answer and what was kept. Headers by keyword, `topic` for `apns-topic`; None leaves one out."""

    async def go():
        async with running(tmp_path) as (emulator, client, outbox, faults):
            if before is not None:
                before(faults)
            sent = {"topic": BUNDLE, **headers}
            named = {f"apns-{name.replace('_', '-')}": value for name, value in sent.items() if value is not None}
            named["authorization"] = f"bearer {provider_token(emulator)}"
            body = json.dumps(payload).encode() if content is None else content
            answer = await client.request(method, path or f"/3/device/{device}", content=body, headers=named)
            return answer, [outbox.get(row.id) for row in outbox.newest()]

    return asyncio.run(go())


def reason(answer):
    return answer.status_code, answer.json()["reason"]


def test_a_notification_is_taken_with_the_id_it_came_with(tmp_path):
    answer, [row] = ask(tmp_path, id=NAME, push_type="alert", priority="10", expiration="0", collapse_id="x" * 64)
    assert (answer.status_code, answer.content, answer.headers["apns-id"]) == (200, b"", NAME)
    assert answer.http_version == "HTTP/2"
    assert (row.channel, row.account, row.sender, row.recipient, row.subject) == ("push", TEAM, BUNDLE, DEVICE, "Hi")
    assert json.loads(row.raw) == ALERT


def test_one_without_an_id_gets_one(tmp_path):
    answer, _ = ask(tmp_path)
    assert UUID(answer.headers["apns-id"])


def test_a_silent_push_that_says_so_is_taken(tmp_path):
    answer, [row] = ask(tmp_path, payload=SILENT, push_type="background", priority="5")
    assert (answer.status_code, row.subject) == (200, "")


def test_http_1_is_turned_away(tmp_path):
    async def go():
        async with running(tmp_path, http2=False) as (_, client, *_rest):
            return await client.post(f"/3/device/{DEVICE}", json=ALERT)

    assert asyncio.run(go()).status_code == 505


WRONG = {
    "no topic": ({"topic": None}, (400, "MissingTopic")),
    "a topic that is none": ({"topic": "com.example app"}, (400, "BadTopic")),
    "an id that is none": ({"id": "1"}, (400, "BadMessageId")),
    "an expiration that is none": ({"expiration": "soon"}, (400, "BadExpirationDate")),
    "a priority that is none": ({"priority": "high"}, (400, "BadPriority")),
    "a type that is none": ({"push_type": "silent"}, (400, "InvalidPushType")),
    "a collapse id that is too long": ({"collapse_id": "x" * 65}, (400, "BadCollapseId")),
    "background at once": ({"payload": SILENT, "push_type": "background", "priority": "10"}, (400, "BadPriority")),
    "background by default at once": ({"payload": SILENT, "push_type": "background"}, (400, "BadPriority")),
    "background with an alert": ({"push_type": "background", "priority": "5"}, (400, "InvalidPushType")),
    "nothing": ({"content": b""}, (400, "PayloadEmpty")),
    "an empty object": ({"payload": {}}, (400, "PayloadEmpty")),
    "no json": ({"content": b"{"}, (400, "PayloadEmpty")),
    "too many bytes": ({"content": b"{" + b" " * 4094 + b"}x"}, (413, "PayloadTooLarge")),
    "no device": ({"device": ""}, (400, "MissingDeviceToken")),
    "a device that is none": ({"device": "xyz"}, (400, "BadDeviceToken")),
    "a device of the other environment": ({"device": "de7" + DEVICE[3:]}, (400, "BadDeviceToken")),
    "another path": ({"path": "/3/devices/x"}, (404, "BadPath")),
    "another method": ({"method": "PUT"}, (405, "MethodNotAllowed")),
}


@pytest.mark.parametrize(("changes", "expected"), WRONG.values(), ids=WRONG)
def test_what_apple_would_refuse_is_refused(tmp_path, changes, expected):
    answer, kept = ask(tmp_path, **changes)
    assert (reason(answer), kept) == (expected, [])


def test_exactly_the_limit_is_taken(tmp_path):
    room = 4096 - len(json.dumps({"aps": {"alert": ""}}))
    assert ask(tmp_path, payload={"aps": {"alert": "x" * room}})[0].status_code == 200


def test_a_token_of_the_environment_is_taken_there(tmp_path, monkeypatch):
    monkeypatch.setattr(EMULATOR, "is_development", True)
    assert ask(tmp_path, device="de7" + DEVICE[3:])[0].status_code == 200
    assert reason(ask(tmp_path)[0]) == (400, "BadDeviceToken")


# the sign-in


TOKENS = {
    "signed with another key": ({"key": OTHER_KEY}, "InvalidProviderToken"),
    "signed with a word": ({"key": "x" * 40, "algorithm": "HS256"}, "InvalidProviderToken"),
    "without a key id": ({"kid": ""}, "InvalidProviderToken"),
    "with a short key id": ({"kid": "SHORT"}, "InvalidProviderToken"),
    "without a team": ({"iss": None}, "InvalidProviderToken"),
    "without a moment": ({"iat": None}, "InvalidProviderToken"),
    "from the future": ({"age": -900}, "InvalidProviderToken"),
    "an hour old": ({"age": 3700}, "ExpiredProviderToken"),
}


def ask_with(tmp_path, *makes):
    """One request with each of these authorizations, made from the emulator; status and reason of each."""

    async def go():
        async with running(tmp_path) as (emulator, client, *_):
            answers = []
            for make in makes:
                headers = {"apns-topic": BUNDLE, **make(emulator)}
                answers.append(await client.post(f"/3/device/{DEVICE}", json=ALERT, headers=headers))
            return [(answer.status_code, answer.json()["reason"] if answer.content else "") for answer in answers]

    return asyncio.run(go())


def bearer(**changes):
    return lambda emulator: {"authorization": f"bearer {provider_token(emulator, **changes)}"}


@pytest.mark.parametrize(("changes", "expected"), TOKENS.values(), ids=TOKENS)
def test_a_provider_token_that_is_wrong_is_refused(tmp_path, changes, expected):
    assert ask_with(tmp_path, bearer(**changes)) == [(403, expected)]


@pytest.mark.parametrize("text", ["bearer a.b.c", "bearer x", "bearer 1.2.3.4"])
def test_a_provider_token_that_is_none_is_refused(tmp_path, text):
    assert ask_with(tmp_path, lambda _: {"authorization": text}) == [(403, "InvalidProviderToken")]


def test_no_provider_token_is_said_so(tmp_path):
    assert ask_with(tmp_path, lambda _: {}) == [(403, "MissingProviderToken")]


def test_a_key_nobody_introduced_is_let_in_by_the_form_of_its_token(tmp_path):
    assert ask_with(tmp_path, bearer(key=OTHER_KEY, kid="ANOTHERKEY")) == [(200, "")]


def test_a_third_new_token_within_twenty_minutes_is_one_too_many(tmp_path):
    tokens = [bearer(age=age) for age in (1, 2, 3)]
    assert ask_with(tmp_path, *tokens) == [(200, ""), (200, ""), (429, "TooManyProviderTokenUpdates")]


def test_tokens_in_use_stay_in_use(tmp_path):
    async def go():
        async with running(tmp_path) as (emulator, client, *_):
            headers = [{"apns-topic": BUNDLE, **bearer(age=age)(emulator)} for age in (1, 2)]
            asked = [client.post(f"/3/device/{DEVICE}", json=ALERT, headers=each) for each in headers * 20]
            return {answer.status_code for answer in await asyncio.gather(*asked)}

    assert asyncio.run(go()) == {200}


# faults


FAULTS = {
    "mailbox-unknown": (410, "Unregistered"),
    "mailbox-disabled": (400, "BadDeviceToken"),
    "throttled": (429, "TooManyRequests"),
    "server-error": (500, "InternalServerError"),
    "busy": (503, "ServiceUnavailable"),
    "content-rejected": (400, "InvalidPushType"),
    "oversize": (413, "PayloadTooLarge"),
    "wrong-password": (403, "InvalidProviderToken"),
    "expired-token": (403, "ExpiredProviderToken"),
    "sender-refused": (400, "DeviceTokenNotForTopic"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_said_in_apples_words(tmp_path, fault):
    answer, kept = ask(tmp_path, before=lambda faults: faults.turn(Dial(TEAM, fault)))
    assert (reason(answer), kept) == (FAULTS[fault], [])


def test_a_device_can_ask_for_its_own_fault(tmp_path):
    answer, _ = ask(tmp_path, device="fault-mailbox-unknown:4")
    assert reason(answer) == (410, "Unregistered")
    assert abs(answer.json()["timestamp"] / 1000 - datetime.now(UTC).timestamp()) < 120


def test_it_says_goodbye_on_demand_and_takes_the_next_connection(tmp_path):
    async def go():
        async with running(tmp_path) as (emulator, client, outbox, _):
            headers = {"apns-topic": BUNDLE, "authorization": f"bearer {provider_token(emulator)}"}
            emulator.say_goaway()
            with pytest.raises(httpx.TransportError):
                await client.post(f"/3/device/{DEVICE}", json=ALERT, headers=headers)
            answer = await client.post(f"/3/device/{DEVICE}", json=ALERT, headers=headers)
            return answer.status_code, outbox.count()

    assert asyncio.run(go()) == (200, 1)
