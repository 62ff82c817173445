"""A provider's page when it called too many devices dead at once: what is asked, and what each answer does."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from app.domain.errors import Conflict, Forbidden
from app.domain.permissions import Actor
from app.engine import dispatch
from app.engine.machine import Machine
from app.models.audit import AuditEntry
from app.services.providers import providers
from app.services.sending import device_deaths
from app.services.work import Workshop
from tests.engine import couriers as push
from tests.engine import rushes, story
from tests.engine.couriers import Couriers, couriers
from tests.web.page_client import PageClient

__all__ = ["couriers"]  # the fixture

QUESTION, WORD = "Are these devices gone?", "These devices are gone"
FORM = "form[action$='/devices-gone']"


@pytest.fixture
def machine(workshop: Workshop) -> Iterator[Machine]:
    machine = Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    yield machine
    machine.close()


@pytest.fixture
def message(machine: Machine, couriers: Couriers) -> int:
    """Sent to a hundred devices, of which the provider, the first one, called 31 dead."""
    pk = rushes.start(machine, push.connect(machine, "rocket"), 31, 69)
    rushes.send(machine, couriers, pk)
    return pk


def path_of(machine: Machine) -> str:
    return f"/p/default/providers/{rushes.provider(machine, 1).id}"


def test_the_page_says_what_happened_and_what_each_answer_does(
    machine: Machine, message: int, olga: PageClient
) -> None:
    page = olga.get(path_of(machine))
    assert "It called too many device tokens dead at once." in page.text
    assert "31 of the last 100 device tokens were called dead." in page.text
    assert QUESTION in page.text
    assert "the 31 devices are retired now, and for a day" in page.text
    assert WORD in olga.get(path_of(machine)).body


def test_one_word_retires_the_devices_and_lets_the_rest_go_on(
    machine: Machine, message: int, olga: PageClient, workshop: Workshop, actor: Actor
) -> None:
    page = olga.submit(olga.get(path_of(machine)), FORM)
    assert "31 devices are retired. Sending goes on." in page.text
    assert QUESTION not in page.text
    assert len(rushes.expired(machine)) == 31
    assert rushes.provider(machine, 1).blocked_at is None
    dispatch.drain(machine, message)
    assert story.counts(machine, message) == {"sent": 69, "failed": 31}
    with workshop.read(actor) as work:
        entries = work.session.scalars(select(AuditEntry).where(AuditEntry.event == "provider.believe")).all()
        assert [entry.details["devices"] for entry in entries] == [31]


def test_a_word_that_comes_twice_vouches_for_nothing_more(machine: Machine, message: int, olga: PageClient) -> None:
    before = olga.get(path_of(machine))
    olga.submit(before, FORM)
    page = olga.submit(before, FORM)
    assert page.status == 409
    assert "Nobody asks about the devices of My rocket any more." in page.text


def test_whoever_may_only_look_is_asked_nothing(machine: Machine, message: int, vera: PageClient) -> None:
    assert QUESTION not in vera.get(path_of(machine)).text


def test_only_who_may_change_providers_may_say_so(
    machine: Machine, message: int, workshop: Workshop, viewer: Actor
) -> None:
    with pytest.raises(Forbidden), workshop.open(viewer) as work:
        device_deaths.believe(work, rushes.provider(machine, 1).id)
    assert rushes.expired(machine) == set()


def test_a_provider_that_was_mended_keeps_its_devices_and_asks_no_more(
    machine: Machine, message: int, workshop: Workshop, actor: Actor, couriers: Couriers, olga: PageClient
) -> None:
    with workshop.open(actor) as work:
        providers.repair(work, providers.find_provider(work, rushes.provider(machine, 1).id))
    assert QUESTION not in olga.get(path_of(machine)).text
    with pytest.raises(Conflict), workshop.open(actor) as work:
        device_deaths.believe(work, rushes.provider(machine, 1).id)
    couriers.rocket.answers = {}
    dispatch.drain(machine, message)
    assert story.counts(machine, message) == {"sent": 100}
    assert rushes.expired(machine) == set()
