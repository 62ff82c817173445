"""How a connection comes about: host lists, private addresses, TLS, signing in."""

import asyncio
import base64
import ssl

import pytest
import trustme

from app.infra.smtp import SmtpPool
from app.infra.smtp_hosts import Encryption, Host, HostHealth, is_public, parse_hosts, resolve
from app.infra.smtp_opening import SmtpRoute
from tests.providers.smtp_script import DROP, Record, ScriptedServer, deliver, letters, route

STARTTLS = ("STARTTLS", "PIPELINING")


def hosts(text, port=587, encryption=Encryption.NONE, auto_tls=True):
    return [
        (host.name, host.port, host.encryption.value, host.auto_tls)
        for host in parse_hosts(text, port, encryption, auto_tls)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smtp.example.org", [("smtp.example.org", 587, "none", True)]),
        ("ssl://a.example:465; tls://b.example", [("a.example", 465, "ssl", True), ("b.example", 587, "tls", True)]),
        ("SSL://a.example", [("a.example", 587, "ssl", True)]),
        ("a.example:0;b.example:70000;c.example:x;d.example:", [(f"{n}.example", 587, "none", True) for n in "abcd"]),
        ("bad host;;-x.example;http://web.example;a@b;ok.example", [("ok.example", 587, "none", True)]),
        ("localhost;LOCALHOST", [("localhost", 587, "none", False), ("LOCALHOST", 587, "none", True)]),
        ("192.0.2.7:2525;[2001:db8::1]:25", [("192.0.2.7", 2525, "none", True), ("2001:db8::1", 25, "none", True)]),
        ("bücher.example", [("xn--bcher-kva.example", 587, "none", True)]),
        ("smtp.example.org.", [("smtp.example.org", 587, "none", True)]),
        ("1.2.3;999.1.1.1;a\r\nb.example;" + "x" * 64 + ".example", []),
    ],
)
def test_a_host_list_is_read_as_phpmailer_reads_it(text, expected):
    assert hosts(text) == expected


def test_a_scheme_wins_over_the_general_encryption():
    assert [entry[2] for entry in hosts("ssl://a.example;tls://b.example;c.example", encryption=Encryption.TLS)] == [
        "ssl", "tls", "tls",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
     "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%eth0",
     "::127.0.0.1", "fec0::1", "64:ff9b:1::7f00:1"],
)  # fmt: skip
def test_an_address_of_this_machine_or_network_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address):
    assert is_public(address)


def test_a_name_that_leads_inside_is_refused():
    with pytest.raises(PermissionError, match="not on the public internet"):
        asyncio.run(resolve(Host("localhost", 25, Encryption.NONE), allow_private=False))


def test_a_private_host_is_a_fault_of_the_settings_and_nothing_connects():
    async def run():
        async with ScriptedServer() as server:
            record, pool = Record(), SmtpPool()
            closed = SmtpRoute("key", (Host("127.0.0.1", server.port, Encryption.NONE),))
            await pool.deliver(closed, letters(2), record, 2)
            await pool.close()
            return record, server.connections

    record, connections = asyncio.run(run())
    assert (record.kinds, record.reasons) == (["config_permanent"] * 2, ["host_refused"] * 2)
    assert connections == 0


def deliver_to(servers, count=3, **changes):
    async def run():
        record, pool = Record(), SmtpPool()
        for server in servers:
            await server.__aenter__()
        await pool.deliver(route(*(server.port for server in servers), **changes), letters(count), record, count)
        await pool.close()
        for server in servers:
            await server.__aexit__()
        return record

    return asyncio.run(run())


@pytest.mark.parametrize("banner", [DROP, "421 4.3.2 Busy", "554 5.7.1 Go away"])
def test_the_next_host_is_used_when_the_first_does_not_serve(banner):
    dead, alive = ScriptedServer(lambda turn: banner if turn.stage == "banner" else None), ScriptedServer()
    assert deliver_to([dead, alive]).kinds == ["accepted"] * 3
    assert len(alive.texts) == 3


def test_a_closed_port_leads_to_the_next_host():
    async def run():
        async with ScriptedServer() as server:
            record, pool = Record(), SmtpPool()
            await pool.deliver(route(1, server.port), letters(2), record, 2)
            await pool.close()
            return record

    assert asyncio.run(run()).kinds == ["accepted"] * 2


def test_a_host_that_failed_lately_is_tried_last():
    health, first, second = HostHealth(), Host("a", 1, Encryption.NONE), Host("b", 1, Encryption.NONE)
    health.mark_down(first)
    assert health.order([first, second]) == [second, first]
    health.mark_up(first)
    assert health.order([first, second]) == [first, second]


def test_a_dead_primary_is_not_tried_for_every_connection():
    dead = ScriptedServer(lambda turn: DROP if turn.stage == "banner" else None)
    deliver_to([dead, ScriptedServer()], count=20, letters_per_connection=2)
    assert dead.connections == 1


def test_when_no_host_answers_all_letters_may_be_tried_again():
    record = asyncio.run(_deliver_nowhere(1))
    assert (record.kinds, record.reasons) == (["transient"] * 4, ["unreachable"] * 4)


def test_without_a_host_nothing_is_configured():
    assert asyncio.run(_deliver_nowhere()).reasons == ["not_configured"] * 4


async def _deliver_nowhere(*ports):
    record, pool = Record(), SmtpPool()
    await pool.deliver(route(*ports), letters(4), record, 4)
    await pool.close()
    return record


@pytest.mark.parametrize(
    ("banners", "reason"),
    [
        (["554 no", "554 no"], "host_refused"),
        (["554 no", "421 busy"], "unreachable"),
    ],
)
def test_only_when_every_host_turns_us_away_it_is_for_good(banners, reason):
    servers = [ScriptedServer(lambda turn, said=said: said if turn.stage == "banner" else None) for said in banners]
    assert set(deliver_to(servers).reasons) == {reason}


# TLS


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """A certificate authority that this machine trusts for the time of the test."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def context_of(authority, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_starttls_is_used_and_ehlo_said_again(authority):
    server = ScriptedServer(offers=STARTTLS, tls=context_of(authority, "localhost"))
    assert deliver(server, 3, encryption=Encryption.TLS).kinds == ["accepted"] * 3
    assert [line.split()[0] for line in server.lines[:4]] == [b"EHLO", b"STARTTLS", b"EHLO", b"MAIL"]


def test_implicit_tls_speaks_tls_from_the_first_byte(authority):
    server = ScriptedServer(implicit_tls=context_of(authority, "localhost"))
    assert deliver(server, 3, encryption=Encryption.SSL).kinds == ["accepted"] * 3


@pytest.mark.parametrize("encryption", [Encryption.TLS, Encryption.NONE])
def test_a_certificate_for_another_name_sends_nothing_and_does_not_fall_back(authority, encryption):
    server = ScriptedServer(offers=STARTTLS, tls=context_of(authority, "other.example"))
    record = deliver(server, 2, encryption=encryption)
    assert (record.kinds, record.reasons) == (["transient"] * 2, ["tls_failed"] * 2)
    assert b"MAIL" not in b"".join(server.lines)


def test_a_certificate_that_nobody_vouches_for_sends_nothing():
    server = ScriptedServer(implicit_tls=context_of(trustme.CA(), "localhost"))
    record = deliver(server, 1, encryption=Encryption.SSL)
    assert record.reasons == ["tls_failed"]
    assert "certificate" in record.outcomes[0].detail.lower()


def test_verification_can_be_switched_off_by_name():
    server = ScriptedServer(implicit_tls=context_of(trustme.CA(), "other.example"))
    assert deliver(server, 1, encryption=Encryption.SSL, verifies_certificates=False).kinds == ["accepted"]


def test_required_starttls_that_is_not_offered_sends_nothing():
    server = ScriptedServer()
    record = deliver(server, 1, encryption=Encryption.TLS, username="u", password="p")
    assert record.reasons == ["tls_failed"]
    assert [line.split()[0] for line in server.lines] == [b"EHLO"]


def test_what_a_server_says_before_tls_does_not_count():
    record = deliver(ScriptedInjection(), 1, encryption=Encryption.TLS)
    assert record.reasons == ["tls_failed"]


class ScriptedInjection(ScriptedServer):
    """Answers STARTTLS together with a line that belongs to no command yet."""

    async def _converse(self, reader, writer, number):
        writer.write(b"220 hello\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"250-script\r\n250 STARTTLS\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"220 Go\r\n250 2.0.0 inj")
        await reader.read(1)


# signing in


def signing_in(accepted=(), challenge="<123@script>"):
    """An answer to AUTH for one mechanism at a time; collects what was said."""
    said = []

    def answer(turn):
        if turn.stage == "auth":
            mechanism = turn.line.split()[1].decode()
            said.append(turn.line)
            if mechanism not in accepted:
                return "504 5.5.4 Unknown mechanism"
            return None if mechanism == "PLAIN" else f"334 {base64.b64encode(challenge.encode()).decode()}"
        if turn.stage == "other":
            said.append(turn.line)
            return "235 2.7.0 Ok" if len(said) > (3 if accepted[0] == "LOGIN" else 1) else "334 UGFzc3dvcmQ6"
        return None

    return answer, said


def test_plain_sends_name_and_password_once():
    answer, said = signing_in(("PLAIN",))
    record = deliver(ScriptedServer(answer, ("AUTH PLAIN LOGIN",)), 1, username="ann", password="sésame")
    assert record.kinds == ["accepted"]
    assert base64.b64decode(said[0].split()[2]) == "\0ann\0sésame".encode()


def test_login_is_tried_where_plain_is_not_taken():
    answer, said = signing_in(("LOGIN",))
    record = deliver(ScriptedServer(answer, ("AUTH=PLAIN LOGIN",)), 1, username="ann", password="pw")
    assert record.kinds == ["accepted"]
    assert [base64.b64decode(line) for line in said[-2:]] == [b"ann", b"pw"]


def test_over_a_plain_connection_the_password_itself_is_not_sent_when_avoidable():
    answer, said = signing_in(("CRAM-MD5",), challenge="<1896.697170952@postoffice.reston.mci.net>")
    server = ScriptedServer(answer, ("AUTH PLAIN LOGIN CRAM-MD5",))
    record = deliver(server, 1, username="tim", password="tanstaaftanstaaf")
    assert record.kinds == ["accepted"]
    assert base64.b64decode(said[-1]) == b"tim b913a602c7eda7a495b4e6e7334d3890"  # the example of RFC 2195


@pytest.mark.parametrize(
    "reply", ["535 5.7.8 Wrong", "534 5.7.9 Too weak", "530 5.7.0 STARTTLS first", "538 5.7.11 No"]
)
def test_a_refused_sign_in_is_a_fault_of_the_settings(reply):
    server = ScriptedServer(lambda turn: reply if turn.stage == "auth" else None, ("AUTH PLAIN",))
    record = deliver(server, 3, username="ann", password="hunter2")
    assert (set(record.kinds), set(record.reasons)) == ({"config_permanent"}, {"authentication_failed"})
    assert server.connections == 1


def test_no_known_way_to_sign_in_is_a_fault_of_the_settings():
    record = deliver(ScriptedServer(offers=("AUTH GSSAPI",)), 1, username="ann", password="pw")
    assert record.reasons == ["authentication_failed"]


def test_a_temporary_trouble_with_sign_in_passes():
    server = ScriptedServer(lambda turn: "454 4.7.0 Later" if turn.stage == "auth" else None, ("AUTH PLAIN",))
    assert deliver(server, 1, username="ann", password="pw").kinds == ["transient"]


def test_a_refused_sign_in_shows_even_when_another_host_only_is_busy():
    refusing = ScriptedServer(lambda turn: "535 5.7.8 Wrong" if turn.stage == "auth" else None, ("AUTH PLAIN",))
    busy = ScriptedServer(lambda turn: "421 Busy" if turn.stage == "banner" else None)
    assert set(deliver_to([refusing, busy], username="a", password="b").reasons) == {"authentication_failed"}


def test_a_password_that_changes_in_the_middle_stops_the_rest_and_loses_nothing():
    def answer(turn):
        return "535 5.7.8 Wrong" if turn.stage == "auth" and turn.connection > 1 else None

    server = ScriptedServer(answer, ("AUTH PLAIN", "PIPELINING"))
    record = deliver(server, 6, username="ann", password="pw", letters_per_connection=2)
    assert record.kinds == ["accepted"] * 2 + ["config_permanent"] * 4


def test_without_both_name_and_password_nobody_signs_in():
    server = ScriptedServer(offers=("AUTH PLAIN",))
    assert deliver(server, 1, username="ann").kinds == ["accepted"]
    assert b"AUTH" not in b" ".join(server.lines)


def test_a_server_without_ehlo_is_greeted_the_old_way():
    def answer(turn):
        if turn.stage == "ehlo":
            return "502 5.5.1 Unknown" if turn.line.startswith(b"EHLO") else "250 script"
        return None

    server = ScriptedServer(answer)
    assert deliver(server, 3).kinds == ["accepted"] * 3
    assert [line.split()[0] for line in server.lines[:3]] == [b"EHLO", b"HELO", b"MAIL"]


class HangsUpAfterGreeting(ScriptedServer):
    """Answers EHLO and leaves."""

    async def _converse(self, reader, writer, number):
        writer.write(b"220 hello\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"250 script\r\n")
        writer.close()


def test_a_server_that_greets_and_leaves_does_not_hold_the_batch():
    server = HangsUpAfterGreeting()
    assert set(deliver(server, 30).kinds) == {"transient"}
    assert server.connections <= 30
