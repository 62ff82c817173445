"""A project with one of everything, a second project beside it, and people of every role in both."""

import io
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from app.domain.permissions import Actor, ActorKind, Role, permissions_of, system
from app.emulators.outbox import Arrival, Outbox, outbox_path
from app.engine import ledger, planning
from app.factory import create_app
from app.models.imports import Import
from app.models.members import Invitation
from app.models.messages import Message
from app.models.targets import Target
from app.services.messages import templates
from app.services.providers import prices
from app.services.storage import buckets, uploads
from app.services.storage.upload_admission import Incoming
from app.services.team import keys, members, memberships, projects
from app.services.tracking import dead_letter_orders, dead_letters
from app.services.work import Workshop
from app.storage import open_store
from app.web.limits import limiter
from tests.conftest import START
from tests.factories import make_audience, make_contact, make_message, make_provider, make_suppression, make_target
from tests.services.test_dead_letter_orders import bury

PASSWORD = "correct horse battery"
SMTP_PASSWORD = "sesame-open-4711"
MAIL = (
    b"From: news@acme.example\r\nTo: ann@example.org\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n'
    b"--x\r\nContent-Type: text/plain\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''x%2F..%2Fa%0D%0Ab.txt\r\n\r\n"
    b"attached\r\n--x--\r\n"
)


@dataclass(slots=True)
class World:
    """The app, what each argument of a path may be, and how to come in as somebody."""

    app: Flask
    values: dict[str, Any] = field(default_factory=dict)
    by_status: dict[str, str] = field(default_factory=dict)

    def enter(self, name: str) -> FlaskClient:
        """A browser in which that person signed in; a stranger's for an empty name."""
        client = self.app.test_client()
        if name:
            answer = client.post("/sign-in", data={"email": f"{name}@acme.example", "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        return client


@pytest.fixture
def app(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The whole app; forms need no token here, and nobody is slowed down (tests of their own look after both)."""
    monkeypatch.setattr(limiter, "enabled", False)
    app = create_app(workshop.settings, workshop=workshop)
    app.config["WTF_CSRF_ENABLED"] = False
    return app


@pytest.fixture
def world(app: Flask, workshop: Workshop) -> World:
    """`default` holds one of everything; `other` is Mallory's own."""
    world = World(app)
    with workshop.open(system()) as work:
        for role in Role:
            members.create_member(work, f"{role}@acme.example", PASSWORD, role=role, project_id="default")
        projects.create_project(work, "other", name="Other")
        members.create_member(work, "mallory@acme.example", PASSWORD, role="admin", project_id="other")
    with workshop.open(_admin()) as work:
        _furnish(work, world)
        world.values["key_id"] = keys.create_key(work, name="Shop", scopes=["all"])[0].id
        world.values["member_id"] = next(
            line.member.id for line in memberships.list_members(work) if line.roles == ("viewer",)
        )
        memberships.invite(work, "viewer")
        work.session.flush()
        world.values["invitation"] = work.session.query(Invitation).one().pk
    world.values |= _store_picture(workshop)
    world.values |= {"project_id": "default", "kind": "check", "token": "nonsense", "part": 0}
    return world


def _admin() -> Actor:
    return Actor(ActorKind.MEMBER, "Olga", project_pk=1, pk=1, permissions=permissions_of(frozenset({Role.ADMIN})))


def _furnish(work: Any, world: World) -> None:
    session = work.session
    provider = make_provider(work, username="news", password=SMTP_PASSWORD)
    contact = make_contact(session, name="Ann", email="ann@example.org", city="Bonn")
    target = session.query(Target).filter_by(contact_pk=contact.pk).one()
    topic = make_audience(session, 3)
    spare = make_target(session, contact, address="+4917012345678", channel="sms")
    suppression = make_suppression(session, "ben@example.org")
    for status in ("draft", "scheduled", "processing", "sent", "failed"):
        world.by_status[status] = _message(session, status, topic.id).id
    content = b"name,email\nCem,cem@example.org\n"
    row = Import(
        id="import1", project_pk=1, file_name="people.csv", file_key="imports/1/import1-x/upload.csv",
        file_size=len(content), status="uploaded", report={}, created_at=START, updated_at=START,
        settings={
            "encoding": "utf-8", "delimiter": ",", "has_header": True, "headers": ["name", "email"], "separator": ";",
            "columns": [{"use": "name", "name": ""}, {"use": "email", "name": ""}], "topics": [], "existing": "update",
            "edition": "x",
        },
    )  # fmt: skip
    store = open_store(work.settings)
    store.put(row.file_key, content)
    store.put("imports/1/import1-x/check.csv", b"row,column,value,problem\n")
    session.add(row)
    session.flush()
    delivery = session.execute(ledger.select(ledger.Delivery.pk).limit(1)).scalar_one()
    subscriber = topic_subscriber(session, topic.pk)
    bury(work, failed=1)
    wish = dead_letters.Wish(message_id=bury(work, failed=1).id)
    world.values["order_id"] = dead_letter_orders.dismiss(work, wish).id
    world.values |= {
        "provider_id": provider.id, "contact_id": contact.id, "target_id": target.id, "topic_id": topic.id,
        "subscriber_id": subscriber, "suppression_id": suppression.id, "message_id": world.by_status["draft"],
        "import_id": row.id, "delivery": delivery, "spare": spare.id,
    }  # fmt: skip
    world.values |= {"template_id": templates.create(work, "News", world.by_status["sent"]).id, "version": 1}
    world.values |= _prices(work)
    box = Outbox(outbox_path(work.settings.data_dir))
    world.values["arrival"] = box.keep(
        Arrival("smtp", "default", "news@acme.example", ["ann@example.org"], "Hello", MAIL, "1", False)
    )
    box.close()


def _prices(work: Any) -> dict[str, Any]:
    """What a text message costs with a provider of its own."""
    provider = make_provider(work, name="Texts")
    provider.kind, provider.channel = "twilio", "sms"
    price = prices.add_price(work, provider, prices.Typed("DE", "0.08", "EUR"))
    return {"prices.provider_id": provider.id, "price_id": price.id}


def _store_picture(shop: Workshop) -> dict[str, Any]:
    """A bucket with a picture that lies in the store."""
    with shop.open(_admin()) as work:
        bucket = buckets.create_bucket(work, buckets.BucketRules("Pictures")).id
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(picture, "PNG")
    picture.seek(0)
    return {"bucket_id": bucket, "file_id": uploads.receive(shop, _admin(), Incoming(bucket, picture, "a.png")).row.id}


def topic_subscriber(session: Any, topic_pk: int) -> str:
    from app.models.topics import Subscriber  # noqa: PLC0415

    return str(session.query(Subscriber).filter_by(topic_pk=topic_pk).first().id)


def _message(session: Any, status: str, topic_id: str) -> Message:
    moments = {"started_at": START, "fanned_out_at": START} if status in {"processing", "sent", "failed"} else {}
    if status == "scheduled":
        moments = {"scheduled_at": START.replace(year=2027), "scheduled_zone": "UTC"}
    chosen = {"topics": [topic_id]}
    message = make_message(session, subject=f"A {status} one", status=status, audience=chosen, **moments)
    if moments and status != "scheduled":
        ledger.open_tally(session, message.pk, START)
        session.flush()
        chosen = ledger.select(Target.pk.label("target_pk")).where(Target.address == "person0@example.org")
        planning.plan(session, message, chosen, START)
    return message
