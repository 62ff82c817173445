"""The kit for services over HTTP: what it asks before it sends, how it fills requests, when it stops, what it keeps."""

import asyncio
import json
from typing import ClassVar

import pytest
import uvloop

from app.domain.channels import Channel
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import Field, FieldKind, ProviderSpec
from app.domain.rendered import RenderedSms
from app.emulators.faults import Faults
from app.emulators.outbox import Outbox
from app.emulators.serving import Answer, HttpEmulator
from app.infra.http import close_clients
from app.providers.base import Account, Envelope
from app.providers.http import HttpProvider, HttpReply, HttpRequest, Item, NotAuthorized, batch_key, outcome_of_status
from tests.providers.contract import Recorder, envelopes

VALUES = {"apiKey": "the-secret-of-acme", "from": "ACME"}


class AcmeEmulator(HttpEmulator):
    """Takes lists of messages; `script` says what is answered, one entry a request, the last one for ever."""

    kind, channel, path = "acme", "sms", "/v1"
    script: ClassVar[list] = []

    def answer(self, call):
        self.seen = getattr(self, "seen", [])
        self.seen.append((call.method, call.path, dict(call.headers), call.json(), call.version))
        script = type(self).script
        found = script.pop(0) if len(script) > 1 else (script or [200])[0]
        if isinstance(found, Answer):
            return found
        if found >= 400:
            return Answer.json(found, {"error": f"no, {call.bearer()}"})
        return Answer.json(200, {"ids": [each["to"] for each in call.json() or []]})


class Acme(HttpProvider):
    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="acme", label="Acme", channel=Channel.SMS, summary="", max_batch=4,
        fields=(Field("apiKey", "API key", FieldKind.SECRET_TEXT, secret=True, needed=True, hint="There."),),
    )  # fmt: skip
    in_flight = 3

    def home(self, values):
        return "https://api.acme.invalid/v1"

    def request(self, account, items):
        if any("unspeakable" in item.rendered.text for item in items):
            raise ValueError("Acme has no word for that.")
        proof = {"authorization": f"Bearer {account.values['apiKey']}", "x-key": batch_key(items)}
        return HttpRequest.json("/send", [{"to": item.recipient.address, "key": item.key} for item in items], proof)

    def outcomes(self, account, items, reply):
        if not reply.is_good:
            return [outcome_of_status(reply)] * len(items)
        return [accepted(number) for number in reply.fields()["ids"]]

    def refuse(self, account, item):
        if len(item.rendered.text) > 50:
            return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, "Too long.")
        return None


class Words:
    def __init__(self, special=None):
        self.special = special or {}

    def render(self, recipient):
        text = self.special.get(recipient.address, "Hello")
        if text == "raise":
            raise ValueError("This cannot be rendered.")
        return RenderedSms(text)


def send(tmp_path, count, *, script=(), provider=None, special=None, recorder=None, letters=None, values=VALUES):
    """Send to an emulator that follows the script; what the watch was told, and what was seen."""
    told = recorder or Recorder()
    emulator = type("Scripted", (AcmeEmulator,), {"script": list(script)})(
        Outbox(tmp_path / "o.sqlite3"), Faults(tmp_path / "o.sqlite3")
    )

    async def run():
        await emulator.start()
        emulator.seen = []
        account = Account("a", values, emulator.url)
        batch = letters or envelopes(count, None, Channel.SMS)
        try:
            await (provider or Acme()).send(account, Words(special), batch, told)
        finally:
            await close_clients()
            await emulator.stop()
            emulator._outbox.close()
            emulator._faults.close()

    uvloop.run(run())
    return told, emulator.seen


def test_requests_are_filled_up_to_the_most_a_service_takes(tmp_path):
    told, seen = send(tmp_path, 10)
    assert sorted(len(body) for *_, body, _ in seen) == [2, 4, 4]
    assert {index: outcome.provider_message_id for index, outcome in told.outcomes.items()} == {
        index: each.recipient.address for index, each in enumerate(envelopes(10, None, Channel.SMS))
    }


def test_a_request_of_several_has_a_key_that_stays_the_same():
    items = [Item(index, f"k{index}", each.recipient, None) for index, each in enumerate(envelopes(3))]
    assert batch_key(items) == batch_key(list(items)) != batch_key(items[:2])
    assert batch_key(items[:1]) == "k0"


def test_whoever_is_refused_beforehand_leaves_the_others_alone(tmp_path):
    letters = envelopes(4, None, Channel.SMS)
    special = {letters[1].recipient.address: "x" * 51, letters[2].recipient.address: "raise"}
    told, [(*_, body, _)] = send(tmp_path, 4, special=special)
    assert [each["key"] for each in body] == ["key0", "key3"]
    assert [told.outcomes[index].kind for index in range(4)] == [
        "accepted", "message_permanent", "message_permanent", "accepted",
    ]  # fmt: skip
    assert told.outcomes[2].detail == "This cannot be rendered."


def test_what_a_service_has_no_words_for_is_the_messages_fault(tmp_path):
    letters = envelopes(1, None, Channel.SMS)
    told, seen = send(tmp_path, 1, special={letters[0].recipient.address: "unspeakable"})
    assert (told.outcomes[0].kind, told.outcomes[0].detail) == ("message_permanent", "Acme has no word for that.")
    assert seen == []


def test_wrong_settings_are_not_held_against_the_service_again_and_again(tmp_path):
    told, seen = send(tmp_path, 200, script=[401])
    assert len(told.outcomes) == 200
    assert {outcome.kind for outcome in told.outcomes.values()} == {"config_permanent"}
    assert len(seen) <= 2 * Acme.in_flight


def test_after_too_fast_nothing_more_is_sent_and_what_is_left_stays_untouched(tmp_path):
    told, seen = send(tmp_path, 200, script=[429])
    assert {outcome.kind for outcome in told.outcomes.values()} == {"throttled"}
    assert len(told.begun) == len(told.outcomes) == 4 * len(seen)
    assert len(seen) <= 2 * Acme.in_flight


class Sparing(Recorder):
    """A watch with one slot, which grants what is left of its allowance and counts what is under way."""

    at_once = 1
    is_paced = True

    def __init__(self, allowance=10**9):
        super().__init__(allowance)
        self.most_under_way = 0

    def may_start(self, count):
        granted = min(count, self.allowance - self.asked)
        self.asked += granted
        return granted

    def started(self, indexes):
        super().started(indexes)
        self.most_under_way = max(self.most_under_way, len(self.begun) - len(self.outcomes))


def test_no_more_requests_are_under_way_than_may_be(tmp_path):
    told, seen = send(tmp_path, 200, recorder=Sparing())
    assert (len(told.outcomes), len(seen)) == (200, 50)
    assert told.most_under_way == Acme.spec.max_batch


def test_of_a_group_only_those_are_sent_that_may_start_and_the_others_are_not_lost_in_between(tmp_path):
    told, seen = send(tmp_path, 10, recorder=Sparing(7))
    assert sorted(told.outcomes) == list(range(7))
    assert [len(body) for *_, body, _ in seen] == [4, 3]


@pytest.mark.parametrize("payload", [None, [], {"ids": 7}, {"ids": ["one"]}, {"ids": None}, "text", {}])
def test_an_answer_of_a_strange_shape_costs_only_its_own_recipients(tmp_path, payload):
    told, _ = send(tmp_path, 8, script=[Answer.json(200, payload), 200])
    kinds = [outcome.kind for outcome in told.outcomes.values()]
    assert (kinds.count("uncertain"), kinds.count("accepted")) == (4, 4)


def test_one_failing_request_does_not_stop_the_others(tmp_path):
    told, seen = send(tmp_path, 40, script=[500, 200])
    kinds = [outcome.kind for outcome in told.outcomes.values()]
    assert (kinds.count("transient"), kinds.count("accepted"), len(seen)) == (4, 36, 10)


def test_a_secret_that_the_service_quotes_is_taken_out(tmp_path):
    told, _ = send(tmp_path, 1, script=[400])
    assert told.outcomes[0].detail == '{"error": "no, …"}'


def test_how_long_to_wait_comes_from_the_headers(tmp_path):
    told, _ = send(tmp_path, 1, script=[Answer.json(429, {}, retry_after="12")])
    assert told.outcomes[0].retry_after.total_seconds() == 12


def test_no_request_begins_after_leave_is_withdrawn(tmp_path):
    told, seen = send(tmp_path, 40, recorder=Recorder(allowance=12))
    assert sum(len(body) for *_, body, _ in seen) == len(told.begun) == 12


class Stopping(Recorder):
    """A watch whose lease ends at the second start."""

    def started(self, indexes):
        if self.begun:
            raise RuntimeError("The lease is over.")
        super().started(indexes)


def test_a_lease_that_ended_comes_out_and_nothing_more_is_sent(tmp_path):
    with pytest.raises(RuntimeError, match="lease"):
        send(tmp_path, 40, recorder=Stopping())


class Tokened(Acme):
    """Asks for a token first."""

    max_tokens = 2

    def __init__(self):
        self.made = []

    async def authorize(self, account, request, *, refused=""):
        self.made.append(refused)
        if len(self.made) > 50:
            raise NotAuthorized(Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED, "No token."))
        return request.signed(authorization="Bearer old" if not refused else "Bearer new")

    def wants_new_token(self, reply):
        return reply.status == 401


def test_a_token_that_was_turned_down_is_replaced_once(tmp_path):
    told, seen = send(tmp_path, 1, script=[401, 200], provider=Tokened())
    assert told.outcomes[0].kind == "accepted"
    assert [headers["authorization"] for _, _, headers, *_ in seen] == ["Bearer old", "Bearer new"]


def test_a_token_that_is_turned_down_twice_is_the_settings_fault(tmp_path):
    told, seen = send(tmp_path, 1, script=[401], provider=Tokened())
    assert told.outcomes[0].kind == "config_permanent"
    assert len(seen) == 2


class Tokenless(Tokened):
    async def authorize(self, account, request, *, refused=""):
        raise NotAuthorized(Outcome(OutcomeKind.TRANSIENT, Reason.UNREACHABLE, "No way to the-secret-of-acme."))


def test_without_a_token_nothing_is_sent_and_everybody_is_told_why(tmp_path):
    told, seen = send(tmp_path, 9, provider=Tokenless())
    assert {(outcome.kind, outcome.detail) for outcome in told.outcomes.values()} == {("transient", "No way to ….")}
    assert (len(told.outcomes), seen) == (9, [])


def test_http2_to_an_address_without_tls_is_spoken_at_once(tmp_path):
    provider = type("Second", (Acme,), {"http2": True})()
    told, seen = send(tmp_path, 10, provider=provider)
    assert {version for *_, version in seen} == {"HTTP/2"}
    assert {outcome.kind for outcome in told.outcomes.values()} == {"accepted"}


def test_without_a_way_to_ask_verifying_says_so():
    [finding] = asyncio.run(Acme().verify(Account("a", VALUES)))
    assert not finding.works
    assert finding.sentence == "Acme answers only when something is sent. Send a test to see."


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, "accepted"), (202, "accepted"), (301, "config_permanent"), (400, "message_permanent"),
        (401, "config_permanent"), (403, "config_permanent"), (404, "config_permanent"), (408, "transient"),
        (413, "message_permanent"), (422, "message_permanent"), (429, "throttled"), (500, "transient"),
        (502, "transient"), (503, "transient"), (599, "transient"),
    ],
)  # fmt: skip
def test_a_status_alone_says_what_to_do(status, kind):
    assert outcome_of_status(HttpReply(status)).kind == kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30), ({"retry-after": "0"}, 0), ({"ratelimit-reset": "2"}, 2),
        ({"retry-after": "5", "ratelimit-reset": "60"}, 5), ({"retry-after": "9" * 9}, 86400),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0), ({"x-ratelimit-reset": "1000000001"}, 0),
        ({"retry-after": "soon"}, None), ({"retry-after": "-1"}, None), ({"retry-after": "nan"}, None),
        ({"retry-after": "9" * 400}, None), ({}, None), ({"retry-after": "soon", "ratelimit-reset": "3"}, 3),
    ],
)  # fmt: skip
def test_every_way_to_say_how_long_is_understood(headers, seconds):
    wait = outcome_of_status(HttpReply(429, headers)).retry_after
    assert (None if wait is None else wait.total_seconds()) == seconds


def test_a_long_answer_is_cut_to_a_line():
    outcome = outcome_of_status(HttpReply(400, {}, b"<html>\n <b>" + b"x" * 5000))
    assert outcome.detail.startswith("<html> <b>xxx")
    assert len(outcome.detail) == 300


def test_json_has_no_word_for_what_is_no_number():
    with pytest.raises(ValueError, match="JSON"):
        HttpRequest.json("/", {"a": float("nan")})
    assert json.loads(HttpRequest.json("/", {"a": "🎉"}).body) == {"a": "🎉"}


def test_an_envelope_keeps_its_key(tmp_path):
    letters = [Envelope(f"d{index}.m", each.recipient) for index, each in enumerate(envelopes(3, None, Channel.SMS))]
    _, [(*_, body, _)] = send(tmp_path, 3, letters=letters)
    assert [each["key"] for each in body] == ["d0.m", "d1.m", "d2.m"]


class Counted(Recorder):
    """A watch that remembers how many envelopes were begun with one word."""

    def __init__(self):
        super().__init__()
        self.words = []

    def started(self, indexes):
        self.words.append(len(indexes))
        super().started(indexes)


def test_requests_that_go_out_together_are_begun_with_one_word(tmp_path):
    told, seen = send(tmp_path, 40, recorder=(watch := Counted()))
    assert (len(told.outcomes), len(seen)) == (40, 10)
    assert watch.words[0] == Acme.in_flight * Acme.spec.max_batch
    assert max(watch.words) <= Acme.in_flight * Acme.spec.max_batch


def test_nothing_is_announced_that_does_not_go_out_at_once(tmp_path):
    """What is begun and not answered is never more than what may be under way: so much a killed worker leaves open."""

    class Strict(Counted):
        most = 0

        def started(self, indexes):
            super().started(indexes)
            Strict.most = max(Strict.most, len(self.begun) - len(self.outcomes))

    send(tmp_path, 200, recorder=Strict())
    assert 0 < Strict.most <= Acme.in_flight * Acme.spec.max_batch


class SignedIn(Acme):
    """Signs in before it sends; counts how often it is asked to."""

    def __init__(self):
        self.asked = []

    async def sign_in(self, account, *, refused=""):
        self.asked.append(refused)
        return {"authorization": "Bearer new" if refused else "Bearer old"}

    def wants_new_token(self, reply):
        return reply.status == 401


def test_requests_that_go_out_together_share_a_sign_in(tmp_path):
    provider = SignedIn()
    told, seen = send(tmp_path, 12, provider=provider)
    assert provider.asked == [""]
    assert len(seen) == 3
    assert {headers["authorization"] for _, _, headers, *_ in seen} == {"Bearer old"}
    assert {outcome.kind for outcome in told.outcomes.values()} == {"accepted"}


def test_a_sign_in_that_was_turned_down_is_made_anew_once(tmp_path):
    provider = SignedIn()
    told, seen = send(tmp_path, 1, script=[401, 200], provider=provider)
    assert provider.asked == ["", "Bearer old"]
    assert [headers["authorization"] for _, _, headers, *_ in seen] == ["Bearer old", "Bearer new"]
    assert told.outcomes[0].kind == "accepted"
