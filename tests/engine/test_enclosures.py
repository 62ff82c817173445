"""What travels with an email: files out of the store, decoded; its own reply-to; who stands in Cc."""

import email
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest

from app.domain.message_states import MessageEvent
from app.domain.provider_spec import GENERAL_LIMIT, encoded_size
from app.domain.rendered import NO_EXTRAS, Extras
from app.engine import dispatch, enclosures, fanout, lifecycle
from app.engine.machine import Machine
from app.models.files import Bucket, File
from app.models.messages import Message
from app.models.providers import Provider
from app.storage import StoreError, contents, open_store
from app.storage.contents import Plan
from tests import factories
from tests.conftest import START, FakeClock
from tests.engine import story
from tests.engine.conftest import MailServer

REPORT = bytes(range(256)) * 40
DATES: dict[str, Any] = {"created_at": START, "updated_at": START}


@pytest.fixture(autouse=True)
def _forget_files() -> None:
    enclosures._kept.clear()


def _bucket(machine: Machine, **columns: Any) -> Bucket:
    with machine.database.begin() as session:
        row = Bucket(
            id=factories.number(), project_pk=1, name="Reports", permissions=[], maximum_file_size=10**9,
            allowed_extensions=[], **DATES, **columns,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row


def _file(machine: Machine, bucket: Bucket, content: bytes = REPORT, name: str = "report.pdf") -> File:
    """A file of that bucket, written into the store as the bucket wishes."""
    with machine.database.begin() as session:
        row = File(
            id=factories.number(), project_pk=1, bucket_pk=bucket.pk, name=name, permissions=[],
            mime_type="application/pdf", size_original=len(content), compression=bucket.compression,
            encryption=bucket.encryption, sealed_key=contents.seal_new_key(machine.vault), **DATES,
        )  # fmt: skip
        session.add(row)
        session.flush()
        plan = Plan(contents.folder_of(row), contents.encoding_of(row, machine.vault))
        row.store_key = contents.write_contents(open_store(machine.settings), [content], plan).key
        return row


def _message(machine: Machine, files: list[tuple[str, str]], people: int = 2, **content: Any) -> int:
    """A message to that many people with those files (bucket id, file id), started and fanned out."""
    with machine.database.begin() as session:
        targets = [
            factories.make_target(
                session, factories.make_contact(session, name="Ann"), address=f"{factories.number()}@example.org"
            )
            for _ in range(people)
        ]
        message = factories.make_message(session, audience={"targets": [target.id for target in targets]})
        message.content = message.content | {"attachments": [list(file) for file in files]} | content
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def _mails(mail: MailServer) -> list[EmailMessage]:
    raws = [mail.outbox.get(row.id).raw for row in mail.outbox.newest()]
    return [email.message_from_bytes(raw, policy=policy.default) for raw in raws]  # type: ignore[misc]


def _why(machine: Machine) -> list[tuple[str, str]]:
    rows = story.rows(machine, "SELECT DISTINCT reason, detail FROM attempts ORDER BY detail")
    return [tuple(row) for row in rows]  # type: ignore[misc]


@pytest.mark.parametrize(("compression", "encryption"), [("none", False), ("gzip", True), ("zstd", True)])
def test_everybody_gets_the_file_as_it_was_uploaded(
    any_machine: Machine, mail: MailServer, compression: str, encryption: bool
) -> None:
    story.connect(any_machine, mail)
    bucket = _bucket(any_machine, compression=compression, encryption=encryption)
    file = _file(any_machine, bucket, name="Bericht für Ann.pdf")
    pk = _message(any_machine, [(bucket.id, file.id)])
    dispatch.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 2}
    for message in _mails(mail):
        (part,) = message.iter_attachments()
        assert (part.get_filename(), part.get_content_type()) == ("Bericht für Ann.pdf", "application/pdf")
        assert part.get_content() == REPORT
        assert "Hello Ann" in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_message_has_its_own_reply_to(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail, replyToEmail="office@acme.example")
    dispatch.drain(machine, _message(machine, [], people=1, reply_to="help@acme.example", reply_to_name="Help"))
    dispatch.drain(machine, _message(machine, [], people=1))
    assert sorted(str(each["Reply-To"]) for each in _mails(mail)) == ["Help <help@acme.example>", "office@acme.example"]


def test_cc_names_those_who_get_a_copy_and_bcc_nobody(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    with machine.database.begin() as session:
        names = ("ann", "ben", "cleo", "dora", "old")
        people = {
            name: factories.make_target(
                session, factories.make_contact(session, name=""), address=f"{name}@x.org", is_expired=name == "old"
            )
            for name in names
        }
        factories.make_suppression(session, "dora@x.org")
        ids = {name: target.id for name, target in people.items()}
        audience = {"targets": [ids["ann"]], "cc": [ids["ben"], ids["dora"], ids["old"], "gone"], "bcc": [ids["cleo"]]}
        message = factories.make_message(session, audience=audience)
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    dispatch.drain(machine, message.pk)
    assert {(str(each["To"]), str(each["Cc"]), each["Bcc"]) for each in _mails(mail)} == {
        (f"{name}@x.org", "ben@x.org", None) for name in ("ann", "ben", "cleo")
    }


@pytest.mark.parametrize("what", ["row", "bucket", "bytes", "pending"])
def test_a_file_that_vanished_fails_everybody_for_good_with_a_sentence(
    machine: Machine, mail: MailServer, what: str
) -> None:
    provider = story.connect(machine, mail)
    bucket = _bucket(machine)
    file = _file(machine, bucket)
    pk = _message(machine, [(bucket.id, file.id)])
    with machine.database.begin() as session:
        row = session.get_one(File, file.pk)
        match what:
            case "row":
                session.delete(row)
            case "bucket":
                session.delete(session.get_one(Bucket, bucket.pk))
            case "bytes":
                open_store(machine.settings).delete([row.store_key])
            case _:
                row.store_key = ""
    assert dispatch.drain(machine, pk) == 2
    assert story.counts(machine, pk) == {"failed": 2}
    ((reason, detail),) = _why(machine)
    assert reason == "attachment_missing"
    assert "attachment" in detail
    assert mail.recipients() == []
    with machine.database.read() as session:
        assert session.get_one(Provider, provider).blocked_at is None
    assert story.rows(machine, "SELECT pk FROM suppressions") == []


def test_a_file_that_was_tampered_with_is_not_sent(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    bucket = _bucket(machine, encryption=True)
    file = _file(machine, bucket)
    open_store(machine.settings).put(file.store_key, b"something else")
    dispatch.drain(machine, _message(machine, [(bucket.id, file.id)]))
    assert [reason for reason, _ in _why(machine)] == ["attachment_missing"]


def test_while_the_store_is_away_the_message_waits_and_says_why(
    machine: Machine, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.connect(machine, mail)
    bucket = _bucket(machine)
    file = _file(machine, bucket)
    pk = _message(machine, [(bucket.id, file.id)])
    with monkeypatch.context() as patch:
        patch.setattr(enclosures, "read_contents", _raise_away)
        assert dispatch.drain(machine, pk) == 0
    assert story.counts(machine, pk) == {"queued": 2}
    waits = story.message(machine, pk).waiting_reason
    assert waits == "The attachment report.pdf cannot be read now: the store does not answer"
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"sent": 2}
    assert story.message(machine, pk).waiting_reason == ""


def _raise_away(*_: object) -> bytes:
    raise StoreError("the store does not answer")


def test_attachments_that_are_too_large_for_every_provider_are_not_even_read(
    machine: Machine, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.connect(machine, mail)
    bucket = _bucket(machine)
    file = _file(machine, bucket)
    with machine.database.begin() as session:
        session.get_one(File, file.pk).size_original = 10**9
    monkeypatch.setattr(enclosures, "read_contents", _raise_away)
    pk = _message(machine, [(bucket.id, file.id)])
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"failed": 2}
    ((reason, detail),) = _why(machine)
    assert reason == "too_large"
    assert detail == "The message has 1.3 GB with its files on their way; Mail takes 34 MB."


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 10_000])
def test_the_size_on_the_way_is_the_one_that_is_reckoned_with(size: int) -> None:
    lines = (bytes(size)[at : at + 57] for at in range(0, size, 57))
    assert sum(len(line) for line in lines) == size
    assert encoded_size(size) >= -(-size * 4 // 3)
    assert encoded_size(25 * 1024 * 1024) == GENERAL_LIMIT


def test_a_file_is_read_once_for_many_jobs_and_the_memory_for_it_is_bounded(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    real = enclosures.read_contents
    monkeypatch.setattr(enclosures, "read_contents", lambda *given: reads.append(given[2].name) or real(*given))
    monkeypatch.setattr(enclosures, "KEPT_AT_MOST", 2 * len(REPORT))
    bucket = _bucket(machine)
    files = [_file(machine, bucket, name=name) for name in ("a", "b", "c")]
    pks = [_message(machine, [(bucket.id, file.id)], people=1) for file in files]
    for at in (0, 0, 1, 0, 2, 0, 1):
        _extras(machine, pks[at])
    assert reads == ["a", "b", "c", "b"], "what was used least recently goes first"
    assert sum(map(len, enclosures._kept.values())) <= 2 * len(REPORT)


def test_a_message_without_anything_costs_nothing(machine: Machine) -> None:
    assert _extras(machine, _message(machine, [], people=1)) is NO_EXTRAS


def test_a_repaired_message_is_sent_when_it_is_tried_again(
    machine: Machine, mail: MailServer, moving: FakeClock
) -> None:
    story.connect(machine, mail)
    bucket = _bucket(machine)
    file = _file(machine, bucket)
    pk = _message(machine, [(bucket.id, file.id)], people=1)
    with machine.database.begin() as session:
        row = session.get_one(File, file.pk)
        key, row.store_key = row.store_key, ""
    dispatch.drain(machine, pk)
    assert story.message(machine, pk).status == "failed"
    with machine.database.begin() as session:
        session.get_one(File, file.pk).store_key = key
    story.retry(machine, pk)
    dispatch.drain(machine, pk)
    assert len(mail.recipients()) == 1


def _extras(machine: Machine, pk: int) -> Extras:
    with machine.database.read() as session:
        return enclosures.extras_of(machine, session.get_one(Message, pk), session)


def test_an_image_of_the_body_travels_beside_it_and_one_that_is_shown_no_more_stays_at_home(
    any_machine: Machine, mail: MailServer
) -> None:
    story.connect(any_machine, mail)
    bucket = _bucket(any_machine)
    hat, gone = _file(any_machine, bucket, b"hat", "hat.png"), _file(any_machine, bucket, b"gone", "gone.png")
    report = _file(any_machine, bucket, name="report.pdf")
    images = [[bucket.id, hat.id], [bucket.id, gone.id]]
    pk = _message(
        any_machine, [(bucket.id, report.id)], 1, format="markdown", body=f"A ![Hat](cid:{hat.id})", images=images
    )
    dispatch.drain(any_machine, pk)
    [message] = _mails(mail)
    [attached] = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("report.pdf", REPORT)
    [image] = [part for part in message.walk() if part["Content-ID"]]
    assert (image["Content-ID"], image.get_content_disposition()) == (f"<{hat.id}>", "inline")
    assert image.get_payload(decode=True) == b"hat"
    page = message.get_body(("html",))
    assert page is not None
    assert f'src="cid:{hat.id}"' in page.get_content()


def test_a_message_has_its_own_sender_field_by_field(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail, fromName="Acme", fromEmail="news@acme.example")
    own = [{"from_name": "Ann"}, {"from_address": "ann@acme.example"}, {}]
    for content in own:
        dispatch.drain(machine, _message(machine, [], people=1, **content))
    assert sorted(str(each["From"]) for each in _mails(mail)) == [
        "Acme <ann@acme.example>", "Acme <news@acme.example>", "Ann <news@acme.example>",
    ]  # fmt: skip
    assert sorted(row.sender for row in mail.outbox.newest()) == [
        "ann@acme.example", "news@acme.example", "news@acme.example",
    ]  # fmt: skip


def test_a_refused_sender_of_a_messages_own_fails_that_message_and_never_rests_the_provider(
    any_machine: Machine, mail: MailServer
) -> None:
    provider_pk = story.connect(any_machine, mail)
    mail.turn("sender-refused")
    pk = _message(any_machine, [], people=2, from_address="somebody@else.example")
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"failed": 2}
    assert [reason for reason, _ in _why(any_machine)] == ["sender_refused"]
    with any_machine.database.read() as session:
        assert session.get_one(Provider, provider_pk).blocked_at is None
    usual = _message(any_machine, [], people=2)
    story.drain(any_machine, usual)
    assert story.counts(any_machine, usual) == {"queued": 2}
    with any_machine.database.read() as session:
        assert session.get_one(Provider, provider_pk).blocked_reason == "sender_refused"
