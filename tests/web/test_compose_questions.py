"""What a page, a preview and a save of the composer ask of the database: nothing twice within one look."""

from collections import Counter
from typing import Any

import pytest

from app.domain.permissions import system
from app.services.work import Workshop
from tests.factories import make_contact, make_message, make_provider, make_push_provider, make_target, make_topic
from tests.statements import heard
from tests.web.page_client import PageClient

HOME = "/p/default/messages"
ADDRESSES = {"email": "p{}@example.org", "sms": "+4915112345{:02d}", "push": "device-{}"}
CONTENT: dict[str, dict[str, Any]] = {
    "email": {"subject": "Hi {{ first_name }}", "body": "Dear {{ city }}, {{ unsubscribe_url }}", "format": "markdown"},
    "sms": {"text": "Hi {{ first_name }}"},
    "push": {"title": "Hi {{ first_name }}", "body": "Now"},
}
MOST = 32  # statements of one save: eight more than of a page, for who asks, the draft, and what is written


def make_draft(workshop: Workshop, channel: str) -> str:
    """A draft to a topic of five, that two providers may carry."""
    with workshop.open(system(1)) as work:
        for kind in ("fcm", "apns") if channel == "push" else ():
            make_push_provider(work, kind)
        for name in ("First", "Second") if channel != "push" else ():
            provider = make_provider(work, name=name)
            provider.kind, provider.channel = ("twilio", "sms") if channel == "sms" else ("smtp", "email")
        people = [make_contact(work.session, name=f"Person {index}", city="Berlin") for index in range(5)]
        targets = [
            make_target(work.session, person, address=ADDRESSES[channel].format(index), channel=channel)
            for index, person in enumerate(people)
        ]
        topic = make_topic(work.session, targets=targets)
        audience = {"topics": [topic.id]}
        return str(make_message(work.session, channel=channel, content=CONTENT[channel], audience=audience).id)


def asked_twice(statements: list[tuple[str, Any]]) -> list[str]:
    asked = Counter((statement, repr(given)) for statement, given in statements)
    return [statement for (statement, _), count in asked.items() if count > 1 and statement.startswith("SELECT")]


@pytest.mark.parametrize("channel", ["email", "sms", "push"])
def test_nothing_is_asked_twice_for_one_page(olga: PageClient, workshop: Workshop, channel: str) -> None:
    key = make_draft(workshop, channel)
    page = olga.get(f"{HOME}/{key}/edit")
    for path in (f"{HOME}/{key}/edit", f"{HOME}/{key}/-/preview"):
        with heard() as statements:
            olga.fragment(path) if "/-/" in path else olga.get(path)
        assert asked_twice(statements) == []
    card = page.form("#compose")
    changed = card.values | {{"sms": "text"}.get(channel, "body"): "Dear {{ city }}"}
    with heard() as statements:
        olga.fragment(f"{HOME}/{key}/-/save", method="POST", target="saved", data=changed)
    assert len(statements) <= MOST
