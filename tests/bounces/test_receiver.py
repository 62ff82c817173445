"""The receiver of bounces, spoken to over a socket: what it takes, what it refuses, what it never does."""

import smtplib
import socket
import ssl
import time
from contextlib import suppress

import pytest
import trustme
from sqlalchemy.exc import OperationalError

from app import bounces as room
from app.bounces import Receiver, ReceiverError
from app.domain.return_paths import ReturnPaths, day_of
from app.infra.vault import Vault
from app.models.feedback import FeedbackEvent
from app.models.suppressions import Suppression
from app.services.tracking import bounces
from app.services.work import Workshop
from tests.bounces.conftest import DOMAIN, SECRET, Mailroom, Sent
from tests.bounces.test_bounce_reports import HOSTILE, sample


def suppressed(mailroom: Mailroom) -> list[tuple[str, str]]:
    return [(row.address_key, row.reason) for row in mailroom.rows(Suppression)]


def test_a_bounce_is_kept_and_the_address_is_suppressed(mailroom: Mailroom, sent: Sent) -> None:
    assert mailroom.send(sent.local, sample("postfix"))[0] == 250
    (row,) = mailroom.rows(FeedbackEvent)
    assert (row.event, row.code, row.is_proven) == ("bounced", "550 5.1.1", True)
    with mailroom.shop.database.read() as session:
        assert "Diagnostic-Code" in session.get_one(FeedbackEvent, row.pk).raw
    assert mailroom.shop.broker.waiting()["bulk"] >= 1
    assert sent.state_after_all() == "bounced"
    assert suppressed(mailroom) == [("person0@example.org", "hard_bounce")]


def test_whom_a_mail_names_inside_is_never_believed(mailroom: Mailroom, sent: Sent) -> None:
    """All samples name other addresses; only the one that we sent to is touched."""
    mailroom.send(sent.local, sample("gmail"))
    sent.state_after_all()
    assert {address for address, _ in suppressed(mailroom)} == {"person0@example.org"}


def test_the_words_of_an_old_server_count_only_from_nobody(mailroom: Mailroom, sent: Sent) -> None:
    mailroom.send(sent.local, sample("qmail"), sender="ann@example.com")
    assert mailroom.rows(FeedbackEvent) == []
    mailroom.send(sent.local, sample("qmail"))
    assert [row.event for row in mailroom.rows(FeedbackEvent)] == ["bounced"]


def test_a_delay_changes_no_state_and_stands_in_the_story(mailroom: Mailroom, sent: Sent) -> None:
    mailroom.send(sent.local, sample("postfix_delayed"))
    assert sent.state_after_all() == "sent"
    assert [row.event for row in mailroom.rows(FeedbackEvent)] == ["deferred"]


@pytest.mark.parametrize("name", ["exim_policy", "gmail_full", "exchange_access_denied", "sendmail_expired"])
def test_a_failure_that_is_not_the_address_fails_and_suppresses_nobody(
    name: str, mailroom: Mailroom, sent: Sent
) -> None:
    mailroom.send(sent.local, sample(name))
    assert sent.state_after_all() == "failed"
    assert suppressed(mailroom) == []


def test_a_complaint_suppresses_and_leaves_the_state(mailroom: Mailroom, sent: Sent) -> None:
    mailroom.send(sent.local, sample("complaint"), sender="feedback@fbl.example")
    assert sent.state_after_all() == "sent"
    assert suppressed(mailroom) == [("person0@example.org", "complaint")]


def test_a_complaint_to_the_common_address_finds_the_delivery_by_what_it_quotes(mailroom: Mailroom, sent: Sent) -> None:
    quoting = sample("complaint").replace(b"bounce+1-1-0-0", sent.local.encode())
    mailroom.send(sent.complaints, quoting, sender="feedback@fbl.example")
    sent.state_after_all()
    assert suppressed(mailroom) == [("person0@example.org", "complaint")]


def test_a_complaint_that_quotes_an_address_nobody_signed_is_dropped(mailroom: Mailroom, sent: Sent) -> None:
    assert mailroom.send(sent.complaints, sample("complaint"))[0] == 250
    assert mailroom.rows(FeedbackEvent) == []


def test_the_same_bounce_twice_is_kept_once(mailroom: Mailroom, sent: Sent) -> None:
    assert [mailroom.send(sent.local, sample("postfix"))[0] for _ in range(3)] == [250] * 3
    assert len(mailroom.rows(FeedbackEvent)) == 1


def test_a_bad_signature_gets_its_250_and_touches_nothing(mailroom: Mailroom, sent: Sent) -> None:
    wrong = sent.local[:-1] + ("0" if sent.local[-1] != "0" else "1")
    assert mailroom.send(wrong, sample("postfix"))[0] == 250
    assert mailroom.rows(FeedbackEvent) == []
    assert sent.state_after_all() == "sent"


def test_an_address_of_another_installation_or_of_a_gone_delivery_touches_nothing(
    mailroom: Mailroom, sent: Sent
) -> None:
    day = day_of(mailroom.shop.clock.now())
    strange = ReturnPaths(Vault(["another key that is long enough for all"]).signing_key("bounces"), 1)
    ours = ReturnPaths(mailroom.shop.vault.signing_key("bounces"), sent.stage.provider_pk)
    pk = sent.stage.key.partition(".")[0]
    for local in (strange.of(sent.stage.key, day), ours.of(f"{pk}.another", day), ours.of("999999.x", day)):
        assert mailroom.send(local, sample("postfix"))[0] == 250
    nobodys = ReturnPaths(mailroom.shop.vault.signing_key("bounces"), 999).of(sent.stage.key, day)
    assert mailroom.send(nobodys, sample("postfix"))[0] == 250
    assert mailroom.rows(FeedbackEvent) == []


def test_a_rotated_key_still_opens_what_it_signed(mailroom: Mailroom, sent: Sent) -> None:
    mailroom.shop.vault = Vault(["the new key, which is long enough for all", SECRET])
    mailroom.send(sent.local, sample("postfix"))
    assert len(mailroom.rows(FeedbackEvent)) == 1


@pytest.mark.parametrize("name", ["vacation", "vacation_plain", "read_receipt"])
def test_answers_of_people_and_their_machines_are_taken_and_dropped(name: str, mailroom: Mailroom, sent: Sent) -> None:
    assert mailroom.send(sent.local, sample(name))[0] == 250
    assert mailroom.rows(FeedbackEvent) == []


@pytest.mark.parametrize(
    "address",
    ["ann@example.com", f"postmaster@{DOMAIN}", "root", f"bounce@{DOMAIN}", "bounce+x@example.com", "@a,@b:c@d"],
)
def test_nothing_is_passed_on_to_anybody(address: str, mailroom: Mailroom) -> None:
    with mailroom.connect() as client:
        client.mail("")
        assert client.rcpt(address)[0] in (550, 553)
        assert client.docmd("DATA")[0] == 503


def test_it_offers_no_sign_in_and_no_list_of_who_is_there(mailroom: Mailroom) -> None:
    with mailroom.connect() as client:
        assert not client.has_extn("auth")
        assert not client.has_extn("starttls")
        assert client.has_extn("size")
        assert client.docmd("EXPN", "all")[0] == 502
        assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] >= 500


def test_a_mail_that_is_too_large_is_refused(mailroom: Mailroom, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LARGEST", 50_000)
    assert mailroom.send(sent.local, sample("postfix") + b"x\r\n" * 20_000)[0] == 552
    assert mailroom.rows(FeedbackEvent) == []


def pour(client: smtplib.SMTP, piece: bytes) -> None:
    """Write without end; ends when the other side has hung up."""
    client.docmd("DATA")
    for _ in range(20_000):
        client.send(piece)
    raise AssertionError("it took everything")


@pytest.mark.parametrize("piece", [b"x" * 10_000, b"\r\n" * 5_000], ids=["a line", "lines"])
def test_one_who_never_ends_is_hung_up_on(piece: bytes, mailroom: Mailroom, sent: Sent) -> None:
    client = mailroom.connect()
    client.mail("")
    client.rcpt(f"{sent.local}@{DOMAIN}")
    with pytest.raises((OSError, smtplib.SMTPServerDisconnected)):
        pour(client, piece)
    client.close()
    assert mailroom.rows(FeedbackEvent) == []


def test_too_many_connections_of_one_are_told_so(mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_SESSIONS_OF_ONE", 2)
    held = [mailroom.connect() for _ in range(2)]
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        mailroom.connect()
    assert refused.value.smtp_code == 421
    for client in held:
        client.quit()
    end = time.monotonic() + 5
    while mailroom.receiver.open and time.monotonic() < end:
        time.sleep(0.01)
    mailroom.connect().quit()


def test_too_many_mails_in_a_minute_are_told_to_come_back(
    mailroom: Mailroom, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_IN_MINUTE", 2)
    with mailroom.connect() as client:
        answers = []
        for _ in range(3):
            answers.append(client.mail("")[0])
            client.rset()
    assert answers == [250, 250, 451]


def is_hung_up(client: smtplib.SMTP) -> bool:
    try:
        client.noop()
        client.noop()
    except (OSError, smtplib.SMTPServerDisconnected):
        return True
    finally:
        client.close()
    return False


def test_a_session_does_not_last_for_ever(mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SESSION_WITHIN", 0.2)
    client = mailroom.connect()
    time.sleep(0.5)
    assert is_hung_up(client)


def test_a_peer_that_says_nothing_is_hung_up_on(mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "COMMAND_WITHIN", 0.2)
    with socket.create_connection(("127.0.0.1", mailroom.port), timeout=5) as peer:
        assert peer.recv(200).startswith(b"220")
        assert peer.recv(200) == b""


def test_what_cannot_be_kept_is_asked_for_again(
    mailroom: Mailroom, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away for a moment: 451, and the next try is kept."""
    begin = mailroom.shop.database.begin

    def away() -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr(mailroom.shop.database, "begin", away)
    assert mailroom.send(sent.local, sample("postfix"))[0] == 451
    monkeypatch.setattr(mailroom.shop.database, "begin", begin)
    assert mailroom.send(sent.local, sample("postfix"))[0] == 250
    assert len(mailroom.rows(FeedbackEvent)) == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_does_not_keep_the_next_one_from_being_kept(name: str, mailroom: Mailroom, sent: Sent) -> None:
    began = time.monotonic()
    with suppress(OSError, smtplib.SMTPException):  # hung up on, or refused: its own affair
        mailroom.send(sent.local, HOSTILE[name][:1_000_000])
    assert time.monotonic() - began < 10
    assert mailroom.send(sent.local, sample("postfix"))[0] == 250
    assert any("User unknown" in row.detail for row in mailroom.rows(FeedbackEvent))


def test_several_recipients_of_one_mail_are_each_told(mailroom: Mailroom, sent: Sent) -> None:
    wrong = sent.local[:-1] + ("0" if sent.local[-1] != "0" else "1")
    with mailroom.connect() as client:
        client.sendmail("", [f"{wrong}@{DOMAIN}", f"{sent.local}@{DOMAIN}"], sample("postfix"))
    assert len(mailroom.rows(FeedbackEvent)) == 1


@pytest.mark.parametrize("shop", [{"bounces_protocol": "lmtp"}], indirect=True)
def test_it_speaks_lmtp_where_it_is_told_to(shop: Workshop, mailroom: Mailroom, sent: Sent) -> None:
    with smtplib.LMTP("127.0.0.1", mailroom.port, timeout=10) as client:
        client.sendmail("", [f"{sent.local}@{DOMAIN}"], sample("postfix"))
        assert client.docmd("EHLO", "x")[0] == 500
        assert client.docmd("LHLO", "x")[0] == 250
    assert len(mailroom.rows(FeedbackEvent)) == 1


def test_it_offers_starttls_where_it_has_a_certificate(shop: Workshop, request: pytest.FixtureRequest) -> None:
    authority = trustme.CA()
    path = shop.settings.data_dir / "bounces.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    shop.settings = shop.settings.but({"bounces_certificate": path})
    mailroom: Mailroom = request.getfixturevalue("mailroom")
    sent: Sent = request.getfixturevalue("sent")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with mailroom.connect() as client:
        client.starttls(context=context)
        client.ehlo()
        assert not client.has_extn("auth")
        client.sendmail("", [f"{sent.local}@{DOMAIN}"], sample("postfix"))
    assert len(mailroom.rows(FeedbackEvent)) == 1


def test_a_certificate_that_cannot_be_used_is_named_in_words(shop: Workshop) -> None:
    path = shop.settings.data_dir / "none.pem"
    shop.settings = shop.settings.but({"bounces_certificate": path})
    with pytest.raises(ReceiverError, match=r"CARILLON_BOUNCES_CERTIFICATE names a PEM file"):
        Receiver(shop)


def test_a_service_that_is_told_of_no_address_of_ours_does_nothing(shop: Workshop) -> None:
    assert bounces.take(shop, ["ann", "bounce+1"], sample("postfix"), is_from_nobody=True) == 0
