"""The dialogue with one server, line by line: what is written when, and what each reply makes of each letter."""

import asyncio
from pathlib import Path

import pytest

from app.infra.smtp import SmtpPool
from app.infra.smtp_hosts import Encryption, Host
from app.infra.smtp_intake import Letter
from app.infra.smtp_opening import SmtpRoute
from app.infra.smtp_transmission import stuff_dots
from tests.providers.smtp_script import DROP, SILENCE, Record, ScriptedServer, deliver, letters, route, text_of

BOTH = pytest.mark.parametrize("offers", [("PIPELINING", "8BITMIME"), ("8BITMIME",)], ids=["pipelined", "one by one"])


def only(stage, reply, message=None, connection=None):
    """An answer that differs at one stage, of one message or connection when named."""

    def answer(turn):
        here = turn.stage == stage and message in (None, turn.message) and connection in (None, turn.connection)
        return reply if here else None

    return answer


def to(address, reply):
    """An answer that differs for one recipient."""
    return lambda turn: reply if turn.stage == "rcpt" and address in turn.line else None


@BOTH
def test_every_letter_arrives_once_over_one_connection(offers):
    server = ScriptedServer(offers=offers)
    record = deliver(server, 25)
    assert record.kinds == ["accepted"] * 25
    assert server.texts == [text_of(index) + b".\r\n" for index in range(25)]
    assert server.connections == 1


@BOTH
def test_no_two_recipients_share_an_envelope(offers):
    server = ScriptedServer(offers=offers)
    deliver(server, 2)
    assert server.lines[1:] == [
        b"MAIL FROM:<news@example.org>", b"RCPT TO:<r0@example.com>", b"DATA",
        b"MAIL FROM:<news@example.org>", b"RCPT TO:<r1@example.com>", b"DATA", b"QUIT",
    ]  # fmt: skip


@BOTH
def test_a_refused_recipient_costs_only_itself(offers):
    server = ScriptedServer(to(b"<r3@", "550 5.1.1 No such user"), offers)
    record = deliver(server, 6)
    assert record.kinds == ["accepted"] * 3 + ["recipient_permanent"] + ["accepted"] * 2
    assert record.outcomes[3].code == "550 5.1.1"
    assert len(server.texts) == 5 + (server.texts.count(b""))


@BOTH
def test_after_a_refused_envelope_the_transaction_is_reset(offers):
    server = ScriptedServer(to(b"<r0@", "550 5.1.1 No such user"), offers)
    deliver(server, 2)
    assert server.lines.index(b"RSET") < server.lines.index(b"RCPT TO:<r1@example.com>")


@BOTH
def test_a_batch_never_begins_inside_what_the_last_one_left_open(offers):
    """A server that still has the refused envelope says 503, takes the recipient into it, and gets an empty text."""
    server = ScriptedServer(to(b"<r0@", "450 4.2.0 Come back later"), offers)
    deliver(server, 1, batches=2)
    verbs = [line.partition(b" ")[0] for line in server.lines]
    assert verbs.count(b"MAIL") == 2
    assert verbs[len(verbs) - verbs[::-1].index(b"MAIL") - 2] == b"RSET"


@BOTH
def test_a_text_that_was_not_asked_for_is_never_written(offers):
    server = ScriptedServer(only("data", "451 4.3.0 Not now", message=0), offers)
    record = deliver(server, 3)
    assert record.kinds == ["transient"] * 3
    assert not [line for line in server.lines if line.startswith((b"Subject", b"Hello"))]


def test_a_server_that_wants_a_text_without_a_recipient_gets_an_empty_one():
    def answer(turn):
        return "550 5.1.1 No such user" if turn.stage == "rcpt" and b"<r1@" in turn.line else None

    server = ScriptedServer(answer)
    record = deliver(server, 3)
    assert record.kinds == ["accepted", "recipient_permanent", "accepted"]
    assert server.texts == [text_of(0) + b".\r\n", b"", text_of(2) + b".\r\n"]


@BOTH
def test_replies_are_attributed_to_the_right_recipient(offers):
    def answer(turn):
        number = int(turn.line.partition(b"<r")[2].partition(b"@")[0] or 0) if turn.stage == "rcpt" else 0
        return f"550 5.1.1 No mailbox {number}" if number % 3 == 1 else None

    record = deliver(ScriptedServer(answer, offers), 30)
    for index, outcome in record.outcomes.items():
        assert (outcome.detail == f"5.1.1 No mailbox {index}") == (index % 3 == 1)


def test_long_replies_are_read_to_their_end():
    server = ScriptedServer(only("text", "250-2.0.0 Ok\r\n250-2.0.0 more\r\n250 2.0.0 queued as ABCDEF"))
    record = deliver(server, 3)
    assert record.kinds == ["accepted"] * 3
    assert record.outcomes[2].provider_message_id == "ABCDEF"
    assert record.outcomes[2].detail == "2.0.0 Ok more queued as ABCDEF"


@BOTH
def test_a_connection_cut_after_the_final_dot_makes_that_letter_uncertain(offers):
    server = ScriptedServer(only("text", DROP, message=2, connection=1), offers)
    record = deliver(server, 5)
    assert record.kinds == ["accepted", "accepted", "uncertain", "accepted", "accepted"]
    assert record.outcomes[2].reason == "connection_lost"
    assert len(server.texts) == 5


@BOTH
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_a_connection_cut_before_the_text_means_not_delivered(offers, stage):
    server = ScriptedServer(only(stage, DROP, message=0, connection=1), offers)
    record = deliver(server, 3)
    assert record.kinds == ["transient", "accepted", "accepted"]
    assert len(server.texts) == 2


def test_no_answer_to_the_final_dot_makes_that_letter_uncertain():
    server = ScriptedServer(only("text", SILENCE, message=0, connection=1), ("8BITMIME",))
    record = deliver(server, 2)
    assert record.kinds == ["uncertain", "accepted"]
    assert record.outcomes[0].reason == "timed_out"


@BOTH
def test_a_421_between_letters_means_a_new_connection_and_no_loss(offers):
    server = ScriptedServer(only("mail", "421 4.7.0 Enough for one session", message=2, connection=1), offers)
    record = deliver(server, 5)
    assert record.kinds == ["accepted"] * 5
    assert server.connections == 2


@BOTH
def test_a_421_for_a_recipient_throttles_it_and_spares_the_others(offers):
    server = ScriptedServer(to(b"<r1@", "421 4.7.0 Rate limit, try again in 5 seconds"), offers)
    record = deliver(server, 4)
    assert record.kinds == ["accepted", "throttled", "accepted", "accepted"]
    assert record.outcomes[1].retry_after.total_seconds() == 5


def test_a_421_to_the_first_letter_of_a_connection_is_its_outcome():
    record = deliver(ScriptedServer(only("mail", "421 4.7.0 Slow down")), 2)
    assert record.kinds == ["throttled", "throttled"]


def test_a_421_to_a_text_is_not_uncertain():
    record = deliver(ScriptedServer(only("text", "421 4.3.0 Shutting down", message=1, connection=1)), 4)
    assert record.kinds == ["accepted", "transient", "accepted", "accepted"]


def test_a_server_that_drops_pipelined_commands_gets_one_at_a_time():
    server = ScriptedServer(forgets_early_input=True)
    record = deliver(server, 4)
    assert record.kinds == ["accepted"] * 4
    assert len(server.texts) == 4


def test_a_server_that_calls_pipelined_commands_a_bad_sequence_gets_one_at_a_time():
    def answer(turn):
        return "503 5.5.1 Improper use of pipelining" if turn.stage == "rcpt" and turn.connection == 1 else None

    record = deliver(ScriptedServer(answer), 3)
    assert record.kinds == ["accepted"] * 3


@pytest.mark.parametrize("nonsense", ["HTTP/1.1 400 Bad Request", "25", "999 what", "ünï"])
def test_what_is_no_reply_ends_the_connection(nonsense):
    record = deliver(ScriptedServer(only("text", nonsense, message=0, connection=1)), 2)
    assert record.kinds == ["uncertain", "accepted"]


def test_an_endless_reply_ends_the_connection():
    record = deliver(ScriptedServer(only("rcpt", "250-" + "x" * 400_000 + "\r\n250 Ok", connection=1), ("HELP",)), 1)
    assert record.kinds == ["transient"]


@BOTH
def test_a_connection_retires_after_its_share_of_letters(offers):
    server = ScriptedServer(offers=offers)
    record = deliver(server, 7, letters_per_connection=3)
    assert record.kinds == ["accepted"] * 7
    assert server.connections == 3
    assert server.lines.count(b"QUIT") == 3


def test_a_connection_is_reused_for_the_next_batch():
    server = ScriptedServer()
    deliver(server, 3, batches=4)
    assert (server.connections, len(server.texts)) == (1, 12)


def test_a_kept_connection_that_died_meanwhile_costs_no_letter():
    server = ScriptedServer(only("mail", DROP, message=2, connection=1))
    record = deliver(server, 2, batches=2)
    assert record.kinds == ["accepted", "accepted"]
    assert server.connections == 2


def test_a_batch_uses_several_connections_but_never_more_than_allowed():
    server = ScriptedServer()
    record = deliver(server, 200, connections_at_most=4)
    assert record.kinds == ["accepted"] * 200
    assert sorted(server.texts) == sorted(text_of(index) + b".\r\n" for index in range(200))
    assert server.most_at_once == 4


def test_nothing_starts_that_may_not_start():
    server = ScriptedServer()
    record = deliver(server, 100, record=Record(allowance=30), connections_at_most=3)
    assert len(record.begun) == 30
    assert record.kinds == ["accepted"] * 30
    assert len(server.texts) == 30


def test_a_listener_that_fails_is_heard():
    class Lost(Record):
        def answered(self, index, outcome):
            raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError, match="lease"):
        deliver(ScriptedServer(), 5, record=Lost())


@pytest.mark.parametrize(
    "address",
    ["a@example.com>\r\nRCPT TO:<spy@example.com", "a@example.com\nDATA", "a\0@example.com", "a b@example.com",
     "a>@example.com", "nobody", "a@", "@b", "a@b@c", "", "a@exa mple.com", "a@example.com\u2028",
     '"a\r\nb"@example.com'],
)  # fmt: skip
def test_what_is_no_address_never_reaches_the_wire(address):
    server = ScriptedServer()
    record = deliver(server, 3, recipient=lambda index: address if index == 1 else "ok@example.com")
    assert record.kinds == ["accepted", "recipient_permanent", "accepted"]
    assert record.outcomes[1].reason == "invalid_address"
    assert [line for line in server.lines if line.startswith(b"RCPT")] == [b"RCPT TO:<ok@example.com>"] * 2


def test_a_domain_travels_in_its_ascii_form():
    server = ScriptedServer()
    deliver(server, 1, recipient=lambda _: "ann@bücher.example")
    assert b"RCPT TO:<ann@xn--bcher-kva.example>" in server.lines


def test_a_local_part_beyond_ascii_needs_a_server_that_takes_it():
    record = deliver(ScriptedServer(), 1, recipient=lambda _: "jürgen@example.com")
    assert (record.kinds, record.reasons) == (["recipient_permanent"], ["address_needs_smtputf8"])
    server = ScriptedServer(offers=("PIPELINING", "8BITMIME", "SMTPUTF8"))
    assert deliver(server, 1, recipient=lambda _: "jürgen@example.com").kinds == ["accepted"]
    assert b"MAIL FROM:<news@example.org> BODY=8BITMIME SMTPUTF8" in server.lines


def test_the_size_is_announced_where_the_server_asks_for_it():
    server = ScriptedServer(offers=("PIPELINING", "SIZE 5000"))
    deliver(server, 1)
    assert b"MAIL FROM:<news@example.org> SIZE=%d" % len(text_of(0)) in server.lines


def test_a_letter_that_is_too_large_for_the_server_is_not_offered_to_it():
    server = ScriptedServer(offers=("PIPELINING", "SIZE 5"))
    record = deliver(server, 2)
    assert record.reasons == ["too_large", "too_large"]
    assert not [line for line in server.lines if line.startswith(b"MAIL")]


class LargeTaker(ScriptedServer):
    """Reads a text of any length; hangs up once it has read `patience` bytes of it."""

    def __init__(self, patience):
        super().__init__()
        self.patience = patience
        self.read_total = 0

    async def _converse(self, reader, writer, number):
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            if line.startswith(b"DATA"):
                writer.write(b"354 go\r\n")
                tail = b""
                while not tail.endswith(b"\r\n.\r\n"):
                    piece = await reader.read(65536)
                    self.read_total += len(piece)
                    if not piece or self.read_total > self.patience:
                        writer.transport.abort()
                        return
                    tail = (tail + piece)[-5:]
            writer.write(b"250 2.0.0 Ok\r\n")


def deliver_large(server, size):
    async def run():
        record, pool = Record(), SmtpPool()
        large = [Letter(0, "news@example.org", "ann@example.com", lambda: b"Subject: x\r\n\r\n" + b"x" * 70 * size)]
        async with server:
            # As patient as in the product: this much is composed, written and read in one busy process.
            patient = SmtpRoute("key", (Host("localhost", server.port, Encryption.NONE),), allow_private_hosts=True)
            await pool.deliver(patient, iter(large), record, 1)
            await pool.close()
        return record

    return asyncio.run(run())


def test_a_large_letter_arrives_whole():
    server = LargeTaker(10**9)
    assert deliver_large(server, 300_000).kinds == ["accepted"]
    assert server.read_total == 70 * 300_000 + len("Subject: x\r\n\r\n\r\n.\r\n")


def test_a_large_letter_cut_in_its_middle_was_not_delivered():
    record = deliver_large(LargeTaker(1_000_000), 300_000)
    assert record.kinds == ["transient"]


def test_a_letter_that_cannot_be_composed_costs_nobody_else_anything():
    def refuse():
        raise ValueError("A name holds a line break")

    async def run():
        record, pool = Record(), SmtpPool()
        async with ScriptedServer() as server:
            bad = Letter(1, "news@example.org", "ann@example.com", refuse)
            mixed = [*letters(1), bad, *(each for each in letters(4) if each.index > 1)]
            await pool.deliver(route(server.port), iter(mixed), record, 4)
            await pool.close()
        return record

    record = asyncio.run(run())
    assert record.kinds == ["accepted", "message_permanent", "accepted", "accepted"]
    assert record.outcomes[1].detail == "A name holds a line break"


def test_dots_at_line_starts_are_doubled():
    assert stuff_dots(b".a\r\n..\r\nb.\r\n") == b"..a\r\n...\r\nb.\r\n.\r\n"
    assert stuff_dots(b"no line end") == b"no line end\r\n.\r\n"


def test_kept_connections_are_let_go_after_a_while():
    async def run():
        record, pool = Record(), SmtpPool()
        async with ScriptedServer() as server:
            await pool.deliver(route(server.port, idle_at_most=0.05), letters(2), record, 2)
            for _ in range(100):
                if b"QUIT" in server.lines:
                    return server.lines
                await asyncio.sleep(0.02)
        return []

    assert asyncio.run(run())[-1] == b"QUIT"


def known_replies():
    lines = (Path(__file__).parent / "payloads" / "smtp" / "replies.txt").read_text().splitlines()
    return [line.split(maxsplit=3) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(("stage", "kind", "reason", "reply"), known_replies())
def test_a_reply_of_a_well_known_server_is_understood(stage, kind, reason, reply):
    reply = reply.replace("\\n", "\r\n")
    record = deliver(ScriptedServer(only(stage, reply), ("PIPELINING", "AUTH PLAIN")), 1, username="u", password="p")
    assert (record.kinds, record.reasons) == ([kind], [reason])
    assert record.outcomes[0].code.startswith(reply[:3])
