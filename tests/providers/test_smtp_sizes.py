"""What a server says of the size it takes, before a letter and by refusing one, is told with an answer."""

import pytest

from tests.providers.smtp_script import ScriptedServer, deliver, text_of


def _limits(record):
    """What was told of the size with each answer, in order of the letters."""
    return [record.outcomes[index].size_limit for index in sorted(record.outcomes)]


@pytest.mark.parametrize("pipelining", [("PIPELINING",), ()])
def test_what_a_server_announces_is_told_once_in_a_run(pipelining):
    record = deliver(ScriptedServer(offers=(*pipelining, "SIZE 5000")), 4)
    assert record.kinds == ["accepted"] * 4
    assert sorted(_limits(record), key=str) == [5000, None, None, None]


@pytest.mark.parametrize("offer", ["SIZE", "SIZE 0", "SIZE many", "SIZE ²", "SIZE 99999999999999999999", "8BITMIME"])
def test_a_server_without_a_limit_that_can_be_read_tells_none(offer):
    record = deliver(ScriptedServer(offers=("PIPELINING", offer)), 2)
    assert record.kinds == ["accepted"] * 2
    assert _limits(record) == [None, None]


def test_a_letter_that_is_not_offered_says_what_the_server_takes():
    record = deliver(ScriptedServer(offers=("PIPELINING", "SIZE 5")), 2)
    assert record.reasons == ["too_large", "too_large"]
    assert _limits(record) == [5, 5]
    assert record.outcomes[0].detail == f"The message has {len(text_of(0)):,} bytes; the server takes 5."


@pytest.mark.parametrize(
    ("stage", "reply", "is_told"),
    [
        ("mail", "552 5.3.4 Message size exceeds fixed limit", True),
        ("mail", "552 5.2.3 Message size exceeds fixed maximum message size (5000)", True),  # Sendmail
        ("mail", "552 Too large", True),
        ("text", "552 5.3.4 Message too big for system", True),
        ("text", "552 5.2.3 Message too big for this mailbox", False),
        ("text", "552 Exceeded storage allocation", False),
        ("rcpt", "552 5.2.3 Message too big for this mailbox", False),
        ("rcpt", "552 5.3.4 Message too big for where it goes", False),
    ],
)
def test_a_refusal_teaches_what_the_server_takes_when_it_is_not_one_mailbox_that_is_meant(stage, reply, is_told):
    record = deliver(ScriptedServer(lambda turn: reply if turn.stage == stage else None), 1)
    assert record.reasons == ["too_large"]
    told = record.outcomes[0].size_limit
    assert (told is not None) == is_told
    if told is not None:
        assert len(text_of(0)) - 3 <= told < len(text_of(0)), "a little less than what was refused"


def test_a_refusal_for_less_than_what_was_announced_counts():
    server = ScriptedServer(
        lambda turn: "552 5.3.4 Too big" if turn.stage == "text" else None, offers=("PIPELINING", "SIZE 50000")
    )
    record = deliver(server, 1)
    assert record.outcomes[0].size_limit < len(text_of(0))
