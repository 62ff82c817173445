"""What the composer's preview shows is what arrives, octet for octet: for contents of every kind (`written`).

Left out of it is what differs from delivery to delivery, as the page itself says: the delivery's key (in Message-ID and
beside it), Date, the boundaries, and the sealed end of the unsubscribe links, which are samples in a preview.
"""

import re
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import Message as Mail
from typing import Any, NamedTuple

import pytest

from app.domain.message_states import MessageEvent
from app.domain.permissions import Actor
from app.domain.rendered import RenderedEmail, RenderedPush, RenderedSms
from app.engine import enclosures, fanout, lifecycle
from app.models.files import Bucket, File
from app.models.messages import Message
from app.models.providers import Provider
from app.services.messages import messages
from app.services.previews import exact_request, preview
from app.services.previews.exact_request import Asked
from app.services.previews.preview import Preview
from app.storage import contents, open_store
from app.storage.contents import Plan
from tests import factories
from tests.conftest import START
from tests.emulators import stage as stage_module
from tests.emulators.stage import Stage
from tests.emulators.written import EMAILS, NAME, PUSHES, TEXTS, VALUES

running, announced, outbox, faults = (
    stage_module.running, stage_module.announced, stage_module.outbox, stage_module.faults,
)  # fmt: skip
sandbox, stage = stage_module.sandbox, stage_module.stage

ADDRESSES: dict[str, Callable[[int], str]] = {
    "email": "reader{}@example.com".format,
    "sms": lambda number: f"+4917010{number:05}",
    "push": "{:064x}".format,
}


class Shown(NamedTuple):
    """What the composer says of one content, before it is sent."""

    preview: Preview
    asked: Asked
    frame: str


class Pair(NamedTuple):
    """One content, as it was shown and as it arrived."""

    name: str
    shown: Shown
    raw: bytes
    request: bytes


@pytest.fixture(autouse=True)
def _forget_files() -> None:
    enclosures._kept.clear()


def test_there_are_at_least_sixty_contents() -> None:
    assert len(EMAILS) + len(TEXTS) + len(PUSHES) >= 60


@pytest.mark.parametrize("kind", ["smtp"])
def test_an_email_arrives_as_it_was_shown(kind: str, stage: Stage, actor: Actor) -> None:
    wrong = {pair.name: why for pair in carried(stage, actor, EMAILS) if (why := email_differs(pair))}
    assert wrong == {}


@pytest.mark.parametrize("kind", ["resend", "ses"])
def test_a_service_is_told_what_was_shown(kind: str, stage: Stage, actor: Actor) -> None:
    few = {name: EMAILS[name] for name in list(EMAILS)[::8]}
    for pair in carried(stage, actor, few):
        rendered = pair.shown.preview.rendered
        assert isinstance(rendered, RenderedEmail)
        letter = message_from_bytes(pair.raw)
        texts = {part.get_content_type(): words_of(part) for part in letter.walk() if not part.is_multipart()}
        assert without_tokens(texts["text/plain"]) == without_tokens(ended(rendered.text)), pair.name
        page = ended(rendered.html) if rendered.html else ""
        assert without_tokens(texts.get("text/html", "")) == without_tokens(page), pair.name


@pytest.mark.parametrize("kind", ["twilio"])
def test_a_text_message_arrives_as_it_was_shown(kind: str, stage: Stage, actor: Actor) -> None:
    for pair in carried(stage, actor, {name: {"text": text} for name, text in TEXTS.items()}):
        rendered = pair.shown.preview.rendered
        assert isinstance(rendered, RenderedSms)
        assert pair.raw.decode() == rendered.text, pair.name


@pytest.mark.parametrize("kind", ["fcm", "apns"])
def test_a_push_arrives_as_it_was_shown(kind: str, stage: Stage, actor: Actor) -> None:
    for pair in carried(stage, actor, PUSHES):
        assert isinstance(pair.shown.preview.rendered, RenderedPush)
        assert pair.shown.asked.request is not None
        told = pair.request.partition(b"\r\n\r\n")[2]
        assert key_settled(told) == key_settled(pair.shown.asked.request.body), pair.name


def carried(stage: Stage, actor: Actor, written: dict[str, dict[str, Any]]) -> Iterator[Pair]:
    """Each content with its preview, taken before it was sent, and with what the emulator has of it afterwards."""
    drafts = [
        (name, ADDRESSES[stage.channel](number), _write(stage, content, ADDRESSES[stage.channel](number)))
        for number, (name, content) in enumerate(written.items(), start=1)
    ]
    shown = {name: _look(stage, actor, message_id) for name, _, message_id in drafts}
    with stage.machine.database.begin() as session:
        rows = session.query(Message).filter(Message.id.in_([message_id for *_, message_id in drafts])).all()
        for row in rows:
            lifecycle.start(session, row, MessageEvent.SEND, stage.clock.now())
        pks = [int(row.pk) for row in rows]
    for pk in pks:
        fanout.expand(stage.machine, pk)
        stage.carry(pk)
    arrived = {row.recipient: stage.outbox.get(row.id) for row in stage.outbox.newest(limit=len(drafts) + 10)}
    for name, address, _ in drafts:
        received = arrived.get(address)
        assert received is not None, f"{name} did not arrive"
        yield Pair(name, shown[name], received.raw, received.request)


def _write(stage: Stage, content: dict[str, Any], address: str) -> str:
    """A draft of that content to one person, who has values for its variables; its id."""
    with stage.machine.database.begin() as session:
        contact = factories.make_contact(session, name=NAME, **VALUES)
        target = factories.make_target(session, contact, address=address, channel=stage.channel)
        if stage.channel == "push":
            target.provider_pk = stage.provider_pk
        topic = factories.make_topic(session, targets=[target], name=address[:60])
        links = "_url }}" in str(content.get("body", ""))
        audience = {"topics": [topic.id]} if links else {"targets": [target.id]}
        written = _with_files(stage, session, content)
        message = factories.make_message(session, content=written, audience=audience, channel=stage.channel)
        message.provider_pk = stage.provider_pk
        return str(message.id)


def _look(stage: Stage, actor: Actor, message_id: str) -> Shown:
    with stage.workshop.read(actor) as work:
        message = messages.find(work, message_id)
        made = preview.preview(work, message)
        provider = work.session.get_one(Provider, stage.provider_pk)
        asked = exact_request.ask(work, message, made, provider)
        return Shown(made, asked, preview.page_of(made) if stage.channel == "email" else "")


def _with_files(stage: Stage, session: Any, content: dict[str, Any]) -> dict[str, Any]:
    """The content with files in the store for the names it has; `{name}` in the body becomes the file's id."""
    named = {name: content[name] for name in ("attachments", "images") if name in content}
    if not named:
        return content
    bucket = Bucket(
        id=factories.number(), project_pk=1, name="B", permissions=[], maximum_file_size=10**9, allowed_extensions=[],
        created_at=START, updated_at=START,
    )  # fmt: skip
    session.add(bucket)
    session.flush()
    body = content["body"]
    kept: dict[str, Any] = {}
    for field, names in named.items():
        kept[field] = [[bucket.id, _store(stage, session, bucket, name)] for name in names]
        for name, (_, file_id) in zip(names, kept[field], strict=True):
            body = body.replace(f"{{{name}}}", file_id)
    return {**content, **kept, "body": body}


def _store(stage: Stage, session: Any, bucket: Bucket, name: str) -> str:
    octets = name.encode() * 50
    kind = "image/png" if name.endswith(".png") else "application/pdf"
    row = File(
        id=factories.number(), project_pk=1, bucket_pk=bucket.pk, name=name, permissions=[], mime_type=kind,
        size_original=len(octets), compression=bucket.compression, encryption=bucket.encryption,
        sealed_key=contents.seal_new_key(stage.machine.vault), created_at=START, updated_at=START,
    )  # fmt: skip
    session.add(row)
    session.flush()
    plan = Plan(contents.folder_of(row), contents.encoding_of(row, stage.machine.vault))
    row.store_key = contents.write_contents(open_store(stage.machine.settings), [octets], plan).key
    return str(row.id)


# --- emails: the letter, its parts, and the frame ---


def email_differs(pair: Pair) -> str:
    """Where an email that arrived differs from what was shown; empty when it does not."""
    rendered, request = pair.shown.preview.rendered, pair.shown.asked.request
    assert isinstance(rendered, RenderedEmail)
    assert request is not None, pair.shown.asked.trouble
    if "/u/" not in rendered.text + rendered.html and settled(pair.raw) != settled(request.letter):
        return "the letter"
    ours, theirs = message_from_bytes(request.letter), message_from_bytes(pair.raw)
    if heads(ours) != heads(theirs):
        return f"the header fields {heads(ours)} and {heads(theirs)}"
    if [opened(part) for part in ours.walk()] != [opened(part) for part in theirs.walk()]:
        return "a part"
    texts = {part.get_content_type(): words_of(part) for part in theirs.walk() if part.get_content_maintype() == "text"}
    if without_tokens(texts["text/plain"]) != without_tokens(ended(rendered.text)):
        return "the plain text"
    if rendered.html and without_tokens(texts["text/html"]) != without_tokens(ended(pair.shown.frame)):
        return "the page in the frame"
    return ""


def settled(letter: bytes) -> bytes:
    """A letter without what is made anew for each delivery."""
    letter = re.sub(rb"=_[0-9a-f]{24}", b"boundary", letter)
    letter = re.sub(rb"\r\nDate: [^\r]+", b"\r\nDate: then", letter, count=1)
    return re.sub(rb"\r\nMessage-ID: <[^@]+@", b"\r\nMessage-ID: <key@", letter, count=1)


def heads(letter: Mail) -> list[tuple[str, str]]:
    """The header fields in their order, as they travel, without what the page says is different."""
    varying = {"Date", "Message-ID", "Content-Type"}
    return [(name, "" if name in varying else without_tokens(str(value))) for name, value in letter.items()]


def opened(part: Mail) -> tuple[str, str, bytes]:
    """A part's type, its name, and what it holds."""
    held = b"" if part.is_multipart() else part.get_payload(decode=True)
    assert isinstance(held, bytes)
    is_words = part.get_content_maintype() == "text"
    said = without_tokens(held.decode()).encode() if is_words else held
    return part.get_content_type(), str(part.get_filename()), said


def words_of(part: Mail) -> str:
    held = part.get_payload(decode=True)
    assert isinstance(held, bytes)
    return held.decode().replace("\r\n", "\n")


def ended(text: str) -> str:
    """The text as a letter carries it: with a line's end at its end."""
    return text if text.endswith("\n") else f"{text}\n"


def without_tokens(text: str) -> str:
    """A text whose unsubscribe links all have the same end."""
    return re.sub(r"/u/[\w-]{20,}", "/u/token", text)


def key_settled(body: bytes) -> bytes:
    """A notification's JSON without the delivery's key, and without what is made of it."""
    body = re.sub(rb'("(?:tag|apns-collapse-id|apns-id|collapse_key)": ?)"[^"]*"', rb'\1"key"', body)
    return re.sub(rb'("apns-expiration": ?)"\d+"', rb'\1"then"', body)
