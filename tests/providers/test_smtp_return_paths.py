"""SMTP: what mail is sent from so that it can come back, and what servers that know DSN are asked for (RFC 3461)."""

import asyncio

import pytest

from app.domain.rendered import Recipient
from app.domain.return_paths import ReturnPaths, day_of, read_return_path
from app.infra.clock import SystemClock
from app.infra.smtp import close_pool
from app.infra.smtp_envelope import Envelopes, paths_of
from app.infra.smtp_intake import Letter
from app.providers.base import Account, Envelope
from app.providers.smtp import PROVIDER
from tests.providers.contract import Greeting, Recorder
from tests.providers.smtp_script import DEFAULTS, ScriptedServer, Turn
from tests.providers.test_smtp import GOOD

KEY = b"k" * 32
VALUES = {**GOOD, "username": "", "password": "", "bounceDomain": "bounces.example.org"}


def people(*addresses: str, key: str = "{}.m1") -> list[Envelope]:
    return [Envelope(key.format(index + 1), Recipient(address)) for index, address in enumerate(addresses)]


def said(envelopes: list[Envelope], *offers: str, values: dict | None = None, has_paths: bool = True) -> list[str]:
    """The MAIL and RCPT lines that a server with these offers heard; each letter was accepted."""
    told = Recorder()

    async def run() -> list[bytes]:
        async with ScriptedServer(offers=("PIPELINING", *offers)) as server:
            paths = ReturnPaths(KEY, 7) if has_paths else None
            endpoint = f"smtp://127.0.0.1:{server.port}"
            await PROVIDER.send(
                Account("a", values or VALUES, endpoint, return_paths=paths), Greeting(), envelopes, told
            )
            await close_pool()
            return server.lines

    lines = asyncio.run(run())
    assert {outcome.kind.value for outcome in told.outcomes.values()} == {"accepted"}
    return [line.decode() for line in lines if line.startswith((b"MAIL", b"RCPT"))]


def sender_of(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


def test_each_delivery_is_sent_from_an_address_of_its_own() -> None:
    lines = said(people("ann@example.com", "ben@example.com"))
    senders = [sender_of(line) for line in lines if line.startswith("MAIL")]
    found = [read_return_path(each.partition("@")[0], [KEY], day_of(SystemClock().now())) for each in senders]
    assert [(each.delivery_pk, each.provider_pk) for each in found if each] == [(1, 7), (2, 7)]
    assert {each.partition("@")[2] for each in senders} == {"bounces.example.org"}


@pytest.mark.parametrize(
    ("values", "has_paths", "key"),
    [
        (VALUES | {"bounceDomain": ""}, True, "{}.m1"),  # nobody said where mail shall come back to
        (VALUES, False, "{}.m1"),  # nobody receives it
        (VALUES, True, "test-{}"),  # a test send is no delivery
    ],
)
def test_without_all_of_it_mail_is_sent_from_the_sender(values: dict, has_paths: bool, key: str) -> None:
    lines = said(people("ann@example.com", key=key), values=values, has_paths=has_paths)
    assert sender_of(lines[0]) == "news@example.org"


def test_the_domain_travels_in_ascii() -> None:
    lines = said(people("ann@example.com"), values=VALUES | {"bounceDomain": "rücklauf.example.org"})
    assert sender_of(lines[0]).endswith("@xn--rcklauf-n2a.example.org")


def test_a_server_that_knows_dsn_is_asked_for_reports_that_name_the_delivery() -> None:
    mail, rcpt = said(people("ann+x=y@example.com"), "DSN")
    assert mail.endswith("> RET=HDRS ENVID=1.m1")
    assert rcpt == "RCPT TO:<ann+x=y@example.com> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann+2Bx+3Dy@example.com"


def test_a_server_that_does_not_know_dsn_hears_nothing_of_it() -> None:
    mail, rcpt = said(people("ann@example.com"))
    assert mail.endswith(">")
    assert rcpt == "RCPT TO:<ann@example.com>"


def test_an_address_beyond_ascii_is_not_named_in_words_few_servers_know() -> None:
    _, rcpt = said(people("jürgen@example.com"), "DSN", "SMTPUTF8", "8BITMIME")
    assert rcpt == "RCPT TO:<jürgen@example.com> NOTIFY=FAILURE,DELAY"


def test_the_name_of_a_delivery_cannot_end_the_command() -> None:
    letter = Letter(0, "a@example.org", "b@example.org", bytes, "1.x y\r\nRCPT TO:<c@example.org>+=")
    paths = paths_of(letter)
    assert isinstance(paths, tuple)
    lines = Envelopes({"DSN": ""}).open(letter, paths, b"")
    assert isinstance(lines, tuple)
    assert lines[0].count(b"\r\n") == 1
    assert b"ENVID=1.x+20y+0D+0ARCPT+20TO:<c@example.org>+2B+3D" in lines[0]


@pytest.mark.parametrize(
    "domain", ["bounces", "bounces .example.org", "a@b.example", "127.0.0.1", "-.example", "x" * 300]
)
def test_a_bounce_domain_that_is_none_is_said_at_its_field(domain: str) -> None:
    assert PROVIDER.check(VALUES | {"bounceDomain": domain}) == {
        "bounceDomain": ["The bounce domain must be a domain such as bounces.example.org."]
    }
    assert PROVIDER.check(VALUES) == {}


def test_verifying_tells_when_the_server_does_not_take_the_return_path() -> None:
    def answer(turn: Turn) -> str | None:
        return "550 5.7.1 Not yours" if turn.stage == "mail" and b"bounce+" in turn.line else DEFAULTS.get(turn.stage)

    async def run() -> list:
        async with ScriptedServer(answer) as server:
            account = Account("a", VALUES, f"smtp://127.0.0.1:{server.port}", return_paths=ReturnPaths(KEY, 7))
            return await PROVIDER.verify(account)

    findings = asyncio.run(run())
    (refused,) = [each.sentence for each in findings if not each.works]
    assert refused == "The server does not accept addresses at bounces.example.org as the sender."
    assert any(each.sentence.startswith("The server accepts news@example.org") for each in findings)
