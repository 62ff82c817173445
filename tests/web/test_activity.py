"""The activity page: who did what to which thing, in words, with links to what is there."""

import re
from typing import Any

import pytest

from app.domain.permissions import Actor
from app.services.people import contacts, subscribers, targets, topics
from app.services.work import Workshop
from app.web.activity_words import say_audit
from tests import factories
from tests.architecture.source import PRODUCT, text
from tests.web.page_client import Page, PageClient

ACTIVITY = "/p/default/settings/activity"
_EVENT = re.compile(r'"([a-z_]+\.[a-z_]+)"')
_ID = re.compile(r"[0-9a-f]{20}")  # of a thing whose id nobody chose


def rows(page: Page) -> list[list[str]]:
    """What stands in each line: who, what, to what, details."""
    lines = page.select("#trail tbody tr")
    return [
        [" ".join(cell.get_text(" ").split()).replace(" ;", ";") for cell in line.select("td")[:4]] for line in lines
    ]


def links(page: Page) -> dict[str, str]:
    """Where the names of a page lead."""
    found = {link.get_text(): str(link["href"]) for link in page.select("#trail td a")}
    return {name: path for name, path in found.items() if name != "only this"}


def test_a_line_says_who_did_what_to_which_thing_and_leads_there(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    with workshop.open(actor) as work:
        ann = contacts.create_contact(work, name="Ann")
        target = targets.add_target(work, ann, targets.read_address("email", "ann@example.org"))
        topic = topics.create_topic(work, name="News", topic_id="news")
        subscribers.subscribe(work, topic.id, target.id)
    page = olga.get(ACTIVITY)
    assert rows(page)[:4] == [
        ["Olga", "Added to a topic", "ann@example.org only this", "topic: News; channel: Email"],
        ["Olga", "Added a topic", "News only this", "–"],
        ["Olga", "Added an address", "ann@example.org only this", "contact: Ann; channel: Email"],
        ["Olga", "Added a contact", "Ann only this", "addresses: 0"],
    ]
    person = f"/p/default/contacts/{ann.id}"
    assert links(page).items() >= {"News": "/p/default/topics/news", "Ann": person, "ann@example.org": person}.items()
    assert not _ID.search(page.text)


def test_what_is_gone_has_its_name_and_no_link_and_people_have_none(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    with workshop.open(actor) as work:
        ann = contacts.create_contact(work, name="Ann Archer", addresses={"email": "ann@example.org"})
        contacts.delete_contact(work, ann.id)
        topics.delete_topic(work, topics.create_topic(work, name="News").id)
    page = olga.get(ACTIVITY)
    assert [line[2] for line in rows(page)[:4]] == [
        "News not there any more only this", "News not there any more only this",
        "A contact not there any more only this", "A contact not there any more only this",
    ]  # fmt: skip
    assert links(page).keys().isdisjoint({"News", "A contact"})
    assert "Archer" not in page.body
    assert "ann@example.org" not in page.body
    assert not _ID.search(page.text)


def test_an_older_name_stands_beside_the_one_of_today(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        topic = topics.create_topic(work, name="News")
        topics.update_topic(work, topic.id, name="Weekly")
    assert [line[2:] for line in rows(olga.get(ACTIVITY))[:2]] == [
        ["Weekly only this", "before: News"],
        ["Weekly called “News” then only this", "–"],
    ]


def test_it_is_filtered_by_the_thing_it_happened_to(olga: PageClient) -> None:
    olga.submit(olga.get("/p/default/settings"), name="Acme shops")
    olga.submit(olga.get("/p/default/settings/keys/new"), name="Shop", scopes=["messages.read"])
    page = olga.get(f"{ACTIVITY}?resource=project/default")
    assert rows(page) == [["Olga", "Changed the project", "Acme shops", "name: Acme → Acme shops"]]
    assert [chip.get_text() for chip in page.select(".chip span")] == ["Only Acme shops"]
    nothing = olga.get(f"{ACTIVITY}?resource=topic/none")
    assert [chip.get_text() for chip in nothing.select(".chip span")] == ["Only one thing"]
    assert "Show everything" in nothing.text


@pytest.mark.parametrize(
    ("act", "details", "said"),
    [
        ("message.schedule message/x", {"at": "2026-11-24T08:00:00+00:00", "zone": "Europe/Berlin"},
         ("A message not there any more", "for: Tue 24 Nov 2026, 09:00 (Europe/Berlin)")),
        ("message.send message/x", {"title": "Old", "late_seconds": 7200},
         ("Old not there any more", "late by: 2 hours")),
        ("sending.stop project/default", {"messages": 2, "left": 1204},
         ("Acme", "messages: 2; recipients left: 1,204")),
        ("project.update project/default",
         {"before": {"topic_gap": 0, "name": "Acme"}, "after": {"topic_gap": 14400, "name": "Acme"}},
         ("Acme", "time between messages to a topic: none → 4 hours")),
        ("provider.create provider/x", {"name": "Post", "kind": "smtp"}, ("Post not there any more", "service: SMTP")),
        ("provider.limit provider/x", {"name": "Post", "rate_count": 300, "rate_seconds": 60, "most_in_flight": None},
         ("Post not there any more", "at most: 300; within: 1 minute")),
        ("provider.reorder channel/email", {"before": [["A"], ["B", "C"]], "after": [["B", "C"], ["A"]]},
         ("Email", "order: A, B beside C → B beside C, A")),
        ("member.roles member/x", {"before": ["viewer"], "after": ["composer", "operator"]},
         ("A member not in this project any more", "roles: viewer → composer, operator")),
        ("member.invite invitation/7", {"role": "viewer"}, ("An invitation", "role: viewer")),
        ("suppression.create suppression/x", {"channel": "sms", "reason": "complaint"},
         ("An address not suppressed any more", "channel: SMS; reason: complained about spam")),
        ("dead_letter.replay project/default", {"total": 3, "reasons": ["mailbox_full", "made_up"]},
         ("Acme", "recipients: 3; reasons: Inbox full, made up")),
        ("file.create file/x", {"name": "a.pdf", "bytes": 2048, "bucket": "gone"},
         ("a.pdf not there any more", "size: 2.0 KB; bucket: A bucket, not there any more")),
        ("session.create contact/x", {"session": "0123456789abcdef0123", "provider": "email"},
         ("A contact not there any more", "provider: email")),
        ("contact.export contacts", {}, ("All contacts", "–")),
        ("installation.confirm installation/1", {"reason": "restored", "goes_on": True, "left": 0},
         ("This installation", "reason: restored; what was under way goes on: yes; recipients left: 0")),
        ("calendar_feed.create calendar_feed/3", {}, ("A calendar address", "–")),
        ("gadget.turn gadget/9", {}, ("Gadget not there any more", "–")),
    ],
)  # fmt: skip
def test_each_fact_is_told_in_words(
    workshop: Workshop, actor: Actor, olga: PageClient, act: str, details: dict[str, Any], said: tuple[str, str]
) -> None:
    with workshop.open(actor) as work:
        work.audit(*act.split(), **details)
    thing, facts = said
    assert rows(olga.get(ACTIVITY))[0][2:] == [f"{thing} only this", facts]


def test_every_act_of_the_product_has_words_of_its_own() -> None:
    audited = {
        event
        for name in PRODUCT
        for line in text(name).splitlines()
        if name.startswith("app/services/") and ("audit(" in line or "event = " in line)
        for event in _EVENT.findall(line)
    }
    assert len(audited) > 60
    assert {event for event in audited if ":" in say_audit(event)} == set()
    assert {"a calendar feed", "a suppression"} & {say_audit(event).partition(" ")[2] for event in audited} == set()


def test_names_are_words_and_nothing_else(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        factories.make_topic(work.session, name="<b>News</b>", id="news")
        work.audit("topic.create", "topic/news")
    page = olga.get(ACTIVITY)
    assert rows(page)[0][2] == "<b>News</b> only this"
    assert page.select("#trail b") == []
