"""One provider token for all machines: processes with data dirs of their own, one queue, and APNs counting tokens."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
import redis

from app.infra import token_shelf
from app.infra.clock import SystemClock
from app.infra.http import close_clients
from app.infra.sealed_tokens import Token
from app.infra.token_shelf import ShelfAway, TokenShelf
from app.infra.tokens import TokenCache
from app.infra.vault import Vault
from tests.conftest import SECRET
from tests.providers.test_apns import GOOD, PUBLIC, RIG
from tests.providers.test_apns_connection import tokens_of

NOWHERE = "redis://127.0.0.1:1/0"
HOUR = timedelta(hours=1)


@pytest.fixture
def queue(valkey):
    """The queue's server, without a token."""
    with redis.Redis.from_url(valkey) as client:
        for name in client.scan_iter("carillon:token:*"):
            client.delete(name)
    return valkey


async def minter(stage, queue, place, *, count=5, **more):
    """A worker on the machine whose data dir is `place`."""
    facts = {
        "queue": queue, "data_dir": str(place), "url": stage.account.endpoint, "values": GOOD, "count": count, **more
    }  # fmt: skip
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.providers.minters", json.dumps(facts), stdout=subprocess.PIPE
    )


async def told_by(process):
    said, _ = await asyncio.wait_for(process.communicate(), 40)
    return json.loads(said.splitlines()[-1])  # before it there may be a line of the log


def run(tmp_path, work):
    """Work on a running APNs that knows our key; how many provider tokens it saw."""

    async def go():
        async with RIG.open(tmp_path) as stage:
            stage.emulator.introduce(GOOD["teamId"], GOOD["authKeyId"], PUBLIC)
            try:
                await work(stage)
                return len(tokens_of(stage.rows())), len(stage.rows())
            finally:
                await close_clients()

    return asyncio.run(go())


def test_machines_that_begin_at_once_use_one_token_and_so_do_those_that_come_later(tmp_path, queue):
    async def work(stage):
        workers = [await minter(stage, queue, tmp_path / f"machine-{n % 2}") for n in range(3)]
        for worker in workers:
            assert await told_by(worker) == ["accepted"] * 5
        assert await told_by(await minter(stage, queue, tmp_path / "a-new-machine")) == ["accepted"] * 5

    assert run(tmp_path, work) == (1, 20)


def test_a_machine_that_is_killed_while_it_makes_the_token_is_not_waited_for_forever(tmp_path, queue):
    async def work(stage):
        killed = await minter(stage, queue, tmp_path / "killed", hangs=True, lease=3.0)
        assert await asyncio.wait_for(killed.stdout.readline(), 30) == b"making\n"
        began = time.monotonic()
        others = [await minter(stage, queue, tmp_path / f"machine-{n}", lease=3.0) for n in range(2)]
        os.kill(killed.pid, signal.SIGKILL)
        await killed.wait()
        for worker in others:
            assert await told_by(worker) == ["accepted"] * 5
        assert time.monotonic() - began < 30

    assert run(tmp_path, work) == (1, 10)


def test_an_empty_queue_learns_the_token_that_a_machine_still_has(tmp_path, queue, valkey):
    async def work(stage):
        assert await told_by(await minter(stage, NOWHERE, tmp_path / "old")) == ["accepted"] * 5
        assert await told_by(await minter(stage, queue, tmp_path / "old")) == ["accepted"] * 5
        assert await told_by(await minter(stage, queue, tmp_path / "other")) == ["accepted"] * 5

    assert run(tmp_path, work) == (1, 15)


def test_while_the_queue_is_away_a_machine_still_has_one_token(tmp_path):
    async def work(stage):
        workers = [await minter(stage, NOWHERE, tmp_path / "machine") for _ in range(2)]
        for worker in workers:
            assert await told_by(worker) == ["accepted"] * 5

    assert run(tmp_path, work) == (1, 10)


# the shelf by itself


def shelf_at(url, secret=SECRET):
    return TokenShelf(url, Vault([secret]))


def token(value, life=HOUR):
    return Token(value, SystemClock().now() + life)


def cache_of(tmp_path, name, url):
    vault = Vault([SECRET])
    return TokenCache(tmp_path / name, vault, TokenShelf(url, vault))


class Mint:
    """Makes tokens and counts them."""

    def __init__(self, name="token", life=HOUR):
        self.name, self.life, self.made = name, life, 0

    async def __call__(self):
        self.made += 1
        return token(f"{self.name}-{self.made}", self.life)


def test_what_lies_on_the_shelf_is_readable_with_our_keys_only_and_ends_with_the_token(queue):
    async def go():
        await shelf_at(queue).put("apns A1B2C3D4E5", token("hidden", timedelta(minutes=10)))
        return await shelf_at(queue).look("apns A1B2C3D4E5"), await shelf_at(queue, SECRET[::-1]).look(
            "apns A1B2C3D4E5"
        )

    ours, theirs = asyncio.run(go())
    assert (ours.value, theirs) == ("hidden", None)
    with redis.Redis.from_url(queue) as client:
        [name] = client.scan_iter("carillon:token:*")
        assert b"A1B2C3D4E5" not in name
        assert b"hidden" not in client.get(name)
        assert 590_000 < client.pttl(name) <= 600_000


def test_whoever_was_slower_than_its_lease_does_not_end_the_turn_of_the_next_one(queue, monkeypatch):
    monkeypatch.setattr(token_shelf, "LEASE", 0.05)

    async def go():
        shelf = shelf_at(queue)
        assert await shelf.claim("k", "slow")
        assert not await shelf.claim("k", "quick")
        await asyncio.sleep(0.1)
        monkeypatch.setattr(token_shelf, "LEASE", 5)
        assert await shelf.claim("k", "quick")
        await shelf.release("k", "slow")
        assert not await shelf.claim("k", "third")
        await shelf.release("k", "quick")
        assert await shelf.claim("k", "third")

    asyncio.run(go())


def test_a_token_that_the_service_refused_is_replaced_once_for_all_machines(tmp_path, queue):
    one, two, mint = cache_of(tmp_path, "one", queue), cache_of(tmp_path, "two", queue), Mint()

    async def go():
        first = await one.get("k", mint)
        assert await two.get("k", mint) == first
        second = await one.get("k", mint, instead_of=first)
        assert await two.get("k", mint, instead_of=first) == second != first
        assert await cache_of(tmp_path, "three", queue).get("k", mint) == second

    asyncio.run(go())
    assert mint.made == 2


def test_a_token_made_while_the_queue_was_away_takes_the_place_of_a_refused_one(tmp_path, queue):
    async def go():
        first = await cache_of(tmp_path, "one", queue).get("k", Mint("old"))
        second = await cache_of(tmp_path, "one", NOWHERE).get("k", Mint("new"), instead_of=first)
        assert await cache_of(tmp_path, "one", queue).get("k", Mint("third"), instead_of=first) == second
        assert await cache_of(tmp_path, "two", queue).get("k", Mint("third")) == second

    asyncio.run(go())


def test_a_token_that_is_known_costs_no_round_trip(tmp_path, queue):
    cache = cache_of(tmp_path, "one", queue)

    async def go():
        first = await cache.get("k", Mint())
        with redis.Redis.from_url(queue) as client:
            before = client.info("stats")["total_commands_processed"]
            assert {await cache.get("k", Mint()) for _ in range(100)} == {first}
            assert client.info("stats")["total_commands_processed"] - before <= 1

    asyncio.run(go())


def test_a_mint_that_fails_lets_the_next_machine_try_at_once(tmp_path, queue):
    async def fail():
        raise RuntimeError("no")

    async def go():
        with pytest.raises(RuntimeError):
            await cache_of(tmp_path, "one", queue).get("k", fail)
        began = time.monotonic()
        await cache_of(tmp_path, "two", queue).get("k", Mint())
        return time.monotonic() - began

    assert asyncio.run(go()) < token_shelf.LEASE / 2


def test_a_shelf_that_is_away_says_so():
    with pytest.raises(ShelfAway):
        asyncio.run(shelf_at(NOWHERE).look("k"))
