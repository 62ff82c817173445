"""Suppressions: added, found, explained, lifted; the trail remembers."""

import pytest

from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.permissions import Actor, system
from app.models.audit import AuditEntry
from app.services.lists.listing import Cursor
from app.services.people import suppressions
from app.services.people.suppressions import SuppressionFilter
from app.services.work import Workshop
from tests import factories


def test_an_address_is_suppressed_by_hand_and_explained(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        suppressions.add_suppression(work, "email", "Ann@Example.org", "by_hand")
        assert suppressions.suppressed_reason(work, "email", "ann@example.org") == "by_hand"
        assert suppressions.suppressed_reason(work, "sms", "ann@example.org") is None
        assert suppressions.suppressed_reason(work, "email", "b@example.org") is None


def test_the_same_address_twice_is_a_conflict_for_people_and_nothing_for_the_machine(
    workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        suppressions.add_suppression(work, "email", "ann@example.org", "complaint")
        with pytest.raises(Conflict, match="suppressed already"):
            suppressions.add_suppression(work, "email", "ANN@example.org", "by_hand")
    with workshop.open(system(1)) as work:
        again = suppressions.suppress(work, "email", "ann@example.org", "hard_bounce", "SMTP 550")
        assert again.reason == "complaint"


@pytest.mark.parametrize(("channel", "address", "reason"), [("email", "ann", "by_hand"), ("email", "a@b.co", "mood")])
def test_what_cannot_be_is_refused(workshop: Workshop, actor: Actor, channel: str, address: str, reason: str) -> None:
    with workshop.open(actor) as work, pytest.raises(Invalid):
        suppressions.add_suppression(work, channel, address, reason)


def test_lifting_deletes_the_row_and_keeps_who_did_it(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        row = factories.make_suppression(work.session, "ann@example.org", reason="complaint")
    with workshop.open(actor) as work:
        suppressions.lift(work, row.id)
    with workshop.open(actor) as work:
        assert suppressions.suppressed_reason(work, "email", "ann@example.org") is None
        entry = work.session.query(AuditEntry).one()
        assert (entry.event, entry.actor_name, entry.details["reason"]) == ("suppression.lift", "Olga", "complaint")
        with pytest.raises(NotFound):
            suppressions.lift(work, row.id)


def test_the_list_is_searched_and_filtered(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        factories.make_suppression(work.session, "ann@example.org", reason="complaint")
        factories.make_suppression(work.session, "anton@example.org")
        factories.make_suppression(work.session, "+491701234567", channel="sms")

        def keys(**wanted: str) -> list[str]:
            page = suppressions.list_suppressions(work, SuppressionFilter(**wanted), Cursor())
            return [row.address_key for row in page.items]

        assert keys(search="AN") == ["anton@example.org", "ann@example.org"]
        assert keys(search="an", reason="complaint") == ["ann@example.org"]
        assert keys(channel="sms") == ["+491701234567"]
        assert keys(search="+49 170") == ["+491701234567"]


def test_a_composer_may_see_but_not_lift(workshop: Workshop, actor: Actor, composer: Actor) -> None:
    with workshop.open(actor) as work:
        row = factories.make_suppression(work.session, "ann@example.org")
    with workshop.open(composer) as work:
        assert suppressions.find_suppression(work, row.id)
        with pytest.raises(Forbidden):
            suppressions.lift(work, row.id)
