"""Tokens that hold for a while: made once however many ask, kept encrypted, shared by the processes of a machine."""

import asyncio
import multiprocessing
import time
from datetime import timedelta

import pytest

from app.infra import tokens
from app.infra.clock import SystemClock
from app.infra.sealed_tokens import Token
from app.infra.tokens import TokenCache
from app.infra.vault import Vault

KEY = "a test key that is long enough for everything"
HOUR = timedelta(hours=1)


class Mint:
    """Makes tokens and counts them."""

    def __init__(self, life=HOUR, pause=0.0):
        self.made, self.life, self.pause = 0, life, pause

    async def __call__(self):
        await asyncio.sleep(self.pause)
        self.made += 1
        return Token(f"token-{self.made}", SystemClock().now() + self.life)


def shared(tmp_path):
    return TokenCache(tmp_path / "tokens", Vault([KEY]))


@pytest.fixture(params=["alone", "shared"])
def cache(request, tmp_path):
    return TokenCache() if request.param == "alone" else shared(tmp_path)


def test_a_token_is_made_once_however_many_ask(cache):
    mint = Mint(pause=0.05)

    async def run():
        return await asyncio.gather(*(cache.get("k", mint) for _ in range(50)))

    assert set(asyncio.run(run())) == {"token-1"}
    assert mint.made == 1


def test_another_key_is_another_token(cache):
    mint = Mint()
    assert asyncio.run(cache.get("a", mint)) != asyncio.run(cache.get("b", mint))


def test_a_token_in_its_last_minute_is_made_anew(cache):
    mint = Mint(life=timedelta(seconds=59))
    assert [asyncio.run(cache.get("k", mint)) for _ in range(3)] == ["token-1", "token-2", "token-3"]


def test_a_refused_token_is_not_given_again(cache):
    mint = Mint()
    first = asyncio.run(cache.get("k", mint))
    assert asyncio.run(cache.get("k", mint, instead_of=first)) == "token-2"
    assert asyncio.run(cache.get("k", mint, instead_of=first)) == "token-2"
    assert asyncio.run(cache.get("k", mint)) == "token-2"


def test_a_mint_that_fails_is_asked_again_next_time(cache):
    async def fail():
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        asyncio.run(cache.get("k", fail))
    assert asyncio.run(cache.get("k", Mint())) == "token-1"


def test_another_process_finds_the_token_and_nobody_else_can_read_it(tmp_path):
    assert asyncio.run(shared(tmp_path).get("k", Mint())) == "token-1"
    mint = Mint()
    assert asyncio.run(shared(tmp_path).get("k", mint)) == "token-1"
    assert mint.made == 0
    for path in (tmp_path / "tokens").iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert b"token-1" not in path.read_bytes()


def test_a_file_that_cannot_be_read_is_replaced(tmp_path):
    asyncio.run(shared(tmp_path).get("k", Mint()))
    other = TokenCache(tmp_path / "tokens", Vault([KEY[::-1]]))
    mint = Mint()
    assert asyncio.run(other.get("k", mint)) == "token-1"
    assert mint.made == 1
    [path] = [each for each in (tmp_path / "tokens").iterdir() if not each.suffix]
    path.write_text("rubbish")
    assert asyncio.run(shared(tmp_path).get("k", Mint())) == "token-1"


def test_a_place_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "tokens").write_text("a file, not a directory")
    assert asyncio.run(shared(tmp_path).get("k", Mint())) == "token-1"


def test_whoever_holds_the_lock_too_long_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "LOCK_PATIENCE", 0.2)
    slow, quick = Mint(pause=1.0), Mint()

    async def run():
        first = asyncio.ensure_future(shared(tmp_path).get("k", slow))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await shared(tmp_path).get("k", quick)
        waited = time.monotonic() - began
        await first
        return waited

    assert asyncio.run(run()) < 0.9
    assert quick.made == 1


def ask_in_a_process(folder, answers):
    mint = Mint(pause=0.2)
    answers.put((asyncio.run(shared(folder).get("k", mint)), mint.made))


def test_processes_that_ask_at_the_same_time_make_one_token(tmp_path):
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [context.Process(target=ask_in_a_process, args=(tmp_path, answers)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(10)
    answers.close()
    answers.join_thread()
    assert {value for value, _ in found} == {"token-1"}
    assert sum(made for _, made in found) == 1


def test_a_token_shows_in_no_repr():
    assert "hidden" not in repr(Token("hidden", SystemClock().now()))
