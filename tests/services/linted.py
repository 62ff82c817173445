"""Drafts that are looked at for everybody: made, looked at, and told."""

from typing import Any

from app.domain.permissions import Actor
from app.models.messages import Message
from app.services.messages import messages
from app.services.previews import lint, lint_run
from app.services.previews.lint import Report
from app.services.work import Workshop
from tests.factories import make_contact, make_message, make_target

CITY = {"subject": "News from {{ city }}", "format": "markdown", "body": "Hello {{ name }}, it rains in {{ city }}."}


def draft(shop: Workshop, actor: Actor, content: dict[str, Any], *, channel: str = "email", **chosen: Any) -> Message:
    """A draft that somebody saved, so that it waits to be looked at; a worker has taken its bell."""
    with shop.open(actor) as work:
        message = make_message(work.session, channel=channel, content=content, audience=chosen)
        lint.want(work, message)
    shop.broker.redis.flushdb()
    return message


def person(shop: Workshop, address: str, *, name: str = "Ann", channel: str = "email", **attributes: Any) -> str:
    """The public id of the target of a new contact."""
    with shop.database.begin() as session:
        contact = make_contact(session, name=name, **attributes)
        return str(make_target(session, contact, address=address, channel=channel).id)


def look(shop: Workshop, actor: Actor, message: Message) -> Report:
    """What came out after the job has run."""
    lint_run.run(shop, message.pk)
    return seen(shop, actor, message)


def seen(shop: Workshop, actor: Actor, message: Message) -> Report:
    with shop.read(actor) as work:
        report = lint.report_of(work, messages.find(work, message.id))
    assert report is not None
    return report


def found(report: Report) -> dict[str, int]:
    return {finding.key: finding.count for finding in report.findings}
