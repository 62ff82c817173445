"""The SMTP emulator as any mail program meets it (the standard library's), and the process that runs it."""

import asyncio
import contextlib
import json
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time

import pytest

from app.emulators.faults import EVERYONE, FAULTS, Dial, Faults
from app.emulators.outbox import Arrival, Outbox, outbox_path
from app.emulators.smtp import SmtpEmulator, SmtpOptions

MAIL = "From: a@example.org\r\nTo: b@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n.dot\r\n"


class Stage:
    def __init__(self, outbox, faults, port):
        self.outbox, self.faults, self.port = outbox, faults, port

    def client(self, username=""):
        client = smtplib.SMTP("127.0.0.1", self.port, timeout=5)
        try:
            if username:
                client.login(username, "whatever")
        except smtplib.SMTPException:
            client.close()
            raise
        return client

    def send(self, *recipients, username=""):
        with self.client(username) as client:
            return client.sendmail("a@example.org", recipients, MAIL)


@contextlib.contextmanager
def running(tmp_path, options=None):
    """The emulator in a thread of its own."""
    outbox, faults = Outbox(tmp_path / "outbox.sqlite3"), Faults(tmp_path / "outbox.sqlite3")
    ready, ports, stop = threading.Event(), [], asyncio.Event()

    async def serve():
        emulator = SmtpEmulator(outbox, faults, options)
        ports.append((await emulator.start())[1])
        ports.append(asyncio.get_running_loop())
        ready.set()
        await stop.wait()
        await emulator.stop()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(5)
    try:
        yield Stage(outbox, faults, ports[0])
    finally:
        ports[1].call_soon_threadsafe(stop.set)
        thread.join(5)
        outbox.close()
        faults.close()


@pytest.fixture
def stage(tmp_path):
    with running(tmp_path) as made:
        yield made


def test_a_message_is_kept_once_for_each_recipient(stage):
    stage.send("b@example.com", "c@example.com", username="post")
    rows = stage.outbox.newest()
    assert [(row.recipient, row.sender, row.account, row.subject) for row in rows] == [
        ("c@example.com", "a@example.org", "post", "Grüße"),
        ("b@example.com", "a@example.org", "post", "Grüße"),
    ]
    assert stage.outbox.get(rows[0].id).raw == MAIL.encode()
    assert rows[0].size == len(MAIL)
    assert not rows[0].is_tls


def test_it_offers_what_makes_clients_fast(stage):
    with stage.client() as client:
        client.ehlo()
        assert {"pipelining", "size", "8bitmime", "smtputf8", "auth"} <= set(client.esmtp_features)


def test_commands_and_next_envelopes_may_come_in_one_piece(stage):
    with socket.create_connection(("127.0.0.1", stage.port), timeout=5) as raw:
        raw.sendall(b"EHLO x\r\n")
        envelope = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<%d@example.com>\r\nDATA\r\n"
        time.sleep(0.1)
        raw.sendall(envelope % 1)
        time.sleep(0.1)
        raw.sendall(b"Subject: 1\r\n\r\n1\r\n.\r\n" + envelope % 2)
        time.sleep(0.1)
        raw.sendall(b"Subject: 2\r\n\r\n2\r\n.\r\nQUIT\r\n")
        while raw.recv(65536):
            pass
    assert [row.recipient for row in stage.outbox.newest()] == ["2@example.com", "1@example.com"]


REPLIES = [(fault.name, int(fault.text[:3])) for fault in FAULTS.values() if fault.stage == "rcpt"]


@pytest.mark.parametrize(("name", "code"), REPLIES)
def test_an_address_asks_for_its_fault_by_its_tag(stage, name, code):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        stage.send(f"ann+{name}@example.com")
    assert refused.value.recipients[f"ann+{name}@example.com"][0] == code
    assert stage.outbox.count() == 0


@pytest.mark.parametrize(
    "name", [fault.name for fault in FAULTS.values() if (fault.stage, fault.act) == ("text", "reply")]
)
def test_a_tag_may_refuse_the_text(stage, name):
    with pytest.raises(smtplib.SMTPDataError) as refused:
        stage.send(f"ann+{name}@example.com")
    assert f"{refused.value.smtp_code} " in FAULTS[name].text
    assert stage.outbox.count() == 0


def test_a_tag_with_a_number_gives_up_after_that_many_times(stage):
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            stage.send("ann+throttled-2@example.com")
    stage.send("ann+throttled-2@example.com")
    assert stage.outbox.count() == 1


def test_a_tag_that_names_no_fault_is_an_address_like_any_other(stage):
    stage.send("ann+newsletter@example.com", "slow@example.com", "ann+2026@example.com")
    assert stage.outbox.count() == 3


@pytest.mark.parametrize(("name", "kept"), [("drop-after-dot", 1), ("lose-after-dot", 0), ("drop-before-body", 0)])
def test_a_tag_may_hang_up(stage, name, kept):
    with pytest.raises(smtplib.SMTPServerDisconnected):
        stage.send(f"ann+{name}@example.com")
    assert stage.outbox.count() == kept


def test_slow_takes_its_seconds_and_keeps_the_message(stage):
    began = time.monotonic()
    stage.send("ann+slow-1@example.com")
    assert 0.9 < time.monotonic() - began < 4
    assert stage.outbox.count() == 1


def test_the_dial_of_an_account_concerns_that_account(stage):
    stage.faults.turn(Dial("post", "wrong-password"))
    with pytest.raises(smtplib.SMTPAuthenticationError):
        stage.send("b@example.com", username="post")
    stage.send("b@example.com", username="other")
    assert [row.account for row in stage.outbox.newest()] == ["other"]


def test_a_refused_sender_is_refused_at_once(stage):
    stage.faults.turn(Dial("post", "sender-refused"))
    with pytest.raises(smtplib.SMTPSenderRefused):
        stage.send("b@example.com", username="post")


def test_a_dial_counts_down_and_then_accepts(stage):
    stage.faults.turn(Dial("post", "server-error", remaining=2))
    for _ in range(2):
        with pytest.raises(smtplib.SMTPDataError):
            stage.send("b@example.com", username="post")
    stage.send("b@example.com", username="post")
    assert stage.faults.dials() == [Dial("post", "server-error", remaining=0)]


def test_a_share_is_spread_evenly(stage):
    stage.faults.turn(Dial("post", "mailbox-full", share=25))
    with stage.client("post") as client:
        codes = []
        for number in range(20):
            client.mail("a@example.org")
            codes.append(client.rcpt(f"p{number}@example.com")[0])
            client.rset()
    assert codes == ([250] * 3 + [452]) * 5


def test_the_ceiling_takes_as_many_recipients_as_it_says(stage):
    stage.faults.turn(Dial(EVERYONE, "too-many-recipients", amount=2))
    refused = stage.send("a@example.com", "b@example.com", "c@example.com")
    assert list(refused) == ["c@example.com"]
    assert stage.outbox.count() == 2


@pytest.mark.parametrize(("name", "code"), [("banner-busy", 421), ("banner-refused", 554)])
def test_everyone_may_be_turned_away_at_the_door(stage, name, code):
    stage.faults.turn(Dial(EVERYONE, name))
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        stage.client()
    assert refused.value.smtp_code == code
    stage.faults.turn_off(EVERYONE)
    stage.send("b@example.com")


def test_pipelining_can_be_withheld(stage):
    stage.faults.turn(Dial(EVERYONE, "no-pipelining"))
    with stage.client() as client:
        client.ehlo()
        assert "pipelining" not in client.esmtp_features


def test_a_message_beyond_the_size_is_refused(tmp_path):
    with running(tmp_path, SmtpOptions(size=1000)) as stage, stage.client() as client:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            client.sendmail("a@example.org", ["b@example.com"], MAIL + "x" * 2000)
        assert refused.value.smtp_code == 552


@pytest.mark.parametrize("wrong", [Dial("a", "nonsense"), Dial("a", "slow", share=0), Dial("a", "slow", share=101),
                                   Dial("a", "slow", remaining=-1)])  # fmt: skip
def test_a_dial_that_makes_no_sense_is_refused(stage, wrong):
    with pytest.raises(ValueError, match=r"fault|share"):
        stage.faults.turn(wrong)


# the outbox


def arrive(outbox, number, account="post"):
    return outbox.keep(
        Arrival("smtp", account, "a@x.example", [f"p{number}@x.example"], f"No {number}", b"raw", "c1", True)
    )


@pytest.fixture
def outbox(tmp_path):
    made = Outbox(outbox_path(tmp_path), kept=100)
    yield made
    made.close()


def test_the_newest_come_first_and_page_by_page(outbox):
    for number in range(5):
        arrive(outbox, number)
    first = outbox.newest(limit=2)
    assert [row.subject for row in first] == ["No 4", "No 3"]
    assert [row.subject for row in outbox.newest(limit=9, before=first[-1].id)] == ["No 2", "No 1", "No 0"]
    assert (first[0].received_at.tzinfo is not None, first[0].raw, first[0].is_tls) == (True, b"", True)


@pytest.mark.parametrize(("search", "found"), [("P3@", 1), ("no ", 5), ("%", 0), ("_", 0), ("a@x", 5), ("zzz", 0)])
def test_a_search_looks_at_addresses_and_subjects(outbox, search, found):
    for number in range(5):
        arrive(outbox, number)
    assert outbox.count(search=search) == len(outbox.newest(search=search)) == found


def test_accounts_are_kept_apart(outbox):
    arrive(outbox, 1, "post")
    arrive(outbox, 2, "")
    assert outbox.accounts() == ["", "post"]
    assert [row.subject for row in outbox.newest(account="")] == ["No 2"]
    assert outbox.clear("post") == 1
    assert outbox.count() == 1
    assert outbox.clear() == 1


def test_only_the_newest_are_kept(outbox):
    for number in range(1000):
        arrive(outbox, number)
    assert outbox.count() == 100
    assert outbox.newest(1)[0].subject == "No 999"


def test_what_is_not_there_is_none(outbox):
    assert outbox.get(7) is None


# the process


def test_the_process_says_where_it_listens_and_stops_when_told(tmp_path):
    command = [sys.executable, "-m", "app.emulators", "--data-dir", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    addresses = tmp_path / "run" / "emulators.json"
    try:
        for _ in range(200):
            if addresses.exists():
                break
            time.sleep(0.05)
        where = json.loads(addresses.read_text())["smtp"]
        with smtplib.SMTP(where["host"], where["port"], timeout=5) as client:
            client.sendmail("a@example.org", ["b@example.com"], MAIL)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert not addresses.exists()
    kept = Outbox(outbox_path(tmp_path))
    assert kept.count() == 1
    kept.close()
