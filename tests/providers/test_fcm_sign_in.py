"""FCM's sign-in: one access token for many messages, renewed once, and what each refusal means."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.domain.rendered import Recipient
from app.emulators.faults import Dial
from app.emulators.serving import Answer
from app.infra.http import close_clients
from app.infra.tokens import TokenCache
from app.infra.vault import Vault
from app.providers.base import Account, Envelope
from app.providers.fcm import PROVIDER
from app.providers.http import HttpReply
from tests.providers.contract import Greeting, Recorder, address_of
from tests.providers.test_fcm import FILE, PAYLOADS, PUBLIC, RIG


def run(tmp_path, work):
    """Work on a running emulator that knows our key."""

    async def go():
        async with RIG.open(tmp_path) as stage:
            stage.emulator.introduce(FILE["client_email"], PUBLIC)
            try:
                return await work(stage)
            finally:
                await close_clients()

    return asyncio.run(go())


async def deliver(account, count=1, provider=PROVIDER):
    """Send that many; the kinds of their outcomes in order."""
    told = Recorder()
    people = [Envelope(f"key{n}", Recipient(address_of(n, "push"), f"Person {n}")) for n in range(count)]
    await provider.send(account, Greeting(PROVIDER.spec.channel), people, told)
    return [told.outcomes[index] for index in range(count)]


def kinds(outcomes):
    return {outcome.kind.value for outcome in outcomes}


def test_many_at_once_do_not_sign_in_more_than_once(tmp_path):
    async def work(stage):
        outcomes = await deliver(stage.account, 150)
        outcomes += await deliver(stage.account, 50)
        return kinds(outcomes), stage.emulator.sign_ins

    assert run(tmp_path, work) == ({"accepted"}, 1)


def test_workers_do_not_each_sign_in_when_they_share_a_directory(tmp_path):
    async def work(stage):
        vault = Vault(["k" * 40])
        caches = [TokenCache(tmp_path / "tokens", vault) for _ in range(4)]
        sends = [deliver(replace(stage.account, tokens=cache), 10) for cache in caches]
        outcomes = [outcome for group in await asyncio.gather(*sends) for outcome in group]
        kept = b"".join(path.read_bytes() for path in (tmp_path / "tokens").iterdir())
        return kinds(outcomes), stage.emulator.sign_ins, b"ya29" in kept

    assert run(tmp_path, work) == ({"accepted"}, 1, False)


def test_a_token_that_ended_early_is_renewed_once_and_nothing_is_lost(tmp_path):
    async def work(stage):
        await deliver(stage.account)
        stage.emulator.forget_tokens()
        outcomes = await deliver(stage.account, 40)
        return kinds(outcomes), stage.emulator.sign_ins

    assert run(tmp_path, work) == ({"accepted"}, 2)


def test_a_token_that_is_refused_again_and_again_is_a_matter_of_settings(tmp_path):
    async def work(stage):
        stage.faults.turn(Dial("*", "wrong-password"))
        [outcome] = await deliver(stage.account)
        return outcome.kind.value, outcome.reason.value, stage.emulator.sign_ins

    assert run(tmp_path, work) == ("config_permanent", "authentication_failed", 2)


def test_a_key_that_google_does_not_know_is_a_matter_of_settings_and_nothing_is_sent(tmp_path):
    other = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    async def work(stage):
        account = replace(stage.account, values={"serviceAccountJSON": {**FILE, "private_key": other.decode()}})
        [outcome] = await deliver(account)
        findings = await PROVIDER.verify(account)
        return outcome, findings, stage.rows()

    outcome, findings, rows = run(tmp_path, work)
    assert (outcome.kind, outcome.detail) == ("config_permanent", "invalid_grant: Invalid JWT Signature.")
    assert [finding.works for finding in findings] == [False]
    assert rows == []


def test_a_sign_in_that_fails_is_not_tried_once_for_every_message(tmp_path):
    async def work(stage):
        stage.emulator._sign_in = lambda call: counted.append(call) or Answer(503)
        return kinds(await deliver(replace(stage.account, tokens=TokenCache()), 150))

    counted = []
    assert run(tmp_path, work) == {"transient"}
    assert len(counted) == 1


@pytest.mark.parametrize("missing", ["project_id", "client_email", "private_key"])
def test_a_file_without_its_parts_is_a_matter_of_settings(tmp_path, missing):
    async def work(stage):
        account = replace(stage.account, values={"serviceAccountJSON": {**FILE, missing: ""}})
        return [(await deliver(account))[0].kind.value, (await PROVIDER.verify(account))[0].works]

    assert run(tmp_path, work) == ["config_permanent", False]


def test_a_sign_in_that_cannot_be_reached_is_tried_again_and_never_uncertain(tmp_path):
    async def work(stage):
        [outcome] = await deliver(replace(stage.account, side_endpoints={"token": "http://127.0.0.1:1/token"}))
        return outcome.kind.value

    assert run(tmp_path, work) == "transient"


def test_a_tenant_cannot_send_the_sign_in_into_our_own_network(tmp_path):
    async def work(stage):
        file = {**FILE, "token_uri": f"{stage.emulator.url}/token"}
        account = Account("key", {"serviceAccountJSON": file})
        [outcome] = await deliver(account)
        return outcome.kind.value, outcome.reason.value, stage.emulator.sign_ins

    assert run(tmp_path, work) == ("config_permanent", "host_refused", 0)


def test_a_wrong_project_is_found_when_the_connection_is_tested(tmp_path):
    async def work(stage):
        account = replace(stage.account, values={"serviceAccountJSON": {**FILE, "project_id": "another-app"}})
        return await PROVIDER.verify(account)

    signed_in, project = run(tmp_path, work)
    assert (signed_in.works, project.works) == (True, False)
    assert "may not send in the project another-app" in project.sentence


def test_the_account_that_the_emulator_hands_out_connects(tmp_path):
    async def work(stage):
        values = stage.emulator.announcement()["values"]
        account = replace(stage.account, values=values)
        findings = await PROVIDER.verify(account)
        return PROVIDER.check(values), PROVIDER.spec.missing(values), findings, kinds(await deliver(account))

    faults, missing, findings, outcomes = run(tmp_path, work)
    assert (faults, missing, outcomes) == ({}, [], {"accepted"})
    assert all(finding.works for finding in findings)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer.json(200, {"access_token": "ya29.x", "expires_in": 3599}), "accepted"),
        (Answer.json(200, {"access_token": "ya29.x", "expires_in": "soon"}), "accepted"),
        (Answer.json(200, {"access_token": "ya29.x"}), "accepted"),
        (Answer.json(200, {"access_token": "ya29.x", "expires_in": -5}), "accepted"),
        (Answer.json(200, {"access_token": "two\nlines"}), "transient"),
        (Answer.json(200, {"access_token": 7}), "transient"),
        (Answer(200, b"<html>"), "transient"),
        (Answer.json(400, {"error": "invalid_grant"}), "config_permanent"),
        (Answer.json(401, {"error": "invalid_client"}), "config_permanent"),
        (Answer(403, b"no"), "config_permanent"),
        (Answer(429, b"", {"retry-after": "9"}), "throttled"),
        (Answer(503, b"<html>"), "transient"),
    ],
)
def test_each_answer_to_a_sign_in_has_its_class(tmp_path, answer, kind):
    async def work(stage):
        stage.emulator._sign_in = lambda call: answer
        stage.emulator._issued["ya29.x"] = FILE["client_email"], datetime.now(UTC) + timedelta(hours=1)
        return kinds(await deliver(replace(stage.account, tokens=TokenCache())))

    assert run(tmp_path, work) == {kind}


def test_an_assertion_that_is_quoted_back_is_not_shown(tmp_path):
    async def work(stage):
        def quote(call):
            return Answer.json(400, {"error": "invalid_grant", "error_description": call.form()["assertion"][0]})

        stage.emulator._sign_in = quote
        [outcome] = await deliver(replace(stage.account, tokens=TokenCache()))
        return outcome.detail

    assert run(tmp_path, work) == "invalid_grant: …"


def test_trouble_with_the_apns_key_in_firebase_costs_no_new_token():
    body = (PAYLOADS / "third_party.json").read_bytes()
    assert not PROVIDER.wants_new_token(HttpReply(401, {}, body))
    assert PROVIDER.wants_new_token(HttpReply(401, {}, (PAYLOADS / "unauthenticated.json").read_bytes()))
    assert not PROVIDER.wants_new_token(HttpReply(403, {}, b""))


def test_trouble_of_the_service_is_not_blamed_on_the_settings(tmp_path):
    async def work(stage):
        stage.faults.turn(Dial("*", "busy"))
        return (await PROVIDER.verify(replace(stage.account, tokens=TokenCache())))[-1]

    finding = run(tmp_path, work)
    assert not finding.works
    assert "trouble at the moment" in finding.sentence
