"""The failover order: tiers, shares, and sentences for what cannot be."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from app.domain.errors import Forbidden, Invalid, NotFound
from app.domain.permissions import Actor
from app.models.audit import AuditEntry
from app.models.providers import Provider
from app.services.providers import provider_order, providers
from app.services.work import Work, Workshop
from tests.factories import make_provider


def _made(work: Work, *tiers: Sequence[str]) -> dict[str, Provider]:
    """Mail providers of these names, tier by tier."""
    made = {}
    for rank, tier in enumerate(tiers):
        for name in tier:
            made[name] = make_provider(work, name=name)
            made[name].rank = rank
    work.session.flush()
    return made


def _order(work: Work) -> list[str]:
    work.session.flush()
    return ["".join(provider.name for provider in tier) for tier in provider_order.tiers_of(work, "email")]


def test_an_order_is_put_as_it_is_named(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        made = _made(work, "a", "b", "c")
        ids = {name: provider.id for name, provider in made.items()}
        provider_order.reorder(work, "email", [[ids["c"]], [], [ids["a"], ids["b"]]])
        assert _order(work) == ["c", "ab"]
        assert [made[name].rank for name in "cab"] == [0, 1, 1]
        entry = work.session.scalars(select(AuditEntry)).one()
        assert (entry.event, entry.resource) == ("provider.reorder", "channel/email")
        assert entry.details == {"before": [["a"], ["b"], ["c"]], "after": [["c"], ["a", "b"]]}


def test_the_same_order_leaves_no_trail(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        made = _made(work, "a", "bc")
        provider_order.reorder(work, "email", [[made["a"].id], [made["c"].id, made["b"].id]])
        assert work.session.scalars(select(AuditEntry)).all() == []


@pytest.mark.parametrize(
    ("tiers", "sentence"),
    [
        ([["a"], ["b"], ["nobody"]], "There is no email provider with the id nobody."),
        ([["a"], ["b", "a"]], "a is named twice. Name each provider once."),
        ([["a"]], "b is missing. Name every email provider."),
        ([], "a is missing. Name every email provider."),
    ],
)
def test_an_order_that_cannot_be_says_why_and_changes_nothing(
    workshop: Workshop, actor: Actor, tiers: list[list[str]], sentence: str
) -> None:
    with workshop.open(actor) as work:
        made = _made(work, "b", "a")
        named = [[made[each].id if each in made else each for each in tier] for tier in tiers]
        with pytest.raises(Invalid) as error:
            provider_order.reorder(work, "email", named)
        assert sentence in error.value.fields["tiers"]
        assert _order(work) == ["b", "a"]


def test_a_provider_of_another_channel_is_not_named(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        made = _made(work, "a", "b")
        made["b"].channel = "sms"
        work.session.flush()
        with pytest.raises(Invalid) as error:
            provider_order.reorder(work, "email", [[made["a"].id, made["b"].id]])
        assert error.value.fields["tiers"] == [f"There is no email provider with the id {made['b'].id}."]


def test_an_unknown_channel_is_named(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work, pytest.raises(Invalid) as error:
        provider_order.reorder(work, "pigeon", [])
    assert error.value.fields == {"channel": ["Channel must be one of email, sms, push."]}


@pytest.mark.parametrize(
    ("tiers", "name", "up", "after"),
    [
        (["a", "b", "c"], "b", True, ["b", "a", "c"]),
        (["a", "b", "c"], "b", False, ["a", "c", "b"]),
        (["a", "b"], "a", True, ["a", "b"]),
        (["a", "b"], "b", False, ["a", "b"]),
        (["ab", "c"], "c", True, ["c", "ab"]),
        (["ab", "c"], "b", True, ["b", "a", "c"]),
        (["ab", "c"], "a", False, ["b", "a", "c"]),
        (["a", "bc"], "c", False, ["a", "b", "c"]),
        (["ab"], "b", True, ["b", "a"]),
        (["a"], "a", True, ["a"]),
    ],
)
def test_one_step_up_or_down(
    workshop: Workshop, actor: Actor, tiers: list[str], name: str, up: bool, after: list[str]
) -> None:
    with workshop.open(actor) as work:
        provider_order.move(work, _made(work, *tiers)[name].id, up=up)
        assert _order(work) == after


def test_side_by_side_with_the_one_above_and_alone_again(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        made = _made(work, "a", "b", "c")
        provider_order.stand_beside(work, made["b"].id)
        assert _order(work) == ["ab", "c"]
        provider_order.stand_beside(work, made["c"].id)
        assert _order(work) == ["abc"]
        provider_order.stand_alone(work, made["a"].id)
        assert _order(work) == ["bc", "a"]
        provider_order.stand_alone(work, made["a"].id)
        assert _order(work) == ["bc", "a"]


def test_nothing_is_above_the_first(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        made = _made(work, "a", "b")
        with pytest.raises(Invalid) as error:
            provider_order.stand_beside(work, made["a"].id)
    assert error.value.fields["tiers"] == ["a is in the first place already: nothing is above it to share with."]


def test_a_share_is_kept_and_told_in_per_cent(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        made = _made(work, "ab", "c")
        provider_order.set_share(work, made["a"].id, 3)
        made["c"].enabled = False
        cards = {card.provider.name: card for card in providers.list_providers(work)["email"]}
        assert {name: (card.tier, card.percent, card.is_shared) for name, card in cards.items()} == {
            "a": (0, 75, True), "b": (0, 25, True), "c": (1, 0, False)
        }  # fmt: skip
        assert {name: (card.is_first, card.is_last) for name, card in cards.items()} == {
            "a": (False, False), "b": (False, False), "c": (False, True)
        }  # fmt: skip
        entry = work.session.scalars(select(AuditEntry)).one()
        assert (entry.event, entry.details) == ("provider.share", {"name": "a", "before": 1, "after": 3})


def test_who_is_switched_off_gets_no_part_of_its_tier(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        made = _made(work, "abc")
        made["b"].enabled = False
        assert providers.percents_of(list(made.values())) == {
            made["a"].pk: 50, made["b"].pk: 0, made["c"].pk: 50
        }  # fmt: skip


@pytest.mark.parametrize("share", [0, -1, 101])
def test_a_share_that_cannot_be_is_named(workshop: Workshop, actor: Actor, share: int) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        with pytest.raises(Invalid) as error:
            provider_order.set_share(work, provider.id, share)
        assert error.value.fields == {"share": ["Share needs a whole number from 1 to 100."]}
        assert provider.share == 1


def test_only_an_admin_changes_the_order(workshop: Workshop, actor: Actor, composer: Actor) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
    with workshop.open(composer) as work:
        for act in (
            lambda: provider_order.reorder(work, "email", [[provider.id]]),
            lambda: provider_order.move(work, provider.id, up=True),
            lambda: provider_order.stand_beside(work, provider.id),
            lambda: provider_order.stand_alone(work, provider.id),
            lambda: provider_order.set_share(work, provider.id, 2),
        ):
            with pytest.raises(Forbidden):
                act()


def test_a_provider_of_another_project_is_not_there(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work, pytest.raises(NotFound):
        provider_order.move(work, "nobody", up=True)
