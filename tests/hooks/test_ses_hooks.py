"""Receipts of Amazon SES at their address: certificates are fetched, subscriptions confirmed, only where they lie."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.permissions import system
from app.engine.accounts import receipts_url_of
from app.infra import hook_evidence
from app.infra.clock import SystemClock
from app.models.feedback import FeedbackEvent
from app.models.providers import Provider
from app.services.tracking import receipts
from app.services.work import Workshop
from tests.one_app import app_for
from tests.providers.test_ses_receipts import EVIDENCE, TOPIC, certify, event, signed

PUBLIC = "https://carillon.example"
NAME = "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"


class Sns:
    """A small SNS on a socket: one certificate, and who came to confirm."""

    def __init__(self) -> None:
        self.certificate = certify(
            begins=SystemClock().now().replace(year=2020), ends=SystemClock().now().replace(year=2099)
        )
        self.status = 200
        self.asked: list[str] = []
        sns = self

        class Desk(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sns.asked.append(self.path)
                body = sns.certificate if self.path.endswith(".pem") else b"<ConfirmSubscriptionResponse/>"
                self.send_response(sns.status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/sns"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sns]:
    monkeypatch.setattr(receipts, "_shelf", hook_evidence.EvidenceShelf())
    running = Sns()
    yield running
    running.stop()


@pytest.fixture
def shop(workshop: Workshop, sns: Sns) -> Workshop:
    """An installation whose operator has an SNS of their own."""
    places = {"public_url": PUBLIC, "provider_endpoints": {"ses_sns": sns.url}}
    workshop.settings = workshop.settings.but(places)
    return workshop


@pytest.fixture
def address(shop: Workshop) -> str:
    """Where the receipts of an SES provider go."""
    with shop.open(system(1)) as work:
        provider = Provider(
            id="p1", project_pk=1, name="SES", kind="ses", channel="email", options={"topicArn": TOPIC},
            credentials=work.vault.encrypt_json({"accessKey": "AKIA"}), **work.stamp(),
        )  # fmt: skip
        work.session.add(provider)
        work.session.flush()
        return receipts_url_of(work.vault, work.settings, provider).removeprefix(PUBLIC)


@pytest.fixture
def client(shop: Workshop) -> FlaskClient:
    return app_for(shop).test_client()


def letter(sns: Sns, message: str = "", kind: str = "Notification", **fields: str) -> dict[str, Any]:
    found: dict[str, Any] = signed(message or event(recipients=["ann@example.com"]), kind, **fields)
    return found | {"SigningCertURL": f"{sns.url}/{NAME}"}


def tell(client: FlaskClient, address: str, fields: dict[str, Any]) -> Any:
    headers = {"x-amz-sns-message-type": fields["Type"], "x-amz-sns-message-id": fields["MessageId"]}
    return client.post(address, json=fields, headers=headers, content_type="text/plain; charset=UTF-8")


def kept(shop: Workshop) -> list[FeedbackEvent]:
    with shop.database.read() as session:
        return session.query(FeedbackEvent).all()


def test_an_event_is_proven_by_the_certificate_which_is_fetched_once(
    client: FlaskClient, address: str, sns: Sns, shop: Workshop
) -> None:
    for number in range(3):
        assert tell(client, address, letter(sns, MessageId=f"m-{number}")).status_code == 204
    assert sns.asked == [f"/sns/{NAME}"]
    assert [(row.event, row.event_id, row.is_proven) for row in kept(shop)] == [
        ("delivered", f"m-{number}:0", True) for number in range(3)
    ]


def test_an_event_that_is_sent_again_is_kept_once(client: FlaskClient, address: str, sns: Sns, shop: Workshop) -> None:
    fields = letter(sns)
    assert [tell(client, address, fields).status_code for _ in range(2)] == [204, 204]
    assert len(kept(shop)) == 1


def test_a_subscription_is_confirmed_and_nothing_is_kept(
    client: FlaskClient, address: str, sns: Sns, shop: Workshop
) -> None:
    answer = tell(client, address, letter(sns, "You have chosen to subscribe.", "SubscriptionConfirmation"))
    assert answer.status_code == 204
    assert sns.asked[1:] == [f"/sns/?Action=ConfirmSubscription&TopicArn={TOPIC.replace(':', '%3A')}&Token=t-1"]
    assert kept(shop) == []


def test_a_forged_subscription_is_not_confirmed(client: FlaskClient, address: str, sns: Sns) -> None:
    forged = letter(sns, "You have chosen to subscribe.", "SubscriptionConfirmation") | {"Token": "another"}
    assert tell(client, address, forged).status_code == 403
    assert sns.asked == [f"/sns/{NAME}"], "the certificate was looked at, and nothing was confirmed"


def test_a_foreign_topic_and_a_foreign_host_are_refused_before_anything_is_asked(
    client: FlaskClient, address: str, sns: Sns
) -> None:
    foreign = letter(sns, TopicArn="arn:aws:sns:eu-west-1:999999999999:carillon")
    elsewhere = letter(sns) | {"SigningCertURL": f"http://localhost:{sns.server.server_port}/sns/{NAME}"}
    for fields in (foreign, elsewhere):
        answer = tell(client, address, fields)
        assert (answer.status_code, answer.text.strip()[-1]) == (403, ".")
    assert sns.asked == []


@pytest.mark.parametrize("status", [301, 403, 404, 500])
def test_a_certificate_that_cannot_be_had_is_no_no_but_a_later(
    client: FlaskClient, address: str, sns: Sns, shop: Workshop, status: int
) -> None:
    sns.status = status
    for _ in range(2):
        answer = tell(client, address, letter(sns))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert len(sns.asked) == 1, "and nobody waits for it twice"
    assert kept(shop) == []


def test_a_confirmation_that_is_not_taken_is_asked_for_again(client: FlaskClient, address: str, sns: Sns) -> None:
    assert tell(client, address, letter(sns)).status_code == 204  # the certificate is there
    sns.status = 500
    fields = letter(sns, "You have chosen to subscribe.", "SubscriptionConfirmation")
    assert tell(client, address, fields).status_code == 503


def test_a_certificate_that_has_expired_proves_nothing(
    client: FlaskClient, address: str, sns: Sns, shop: Workshop
) -> None:
    sns.certificate = certify(
        begins=SystemClock().now().replace(year=2020), ends=SystemClock().now().replace(year=2021)
    )
    assert tell(client, address, letter(sns)).status_code == 403
    assert kept(shop) == []


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"null", b"{}", b"[" * 50_000, b'{"TopicArn": {}}'])
def test_no_body_makes_us_stumble(client: FlaskClient, address: str, body: bytes) -> None:
    assert client.post(address, data=body, content_type="text/plain").status_code in (400, 403)


# What is fetched


def test_an_address_of_the_network_is_never_asked_without_tls() -> None:
    assert not hook_evidence.visit("http://192.0.2.1/")
    assert not hook_evidence.visit("ftp://127.0.0.1/")
    with pytest.raises(hook_evidence.EvidenceMissing):
        hook_evidence.EvidenceShelf().fetch("http://sns.eu-west-1.amazonaws.com/")


def test_an_answer_that_is_too_large_is_not_read_to_its_end(sns: Sns) -> None:
    sns.certificate = EVIDENCE * (hook_evidence.LARGEST // len(EVIDENCE) + 1)
    with pytest.raises(hook_evidence.EvidenceMissing):
        hook_evidence.EvidenceShelf().fetch(f"{sns.url}/{NAME}")


def test_many_at_once_ask_once(sns: Sns) -> None:
    shelf = hook_evidence.EvidenceShelf()
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(shelf.fetch(f"{sns.url}/{NAME}"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [sns.certificate] * 8
    assert len(sns.asked) == 1


def test_no_more_is_kept_than_fits(sns: Sns) -> None:
    shelf = hook_evidence.EvidenceShelf()
    for number in range(hook_evidence.MOST_KEPT + 5):
        shelf.fetch(f"{sns.url}/{number}.pem")
    asked = len(sns.asked)
    shelf.fetch(f"{sns.url}/{hook_evidence.MOST_KEPT + 4}.pem")
    assert len(sns.asked) == asked
    shelf.fetch(f"{sns.url}/0.pem")
    assert len(sns.asked) == asked + 1, "the oldest was given up"
