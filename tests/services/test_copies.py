"""People in copy and plain addresses, as the composer chooses them."""

import pytest

from app.domain.permissions import Actor
from app.services.messages import messages
from app.services.messages.audience import Choice
from app.services.previews import preview
from app.services.work import Workshop
from app.services.writing import composer, drafts
from app.services.writing.drafts import Draft
from tests.factories import make_audience, make_contact, make_message, make_provider, make_target, make_topic

Pairs = tuple[tuple[str, str], ...]


@pytest.fixture
def draft(any_workshop: Workshop, actor: Actor) -> str:
    """A draft to nobody yet; Ben has two addresses, the other Ben none, and there is a topic."""
    with any_workshop.open(actor) as work:
        make_provider(work)
        make_topic(work.session)
        ben = make_contact(work.session, name="Ben Baker")
        for address in ("ben@x.org", "benny@x.org"):
            make_target(work.session, ben, address=address)
        make_contact(work.session, name="Ben without")
        return str(make_message(work.session, audience={}).id)


def change(workshop: Workshop, actor: Actor, key: str, add: Pairs = (), remove: Pairs = ()) -> dict[str, list[str]]:
    with workshop.open(actor) as work:
        version = messages.find(work, key).version
        return dict(drafts.save_draft(work, key, Draft(add=add, remove=remove), version).audience)


def offers(workshop: Workshop, actor: Actor, key: str, text: str) -> list[Choice]:
    with workshop.read(actor) as work:
        return composer.search_picker(work, key, text)


def blocking(workshop: Workshop, actor: Actor, key: str, level: str = "blocks") -> list[str]:
    with workshop.read(actor) as work:
        found = preview.review(work, messages.find(work, key)).checks
    return [check.code for check in found if check.field == "audience" and check.level == level]


def test_people_and_addresses_can_be_put_in_copy_and_topics_cannot(
    any_workshop: Workshop, actor: Actor, draft: str
) -> None:
    found = {each.name: each for each in offers(any_workshop, actor, draft, "ben")}
    assert set(found) == {"Ben Baker", "Ben without", "ben@x.org", "benny@x.org"}
    assert found["Ben Baker"].copy_id == found["ben@x.org"].id == found["ben@x.org"].copy_id
    assert found["Ben without"].copy_id == ""
    assert [each.copy_id for each in offers(any_workshop, actor, draft, "News")] == [""]


def test_who_is_in_copy_is_named_and_not_offered_for_it_again(any_workshop: Workshop, actor: Actor, draft: str) -> None:
    ben = next(each for each in offers(any_workshop, actor, draft, "ben@") if each.kind == "targets").id
    stored = change(any_workshop, actor, draft, add=(("bcc", ben), ("emails", "Sam@X.example")))
    assert (stored["bcc"], stored["emails"]) == ([ben], ["Sam@x.example"])
    with any_workshop.read(actor) as work:
        review = preview.review(work, messages.find(work, draft))
    assert [(each.kind, each.name, each.note, each.value) for each in review.chosen] == [
        ("bcc", "ben@x.org", "Ben Baker", f"bcc:{ben}"), ("emails", "Sam@x.example", "", "emails:Sam@x.example"),
    ]  # fmt: skip
    assert review.equation.total == 2
    assert [each.copy_id for each in offers(any_workshop, actor, draft, "ben@")] == [""]
    assert change(any_workshop, actor, draft, remove=(("bcc", ben), ("emails", "Sam@x.example"))) == {
        "topics": [], "contacts": [], "targets": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("Sam@New.example", ["Sam@new.example"]), ("sam@new", []), ("ben@x.org", []), ("BEN@X.org", []), ("", []),
    ],
)  # fmt: skip
def test_a_typed_address_is_offered_when_it_is_nobodys(
    any_workshop: Workshop, actor: Actor, draft: str, text: str, offered: list[str]
) -> None:
    found = offers(any_workshop, actor, draft, text)
    assert [each.id for each in found if each.kind == "emails"] == offered


def test_copies_of_nothing_block_and_plain_addresses_do_not(any_workshop: Workshop, actor: Actor, draft: str) -> None:
    ben = next(each for each in offers(any_workshop, actor, draft, "ben@") if each.kind == "targets").id
    change(any_workshop, actor, draft, add=(("cc", ben),))
    assert blocking(any_workshop, actor, draft) == ["audience_only_copies"]
    change(any_workshop, actor, draft, add=(("emails", "sam@new.example"),))
    assert blocking(any_workshop, actor, draft) == []


def test_a_copy_to_somebody_who_is_gone_blocks_by_name(any_workshop: Workshop, actor: Actor, draft: str) -> None:
    with any_workshop.open(actor) as work:
        messages.find(work, draft).audience = {"emails": ["sam@new.example"], "cc": ["lost"]}
    assert blocking(any_workshop, actor, draft) == ["audience_gone"]


def test_an_address_that_many_people_would_read_deserves_a_look(
    any_workshop: Workshop, actor: Actor, draft: str
) -> None:
    ben = next(each for each in offers(any_workshop, actor, draft, "ben@") if each.kind == "targets").id
    with any_workshop.open(actor) as work:
        many = make_audience(work.session, 21, topic="Many")
        messages.find(work, draft).audience = {"topics": [many.id], "cc": [ben]}
    with any_workshop.read(actor) as work:
        [check] = [each for each in preview.review(work, messages.find(work, draft)).checks if each.code == "cc_large"]
    assert check.sentence.startswith("The address in Cc stands in all 22 emails")
    change(any_workshop, actor, draft, add=(("bcc", ben),), remove=(("cc", ben),))
    assert blocking(any_workshop, actor, draft, "advises") == []
