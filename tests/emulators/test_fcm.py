"""The FCM emulator is as strict as Google: sign-in, fields, limits; seen by a client that is not ours."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.emulators.faults import Dial, Faults
from app.emulators.fcm import EMULATOR, GRANT, PROJECT, SCOPES, own_email
from app.emulators.outbox import Outbox

SEND = f"/v1/projects/{PROJECT}/messages:send"
DEVICE = "fGc2Yq-3T9:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx"
OTHER_KEY = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@asynccontextmanager
async def running(tmp_path, http2=False):
    """The emulator, its client, and its outbox."""
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


def seconds():
    return int(datetime.now(UTC).timestamp())


def assertion(emulator, *, key=None, algorithm="RS256", **changes):
    """A signed assertion of the emulator's own service account."""
    file = emulator.service_account()
    now = seconds()
    claims = {
        "iss": own_email(),
        "scope": SCOPES[0],
        "aud": file["token_uri"],
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key or file["private_key"], algorithm)


async def sign_in(client, signed, grant=GRANT):
    return await client.post("/token", data={"grant_type": grant, "assertion": signed})


async def headers(emulator, client):
    token = (await sign_in(client, assertion(emulator))).json()["access_token"]
    return {"authorization": f"Bearer {token}"}


def ask(tmp_path, *bodies, before=None, http2=False, path=SEND):
    """Send these bodies; the answers, and what was kept."""

    async def go():
        async with running(tmp_path, http2) as (emulator, client, outbox, faults):
            signed = await headers(emulator, client)
            if before is not None:
                before(faults)
            answers = [await client.post(path, json=body, headers=signed) for body in bodies]
            return answers, [outbox.get(row.id) for row in reversed(outbox.newest())]

    return asyncio.run(go())


def message(**fields):
    return {"message": {"token": DEVICE, "notification": {"title": "Hi"}, **fields}}


# the sign-in


def try_sign_in(tmp_path, make, grant=GRANT):
    async def go():
        async with running(tmp_path) as (emulator, client, *_):
            return await sign_in(client, make(emulator), grant)

    return asyncio.run(go())


def test_a_good_assertion_gets_a_token_for_an_hour(tmp_path):
    answer = try_sign_in(tmp_path, assertion)
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 3599
    assert answer.json()["token_type"] == "Bearer"


BAD = {
    "signed with another key": ({"key": OTHER_KEY}, "invalid_grant"),
    "signed with a word": ({"key": "x" * 40, "algorithm": "HS256"}, "invalid_grant"),
    "too long": ({"exp": 0}, "invalid_grant"),
    "old": ({"iat": 1_500_000_000, "exp": 1_500_003_600}, "invalid_grant"),
    "from the future": ({"iat": 4_000_000_000, "exp": 4_000_003_600}, "invalid_grant"),
    "without an end": ({"exp": None}, "invalid_grant"),
    "without an issuer": ({"iss": None}, "invalid_grant"),
    "for somebody else": ({"aud": "https://example.org/"}, "invalid_grant"),
    "for something else": ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope"),
}


@pytest.mark.parametrize(("changes", "error"), BAD.values(), ids=BAD)
def test_an_assertion_that_is_wrong_gets_none(tmp_path, changes, error):
    answer = try_sign_in(tmp_path, lambda emulator: assertion(emulator, **changes))
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["error_description"]


@pytest.mark.parametrize("text", ["", "a.b.c", "no", "x" * 5000])
def test_an_assertion_that_is_none_gets_none(tmp_path, text):
    assert try_sign_in(tmp_path, lambda _: text).json()["error"] == "invalid_grant"


def test_another_grant_is_not_supported(tmp_path):
    assert try_sign_in(tmp_path, assertion, "password").json()["error"] == "unsupported_grant_type"


def test_an_account_nobody_introduced_is_let_in_by_the_form_of_its_assertion(tmp_path):
    answer = try_sign_in(tmp_path, lambda emulator: assertion(emulator, key=OTHER_KEY, iss="me@mine.example"))
    assert answer.status_code == 200


def test_without_a_token_nothing_goes(tmp_path):
    async def go():
        async with running(tmp_path) as (_, client, *_rest):
            return [await client.post(SEND, json=message(), headers=sent) for sent in
                    ({}, {"authorization": "Bearer ya29.made-up"})]  # fmt: skip

    for answer in asyncio.run(go()):
        assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_another_project_is_none_of_this_accounts(tmp_path):
    [answer], kept = ask(tmp_path, message(), path="/v1/projects/another/messages:send")
    assert (answer.status_code, answer.json()["error"]["status"], kept) == (403, "PERMISSION_DENIED", [])


# messages


@pytest.mark.parametrize("http2", [False, True], ids=["http/1.1", "http/2"])
def test_a_message_is_named_and_kept(tmp_path, http2):
    [answer], [row] = ask(tmp_path, message(data={"a": "b"}), http2=http2)
    assert answer.status_code == 200
    assert answer.json()["name"].startswith(f"projects/{PROJECT}/messages/")
    assert (row.channel, row.account, row.sender, row.recipient, row.subject) == (
        "push",
        own_email(),
        PROJECT,
        DEVICE,
        "Hi",
    )
    assert json.loads(row.raw)["data"] == {"a": "b"}
    assert row.request.startswith(f"POST {SEND} HTTP/{'2' if http2 else '1.1'}\r\n".encode())


def test_what_is_only_validated_is_not_kept(tmp_path):
    [answer], kept = ask(tmp_path, {**message(), "validate_only": True})
    assert (answer.status_code, kept) == (200, [])


def test_camel_case_is_read_as_well(tmp_path):
    body = message(
        android={"notification": {"clickAction": "X", "channelId": "c"}}, apns={"fcmOptions": {"image": "i"}}
    )
    [answer], [row] = ask(tmp_path, body)
    assert answer.status_code == 200
    assert json.loads(row.raw)["android"]["notification"] == {"click_action": "X", "channel_id": "c"}


WRONG = {
    "a number in data": message(data={"a": 1}),
    "an object in data": message(data={"a": {}}),
    "data that is no map": message(data=["a"]),
    "a key of google's": message(data={"google.x": "1"}),
    "the key from": message(data={"from": "1"}),
    "an unknown field": message(badge=1),
    "an unknown field further in": message(android={"notification": {"badge": 1}}),
    "a color that is none": message(android={"notification": {"color": "red"}}),
    "a priority that is none": message(android={"priority": "urgent"}),
    "a time to live that is none": message(android={"ttl": "3600"}),
    "a time to live that is too long": message(android={"ttl": "2419201s"}),
    "a negative count": message(android={"notification": {"notification_count": -1}}),
    "a count that is no number": message(android={"notification": {"notification_count": True}}),
    "a link that is not safe": message(webpush={"fcm_options": {"link": "http://example.org"}}),
    "a background push at once": message(
        apns={"headers": {"apns-push-type": "background", "apns-priority": "10"}, "payload": {"aps": {}}}
    ),
    "an aps that is no object": message(apns={"payload": {"aps": "x"}}),
    "a collapse id that is too long": message(apns={"headers": {"apns-collapse-id": "x" * 65}}),
    "two targets": message(topic="news"),
    "no target": {"message": {"notification": {"title": "Hi"}}},
    "a token that is none": {"message": {"token": "no token!"}},
    "no message": {"validate_only": True},
    "no object": [],
    "too many bytes": message(data={"a": "x" * 4090}),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_what_google_would_refuse_is_refused(tmp_path, body):
    [answer], kept = ask(tmp_path, body)
    assert (answer.status_code, answer.json()["error"]["status"], kept) == (400, "INVALID_ARGUMENT", [])
    assert answer.json()["error"]["message"]


def test_exactly_the_limit_is_taken(tmp_path):
    body = message(data={"a": "x" * (4096 - len("titleHia"))})
    assert ask(tmp_path, body)[0][0].status_code == 200


def test_json_that_cannot_be_read_is_said_so(tmp_path):
    async def go():
        async with running(tmp_path) as (emulator, client, *_):
            return await client.post(SEND, content=b"{", headers=await headers(emulator, client))

    assert asyncio.run(go()).json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("path", ["/", "/v1/projects/x", f"{SEND}/x", "/v1/projects/a/b/messages:send"])
def test_other_addresses_are_not_found(tmp_path, path):
    assert ask(tmp_path, message(), path=path)[0][0].status_code == 404


# faults


FAULTS = {
    "mailbox-unknown": (404, "UNREGISTERED"),
    "mailbox-disabled": (403, "SENDER_ID_MISMATCH"),
    "throttled": (429, "QUOTA_EXCEEDED"),
    "server-error": (500, "INTERNAL"),
    "busy": (503, "UNAVAILABLE"),
    "content-rejected": (400, "INVALID_ARGUMENT"),
    "oversize": (400, "INVALID_ARGUMENT"),
    "wrong-password": (401, "UNAUTHENTICATED"),
    "expired-token": (401, "UNAUTHENTICATED"),
    "sender-refused": (403, "PERMISSION_DENIED"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_said_in_googles_words(tmp_path, fault):
    [answer], kept = ask(tmp_path, message(), before=lambda faults: faults.turn(Dial(own_email(), fault)))
    error = answer.json()["error"]
    status, code = FAULTS[fault]
    assert (answer.status_code, error["details"][0]["errorCode"] if "details" in error else error["status"]) == (
        status, code,
    )  # fmt: skip
    assert ("retry-after" in answer.headers) == (status in (429, 503))
    assert kept == []


def test_a_token_can_ask_for_its_own_fault_and_be_taken_afterwards(tmp_path):
    body = {"message": {"token": "fault-throttled-2-x", "notification": {"title": "Hi"}}}
    answers, kept = ask(tmp_path, body, body, body)
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert len(kept) == 1


def test_signing_in_works_while_the_dial_is_on(tmp_path):
    async def go():
        async with running(tmp_path) as (emulator, client, _, faults):
            faults.turn(Dial("*", "server-error"))
            return await sign_in(client, assertion(emulator))

    assert asyncio.run(go()).status_code == 200


def test_it_hands_out_accounts_to_connect_with(tmp_path):
    async def go():
        async with running(tmp_path) as (emulator, *_):
            return emulator.announcement(), emulator.service_account(), emulator.url

    announced, file, url = asyncio.run(go())
    assert file["token_uri"] == announced["side_urls"]["token"] == f"{url}/token", "for Google's own libraries"
    given = announced["values"]["serviceAccountJSON"]
    assert given == file | {"token_uri": "https://oauth2.googleapis.com/token"}, "as it looks in real life"
    assert json.loads(json.dumps(announced)) == announced
