"""The tests that `known_wrongs.py` names are there; and here are those for mistakes that no other test would notice."""

import ast
from datetime import UTC, datetime
from email import message_from_bytes, policy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.domain.outcomes import OutcomeKind
from app.domain.rendered import Recipient, RenderedEmail, RenderedPush, RenderedSms
from app.infra.http import HttpReply
from app.infra.settings import ROOT
from app.providers import catalog
from app.providers.base import Account
from app.providers.http import HttpProvider, Item
from app.providers.mime import MimeTemplate, Sender
from tests.providers.known_wrongs import NOT_OURS, WRONGS

TESTS = ROOT / "tests"


@cache
def names_in(path: Path) -> frozenset[str]:
    """The tests of a file."""
    if not path.is_file():
        return frozenset()
    walked = ast.walk(ast.parse(path.read_text()))
    return frozenset(each.name for each in walked if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_known_mistake_is_spoken_for() -> None:
    assert sorted(WRONGS | NOT_OURS) == list(range(1, 55))
    assert all(tests for _, tests in WRONGS.values())


@pytest.mark.parametrize("number", WRONGS)
def test_what_keeps_us_from_a_mistake_is_there(number: int) -> None:
    places = [place.partition("::") for place in WRONGS[number][1]]
    assert [f"{path}::{name}" for path, _, name in places if name not in names_in(TESTS / path)] == []


HTTP_KINDS = sorted(kind for kind, provider in catalog().items() if isinstance(provider, HttpProvider))


def judged(kind: str, status: int, body: bytes) -> OutcomeKind:
    """What the kind makes of an answer, about one recipient."""
    provider: Any = catalog()[kind]
    rendered = {
        "email": RenderedEmail("Hello", "Hello\n", ""), "sms": RenderedSms("Hello"), "push": RenderedPush("Hello"),
    }[provider.spec.channel.value]  # fmt: skip
    address = {"email": "ann@example.com", "sms": "+491701000000", "push": "a" * 64}[provider.spec.channel.value]
    items = [Item(0, "1.m", Recipient(address, "Ann"), rendered)]
    [outcome] = provider.outcomes(Account("wrongs", {}), items, HttpReply(status, {}, body))
    return OutcomeKind(outcome.kind)


@pytest.mark.parametrize("body", [b"0", b'"0"', b'{"message":"0"}', b'{"error":"0","code":0,"status":"0"}'])
@pytest.mark.parametrize("status", [400, 404, 500])
@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_an_error_that_says_0_is_no_success(kind: str, status: int, body: bytes) -> None:
    assert judged(kind, status, body) is not OutcomeKind.ACCEPTED


def test_no_email_tells_the_name_of_this_machine_or_of_a_library() -> None:
    mail = MimeTemplate(_Same(), Sender("news@example.org"), datetime(2026, 11, 21, tzinfo=UTC))
    message = message_from_bytes(mail.write(Recipient("ann@example.com"), "1.m"), policy=policy.default)
    assert str(message["Message-ID"]).endswith("@example.org>")
    assert {"x-mailer", "user-agent", "received"} & {name.lower() for name in message} == set()


class _Same:
    """A rendering that is the same for everybody."""

    def render(self, recipient: Recipient) -> RenderedEmail:
        return RenderedEmail("Hello", "Hello\n")


@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_no_words_make_a_refusal_look_temporary(kind: str) -> None:
    words = b'{"message":"throttled, rate limit, quota, timeout, temporarily, try again: +15034297250 503 429"}'
    assert judged(kind, 400, words) not in (OutcomeKind.THROTTLED, OutcomeKind.TRANSIENT, OutcomeKind.UNCERTAIN)
