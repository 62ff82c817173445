"""The SMTP provider: its form, its checks, its verification, and a mail from end to end."""

import asyncio
import contextlib
import email
import ssl
import tracemalloc
from email import policy
from typing import ClassVar

import pytest
import trustme
import uvloop

from app.domain.rendered import Attachment, Extras, Recipient, RenderedEmail
from app.emulators.faults import Dial, Faults
from app.emulators.outbox import Outbox
from app.emulators.smtp import SmtpEmulator, SmtpOptions
from app.infra.smtp import close_pool
from app.infra.smtp_hosts import Encryption, Host
from app.providers.base import Account, Envelope
from app.providers.smtp import PROVIDER, route_to
from tests.providers.contract import Arrived, Greeting, Recorder, envelopes

GOOD = {
    "host": "smtp.example.org",
    "port": 587,
    "username": "post",
    "password": "correct horse battery",
    "encryption": "tls",
    "fromName": "Acme News",
    "fromEmail": "news@example.org",
}


class SmtpStage:
    """A running SMTP emulator."""

    FAULTS: ClassVar = {
        "refuse_credentials": "wrong-password",
        "throttle": "throttled",
        "fail_inside": "server-error",
        "cut_before": "drop-before-body",
        "cut_after": "drop-after-dot",
        "refuse_content": "content-rejected",
    }

    def __init__(self, outbox, faults, port):
        self.account = Account("account", GOOD, f"smtp://127.0.0.1:{port}")
        self.unreachable = Account("nowhere", GOOD, "smtp://127.0.0.1:1")
        self.outbox, self.faults = outbox, faults

    def turn(self, fault):
        self.faults.turn(Dial("post", self.FAULTS[fault]))

    def turn_off(self):
        self.faults.turn_off()

    def refused_address(self):
        return "p4+mailbox-unknown@example.com"

    def arrived(self):
        found = []
        for row in reversed(self.outbox.newest(1000)):
            message = email.message_from_bytes(self.outbox.get(row.id).raw, policy=policy.default)
            key = message["Message-ID"].strip("<>").partition("@")[0]
            found.append(Arrived(row.recipient, key, message.get_body(("plain",)).get_content()))
        return found


class SmtpRig:
    """How the contract tries SMTP."""

    good_values = GOOD
    expects: ClassVar = {}
    says_how_long = True
    secrets = ("correct horse battery", "AHBvc3QAY29ycmVjdCBob3JzZSBiYXR0ZXJ5")  # also as AUTH PLAIN writes it

    @contextlib.asynccontextmanager
    async def open(self, tmp_path, options=None):
        outbox, faults = Outbox(tmp_path / "outbox.sqlite3"), Faults(tmp_path / "outbox.sqlite3")
        emulator = SmtpEmulator(outbox, faults, options)
        _, port = await emulator.start()
        try:
            yield SmtpStage(outbox, faults, port)
        finally:
            await emulator.stop()
            outbox.close()
            faults.close()

    async def close(self):
        await close_pool()


RIG = SmtpRig()


def test_the_form_has_the_fields_of_the_interface_in_their_order():
    assert [field.name for field in PROVIDER.spec.fields] == [
        "host", "port", "username", "password", "encryption", "autoTLS", "mailer",
        "fromName", "fromEmail", "replyToName", "replyToEmail", "bounceDomain",
    ]  # fmt: skip
    assert [field.name for field in PROVIDER.spec.fields if field.extra] == ["bounceDomain"], "beside the interface"
    assert [field.name for field in PROVIDER.spec.fields if field.needed] == ["host", "fromEmail"]
    assert [field.name for field in PROVIDER.spec.fields if field.secret] == ["password"]
    assert (PROVIDER.spec.field("port").default, PROVIDER.spec.field("autoTLS").default) == (587, True)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"host": "smtp example"}, "host", "is not a host"),
        ({"host": "ok.example;http://web.example"}, "host", "is not a host"),
        ({"host": "smtp.example.org:99999"}, "host", "between 1 and 65535"),
        ({"host": "smtp.example.org\r\nX: y"}, "host", "is not a host"),
        ({"port": 0}, "port", "between 1 and 65535"),
        ({"port": "smtp"}, "port", "between 1 and 65535"),
        ({"encryption": "ssh"}, "encryption", "none, ssl or tls"),
        ({"password": ""}, "password", "leave both"),
        ({"username": ""}, "username", "leave both"),
        ({"fromEmail": "news"}, "fromEmail", "one email address"),
        ({"fromEmail": "news@example.org\r\nBcc: spy@example.net"}, "fromEmail", "one email address"),
        ({"replyToEmail": "a@b.example, c@d.example"}, "replyToEmail", "one email address"),
        ({"fromName": "Acme\r\nBcc: spy@example.net"}, "fromName", "line break"),
        ({"mailer": "x\ny"}, "mailer", "line break"),
    ],
)
def test_what_cannot_work_is_said_at_its_field(changes, field, words):
    faults = PROVIDER.check({**GOOD, **changes})
    assert list(faults) == [field]
    assert words in faults[field][0]


def test_a_list_of_hosts_is_fine():
    assert PROVIDER.check({**GOOD, "host": "ssl://a.example:465; [2001:db8::1]:25; 192.0.2.1; localhost"}) == {}


def test_the_settings_become_a_route():
    values = {**GOOD, "host": "ssl://a.example:465;b.example", "port": "2525", "encryption": "", "autoTLS": False}
    route = route_to(Account("key", values))
    assert route.hosts == (
        Host("a.example", 465, Encryption.SSL, False),
        Host("b.example", 2525, Encryption.NONE, False),
    )
    assert (route.username, route.needs_auth, route.allow_private_hosts) == ("post", True, False)
    assert "battery" not in repr(route)


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("smtp://127.0.0.1:2525", Host("127.0.0.1", 2525, Encryption.NONE, False)),
        ("smtps://gate.internal", Host("gate.internal", 465, Encryption.SSL, False)),
        ("127.0.0.1:2525", Host("127.0.0.1", 2525, Encryption.NONE, False)),
    ],
)
def test_the_operators_endpoint_replaces_the_hosts(endpoint, host):
    route = route_to(Account("key", GOOD, endpoint))
    assert (route.hosts, route.needs_auth, route.allow_private_hosts) == ((host,), False, True)


def test_an_encryption_that_is_none_of_ours_never_means_none():
    assert route_to(Account("key", {**GOOD, "encryption": "starttls"})).hosts[0].encryption is Encryption.TLS


class Rich:
    """A message with everything."""

    def render(self, recipient):
        headers = (("List-Unsubscribe", "<https://example.org/u/" + "t" * 300 + ">"),)
        return RenderedEmail("Grüße", f".Hallo {recipient.name}\n.\n", f"<p>.Hallo {recipient.name}</p>\n.\n", headers)


def test_a_mail_arrives_as_it_was_meant(tmp_path):
    async def run():
        async with RIG.open(tmp_path) as stage:
            values = {**GOOD, "mailer": "Carillon", "replyToEmail": "help@example.org", "replyToName": "Help"}
            told = Recorder()
            account = Account("rich", values, stage.account.endpoint)
            await PROVIDER.send(account, Rich(), [Envelope("k1", Recipient("jürgen@bücher.example", "Jürgen"))], told)
            await close_pool()
            row = stage.outbox.newest(1)[0]
            return told.outcomes[0], row, stage.outbox.get(row.id).raw

    outcome, row, raw = asyncio.run(run())
    message = email.message_from_bytes(raw, policy=policy.default)
    assert outcome.kind == "accepted"
    assert len(outcome.provider_message_id) == 8
    assert (row.sender, row.account, row.subject) == ("news@example.org", "post", "Grüße")
    assert row.recipient == "jürgen@xn--bcher-kva.example"
    assert message.get_body(("plain",)).get_content().replace("\r\n", "\n") == ".Hallo Jürgen\n.\n"
    assert message.get_body(("html",)).get_content().replace("\r\n", "\n") == "<p>.Hallo Jürgen</p>\n.\n"
    assert str(message["Reply-To"]) == "Help <help@example.org>"
    assert message["X-Mailer"] == "Carillon"
    assert f"List-Unsubscribe: <https://example.org/u/{'t' * 300}>\r\n".encode() in raw


def test_it_works_on_the_loop_of_the_workers(tmp_path):
    told = Recorder()

    async def send_on_uvloop(port):
        await PROVIDER.send(Account("uv", GOOD, f"smtp://127.0.0.1:{port}"), Greeting(), envelopes(50), told)
        await close_pool()

    async def serve():
        async with RIG.open(tmp_path) as stage:
            port = int(stage.account.endpoint.rpartition(":")[2])
            await asyncio.to_thread(uvloop.run, send_on_uvloop(port))
            return len(stage.arrived())

    assert asyncio.run(serve()) == 50
    assert {outcome.kind for outcome in told.outcomes.values()} == {"accepted"}


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_verifying_tells_about_the_certificate(tmp_path, monkeypatch, runner):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    async def check(port):
        values = {**GOOD, "host": f"localhost:{port}", "encryption": "tls"}
        return await PROVIDER.verify(Account("tls", values, allow_private_hosts=True))

    async def serve():
        async with RIG.open(tmp_path, SmtpOptions(tls=context)) as stage:
            port = int(stage.account.endpoint.rpartition(":")[2])
            distrusted = await asyncio.to_thread(runner, check(port))
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
            return distrusted, await asyncio.to_thread(runner, check(port))

    distrusted, trusted = asyncio.run(serve())
    assert [finding.works for finding in distrusted] == [True, False]
    assert "TLS" in distrusted[-1].sentence
    assert all(finding.works for finding in trusted), trusted
    assert any("TLS 1.3" in finding.sentence and "valid until" in finding.detail for finding in trusted)


def test_verifying_a_refused_sender_says_so(tmp_path):
    async def run():
        async with RIG.open(tmp_path) as stage:
            stage.faults.turn(Dial("post", "sender-refused"))
            return await PROVIDER.verify(stage.account)

    findings = asyncio.run(run())
    assert [finding.sentence for finding in findings if not finding.works] == [
        "The server does not accept news@example.org as the sender."
    ]


def test_a_sender_that_no_header_can_hold_is_a_fault_of_the_settings(tmp_path):
    told = Recorder()

    async def run():
        async with RIG.open(tmp_path) as stage:
            account = Account("evil", {**GOOD, "fromName": "A\r\nBcc: spy@example.net"}, stage.account.endpoint)
            await PROVIDER.send(account, Greeting(), envelopes(2), told)
            return stage.arrived()

    assert asyncio.run(run()) == []
    assert {(outcome.kind, outcome.reason) for outcome in told.outcomes.values()} == {
        ("config_permanent", "not_configured")
    }


class Swallower(asyncio.Protocol):
    """A server that takes mails of any size and keeps none of them."""

    def __init__(self, taken):
        self.taken, self.in_text, self.tail = taken, False, b""

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, received):
        if self.in_text:
            self.tail = (self.tail + received)[-5:]
            if self.tail == b"\r\n.\r\n":
                self.in_text = False
                self.taken.append(1)
                self.transport.write(b"250 2.0.0 Ok\r\n")
            return
        for line in received.split(b"\r\n")[:-1]:
            self.in_text, self.tail = line == b"DATA", b""
            self.transport.write(b"354 Go on\r\n" if self.in_text else b"250 Ok\r\n")


async def _send_to_swallower(prepared, count, taken):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Swallower(taken), "127.0.0.1", 0)
    account = Account("large", GOOD, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    recorder = Recorder()
    await PROVIDER.send(account, prepared, envelopes(count), recorder)
    await close_pool()
    server.close()
    return recorder


def test_a_hundred_copies_of_a_large_attachment_are_never_in_memory_at_once():
    file = Attachment("large.bin", "application/octet-stream", bytes(5_000_000))

    class Parcel:
        rendered = RenderedEmail("Hello", "Hello\n", extras=Extras(attachments=(file,)))

        def render(self, recipient):
            return self.rendered

    taken = []
    tracemalloc.start()
    try:
        asyncio.run(_send_to_swallower(Parcel(), 100, taken))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(taken) == 100
    assert peak < 80e6, "100 copies would be 700 MB"
