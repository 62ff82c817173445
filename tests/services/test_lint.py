"""Everybody in a draft's audience, rendered: what is found, and for whom."""

from app.domain.permissions import Actor
from app.models.providers import Provider
from app.services.messages import audience
from app.services.previews import preview
from app.services.work import Workshop
from tests.factories import (
    make_audience,
    make_contact,
    make_suppression,
    make_target,
    make_topic,
)
from tests.services.linted import CITY, draft, found, look, person


def test_who_lacks_a_value_or_has_one_that_looks_wrong_is_found(any_workshop: Workshop, composer: Actor) -> None:
    fine = person(any_workshop, "fine@example.org", city="Bern")
    without = person(any_workshop, "without@example.org")
    blank = person(any_workshop, "blank@example.org", city="  ")
    null = person(any_workshop, "null@example.org", city="null")
    braces = person(any_workshop, "braces@example.org", city="{{ city }}")
    message = draft(any_workshop, composer, CITY, targets=[fine, without, blank, null, braces])
    report = look(any_workshop, composer, message)
    assert (report.state, report.checked, report.total) == ("done", 5, 5)
    assert found(report) == {"missing:city": 1, "blank:city": 1, "broken:city": 2}
    people = {finding.key: finding.people for finding in report.findings}
    assert people == {"missing:city": (without,), "blank:city": (blank,), "broken:city": (null, braces)}


def test_a_value_that_has_a_fallback_is_not_missed(workshop: Workshop, composer: Actor) -> None:
    one = person(workshop, "one@example.org")
    message = draft(workshop, composer, CITY | {"subject": "News", "body": "{{ city | there }}"}, targets=[one])
    assert found(look(workshop, composer, message)) == {}


def test_as_many_are_looked_at_as_will_receive_it(any_workshop: Workshop, composer: Actor) -> None:
    with any_workshop.database.begin() as session:
        news = make_audience(session, 6)
        make_target(session, make_contact(session), address="old@example.org", is_expired=True)
        for address in ("person1@example.org", "raw-gone@example.org"):
            make_suppression(session, address)
        twice = make_topic(session, name="Twice", targets=[])
    raw = ["new@example.org", "NEW@example.org", "person2@example.org", "raw-gone@example.org"]
    message = draft(any_workshop, composer, CITY, topics=[news.id, twice.id], emails=raw)
    report = look(any_workshop, composer, message)
    with any_workshop.read(composer) as work:
        assert audience.equation(work, "email", message.audience).total == report.total == report.checked == 6
    assert found(report) == {"missing:city": 1, "missing:name": 1}, "the raw address has no values, and no name to show"
    assert all(finding.people == () for finding in report.findings)


def test_what_is_said_of_a_person_is_what_the_preview_shows(workshop: Workshop, composer: Actor) -> None:
    ids = [person(workshop, f"p{place}@example.org", name="", city="Bern" if place % 2 else "") for place in range(4)]
    message = draft(workshop, composer, CITY, targets=ids)
    report = look(workshop, composer, message)
    with workshop.read(composer) as work:
        shown = {target: preview.preview(work, message, target).rendered for target in ids}
    for name in ("name", "city"):
        finding = next(each for each in report.findings if each.key == f"missing:{name}")
        assert set(finding.people) == {target for target, copy in shown.items() if name in copy.missing}
    assert report.worst["longest"][0] == max(len(copy.subject) + len(copy.text) for copy in shown.values())


def test_subject_and_size_of_an_email_are_weighed_after_filling(workshop: Workshop, composer: Actor) -> None:
    long = person(workshop, "long@example.org", headline="x" * 71, story="word " * 21_000)
    short = person(workshop, "short@example.org", headline="x", story="word")
    none = person(workshop, "none@example.org", headline=" ", story="word")
    content = {"subject": "{{ headline }}", "format": "markdown", "body": "{{ story }}"}
    report = look(workshop, composer, draft(workshop, composer, content, targets=[long, short, none]))
    assert found(report) == {"subject_long:": 1, "large:": 1, "subject_empty:": 1, "blank:headline": 1}


def _provider(shop: Workshop, kind: str, channel: str, **credentials: str) -> None:
    with shop.database.begin() as session:
        now = shop.clock.now()
        session.add(Provider(
            id=kind, project_pk=1, name=kind.title(), kind=kind, channel=channel,
            credentials=shop.vault.encrypt_json(credentials), options={"from": "+15551234567"}, created_at=now,
            updated_at=now,
        ))  # fmt: skip


def test_segments_are_counted_by_country_and_who_turns_a_text_into_unicode(
    any_workshop: Workshop, composer: Actor
) -> None:
    _provider(any_workshop, "twilio", "sms", accountSid="AC", authToken="secret")
    here = person(any_workshop, "+491701234567", channel="sms", city="Bern")
    there = person(any_workshop, "+447700900123", channel="sms", city="Zürich" + "!" * 160)
    star = person(any_workshop, "+12025550123", channel="sms", city="Łódź")
    novel = person(any_workshop, "+12025550124", channel="sms", city="x" * 1600)
    message = draft(
        any_workshop, composer, {"text": "Hello from {{ city }}"}, channel="sms", targets=[here, there, star, novel]
    )
    report = look(any_workshop, composer, message)
    assert report.segments == {"DE": {1: 1}, "GB": {2: 1}, "US": {1: 1, 11: 1}}
    assert found(report) == {"unicode:": 1, "refused:too_large": 1}
    refused = next(each for each in report.findings if each.code == "refused")
    assert refused.sentence == "1 person would not get it. Twilio: The text has 1,611 characters; Twilio takes 1,600."
    assert report.worst["segments"] == (11, novel)


def test_a_push_that_is_too_large_for_some_is_found(workshop: Workshop, composer: Actor) -> None:
    _provider(workshop, "fcm", "push")
    small = person(workshop, "token-of-a-small-one", channel="push", story="short")
    large = person(workshop, "token-of-a-large-one", channel="push", story="x" * 5000)
    content = {"title": "News", "body": "{{ story }}", "priority": "high"}
    report = look(workshop, composer, draft(workshop, composer, content, channel="push", targets=[small, large]))
    assert found(report) == {"refused:too_large": 1}
    assert next(iter(report.findings)).people == (large,)


def test_an_address_that_the_provider_cannot_spell_is_found(workshop: Workshop, composer: Actor) -> None:
    _provider(workshop, "resend", "email", apiKey="secret")
    odd, plain = person(workshop, "grüße@example.org"), person(workshop, "plain@example.org")
    report = look(
        workshop, composer, draft(workshop, composer, CITY | {"subject": "N", "body": "B"}, targets=[odd, plain])
    )
    assert found(report) == {"refused:address_needs_smtputf8": 1}
    assert next(iter(report.findings)).people == (odd,)


def test_what_cannot_be_rendered_for_anybody_ends_at_once(workshop: Workshop, composer: Actor) -> None:
    one = person(workshop, "one@example.org")
    report = look(workshop, composer, draft(workshop, composer, CITY | {"format": "papyrus"}, targets=[one]))
    assert (report.state, report.is_live) == ("refused", False)
