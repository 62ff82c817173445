"""Servers that end a session when it has had its share, and servers that promise PIPELINING and cannot do it."""

import pytest

from tests.providers.smtp_script import DROP, ScriptedServer, deliver, text_of

BOTH = pytest.mark.parametrize("offers", [("PIPELINING", "8BITMIME"), ("8BITMIME",)], ids=["pipelined", "one by one"])
ENOUGH = ["421 4.7.0 Too many messages in this connection", "452 4.5.3 Too many recipients: Too many messages sent"]


def taking(count, reply):
    """An answer that takes so many messages over a connection and then says this to MAIL, as often as it is asked."""
    return lambda turn: reply if turn.stage == "mail" and turn.message >= count else None


def bodies(server):
    return sorted(text.removesuffix(b".\r\n") for text in server.texts if text)


@BOTH
@pytest.mark.parametrize("reply", ENOUGH, ids=["421", "452"])
@pytest.mark.parametrize("connections", [1, 4])
def test_a_server_that_takes_few_letters_over_a_connection_gets_them_all_over_several(offers, reply, connections):
    server = ScriptedServer(taking(3, reply), offers)
    record = deliver(server, 40, connections_at_most=connections)
    assert record.kinds == ["accepted"] * 40
    assert bodies(server) == sorted(text_of(index) for index in range(40))
    assert server.connections >= 14


@BOTH
@pytest.mark.parametrize("reply", ENOUGH, ids=["421", "452"])
def test_a_server_that_takes_nothing_is_not_asked_for_ever(offers, reply):
    server = ScriptedServer(taking(0, reply), offers)
    record = deliver(server, 6)
    assert set(record.kinds) <= {"transient", "throttled"}
    assert server.connections <= 7


@BOTH
def test_a_full_disk_is_the_answer_to_its_letter_and_no_reason_for_another_connection(offers):
    server = ScriptedServer(taking(2, "452 4.3.1 Insufficient system storage"), offers)
    record = deliver(server, 8)
    assert record.kinds == ["accepted"] * 2 + ["transient"] * 6
    assert server.connections == 1


@BOTH
@pytest.mark.parametrize("leave", ["421 4.7.0 Error: too many errors", "554 Too many nonmail commands"])
def test_a_server_that_leaves_after_many_errors_costs_no_other_letter(offers, leave):
    """Postfix bears 20 (smtpd_hard_error_limit), Exim ten commands that are no mail; the next RSET gets this."""
    errors = {}

    def answer(turn):
        if turn.stage == "rcpt" and b"<unknown" in turn.line:
            errors[turn.connection] = errors.get(turn.connection, 0) + 1
            return "550 5.1.1 No such user"
        if turn.stage == "rset" and errors.get(turn.connection, 0) >= 3:
            return leave
        return None

    server = ScriptedServer(answer, offers)
    record = deliver(server, 20, recipient=lambda index: f"{'unknown' if index < 12 else 'known'}{index}@example.com")
    assert record.kinds == ["recipient_permanent"] * 12 + ["accepted"] * 8
    assert bodies(server) == sorted(text_of(index) for index in range(12, 20))


def once(stage, reply, connections=1):
    """An answer that differs at one stage of the first connections."""
    return lambda turn: reply if turn.stage == stage and turn.connection <= connections else None


def test_a_server_that_hangs_up_on_a_pipelined_group_gets_every_letter_once():
    def answer(turn):  # it sees more than the one command it expects
        return DROP if turn.connection == 1 and turn.stage == "rcpt" else None

    server = ScriptedServer(answer)
    record = deliver(server, 5, batches=2)
    assert record.kinds == ["accepted"] * 5
    assert set(bodies(server)) == {text_of(index) for index in range(5)}


def test_a_server_that_forgets_what_came_behind_the_text_is_noticed_and_its_letter_is_not_lost():
    """It read to the final dot and threw away the envelope behind it: the next letter has no text on the wire yet."""
    server = ScriptedServer(forgets_behind_text=True)
    record = deliver(server, 6)
    assert record.kinds == ["accepted"] * 6
    assert bodies(server) == sorted(text_of(index) for index in range(6))


@pytest.mark.parametrize("stage", ["mail", "rcpt"])
def test_an_answer_too_many_never_moves_an_acceptance_to_another_letter(stage):
    """From then on every reply is read one command too early: nothing may be called accepted that was not."""

    def answer(turn):
        wanted = turn.connection == 1 and turn.stage == stage and turn.message == 1
        return "250 2.0.0 Ok\r\n250 2.0.0 Ok once more" if wanted else None

    server = ScriptedServer(answer)
    record = deliver(server, 6)
    accepted = {text_of(index) for index, outcome in record.outcomes.items() if outcome.kind.value == "accepted"}
    assert accepted <= set(bodies(server))
    assert len(bodies(server)) == len(set(bodies(server)))
