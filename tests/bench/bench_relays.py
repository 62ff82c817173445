"""The SMTP client at real mail servers that queue on disk and deliver nothing: M1 Postfix, M2 Exim, M3 OpenSMTPD."""

import asyncio
import resource
import time
from collections.abc import Iterator

import trustme

from app.domain.content import EmailContent
from app.domain.rendered import Recipient
from app.infra.smtp import close_pool
from app.providers.base import Account, Envelope
from app.providers.smtp import PROVIDER
from app.rendering import prepare
from tests.bench.bench_email import BODY
from tests.bench.measure import Measurement, alternate
from tests.bench.postfix import source_rate
from tests.mta.exim import Exim
from tests.mta.opensmtpd import OpenSmtpd
from tests.mta.postfix import Postfix
from tests.mta.relays import DOMAIN, Limits, Relay, running
from tests.providers.contract import Recorder

KINDS: dict[str, type[Relay]] = {"M1": Postfix, "M2": Exim, "M3": OpenSmtpd}


def measure(name: str, letters: int, rounds: int) -> Iterator[Measurement]:
    """Letters a second of ours and of smtp-source at the same server, in turn; and what ours cost this process."""
    kind = KINDS[name]
    print(f"{name}   {letters:,} emails to {kind.name}, {rounds} rounds", flush=True)
    certificate = trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.bytes()
    costs: list[float] = []
    with running(kind, certificate, Limits(letters=100_000) if kind.limits_by_connection else Limits()) as relay:

        def ours() -> float:
            rate, cost = _send(relay, letters)
            costs.append(cost)
            return rate

        def yardstick() -> float:
            return source_rate(relay.port, letters, f"person@{DOMAIN}")

        mine, theirs = alternate(rounds, ours, yardstick)
    ratios = [own / other for own, other in zip(mine, theirs, strict=True)]
    yield Measurement(name, f"emails to {kind.name}, 10 connections, against smtp-source", "/s", mine, theirs, ratios)
    yield Measurement(f"{name}b", f"CPU of an email to {kind.name}, without ledger", "µs", costs)


def _send(relay: Relay, letters: int) -> tuple[float, float]:
    """Letters a second, and microseconds of CPU of each. AssertionError unless all were accepted."""
    values = {"host": "127.0.0.1", "port": relay.port, "fromEmail": "news@acme.example", "autoTLS": False}
    content = EmailContent.from_json({"subject": "Autumn news", "preheader": "", "format": "markdown", "body": BODY})
    people = [
        Recipient(f"c{number}@{DOMAIN}", f"Person {number}", {"name": f"Person {number}", "city": "Berlin"})
        for number in range(letters)
    ]
    envelopes = [Envelope(f"{number}.bench", person) for number, person in enumerate(people)]
    watch = Recorder()

    async def run() -> None:
        account = Account("bench", values, allow_private_hosts=True)
        await PROVIDER.send(account, prepare(content), envelopes, watch)
        await close_pool()

    began, used = time.perf_counter(), _cpu()
    asyncio.run(run())
    rate, cost = letters / (time.perf_counter() - began), (_cpu() - used) / letters * 1e6
    kinds = {outcome.kind.value for outcome in watch.outcomes.values()}
    assert kinds == {"accepted"}, kinds
    assert len(watch.outcomes) == letters
    return rate, cost


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
