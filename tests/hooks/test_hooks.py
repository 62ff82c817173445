"""The address for receipts: who gets in, what is kept, and that nothing a stranger sends makes us stumble."""

import base64
import hmac
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app import hooks
from app.domain.permissions import Actor, system
from app.engine import feedback
from app.engine.accounts import account_of, receipts_tokens_of, receipts_url_of
from app.infra.vault import Vault
from app.models.feedback import FeedbackEvent
from app.models.projects import Project
from app.models.providers import Provider
from app.services.providers.providers import spec_of
from app.services.tracking import receipts
from app.services.work import Workshop
from tests.conftest import SECRET, START
from tests.one_app import app_for

PUBLIC = "https://carillon.example"
TOKEN = "0123456789abcdef0123456789abcdef"
VALUES: dict[str, dict[str, Any]] = {
    "twilio": {"accountSid": "AC" + "0" * 32, "authToken": TOKEN, "from": "+15005550006"},
    "mailgun": {"apiKey": "k", "domain": "mg.example.org", "webhookSigningKey": "signing-key"},
    "textmagic": {"username": "carla", "apiKey": "k"},
    "smtp": {"host": "mail.example.org"},
}


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    """An installation that can be reached from outside."""
    workshop.settings = workshop.settings.but({"public_url": PUBLIC})
    return workshop


@pytest.fixture
def client(shop: Workshop) -> FlaskClient:
    return app_for(shop).test_client()


def connect(shop: Workshop, kind: str = "twilio", project_pk: int = 1, **columns: Any) -> Provider:
    with shop.open(system(project_pk)) as work:
        spec = spec_of(kind)
        provider = Provider(
            id="p1", project_pk=project_pk, name=spec.label, kind=kind, channel=spec.channel.value, options={},
            credentials=work.vault.encrypt_json(VALUES[kind]), **work.stamp(), **columns,
        )  # fmt: skip
        work.session.add(provider)
        work.session.flush()
    return provider


def address_of(shop: Workshop, provider: Provider) -> str:
    return receipts_url_of(shop.vault, shop.settings, provider)


def tell(client: FlaskClient, address: str, status: str = "delivered", proof: str = "", **headers: str) -> Any:
    """A status callback of Twilio's, signed over the public address."""
    fields = {"MessageSid": "SM1", "MessageStatus": status, "To": "+491701234567"}
    signed = address + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    proof = proof or base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), "sha1")).decode()
    return client.post(address.removeprefix(PUBLIC), data=fields, headers={"X-Twilio-Signature": proof, **headers})


def kept(shop: Workshop) -> list[FeedbackEvent]:
    with shop.database.read() as session:
        return list(session.scalars(select(FeedbackEvent)))


def test_a_receipt_is_kept_and_answered_at_once_and_a_worker_is_rung(client: FlaskClient, shop: Workshop) -> None:
    provider = connect(shop)
    answer = tell(client, address_of(shop, provider), Host="somewhere.else", Cookie="carillon=x")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Set-Cookie" not in answer.headers
    (row,) = kept(shop)
    assert (row.event, row.event_id, row.project_pk, row.provider_pk) == ("delivered", "SM1:delivered", 1, provider.pk)
    assert shop.broker.waiting()["bulk"] == 1


def test_a_receipt_that_is_sent_again_is_welcome_and_kept_once(client: FlaskClient, shop: Workshop) -> None:
    address = address_of(shop, connect(shop))
    assert [tell(client, address).status_code for _ in range(3)] == [204, 204, 204]
    assert len(kept(shop)) == 1


def test_a_wrong_signature_is_refused_in_words_and_nothing_is_kept(client: FlaskClient, shop: Workshop) -> None:
    answer = tell(client, address_of(shop, connect(shop)), proof="x" * 28)
    assert (answer.status_code, answer.mimetype) == (403, "text/plain")
    assert answer.text.strip().endswith(".")
    assert TOKEN not in answer.text
    assert kept(shop) == []


@pytest.mark.parametrize(
    "path",
    [
        "/hooks", "/hooks/", "/hooks/twilio", "/hooks/twilio/p1", "/hooks/twilio/p1/wrong", "/hooks/twilio/p2/{token}",
        "/hooks/mailgun/p1/{token}", "/hooks/appwrite/p1/{token}", "/hooks/base/p1/{token}", "/hooks/smtp/p1/{token}",
        "/hooks/twilio/p1/{token}/more", "/hooks/twilio/%00/{token}", "/hooks/twilio/p1/%ff%00é",
        "/hooks/%F0/p1/{token}",
    ],
)  # fmt: skip
def test_any_other_address_is_none(client: FlaskClient, shop: Workshop, path: str) -> None:
    token = address_of(shop, connect(shop)).rpartition("/")[2]
    assert client.post(path.format(token=token), data={"a": "1"}).status_code == 404
    assert kept(shop) == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_a_post_tells_something(client: FlaskClient, shop: Workshop, method: str) -> None:
    path = address_of(shop, connect(shop)).removeprefix(PUBLIC)
    assert client.open(path, method=method).status_code == 405


def test_a_body_beyond_the_limit_is_refused(client: FlaskClient, shop: Workshop) -> None:
    path = address_of(shop, connect(shop)).removeprefix(PUBLIC)
    assert client.post(path, data=b"x" * (hooks.LARGEST + 1)).status_code == 413


@pytest.mark.parametrize("kind", ["twilio", "mailgun", "textmagic"])
@pytest.mark.parametrize(
    "body", [b"", b"\x00", b"\xff\xfe", b"[" * 50_000, b'{"signature": 5}', b"a=1&" * 2000, b"null"]
)
def test_no_body_makes_us_stumble(client: FlaskClient, shop: Workshop, kind: str, body: bytes) -> None:
    path = address_of(shop, connect(shop, kind)).removeprefix(PUBLIC)
    for content_type in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = client.post(f"{path}?a=%ff%00", data=body, content_type=content_type)
        assert answer.status_code in (204, 400, 403), answer.text


def test_without_the_key_that_proves_it_nothing_is_believed(client: FlaskClient, shop: Workshop) -> None:
    provider = connect(shop, "mailgun")
    with shop.open(system(1)) as work:
        row = work.session.get(Provider, provider.pk)
        row.credentials = work.vault.encrypt_json({**VALUES["mailgun"], "webhookSigningKey": ""})
    signature = hmac.digest(b"", b"1700000000token", "sha256").hex()
    document = {"signature": {"timestamp": "1700000000", "token": "token", "signature": signature}}
    path = address_of(shop, provider).removeprefix(PUBLIC)
    assert client.post(path, json=document).status_code == 403


def test_two_projects_may_use_the_same_id(client: FlaskClient, shop: Workshop) -> None:
    with shop.database.begin() as session:
        session.add(Project(id="other", name="Other", time_zone="UTC", created_at=START, updated_at=START))
    first, second = connect(shop), connect(shop, project_pk=2)
    assert address_of(shop, first) != address_of(shop, second)
    assert tell(client, address_of(shop, second)).status_code == 204
    assert [(row.project_pk, row.provider_pk) for row in kept(shop)] == [(2, second.pk)]


def test_the_page_of_a_sandbox_asks_nobody_to_paste_an_address(shop: Workshop, actor: Actor) -> None:
    for is_emulated in (True, False):
        provider = connect(shop, "mailgun", is_emulated=is_emulated)
        with shop.open(actor) as work:
            row = work.session.get(Provider, provider.pk)
            desk = receipts.desk_of(work, row, spec_of("mailgun"))
            work.session.delete(row)
        assert desk is not None
        assert (desk.hint == receipts.OF_SANDBOX) is is_emulated


def test_the_address_outlives_a_change_of_the_secret_key(client: FlaskClient, shop: Workshop) -> None:
    provider = connect(shop)
    old = address_of(shop, provider)
    shop.vault = Vault(["a newer test key that is long enough", SECRET])
    assert address_of(shop, provider) != old
    assert client.post(old.removeprefix(PUBLIC), data={}).status_code == 403, "the address holds, the proof is wrong"


def test_the_address_is_short_enough_for_every_service_and_told_to_nobody_by_accident(shop: Workshop) -> None:
    provider = connect(shop)
    address = address_of(shop, provider)
    assert address.startswith(f"{PUBLIC}/hooks/twilio/p1/")
    assert len(address) <= 100, "Vonage takes no more"
    assert address not in repr(account_of(shop.vault, shop.settings, provider))


def test_a_service_outside_is_told_no_address_that_it_cannot_reach(workshop: Workshop) -> None:
    assert receipts_url_of(workshop.vault, workshop.settings, connect(workshop)) == ""


def test_the_emulator_is_told_where_we_listen_on_this_machine(workshop: Workshop) -> None:
    provider = connect(workshop, is_emulated=True)
    start = f"http://127.0.0.1:{workshop.settings.port}/hooks/twilio/p1/"
    assert receipts_url_of(workshop.vault, workshop.settings, provider).startswith(start)


def test_who_may_only_look_does_not_see_the_address(shop: Workshop, actor: Actor, viewer: Actor) -> None:
    provider = connect(shop, "mailgun")
    spec = spec_of("mailgun")
    for who, sees in ((actor, True), (viewer, False)):
        with shop.read(who) as work:
            desk = receipts.desk_of(work, work.session.get(Provider, provider.pk), spec)
        assert desk is not None
        assert bool(desk.address) is sees
        assert desk.missing == ("Webhook signing key",)
    with shop.read(actor) as work:
        assert receipts.desk_of(work, provider, spec_of("smtp")) is None


def test_what_came_early_is_rung_for_when_it_is_time(client: FlaskClient, shop: Workshop) -> None:
    receipts.ring_waiting(shop)
    assert shop.broker.waiting()["bulk"] == 0
    tell(client, address_of(shop, connect(shop)))
    shop.broker.redis.flushdb()
    receipts.ring_waiting(shop)
    assert shop.broker.waiting()["bulk"] == 1


def test_a_bug_of_ours_is_logged_without_the_token_of_the_address(
    client: FlaskClient, shop: Workshop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    provider = connect(shop)

    def stumble(*_arguments: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(feedback, "keep", stumble)
    assert tell(client, address_of(shop, provider)).status_code == 500
    assert "a bug" in caplog.text
    assert receipts_tokens_of(shop.vault, provider)[0] not in caplog.text


def test_a_key_in_the_address_is_part_of_what_is_signed(client: FlaskClient, shop: Workshop) -> None:
    query = urlencode({"delivery": "7.m/1"}, quote_via=quote)
    assert tell(client, f"{address_of(shop, connect(shop))}?{query}").status_code == 204
    assert kept(shop)[0].delivery_key == "7.m/1"
