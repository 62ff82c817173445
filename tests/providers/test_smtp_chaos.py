"""A server that fails at random, many times: no letter is lost, doubled or called delivered when it was not."""

import random
from collections import Counter

import pytest

from tests.providers.smtp_script import DROP, ScriptedServer, deliver, text_of

REPLIES = {
    "mail": ["451 4.3.0 Later", "421 4.7.0 Enough", "550 5.7.1 No"],
    "rcpt": ["550 5.1.1 No such user", "450 4.7.1 Greylisted", "421 4.7.0 Enough"],
    "data": ["451 4.3.0 Later", "554 5.5.1 No valid recipients", "421 4.7.0 Enough"],
    "text": ["451 4.3.0 Later", "554 5.7.1 Spam", "421 4.3.0 Closing"],
}


class Whimsical:
    """Fails at any stage with one in eight; remembers which texts it said yes, no or nothing to."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.fate = {}

    def __call__(self, turn):
        answer = self._choose(turn.stage)
        if turn.stage == "text" and turn.line:
            self.fate.setdefault(turn.line, []).append(answer)
        return answer

    def _choose(self, stage):
        if stage not in REPLIES or self.chance.random() > 0.125:
            return None
        return self.chance.choice([DROP, *REPLIES[stage]])


@pytest.mark.parametrize("offers", [("PIPELINING",), ("8BITMIME",)], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("connections", [1, 4])
def test_what_is_told_is_what_happened(seed, offers, connections):
    whim = Whimsical(seed)
    server = ScriptedServer(whim, offers)
    record = deliver(server, 150, connections_at_most=connections, letters_per_connection=20)
    assert len(record.kinds) == 150
    for index, outcome in record.outcomes.items():
        fate = whim.fate.get(text_of(index) + b".\r\n", [])
        match outcome.kind:
            case "accepted":
                assert fate == [None]
            case "uncertain":
                assert fate == [DROP]
            case _:
                assert not [each for each in fate if each in (None, DROP)]
    assert max(Counter(text for text in server.texts if text).values()) == 1
