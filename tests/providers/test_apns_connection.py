"""APNs over a real connection: one provider token and one connection for many, renewal, and goodbyes (GOAWAY)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.domain.rendered import Recipient
from app.emulators.faults import Dial
from app.infra.http import close_clients
from app.infra.sealed_tokens import Token
from app.infra.tokens import TokenCache
from app.infra.vault import Vault
from app.providers.apns import PROVIDER
from app.providers.base import Envelope
from tests.providers.contract import Greeting, Recorder, address_of
from tests.providers.test_apns import GOOD, KEY, PUBLIC, RIG, header_of


def run(tmp_path, work):
    """Work on a running emulator that knows our key."""

    async def go():
        async with RIG.open(tmp_path) as stage:
            stage.emulator.introduce(GOOD["teamId"], GOOD["authKeyId"], PUBLIC)
            try:
                return await work(stage)
            finally:
                await close_clients()

    return asyncio.run(go())


async def deliver(account, count=1, provider=PROVIDER):
    """Send that many; their outcomes in order."""
    told = Recorder()
    people = [Envelope(f"key{n}", Recipient(address_of(n, "push"), f"Person {n}")) for n in range(count)]
    await provider.send(account, Greeting(PROVIDER.spec.channel), people, told)
    return [told.outcomes[index] for index in range(count)]


def kinds(outcomes):
    return {outcome.kind.value for outcome in outcomes}


def tokens_of(rows):
    return {header_of(row, "authorization") for row in rows}


def test_many_at_once_do_not_make_more_than_one_token_or_connection(tmp_path):
    async def work(stage):
        outcomes = await deliver(stage.account, 150) + await deliver(stage.account, 50)
        rows = stage.rows()
        return kinds(outcomes), len(tokens_of(rows)), len(rows), len({row.connection for row in rows})

    assert run(tmp_path, work) == ({"accepted"}, 1, 200, 1)


def test_workers_do_not_each_make_a_token_when_they_share_a_directory(tmp_path):
    async def work(stage):
        vault = Vault(["k" * 40])
        caches = [TokenCache(tmp_path / "tokens", vault) for _ in range(4)]
        await asyncio.gather(*(deliver(replace(stage.account, tokens=cache), 5) for cache in caches))
        return len(tokens_of(stage.rows()))

    assert run(tmp_path, work) == 1


def signed(**claims):
    return jwt.encode({"iss": GOOD["teamId"], **claims}, KEY, "ES256", headers={"kid": GOOD["authKeyId"]})


async def put(cache, account, value):
    """Leave a token in the cache as if this process had made it."""
    request = PROVIDER.probe(account)
    await PROVIDER.authorize(account, request)
    [key] = cache._known
    cache._known[key] = Token(value, datetime.now(UTC) + timedelta(minutes=30))


def test_a_token_that_apple_calls_old_is_renewed_once_and_nothing_is_lost(tmp_path):
    async def work(stage):
        cache = TokenCache()
        account = replace(stage.account, tokens=cache)
        await put(cache, account, signed(iat=int(datetime.now(UTC).timestamp()) - 3700))
        outcomes = await deliver(account, 30)
        return kinds(outcomes), len(tokens_of(stage.rows()))

    assert run(tmp_path, work) == ({"accepted"}, 1)


def test_a_young_token_that_is_refused_is_not_renewed_again_and_again(tmp_path):
    async def work(stage):
        stage.faults.turn(Dial("*", "expired-token"))
        account = replace(stage.account, tokens=TokenCache())
        outcomes = await deliver(account, 5)
        stage.faults.turn_off()
        await deliver(account)
        return kinds(outcomes), outcomes[0].reason.value, len(stage.rows()), len(account.tokens._known)

    assert run(tmp_path, work) == ({"config_permanent"}, "authentication_failed", 1, 1)


def test_too_many_new_tokens_slow_us_down_and_change_nothing_else(tmp_path):
    async def work(stage):
        for age in (1, 2):  # two of somebody else's, who has the same key
            token = signed(iat=int(datetime.now(UTC).timestamp()) - age)
            account = replace(stage.account, tokens=TokenCache())
            await put(account.tokens, account, token)
            await deliver(account)
        [outcome] = await deliver(replace(stage.account, tokens=TokenCache()))
        return outcome.kind.value, outcome.code

    assert run(tmp_path, work) == ("throttled", "429 TooManyProviderTokenUpdates")


def test_another_teams_key_is_a_matter_of_settings_and_says_so(tmp_path):
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    async def work(stage):
        account = replace(stage.account, values={**GOOD, "authKey": other.decode()}, tokens=TokenCache())
        return (await deliver(account))[0].kind.value, await PROVIDER.verify(account), stage.rows()

    kind, [finding], rows = run(tmp_path, work)
    assert (kind, finding.works, rows) == ("config_permanent", False, [])
    assert "Key ID and Team ID" in finding.sentence


@pytest.mark.parametrize(("name", "value"), [("authKey", ""), ("bundleId", ""), ("bundleId", "ü"), ("authKeyId", "")])
def test_settings_that_are_missing_are_a_matter_of_settings(tmp_path, name, value):
    async def work(stage):
        account = replace(stage.account, values={**GOOD, name: value}, tokens=TokenCache())
        return (await deliver(account))[0].kind.value, (await PROVIDER.verify(account))[0].works

    assert run(tmp_path, work) == ("config_permanent", False)


def test_a_connection_that_says_goodbye_before_reading_loses_nothing(tmp_path):
    async def work(stage):
        account = replace(stage.account, tokens=TokenCache())
        await deliver(account)
        stage.emulator.say_goaway()
        [outcome] = await deliver(account)
        return outcome.kind.value, len(stage.rows())

    assert run(tmp_path, work) == ("accepted", 2)


@pytest.mark.parametrize("error", [0, 2, 11], ids=["no error", "internal error", "enhance your calm"])
def test_what_a_goodbye_says_was_not_read_is_not_uncertain(tmp_path, error):
    async def work(stage):
        stage.emulator.say_goaway(20, error=error)
        return kinds(await deliver(replace(stage.account, tokens=TokenCache()), 3))

    assert run(tmp_path, work) == {"transient"}


def test_what_a_goodbye_may_have_read_is_not_sent_again_as_if_it_had_not(tmp_path):
    async def work(stage):
        stage.emulator.say_goaway(20, last_stream=2**31 - 1)
        return kinds(await deliver(replace(stage.account, tokens=TokenCache()), 3))

    assert run(tmp_path, work) == {"uncertain"}


def test_verifying_a_provider_does_not_count_against_its_tokens(tmp_path):
    async def work(stage):
        account = replace(stage.account, key="verified", tokens=TokenCache())
        for _ in range(6):
            assert all(finding.works for finding in await PROVIDER.verify(account))
        return kinds(await deliver(account))

    assert run(tmp_path, work) == {"accepted"}


def test_the_key_that_the_emulator_hands_out_connects(tmp_path):
    async def work(stage):
        values = stage.emulator.announcement()["values"]
        account = replace(stage.account, values=values, tokens=TokenCache())
        findings = await PROVIDER.verify(account)
        return PROVIDER.check(values), PROVIDER.spec.missing(values), findings, kinds(await deliver(account))

    faults, missing, findings, outcomes = run(tmp_path, work)
    assert (faults, missing, outcomes) == ({}, [], {"accepted"})
    assert all(finding.works for finding in findings)


def test_trouble_of_the_service_is_not_blamed_on_the_settings(tmp_path):
    async def work(stage):
        stage.faults.turn(Dial("*", "busy"))
        return (await PROVIDER.verify(replace(stage.account, tokens=TokenCache())))[-1]

    finding = run(tmp_path, work)
    assert not finding.works
    assert "trouble at the moment" in finding.sentence
