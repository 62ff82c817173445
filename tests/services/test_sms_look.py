"""What the composer knows of a text: who gets how many segments, what that costs, and what a provider would refuse."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.content import SmsContent, content_of
from app.domain.permissions import Actor
from app.models.messages import Message
from app.models.targets import Target
from app.services.previews import lint, lint_run, preview, sms_look
from app.services.previews.sms_look import SmsLook
from app.services.previews.sms_reach import SAMPLE, reach_of
from app.services.providers import prices
from app.services.providers.prices import Typed
from app.services.work import Work, Workshop
from tests import factories
from tests.services.test_prices import text_provider


def person(work: Work, name: str, phone: str, **attributes: Any) -> Target:
    contact = factories.make_contact(work.session, name=name, phone=phone, **attributes)
    return work.session.scalars(select(Target).where(Target.contact_pk == contact.pk)).one()


def draft(work: Work, text: str, *targets: Target, **columns: Any) -> Message:
    topic = factories.make_topic(work.session, targets=targets)
    made: Message = factories.make_message(
        work.session, channel="sms", content={"text": text}, audience={"topics": [topic.id]}, **columns
    )
    return made


def look(work: Work, message: Message) -> SmsLook:
    content = content_of("sms", message.content)
    assert isinstance(content, SmsContent)
    total = preview.review(work, message).equation.total
    return sms_look.look(work, message, content, preview.preview(work, message), total)


def sender(work: Work, number: str = "+4915100000000", **values: Any) -> Any:
    provider = text_provider(work, **values)
    provider.options = {"from": number}
    provider.credentials = work.vault.encrypt_json({"accountSid": "AC" + "0" * 32, "authToken": "x"})
    return provider


def test_a_small_audience_is_counted_whole_and_only_who_will_get_it(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        people = [person(work, "Ann", "+4915112345678"), person(work, "Paweł", "+48512345678"),
                  person(work, "Ben", "+14155550100"), person(work, "Cem", "+4915112345679")]  # fmt: skip
        message = draft(work, "a" * 70 + "{{ name }}", *people)
        people[3].expired_at = work.now
        factories.make_suppression(work.session, "+14155550100", channel="sms")
        work.session.flush()
        reach = reach_of(work, message, 2)
        assert reach.segments == {"DE": {1: 1}, "PL": {2: 1}}
        assert (reach.is_all, reach.segments_total, reach.by_count) == (True, 3, [(1, 1), (2, 1)])


def test_who_would_get_an_empty_text_costs_nothing_and_counts_as_looked_at(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        people = [person(work, "Ann", "+4915112345678", news="Bells"), person(work, "Ben", "+4915112345679")]
        reach = reach_of(work, draft(work, "{{ news }}", *people), 2)
        assert (reach.is_all, reach.counted, list(reach.of_all())) == (True, 2, [("DE", 1, 1)])


def test_people_behind_those_of_other_channels_are_found(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        mails = [
            factories.make_target(work.session, factories.make_contact(work.session), address=f"p{number}@example.org")
            for number in range(SAMPLE + 5)
        ]
        message = draft(work, "Hi", *mails, person(work, "Ann", "+4915112345678"))
        assert reach_of(work, message, 1).segments == {"DE": {1: 1}}


def test_a_large_audience_is_estimated_until_everybody_was_looked_at(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        first = [person(work, f"P{number}", f"+49151{number:08}") for number in range(SAMPLE)]
        rest = [person(work, f"Q{number}", f"+3361{number:07}") for number in range(20)]
        message = draft(work, "Hi {{ name }}", *first, *rest)
        total = len(first) + len(rest)
        guess = reach_of(work, message, total)
        assert (guess.is_all, list(guess.of_all())) == (False, [("DE", total, total)])
        lint.want(work, message)
        pk = message.pk
    workshop.broker.redis.flushdb()  # a worker has taken the bell
    lint_run.run(workshop, pk)
    with workshop.read(actor) as work:
        known = reach_of(work, work.session.get_one(Message, pk), total)
        assert (known.is_all, sorted(known.of_all())) == (True, [("DE", SAMPLE, SAMPLE), ("FR", 20, 20)])
    with workshop.open(actor) as work:  # another text: what was counted for the old one says nothing of it
        message = work.session.get_one(Message, pk)
        message.content, message.version = {"text": "a" * 161}, message.version + 1
        lint.want(work, message)
        assert reach_of(work, message, total).by_count == [(2, SAMPLE)]


def test_each_provider_that_may_carry_it_says_its_price_the_first_one_in_front(
    workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        dear, cheap, off = sender(work, name="Dear"), sender(work, name="Cheap"), sender(work, name="Off")
        dear.rank, cheap.rank, off.enabled = 0, 1, False
        prices.add_price(work, dear, Typed("*", "0.10", "EUR"))
        prices.add_price(work, cheap, Typed("*", "0.01", "USD"))
        message = draft(work, "Hi", person(work, "Ann", "+4915112345678"), person(work, "Ben", "+14155550100"))
        assert [(cost.provider.name, cost.carries, cost.estimate.sums) for cost in look(work, message).costs] == [
            ("Dear", True, {"EUR": Decimal("0.2")}), ("Cheap", False, {"USD": Decimal("0.02")}),
        ]  # fmt: skip
        message.provider_pk = cheap.pk
        assert [cost.provider.name for cost in look(work, message).costs] == ["Cheap"]


def test_what_is_scheduled_costs_what_holds_on_that_day(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = sender(work)
        prices.add_price(work, provider, Typed("*", "0.10", "EUR", "2026-01-01"))
        prices.add_price(work, provider, Typed("*", "0.20", "EUR", "2026-11-23"))
        message = draft(work, "Hi", person(work, "Ann", "+4915112345678"))
        assert look(work, message).costs[0].estimate.sums == {"EUR": Decimal("0.1")}
        message.scheduled_at = work.now.replace(day=22, hour=23, minute=30)  # half past midnight of the 23rd in Berlin
        assert look(work, message).costs[0].estimate.sums == {"EUR": Decimal("0.2")}


def test_signs_of_the_author_are_told_from_those_of_a_value(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        found = look(work, draft(work, "Hi {{ name }} –", person(work, "Paweł", "+48512345678")))
        assert [(dear.sign.text, dear.is_own) for dear in found.dear] == [("ł", False), ("–", True)]
        assert [dear.sign.text for dear in found.fixable] == ["–"]


def test_bubbles_hold_the_text_as_it_is_cut(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        text = "a" * 60 + "😀" + "я" * 90
        found = look(work, draft(work, text, person(work, "Ann", "+4915112345678")))
        assert "".join(piece.text for bubble in found.bubbles for piece in bubble.pieces) == text
        assert [(bubble.number, bubble.of, bubble.units, bubble.room) for bubble in found.bubbles] == [
            (1, 3, 67, 67), (2, 3, 67, 67), (3, 3, 18, 67),
        ]  # fmt: skip
        assert [piece.text for piece in found.bubbles[0].pieces if piece.sign] == ["😀"]


def checks(work: Work, message: Message) -> dict[str, tuple[str, str]]:
    return {check.code: (check.level, check.sentence) for check in preview.review(work, message).checks}


def test_what_the_first_provider_refuses_for_all_blocks_and_for_some_is_said(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        sender(work)
        ann = person(work, "Ann", "+4915112345678", news="short")
        ben = person(work, "Ben", "+14155550100", news="b" * 1600)
        level, sentence = checks(work, draft(work, "a" * 1601, ann, ben))["text_refused_by_provider"]
        assert (level, sentence) == ("blocks", "The text has 1,601 characters; Twilio takes 1,600. Shorten it.")
        level, sentence = checks(work, draft(work, "Hi {{ news }}", ann, ben))["text_refused_for_some"]
        assert level == "advises"
        assert sentence.startswith("For Ben, +14155550100 it would not be taken: The text has 1,603 characters")


@pytest.mark.parametrize(("number", "is_missing"), [("", True), ("ACME", False)])
def test_a_provider_without_a_sender_blocks(workshop: Workshop, actor: Actor, number: str, is_missing: bool) -> None:
    with workshop.open(actor) as work:
        sender(work, number)
        found = checks(work, draft(work, "Hi", person(work, "Ann", "+4915112345678")))
        assert ("sender_missing" in found) is is_missing


def test_credentials_that_nobody_can_read_do_not_stop_the_writing(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        sender(work).credentials = "no such key"
        found = look(work, draft(work, "Hi", person(work, "Ann", "+4915112345678")))
        assert found.arrival.shows == "+4915100000000"


def test_the_sender_is_found_under_whatever_a_service_calls_it(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = sender(work)
        provider.kind, provider.options = "msg91", {}
        provider.credentials = work.vault.encrypt_json({"senderId": "ACMEIN"})
        assert sms_look.sender_of(work, provider) == "ACMEIN"
        found = look(work, draft(work, "Hi", person(work, "Ann", "+919876543210")))
        assert (found.arrival.shows, found.arrival.fate) == ("ACMEIN", "registered")
        assert "approved" in found.costs[0].note
