"""The kit for services over HTTP when our own code fails at somebody: it costs that one, and nobody else."""

import pytest
from structlog.testing import capture_logs

from app.domain.channels import Channel
from tests.providers.contract import envelopes
from tests.providers.test_http_kit import Acme, send


class Clumsy(Acme):
    """A kind with faults of its own: it fails over some words, in each of its translations."""

    def request(self, account, items):
        if any("trips" in item.rendered.text for item in items):
            raise ZeroDivisionError(items[0].recipient.name)
        request = super().request(account, items)
        header = {"x-words": "a\nb"} if any("breaks" in item.rendered.text for item in items) else {}
        return request.with_headers(header)

    def refuse(self, account, item):
        if "stumbles" in item.rendered.text:
            raise AttributeError("nobody")
        return super().refuse(account, item)

    def outcomes(self, account, items, reply):
        if any("answered" in item.rendered.text for item in items):
            raise RecursionError("too deep")
        return super().outcomes(account, items, reply)

    async def ask_signed(self, account, request, signed, *, patience=None):
        reply = await super().ask_signed(account, request, signed, patience=patience)
        if b"+491701000021" in signed.body:
            raise RuntimeError("after it was sent")
        return reply


@pytest.mark.parametrize("words", ["trips", "stumbles", "unspeakable"])
def test_one_that_spoils_a_request_is_found_and_the_others_of_its_group_go(tmp_path, words):
    letters = envelopes(12, None, Channel.SMS)
    told, seen = send(tmp_path, 12, provider=Clumsy(), special={letters[5].recipient.address: words})
    assert told.outcomes[5].kind == "message_permanent"
    assert told.outcomes[5].reason == ("content_rejected" if words == "unspeakable" else "poison")
    assert {told.outcomes[index].kind for index in range(12) if index != 5} == {"accepted"}
    assert sorted(each["key"] for *_, body, _ in seen for each in body) == sorted(
        each.key for index, each in enumerate(letters) if index != 5
    )


def test_a_fault_of_ours_after_sending_is_a_doubt_and_cuts_off_no_other_request(tmp_path):
    told, seen = send(tmp_path, 60, provider=Clumsy())
    kinds = [told.outcomes[index].kind for index in range(60)]
    assert [kind for kind in kinds if kind != "accepted"] == ["uncertain"] * 4  # those of its own request
    assert told.outcomes[21].reason == "poison"
    assert len(seen) == 15


def test_an_answer_at_which_we_fail_costs_only_its_own_recipients(tmp_path):
    letters = envelopes(8, None, Channel.SMS)
    told, _ = send(tmp_path, 8, provider=Clumsy(), special={letters[6].recipient.address: "answered"})
    assert [told.outcomes[index].kind for index in range(8)] == ["accepted"] * 4 + ["uncertain"] * 4


def test_a_header_that_cannot_be_written_is_no_fault_of_the_settings(tmp_path):
    letters = envelopes(8, None, Channel.SMS)
    told, seen = send(tmp_path, 8, provider=Clumsy(), special={letters[6].recipient.address: "breaks"})
    assert [told.outcomes[index].kind for index in range(8)] == ["accepted"] * 4 + ["message_permanent"] * 4
    assert len(seen) == 1


def test_many_faults_of_ours_are_told_to_the_log_once_a_batch_and_without_what_they_say(tmp_path):
    letters = envelopes(40, None, Channel.SMS)
    with capture_logs() as lines:
        told, _ = send(tmp_path, 40, provider=Clumsy(), special={each.recipient.address: "trips" for each in letters})
    assert [outcome.reason for outcome in told.outcomes.values()] == ["poison"] * 40
    (line,) = lines
    assert "in request" in line["trace"]
    assert "Person" not in str(line)
