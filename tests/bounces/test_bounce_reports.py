"""What mail that comes back says: samples in the shapes of Postfix, Exim, Exchange, Gmail, Sendmail and qmail."""

import base64
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.bounce_reports import read_report
from app.domain.receipts import Receipt

PAYLOADS = Path(__file__).parent / "payloads"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BOUNDED = 3.0  # seconds that reading a mail of a megabyte may take on a busy machine; it takes a tenth
# name: event, reason, code, words that people are told
SAYS = {
    "postfix": ("bounced", "mailbox_unknown", "550 5.1.1", "User unknown in local recipient table"),
    "postfix_delayed": ("deferred", "unreachable", "4.4.1", "Connection timed out"),
    "exim": ("bounced", "mailbox_unknown", "550 5.1.1", "User doesn't exist"),
    "exim_policy": ("failed", "content_rejected", "550 5.0.0", "14.2 spam points"),
    "exchange": ("bounced", "domain_unknown", "550 5.1.10", "not found by SMTP address lookup"),
    "exchange_access_denied": ("failed", "unreachable", "554 5.4.4", "nonexistent domain"),
    "gmail": ("bounced", "mailbox_unknown", "550 5.1.1", "does not exist. Please try double-checking"),
    "gmail_full": ("failed", "mailbox_full", "552 5.2.2", "out of storage space"),
    "sendmail": ("bounced", "mailbox_unknown", "550 5.1.1", "User unknown"),
    "sendmail_expired": ("expired", "expired", "4.4.7", "Reported by relay.example.edu"),
    "qmail": ("bounced", "mailbox_unknown", "550 5.1.1", "no mailbox here by that name"),
    "qmail_remote": ("bounced", "mailbox_unknown", "550 5.0.0", "User unknown"),
    "delivered": ("delivered", None, "2.0.0", "stored"),
    "complaint": ("complained", None, "abuse", "Reported as abuse"),
    "opt_out": ("unsubscribed", None, "opt-out", "Reported as opt-out"),
    "not_spam": ("unknown", None, "not-spam", "Reported as not-spam"),
}


def sample(name: str) -> bytes:
    return (PAYLOADS / f"{name}.eml").read_bytes().replace(b"\n", b"\r\n")


def read(raw: bytes, *, is_from_nobody: bool = True) -> list[Receipt]:
    return list(read_report(raw, NOW, is_from_nobody=is_from_nobody).receipts)


@pytest.mark.parametrize("name", SAYS)
def test_what_a_server_says_is_understood(name: str) -> None:
    (receipt,) = read(sample(name))
    event, reason, code, words = SAYS[name]
    assert (receipt.event.value, receipt.reason and receipt.reason.value, receipt.code) == (event, reason, code)
    assert words in receipt.detail
    assert "\n" not in receipt.detail
    assert receipt.raw.startswith(sample(name)[:40].decode())


@pytest.mark.parametrize("name", ["vacation", "vacation_plain", "read_receipt"])
def test_an_answer_of_a_person_or_its_machine_says_nothing(name: str) -> None:
    assert read(sample(name)) == []


def test_every_sample_is_read_by_a_test() -> None:
    known = {*SAYS, "vacation", "vacation_plain", "read_receipt", "list_half"}
    assert {path.stem for path in PAYLOADS.glob("*.eml")} == known


def test_a_list_of_which_one_member_is_gone_is_not_a_dead_address() -> None:
    assert [each.event.value for each in read(sample("list_half"))] == ["sent", "failed"]


def test_the_same_report_has_the_same_name_and_another_one_another() -> None:
    assert read(sample("postfix"))[0].event_id == read(sample("postfix"))[0].event_id
    again = sample("postfix").replace(b"4F1B22C1A7@", b"5A1B22C1A7@")
    assert read(again)[0].event_id != read(sample("postfix"))[0].event_id
    assert len({each.event_id for each in read(sample("list_half"))}) == 2


def test_the_moment_of_a_report_is_believed_only_where_it_can_be() -> None:
    assert read(sample("sendmail"))[0].at == datetime(2026, 11, 21, 9, 0, 6, tzinfo=UTC)
    assert read(sample("sendmail").replace(b"21 Nov 2026 09:00:06", b"21 Nov 1996 09:00:06"))[0].at is None
    assert read(sample("sendmail").replace(b"Last-Attempt-Date: Sat, 21", b"Last-Attempt-Date: 99"))[0].at is None


def test_a_mail_that_is_no_report_and_has_a_sender_is_no_bounce() -> None:
    assert read(sample("qmail"), is_from_nobody=False) == []
    assert read(sample("postfix"), is_from_nobody=False), "a report is one, whoever its envelope names"


def test_what_the_copy_of_our_mail_says_is_not_taken_for_the_report() -> None:
    """It is quoted below a line; its subject names a code of its own."""
    without = sample("qmail").replace(b"Sorry, no mailbox here by that name. (#5.1.1)", b"Sorry.")
    assert read(without) == []


@pytest.mark.parametrize("status", ["5.7.1", "5.7.26", "5.7.515", "5.7.0", "5.2.2", "5.4.4", "5.3.4", "5.6.0", "5.5.0"])
def test_what_is_not_the_address_never_suppresses_it(status: str) -> None:
    raw = sample("postfix").replace(b"Status: 5.1.1", f"Status: {status}".encode())
    (receipt,) = read(raw.replace(b"550 5.1.1", f"550 {status}".encode()))
    assert receipt.event.value == "failed"


def test_the_other_servers_own_words_sharpen_what_the_report_says() -> None:
    vague = sample("postfix").replace(b"Status: 5.1.1", b"Status: 5.0.0")
    assert read(vague)[0].event.value == "bounced"
    policy = sample("postfix").replace(b"smtp; 550 5.1.1", b"smtp; 550 5.7.1")
    assert read(policy)[0].event.value == "failed", "whoever was refused by policy is not dead"


def test_a_report_in_base64_is_read_all_the_same() -> None:
    head, _, rest = sample("delivered").partition(b"Content-Type: message/delivery-status\r\n\r\n")
    body, mark, tail = rest.partition(b"\r\n--ok--")
    coded = b"Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    (receipt,) = read(head + coded + base64.encodebytes(body).replace(b"\n", b"\r\n") + mark + tail)
    assert receipt.event.value == "delivered"


def test_a_complaint_quotes_the_address_that_we_sent_from() -> None:
    assert read_report(sample("complaint"), NOW, is_from_nobody=False).quoted == ("bounce+1-1-0-0",)


# mail that was made to hurt


def nested(depth: int) -> bytes:
    head = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
    )
    return b"From: mailer-daemon@x\r\nMIME-Version: 1.0\r\n" + head + b"Content-Type: text/plain\r\n\r\n550 5.1.1\r\n"


def parts(total: int) -> bytes:
    head = b'From: mailer-daemon@x\r\nContent-Type: multipart/report; boundary="b"\r\n\r\n'
    return head + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * total + b"--b--\r\n"


MEGABYTE = 1024 * 1024
ROBOT = b"From: mailer-daemon@x\r\n"
STATUS = b"Content-Type: message/delivery-status\r\n"
HOSTILE = {
    "ten thousand parts": parts(10_000),
    "a hundred thousand delimiters": b'Content-Type: multipart/report; boundary="b"\r\n\r\n' + b"--b\r\n" * 100_000,
    "a thousand levels": nested(1000),
    "ten thousand levels": nested(10_000),
    "mails within mails": b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
    "a field of a megabyte": b"Subject: " + b"fail " * (MEGABYTE // 5) + b"\r\n\r\n550 5.1.1",
    "a field folded for ever": b"Subject: x" + b"\r\n fail" * (MEGABYTE // 7) + b"\r\n\r\n550 5.1.1",
    "a hundred thousand fields": b"X: y\r\n" * 150_000 + b"\r\n",
    "parameters without end": b"Content-Type: multipart/report" + b'; a*0*="x"' * 100_000 + b"\r\n\r\n",
    "quotes without end": b"Content-Type: multipart/report; boundary=" + b'"\\' * 500_000 + b"\r\n\r\n",
    "comments in comments": b"From: " + b"(" * 500_000 + b"mailer-daemon@x\r\nSubject: fail\r\n\r\n550 5.1.1",
    "a date of comments": b"From: mailer-daemon@x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: x\r\n"
    b"\r\nFinal-Recipient: x\r\nAction: failed\r\nStatus: 5.1.1\r\nLast-Attempt-Date: " + b"(" * 500_000,
    "groups without end": b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\nStatus: 5.1.1\r\n\r\n"
    * 30_000,
    "empty groups": b"Content-Type: message/delivery-status\r\n\r\n" + b" \r\n\r\n" * 200_000,
    "blanks": b"Content-Type: message/delivery-status\r\n\r\n" + b" " * MEGABYTE,
    "digits": b"From: mailer-daemon@x\r\n\r\n" + b"5.5.5.5." * (MEGABYTE // 8),
    "dashes": b"From: mailer-daemon@x\r\nSubject: fail\r\n\r\n" + b"-" * MEGABYTE,
    "a codec that costs": ROBOT + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a" * MEGABYTE,
    "a codec that unpacks": ROBOT + b"Content-Type: text/plain; charset=zlib_codec\r\n\r\n\x78\x9c" + b"\xff" * 1000,
    "no line end at all": b"\x00" * MEGABYTE,
    "only line ends": b"\r\n" * (MEGABYTE // 2),
    "bad base64": STATUS + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=" * MEGABYTE,
    "a boundary of spaces": b'Content-Type: multipart/report; boundary="b"\r\n\r\n--b' + b" " * MEGABYTE + b"x",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_costs_a_bounded_time_and_nothing_else(name: str) -> None:
    began = time.perf_counter()
    found = read(HOSTILE[name])
    assert time.perf_counter() - began < BOUNDED
    assert len(found) <= 50


PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/report; boundary=b\r\n", b'Content-Type: multipart/mixed; boundary="b\r\n',
        b"Content-Type: multipart/report; boundary*0*=utf-8''b; boundary*2=c\r\n", b"\r\n", b"--b\r\n", b"--b--\r\n",
        STATUS, ROBOT, b"Content-Type: message/feedback-report\r\n", b"Action: failed\r\n", b"Status: 5.1.1\r\n",
        b"Status: 9.99.999999\r\n", b"Final-Recipient: rfc822; x\r\n", b"Feedback-Type: abuse\r\n", b"\xff\xfe\x00",
        b"Diagnostic-Code: smtp; 550-5.1.1 a\r\n 550 5.1.1 b\r\n", b"Original-Mail-From: <>\r\n", b"=\r\n",
        b"Last-Attempt-Date: Thu, 99 Foo 99999 99:99:99 +9999\r\n", b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n", b"Subject: fail\r\n", b"said: 550 no\r\n",
    ]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(st.one_of(PIECES, st.binary(max_size=30)), max_size=40).map(b"".join), st.booleans())
def test_no_mail_whatsoever_raises(raw: bytes, is_from_nobody: bool) -> None:
    for receipt in read(raw, is_from_nobody=is_from_nobody):
        assert receipt.event_id
        assert len(receipt.code) <= 32
        assert len(receipt.detail) <= 300
