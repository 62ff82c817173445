"""Nothing of somebody who was deleted lives on in the trail: not a name, not an address."""

from dataclasses import replace

from sqlalchemy import select

from app.domain.permissions import OWN_ACCOUNT, Actor, ActorKind
from app.models.audit import AuditEntry
from app.services.accounts import contact_accounts
from app.services.people import contacts, subscribers, suppressions, targets
from app.services.work import Workshop
from tests import factories

ADDRESS = "ann.archer@example.org"


def words_of(workshop: Workshop, actor: Actor) -> str:
    """All that the trail holds, whoever may read it."""
    with workshop.read(actor) as work:
        return repr([(row.actor_name, row.resource, row.details) for row in work.session.scalars(select(AuditEntry))])


def test_what_was_done_to_a_contact_and_by_it_outlives_it_without_name_or_address(
    any_workshop: Workshop, actor: Actor
) -> None:
    with any_workshop.open(actor) as work:
        ann = contacts.create_contact(work, name="Ann Archer", addresses={"sms": "+491701234567"})
        contacts.update_contact(work, ann.id, name="Ann B. Archer", attributes={})
        target = targets.add_target(work, ann, targets.read_address("email", ADDRESS))
        targets.update_target(work, target.id, f"the.{ADDRESS}")
        topic = factories.make_topic(work.session)
        subscribers.subscribe(work, topic.id, target.id)
        suppressions.lift(work, suppressions.add_suppression(work, "email", f"the.{ADDRESS}", "complaint").id)
    herself = replace(actor, kind=ActorKind.CONTACT, name="Ann Archer", pk=ann.pk, permissions=frozenset({OWN_ACCOUNT}))
    with any_workshop.open(herself) as work:
        contact_accounts.block_myself(work)
    with any_workshop.open(actor) as work:
        contacts.delete_contact(work, ann.id)
    told = words_of(any_workshop, actor)
    assert [word for word in ("Archer", "archer", "+49170") if word in told] == []


def test_the_lifting_of_an_address_that_nobody_has_is_recognised_and_of_no_use(
    workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        suppressions.lift(work, suppressions.add_suppression(work, "email", ADDRESS, "complaint").id)
    assert "a…@example.org" in words_of(workshop, actor)
    assert ADDRESS not in words_of(workshop, actor)
