"""Every kind of the catalog keeps the promises of the contract, tried through its emulator."""

import importlib
import logging

import pytest

from app.providers import catalog, get, specs
from app.providers.base import Account
from tests.providers.contract import FAULTS, Poisoned, Recorder, address_of, envelopes, send, verify

KINDS = sorted(catalog())
pytestmark = pytest.mark.parametrize("kind", KINDS)


def rig_of(kind):
    return importlib.import_module(f"tests.providers.test_{kind}").RIG


def people(kind, count, special=None):
    """Envelopes for a kind's channel."""
    return envelopes(count, special, get(kind).spec.channel)


def faulty(kind, fault, count=3):
    """Work that turns the dial first."""

    def work(stage):
        stage.turn(fault)
        return people(kind, count)

    return work


def test_the_kind_is_named_like_its_file(kind):
    assert get(kind).spec.kind == kind
    assert get(kind).spec in specs()


def test_every_field_says_what_it_is(kind):
    spec = get(kind).spec
    assert spec.label
    assert spec.summary
    assert len({field.name for field in spec.fields}) == len(spec.fields)
    for field in spec.fields:
        assert field.label == field.label.strip() != ""
        assert "!" not in field.label + field.hint
        assert "please" not in (field.label + field.hint).lower()
        assert field.hint or field.advanced, f"{field.name} does not say where its value is found"


def test_every_secret_is_kept_with_the_credentials(kind):
    assert all(field.section == "credentials" for field in get(kind).spec.fields if field.secret)


def test_settings_that_are_right_pass_the_check(kind):
    assert get(kind).check(rig_of(kind).good_values) == {}
    assert get(kind).spec.missing(rig_of(kind).good_values) == []


@pytest.mark.parametrize("junk", [None, "", "\r\n", "\0", "a" * 5000, -1, 3.5, True, "☃"], ids=repr)
def test_the_check_answers_whatever_is_typed(kind, junk):
    fields = [field.name for field in get(kind).spec.fields]
    faults = get(kind).check(dict.fromkeys(fields, junk))
    assert set(faults) <= set(fields)
    assert all(sentence.endswith(".") for sentences in faults.values() for sentence in sentences)


def test_every_envelope_gets_one_outcome_and_arrives_once(kind, tmp_path):
    told, arrived = send(get(kind), rig_of(kind), tmp_path, lambda _: people(kind, 60))
    assert sorted(told.outcomes) == list(range(60))
    assert {outcome.kind for outcome in told.outcomes.values()} == {"accepted"}
    assert sorted(each.address for each in arrived) == sorted(each.recipient.address for each in people(kind, 60))


def test_each_recipient_gets_what_was_rendered_for_it(kind, tmp_path):
    _, arrived = send(get(kind), rig_of(kind), tmp_path, lambda _: people(kind, 12))
    numbers = {address_of(number, get(kind).spec.channel): number for number in range(12)}
    assert len(arrived) == 12
    for each in arrived:
        assert f"Hello Person {numbers[each.address]}" in each.content


def test_the_delivery_key_travels_along(kind, tmp_path):
    _, arrived = send(get(kind), rig_of(kind), tmp_path, lambda _: people(kind, 5))
    channel = get(kind).spec.channel
    assert {each.address: each.key for each in arrived} == {address_of(n, channel): f"key{n}" for n in range(5)}


def test_nothing_is_sent_without_leave(kind, tmp_path):
    told, arrived = send(get(kind), rig_of(kind), tmp_path, lambda _: people(kind, 5), Recorder(allowance=0))
    assert (told.begun, told.outcomes, arrived) == ([], {}, [])


def test_no_more_is_sent_than_there_is_leave_for(kind, tmp_path):
    told, arrived = send(get(kind), rig_of(kind), tmp_path, lambda _: people(kind, 60), Recorder(allowance=25))
    assert len(told.begun) <= 25
    assert sorted(told.begun) == sorted(told.outcomes)
    assert len(arrived) == len(told.begun)


def test_an_empty_batch_is_no_work(kind, tmp_path):
    told, arrived = send(get(kind), rig_of(kind), tmp_path, lambda _: [])
    assert (told.begun, arrived) == ([], [])


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_becomes_its_outcome(kind, fault, tmp_path):
    told, arrived = send(get(kind), rig_of(kind), tmp_path, faulty(kind, fault))
    expected = rig_of(kind).expects.get(fault, FAULTS[fault])
    assert [told.outcomes[index].kind for index in range(3)] == [expected] * 3
    assert all(outcome.detail for outcome in told.outcomes.values())
    if fault != "cut_after":
        assert arrived == []


def test_an_uncertain_message_may_well_have_arrived(kind, tmp_path):
    told, arrived = send(get(kind), rig_of(kind), tmp_path, faulty(kind, "cut_after"))
    assert {outcome.kind for outcome in told.outcomes.values()} == {"uncertain"}
    assert len(arrived) == 3


def test_a_throttled_message_says_how_long_to_wait(kind, tmp_path):
    told, _ = send(get(kind), rig_of(kind), tmp_path, faulty(kind, "throttle", 1))
    wait = told.outcomes[0].retry_after
    assert wait.total_seconds() > 0 if rig_of(kind).says_how_long else wait is None


def test_a_bad_recipient_costs_nobody_else_anything(kind, tmp_path):
    told, arrived = send(get(kind), rig_of(kind), tmp_path, lambda stage: people(kind, 9, {4: stage.refused_address()}))
    kinds = [told.outcomes[index].kind for index in range(9)]
    assert kinds == ["accepted"] * 4 + ["recipient_permanent"] + ["accepted"] * 4
    assert len(arrived) == 8


@pytest.mark.parametrize("place", [0, 4, 11], ids=["first", "middle", "last"])
def test_a_fault_of_ours_at_one_recipient_costs_nobody_else_anything(kind, place, tmp_path, capsys):
    prepared = Poisoned(get(kind).spec.channel, [place], KeyError("Ann Archer"))
    told, arrived = send(get(kind), rig_of(kind), tmp_path, lambda _: people(kind, 12), prepared=prepared)
    ended = {index: (told.outcomes[index].kind, told.outcomes[index].reason) for index in range(12)}
    assert ended.pop(place) == ("message_permanent", "poison")
    assert set(ended.values()) == {("accepted", "accepted")}
    assert len(arrived) == 11
    assert told.outcomes[place].detail.startswith("KeyError")
    assert "Ann Archer" not in told.outcomes[place].detail + capsys.readouterr().out


@pytest.mark.parametrize("value", ["half \ud800 a sign", "a \0 byte", "\u202e\u2028 turned", "{{" * 500], ids=ascii)
def test_a_strange_value_costs_nobody_else_anything(kind, value, tmp_path):
    prepared = Poisoned(get(kind).spec.channel, [4], value)
    told, arrived = send(get(kind), rig_of(kind), tmp_path, lambda _: people(kind, 9), prepared=prepared)
    assert sorted(told.outcomes) == list(range(9))
    assert {told.outcomes[index].kind for index in range(9) if index != 4} == {"accepted"}
    assert told.outcomes[4].kind in {"accepted", "message_permanent"}
    assert len(arrived) == 8 + (told.outcomes[4].kind == "accepted")


def test_what_the_machine_lacks_for_a_moment_is_tried_again(kind, tmp_path):
    prepared = Poisoned(get(kind).spec.channel, [2], MemoryError())
    told, _ = send(get(kind), rig_of(kind), tmp_path, lambda _: people(kind, 4), prepared=prepared)
    assert (told.outcomes[2].kind, told.outcomes[2].reason) == ("transient", "poison")
    assert {told.outcomes[index].kind for index in (0, 1, 3)} == {"accepted"}


def test_a_service_that_cannot_be_reached_may_be_tried_again(kind, tmp_path):
    told, _ = send(
        get(kind), rig_of(kind), tmp_path, lambda _: people(kind, 3), account=lambda stage: stage.unreachable
    )
    assert {told.outcomes[index].kind for index in range(3)} == {"transient"}


def test_a_batch_after_a_fault_works_again(kind, tmp_path):
    provider, rig = get(kind), rig_of(kind)

    def work(stage):
        stage.turn("fail_inside")
        stage.turn_off()
        return people(kind, 4)

    told, arrived = send(provider, rig, tmp_path, work)
    assert {outcome.kind for outcome in told.outcomes.values()} == {"accepted"}
    assert len(arrived) == 4


def test_no_secret_is_told_to_anyone(kind, tmp_path, caplog):
    rig = rig_of(kind)
    caplog.set_level(logging.DEBUG)
    told, _ = send(get(kind), rig, tmp_path, faulty(kind, "refuse_credentials"))
    findings, _ = verify(get(kind), rig, tmp_path / "verify", "refuse_credentials")
    shown = repr([told.outcomes, findings, Account("key", rig.good_values)]) + caplog.text
    assert not [secret for secret in rig.secrets if secret in shown]


def test_verifying_good_settings_finds_all_well_and_sends_nothing(kind, tmp_path):
    findings, arrived = verify(get(kind), rig_of(kind), tmp_path)
    assert findings
    assert all(finding.works for finding in findings), findings
    assert all(finding.sentence.endswith(".") for finding in findings)
    assert arrived == []


def test_verifying_bad_credentials_says_so(kind, tmp_path):
    findings, _ = verify(get(kind), rig_of(kind), tmp_path, "refuse_credentials")
    assert not findings[-1].works
    assert findings[-1].sentence.endswith(".")
