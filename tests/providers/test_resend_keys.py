"""Resend and its idempotency keys over a real socket: what was cut off is asked again, and nothing arrives twice."""

import asyncio

import pytest

from app.domain.rendered import Attachment, Extras, Recipient, RenderedEmail
from app.emulators.faults import EVERYONE, Dial
from app.providers.base import Envelope
from app.providers.resend import PROVIDER
from tests.providers.contract import Recorder, envelopes, send
from tests.providers.http_rig import body_of
from tests.providers.test_resend import RIG


def play(tmp_path, work, prepared=None):
    """Send through the emulator; what the watch was told, and the rows with their requests."""
    told = Recorder()

    async def run():
        async with RIG.open(tmp_path) as stage:
            await PROVIDER.send(stage.account, prepared or _Letter(), work(stage), told)
            await RIG.close()
            return stage.rows()

    return told, asyncio.run(run())


class _Letter:
    def __init__(self, *files):
        self.extras = Extras(attachments=files)

    def render(self, recipient):
        return RenderedEmail("Good morning", "Hello\n", extras=self.extras)


@pytest.mark.parametrize("fault", ["drop-after-dot", "drop-before-body", "lose-after-dot", "server-error"])
@pytest.mark.parametrize("count", [1, 5])
def test_what_broke_once_arrives_once_and_is_certain(fault, count, tmp_path):
    """Appwrite sends again without a key after a time-out, and so twice (sheet 20.2, 37)."""

    def work(stage):
        stage.faults.turn(Dial(EVERYONE, fault, remaining=1))
        return envelopes(count)

    told, rows = play(tmp_path, work)
    assert {outcome.kind for outcome in told.outcomes.values()} == {"accepted"}
    assert len({outcome.provider_message_id for outcome in told.outcomes.values()}) == count
    assert sorted(row.recipient for row in rows) == sorted(each.recipient.address for each in envelopes(count))


def test_a_failure_after_the_cut_leaves_it_uncertain(tmp_path):
    """The second answer says nothing about the first request."""

    def work(stage):
        stage.faults.turn(Dial(EVERYONE, "drop-after-dot", remaining=1))
        asyncio.get_running_loop().call_later(0.2, stage.turn, "throttle")
        return envelopes(2)

    told, rows = play(tmp_path, work)
    assert {outcome.kind for outcome in told.outcomes.values()} == {"uncertain"}
    assert len(rows) == 2


def test_a_request_that_still_runs_is_waited_for(tmp_path):
    """The first worker is gone, and its request is not: 409 until it ends."""

    def work(stage):
        key = (stage.account.values["apiKey"], "key0")
        stage.emulator._running[key] = None
        asyncio.get_running_loop().call_later(0.2, stage.emulator._running.pop, key)
        return envelopes(1)

    told, rows = play(tmp_path, work)
    assert (told.outcomes[0].kind, len(rows)) == ("accepted", 1)


def test_a_delivery_that_was_taken_already_is_not_sent_in_other_words(tmp_path):
    def work(stage):
        stage.emulator._answers[(stage.account.values["apiKey"], "key0")] = (1e18, b"other bytes", None)
        return envelopes(1)

    told, rows = play(tmp_path, work)
    assert (told.outcomes[0].kind, told.outcomes[0].code) == ("message_permanent", "409 invalid_idempotent_request")
    assert rows == []


def test_a_batch_that_is_refused_as_a_whole_costs_only_the_one_at_fault(tmp_path):
    told, arrived = send(PROVIDER, RIG, tmp_path, lambda _: envelopes(3, {1: "p1+content-rejected@example.com"}))
    assert [told.outcomes[index].kind for index in range(3)] == ["accepted", "message_permanent", "accepted"]
    assert [each.key for each in arrived] == ["key0", "key2"]


def test_one_name_that_cannot_be_written_costs_nobody_else_anything(tmp_path):
    people = envelopes(3)
    people[1] = Envelope("key1", Recipient("p1@example.com", "Ann\r\nBcc: eve@example.org"))
    told, arrived = send(PROVIDER, RIG, tmp_path, lambda _: people)
    assert [told.outcomes[index].kind for index in range(3)] == ["accepted", "message_permanent", "accepted"]
    assert [each.key for each in arrived] == ["key0", "key2"]


def test_a_pause_after_a_refused_batch_leaves_nobody_without_an_outcome(tmp_path):
    """What was refused together and not yet sent alone is tried again later."""
    people = envelopes(3, {1: "p1+content-rejected@example.com"})
    told, arrived = send(PROVIDER, RIG, tmp_path, lambda _: people, Recorder(allowance=3))
    assert {outcome.kind for outcome in told.outcomes.values()} == {"transient"}
    assert (sorted(told.outcomes), arrived) == ([0, 1, 2], [])


def test_files_go_one_by_one_and_never_faster_than_the_limit(tmp_path):
    """Appwrite sends them without a pause, and runs into the limit of two a second (sheet 20.2, 49)."""
    told, rows = play(tmp_path, lambda _: envelopes(5), _Letter(Attachment("a.pdf", "application/pdf", b"%PDF")))
    assert [told.outcomes[index].kind for index in range(5)] == ["accepted"] * 5
    assert all(b" /emails HTTP/" in row.request and b"attachments" in body_of(row) for row in rows)
    assert len(rows) == 5


def test_a_hundred_and_one_people_are_two_requests(tmp_path):
    told, rows = play(tmp_path, lambda _: envelopes(101))
    assert {outcome.kind for outcome in told.outcomes.values()} == {"accepted"}
    assert len({row.request for row in rows}) == 2
