"""Secrets of every kind of provider, planted, used in every way, and then looked for wherever something is written."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import count
from typing import Any

import pytest

from app.domain.permissions import Actor
from app.domain.provider_spec import ProviderSpec
from app.emulators.faults import EVERYONE, Dial, Faults
from app.emulators.outbox import Outbox
from app.engine.accounts import account_of, receipts_url_of
from app.providers import catalog
from app.services.providers import provider_trial, providers
from app.services.team import keys
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.emulators.stage import ADDRESSES, Stage
from tests.emulators.test_roundtrip import announced, faults, outbox, running
from tests.security.conftest import World
from tests.security.places import path_of, rules_of
from tests.security.test_routes import values_for
from tests.security.test_secrets import written

__all__ = ["announced", "faults", "outbox", "running", "written"]  # fixtures

FAULTS = ("", "wrong-password", "server-error", "garbage", "wrong-json", "drop-after-dot", "mailbox-unknown")
PASSWORD, PUBLIC = "planted-smtp-sesame-0815", "https://carillon.example"
EMULATORS_FILE = "emulators.json"
_people = count(1)


@dataclass(frozen=True)
class Office:
    """An installation that uses every service, each of which is played by its emulator and not as the Sandbox."""

    shop: Workshop
    actor: Actor
    world: World
    outbox: Outbox
    faults: Faults

    def use(self, kind: str) -> str:
        """Send with every sort of end, and verify each time; what people are told on the way."""
        with self.shop.read(self.actor) as work:
            pk = providers.find_provider(work, kind).pk
        stage, told = Stage(self.shop, self.outbox, self.faults, pk), []
        for fault in FAULTS:
            if fault:
                self.faults.turn(Dial(EVERYONE, fault))
            stage.drain(stage.write(ADDRESSES[stage.channel].format(100 + next(_people))))
            told.append(repr(provider_trial.try_saved(self.shop, self.actor, kind)))
            self.faults.turn_off()
            with self.shop.open(self.actor) as work:
                providers.repair(work, providers.find_provider(work, kind))
        told += [repr(stage), repr(stage.machine), repr(stage.provider())]
        stage.close()
        return " ".join(told)

    def knock(self, kind: str) -> str:
        """What a stranger hears at the address for receipts."""
        with self.shop.read(self.actor) as work:
            row = providers.find_provider(work, kind)
            path = receipts_url_of(work.vault, work.settings, row).removeprefix(PUBLIC)
            answers = [repr(account_of(work.vault, work.settings, row))]
        client = self.world.app.test_client()
        for body, sort in (
            (b"{}", "application/json"),
            (b"a=b&sig=0", "application/x-www-form-urlencoded"),
            (b"[", ""),
        ):
            answers.append(
                client.post(path, data=body, headers={"content-type": sort, "authorization": "TSA a:b"}).text
            )
        return " ".join(answers)

    def pages(self) -> Iterator[tuple[str, str]]:
        """Every page and every export, as an admin sees it; those of providers once for each kind."""
        client = self.world.enter("admin")
        for rule in rules_of(self.world.app, method="GET"):
            for kind in sorted(catalog()) if "provider_id" in rule.arguments else [""]:
                known = values_for(self.world, rule.rule) | ({"provider_id": kind} if kind else {})
                yield path_of(rule, known), client.get(path_of(rule, known)).get_data().decode("utf-8", "replace")

    def files(self) -> Iterator[tuple[str, str]]:
        """Whatever lies in the data dir, database, journals and kept tokens, but for what the emulators hand out."""
        for path in self.shop.settings.data_dir.rglob("*"):
            if path.is_file() and path.name != EMULATORS_FILE:
                yield f"the file {path.name}", path.read_bytes().decode("latin-1")


@pytest.fixture
def office(
    world: World, workshop: Workshop, actor: Actor, announced: dict[str, dict], outbox: Outbox, faults: Faults
) -> Iterator[Office]:
    addresses = {kind: each["url"] for kind, each in announced.items() if each["url"].startswith("http")}
    addresses |= {
        f"{kind}_{name}": url for kind, each in announced.items() for name, url in each.get("side_urls", {}).items()
    }
    given = {"provider_endpoints": addresses, "allow_private_hosts": True, "public_url": PUBLIC}
    before, workshop.settings = workshop.settings, workshop.settings.but(given)
    yield Office(workshop, actor, world, outbox, faults)
    workshop.settings = before


def settings_for(kind: str, told: dict[str, Any]) -> dict[str, Any]:
    """Settings that the emulator takes, with a secret of our own wherever any will do."""
    values = {
        name: value.replace("{account}", f"planted-{kind}-0815").replace("{name}", "Acme")
        if isinstance(value, str)
        else value
        for name, value in told["values"].items()
    }
    if kind == "smtp":
        values |= {"host": told["host"], "port": told["port"], "password": PASSWORD}
    return {"fromEmail": "news@acme.example", **values} if "fromEmail" in _names(catalog()[kind].spec) else values


def _names(spec: ProviderSpec) -> set[str]:
    return {field.name for field in spec.fields}


def secrets_in(kind: str, values: dict[str, Any]) -> list[str]:
    """What must be seen nowhere: of a key file a line from its middle."""
    found = []
    for field in catalog()[kind].spec.fields:
        value = values.get(field.name)
        if field.secret and value:
            text = str(value["private_key"]) if isinstance(value, dict) else str(value)
            found.append(text.splitlines()[1] if text.startswith("-----BEGIN") else text)
    assert found, f"{kind} has no secret"
    return found


def seen(secrets: dict[str, list[str]], place: str) -> list[str]:
    """The kinds of which a secret stands there."""
    return sorted(kind for kind, words in secrets.items() if any(word in place for word in words))


def test_no_secret_of_any_kind_is_seen_anywhere(
    office: Office, announced: dict[str, dict], written: StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    values = {kind: settings_for(kind, announced[kind]) for kind in sorted(catalog())}
    secrets = {kind: secrets_in(kind, values[kind]) for kind in values}
    with office.shop.open(office.actor) as work:
        for kind, given in values.items():
            providers.register(work, kind, given, name=f"My {kind}", provider_id=kind, enabled=True)
        reader = keys.create_key(work, name="Reader", scopes=["providers.read"])[1]
    places = {f"what is told of {kind}": office.use(kind) for kind in values}
    places |= {f"what is heard at {kind}": office.knock(kind) for kind in values}
    assert office.outbox.count() >= len(values), "something was sent, so the secrets were used"
    api = Caller(office.world.app, reader)
    places |= {f"the API's {kind}": str(api.get(f"/messaging/providers/{kind}")) for kind in values}
    places |= dict(office.pages()) | dict(office.files())
    places |= {"our log": written.getvalue(), "what libraries log": caplog.text}
    assert len(places) > 100
    assert {place: found for place, text in places.items() if (found := seen(secrets, text))} == {}
