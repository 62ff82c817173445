"""The limits of a provider: what a person may set, and what is told of their use."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.errors import Forbidden, Invalid, NotFound
from app.domain.permissions import Actor
from app.engine.pace import limits_of
from app.infra.pacing import Throttled
from app.models.audit import AuditEntry
from app.models.providers import Provider
from app.services.providers import provider_limits
from app.services.providers.provider_limits import Usage, set_limits, usage_of
from app.services.work import Work, Workshop
from tests import factories
from tests.conftest import FakeClock


def connect(work: Work) -> Provider:
    work.pacing.due()
    found: Provider = factories.make_provider(work, name="Mail")
    return found


def test_a_provider_that_nobody_limited_has_none(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        usage = usage_of(work, connect(work))
    assert usage == Usage(None, 1, None)


def test_what_was_set_is_told_with_what_is_used_of_it(workshop: Workshop, actor: Actor, clock: FakeClock) -> None:
    with workshop.open(actor) as work:
        provider = set_limits(work, connect(work).id, 120, 60, 4)
        limits = limits_of(provider)
        work.pacing.enter(limits, "a", 50, 3)
        work.pacing.start(limits, "a", 50)
        usage = usage_of(work, provider)
    assert (usage.rate_count, usage.rate_seconds, usage.most_in_flight) == (120, 60, 4)
    assert (usage.rate, usage.used, usage.window, usage.in_flight) == (2.0, 50, 60.0, 3)
    assert not usage.is_slowed
    clock.move(61)
    with workshop.read(actor) as work:
        assert usage_of(work, provider).used == 0


def test_what_a_throttle_taught_is_told_with_the_moment_at_which_sending_goes_on(
    workshop: Workshop, actor: Actor
) -> None:
    with workshop.open(actor) as work:
        provider = set_limits(work, connect(work).id, 10, 1, None)
        work.pacing.hear(limits_of(provider), Throttled(timedelta(seconds=30), timedelta(), 3.0))
        usage = usage_of(work, provider)
        assert (usage.rate, usage.is_slowed) == (5.0, True)
        assert usage.held_until == work.now + timedelta(seconds=30)


def test_while_the_queues_server_is_away_what_was_set_is_still_told(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = set_limits(work, connect(work).id, 10, 2, 3)
        workshop.broker.close()
        workshop.broker.url = "redis://127.0.0.1:1/0"
        assert usage_of(work, provider) == Usage(10, 2, 3, rate=5.0, is_known=False)


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ((0, 1, None), "rate_count", "The number of messages needs a whole number from 1 to 10,000,000"),
        ((-5, 1, None), "rate_count", "or leave it empty for no limit"),
        ((10_000_001, 1, None), "rate_count", "from 1 to 10,000,000"),
        ((5, 0, None), "rate_seconds", "The number of seconds needs a whole number from 1 to 86,400"),
        ((5, 86_401, None), "rate_seconds", "one day at most"),
        ((None, 1, 0), "most_in_flight", "The number of requests at once needs a whole number from 1 to 1,000"),
        ((None, 1, 1_001), "most_in_flight", "from 1 to 1,000"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_by_its_field(
    workshop: Workshop, actor: Actor, values: tuple[int | None, int, int | None], field: str, words: str
) -> None:
    with workshop.open(actor) as work:
        provider = connect(work)
        with pytest.raises(Invalid) as refused:
            set_limits(work, provider.id, *values)
        assert list(refused.value.fields) == [field]
        assert words in refused.value.fields[field][0]
        assert provider.rate_count is None


def test_setting_limits_is_in_the_trail_once_and_wakes_what_waits(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        number = connect(work).id
    with workshop.open(actor) as work:
        set_limits(work, number, 14, 1, None)
        set_limits(work, number, 14, 1, None)
        assert [bell for bell in work.bells if bell[0] == "wake"] == [("wake", (1,), "urgent")]
    with workshop.read(actor) as work:
        entries = work.session.scalars(select(AuditEntry).where(AuditEntry.event == "provider.limit")).all()
        assert [entry.details["rate_count"] for entry in entries] == [14]


def test_limits_are_for_who_may_change_providers_of_this_project(
    workshop: Workshop, actor: Actor, viewer: Actor
) -> None:
    with workshop.open(actor) as work:
        provider = connect(work)
    with workshop.open(viewer) as work, pytest.raises(Forbidden):
        set_limits(work, provider.id, 1, 1, None)
    with workshop.open(actor) as work, pytest.raises(NotFound):
        set_limits(work, "nobody", 1, 1, None)
    with workshop.read(viewer) as work:
        assert provider_limits.usage_of(work, provider).rate is None
