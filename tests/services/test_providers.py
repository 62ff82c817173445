"""Providers: connecting, secrets, order, repair, disconnecting, trying out."""

import socket
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.permissions import Actor
from app.engine import breaker
from app.models.audit import AuditEntry
from app.models.deliveries import Batch
from app.models.providers import Provider
from app.services.providers import provider_order, provider_sandbox, provider_trial, providers, sender
from app.services.work import Work, Workshop
from tests.conftest import START
from tests.factories import make_message, make_provider

PASSWORD = "hunter2-hunter2-4f2a"
TYPED = {
    "host": "smtp.example.org", "port": "587", "username": "news", "password": PASSWORD, "encryption": "tls",
    "autoTLS": True, "fromName": "Acme", "fromEmail": "news@acme.example",
}  # fmt: skip


def connect(work: Work, name: str = "Mail", **changed: Any) -> Provider:
    return providers.connect(work, "smtp", name=name, values=TYPED | changed)


def test_a_secret_is_encrypted_noted_and_never_given_back(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = connect(work)
        entries = work.session.scalars(select(AuditEntry.details)).all()
        shown = providers.settings_of(work, provider)
        assert PASSWORD not in provider.credentials + repr(provider.options) + repr(entries) + repr(shown)
        assert work.vault.decrypt_json(provider.credentials)["password"] == PASSWORD
        assert providers.secrets_of(provider) == {"password": (START, "4f2a")}
        assert (shown["host"], shown["port"], shown["fromEmail"]) == ("smtp.example.org", 587, "news@acme.example")


def test_of_a_short_secret_not_even_the_end_is_kept(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        assert providers.secrets_of(connect(work, password="geheim"))["password"][1] == ""


def test_an_empty_secret_keeps_the_one_that_is_set(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = connect(work)
        values = TYPED | {"password": "", "fromName": "Acme News"}
        providers.change(work, provider.id, name="Mail two", values=values, policy="hold")
        assert work.vault.decrypt_json(provider.credentials)["password"] == PASSWORD
        assert (provider.name, provider.uncertain_policy, provider.version) == ("Mail two", "hold", 2)
        assert provider.options["fromName"] == "Acme News"


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"host": ""}, "host", "Host is missing"),
        ({"host": "not a host"}, "host", "not a host"),
        ({"port": "99999"}, "port", "between 1 and 65,535"),
        ({"port": "x"}, "port", "whole number"),
        ({"fromEmail": "news at acme"}, "fromEmail", "needs an address like name@example.org"),
        ({"fromName": "A\r\nBcc: x@example.org"}, "fromName", "no line breaks"),
        ({"encryption": "rot13"}, "encryption", "choose one"),
        ({"username": "a" * 3000}, "username", "2,048"),
        ({"username": ""}, "username", "username"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_saved(
    workshop: Workshop, actor: Actor, changed: dict[str, str], field: str, words: str
) -> None:
    with pytest.raises(Invalid) as error, workshop.open(actor) as work:
        connect(work, **changed)
    assert words in " ".join(error.value.fields[field])
    with workshop.read(actor) as work:
        assert providers.list_providers(work) == {}


def test_only_an_admin_connects(workshop: Workshop, composer: Actor) -> None:
    with pytest.raises(Forbidden), workshop.open(composer) as work:
        connect(work)


def test_an_unknown_kind_is_not_there(workshop: Workshop, actor: Actor) -> None:
    with pytest.raises(NotFound), workshop.open(actor) as work:
        providers.connect(work, "pigeon", name="Bird", values={})


def test_the_failover_order_moves_one_place_at_a_time(workshop: Workshop, actor: Actor) -> None:
    def order(work: Work) -> list[str]:
        return [card.provider.name for card in providers.list_providers(work)["email"]]

    with workshop.open(actor) as work:
        made = [connect(work, name) for name in ("one", "two", "three")]
        assert order(work) == ["one", "two", "three"]
        provider_order.move(work, made[2].id, up=True)
        assert order(work) == ["one", "three", "two"]
        provider_order.move(work, made[0].id, up=True)
        provider_order.move(work, made[0].id, up=False)
        assert order(work) == ["three", "one", "two"]


def test_saving_repairs_a_blocked_provider_and_wakes_what_waits(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = connect(work)
        provider.blocked_at, provider.blocked_reason, provider.streak = START, "authentication_failed", 20
        assert providers.state_of(work, provider) == "failing"
        assert breaker.is_blocked(provider, work.now)
        work.bells.clear()
        providers.change(work, provider.id, name="Mail", values=TYPED, policy="retry")
        assert (provider.blocked_at, provider.blocked_reason, provider.streak) == (None, "", 0)
        assert not breaker.is_blocked(provider, work.now)
        assert [(task, args) for task, args, _ in work.bells] == [("wake", (1,))]


def test_switched_off_it_is_not_used(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = connect(work)
        providers.switch(work, provider.id, on=False)
        assert providers.state_of(work, provider) == "disabled"
        assert sender.candidates(work, "email") == []


def test_the_sandbox_is_connected_once_under_the_name_of_the_project(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        first = provider_sandbox.connect_emulated(work)
        providers.switch(work, first.id, on=False)
        second = provider_sandbox.connect_emulated(work)
        assert second.pk == first.pk
        assert second.enabled
        assert work.vault.decrypt_json(first.credentials)["username"] == "default"


def test_nobody_turns_the_sandbox_into_a_real_account(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = provider_sandbox.connect_emulated(work)
        providers.change(work, provider.id, name="Sandbox", values=TYPED, policy="retry")
        kept = work.vault.decrypt_json(provider.credentials)
        assert (kept["host"], kept["username"]) == ("sandbox.invalid", "default")
        assert provider.options["fromEmail"] == "news@acme.example"


def test_disconnecting_is_refused_while_it_carries_messages(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider, message = connect(work), make_message(work.session)
        batch = Batch(
            project_pk=1, message_pk=message.pk, provider_pk=provider.pk, worker="w", size=1, state="open",
            claimed_at=START, lease_until=START,
        )  # fmt: skip
        work.session.add(batch)
        work.session.flush()
        removal = providers.removal_of(work, provider.id)
        assert (removal.sending, [each.pk for each in removal.carried]) == (1, [message.pk])
        with pytest.raises(Conflict, match="carries 1 message right now"):
            providers.disconnect(work, provider.id)
        batch.state = "done"
        work.session.flush()
        draft = make_message(work.session, provider_pk=provider.pk)
        assert providers.removal_of(work, provider.id).pinned == 1
        providers.disconnect(work, provider.id)
        work.session.flush()
        assert draft.provider_pk is None
        assert providers.list_providers(work) == {}


def test_trying_out_says_what_does_not_work(workshop: Workshop, actor: Actor) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with workshop.open(actor) as work:
            provider = make_provider(work, port=port)
        findings = provider_trial.try_saved(workshop, actor, provider.id)
    assert not all(finding.works for finding in findings)
    with workshop.read(actor) as work:
        assert providers.find_provider(work, provider.id).verified_at is None


def test_trying_out_what_was_typed_checks_it_first(workshop: Workshop, actor: Actor, viewer: Actor) -> None:
    with pytest.raises(Invalid):
        provider_trial.try_typed(workshop, actor, "smtp", TYPED | {"host": ""})
    with pytest.raises(Forbidden):
        provider_trial.try_typed(workshop, viewer, "smtp", TYPED)
