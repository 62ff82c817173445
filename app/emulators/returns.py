"""What a mail server sends back to the envelope sender: delivery reports (RFC 3464) and complaints (RFC 5965).

The dial or the recipient's own plus tag asks for it: `ann+late-bounce@example.org` is taken and bounces a moment later.
It goes by mail to one server, given on the command line, whatever domain the sender has; what that does not take is
sent again, as mail servers do.
"""

import asyncio
import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate, make_msgid

from app.emulators.faults import Fault, Faults

STAGES = ("receipts", "bounces")
LATER = 0.5  # seconds between taking a mail and sending word of it
AGAIN_AFTER = (0.2, 1.0, 5.0)  # seconds before each further try of one that was not taken
HOST = "mx.emulator.invalid"
_REPORTS = {
    "late-bounce": ("failed", "5.1.1", "550 5.1.1 No such mailbox here"),
    "late-refusal": ("failed", "5.7.1", "550 5.7.1 Message refused as spam"),
    "delayed": ("delayed", "4.4.1", "451 4.4.1 No answer from host"),
}
COMPLAINT = "complaint"
PLAYED = frozenset([COMPLAINT, *_REPORTS])  # the faults that send something back


@dataclass(frozen=True, slots=True)
class Posted:
    """One mail that was taken: who signed in, its envelope, its bytes, and what was asked of reports (RFC 3461)."""

    account: str
    sender: str
    recipients: Sequence[str]
    raw: bytes = field(repr=False)
    wishes: Mapping[str, str] = field(default_factory=dict)


class Returns:
    """What is on its way back. `to` is the host and port that takes it, None when nobody does."""

    def __init__(self, faults: Faults, to: tuple[str, int] | None, protocol: str = "smtp") -> None:
        self._faults = faults
        self._to = to
        self._client = smtplib.LMTP if protocol == "lmtp" else smtplib.SMTP
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def are_sent(self) -> bool:
        """Whether anything ever goes back."""
        return self._to is not None

    def tell(self, posted: Posted, kind: str) -> None:
        """Send back what the dial asks for, if anything. Returns at once. Nothing is ever sent to `<>`."""
        if self._to is None or posted.sender in ("", "<>") or "NEVER" in posted.wishes.get("NOTIFY", ""):
            return
        for recipient in posted.recipients:
            for stage in STAGES:
                struck = self._faults.strike(stage, posted.account, [recipient], kind)
                if struck is not None:
                    self._start(posted, recipient, *struck)

    def _start(self, posted: Posted, recipient: str, fault: Fault, amount: int) -> None:
        if fault.name == COMPLAINT:
            mail = write_complaint(posted, recipient)
        elif fault.name in _REPORTS:
            mail = write_report(posted, recipient, *_REPORTS[fault.name])
        else:
            return  # a mail server tells nothing of mail that went well
        task = asyncio.ensure_future(self._send(posted.sender, mail, amount or LATER))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Forget what is still on its way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, to: str, mail: bytes, wait: float) -> None:
        await asyncio.sleep(wait)
        for pause in (*AGAIN_AFTER, None):
            if await asyncio.to_thread(self._post, to, mail) or pause is None:
                break
            await asyncio.sleep(pause)

    def _post(self, to: str, mail: bytes) -> bool:
        """Whether nothing is left to do: it was taken, or refused for good."""
        if self._to is None:
            return True
        try:
            with self._client(*self._to, local_hostname=HOST, timeout=10) as server:
                server.sendmail("", [to], mail)
        except smtplib.SMTPRecipientsRefused as error:
            return all(code >= 500 for code, _ in error.recipients.values())
        except smtplib.SMTPResponseException as error:
            return int(error.smtp_code) >= 500
        except (OSError, smtplib.SMTPException):
            return False
        return True


def write_report(posted: Posted, recipient: str, action: str, status: str, reply: str) -> bytes:
    """A delivery report in the shape of RFC 3464, with the headers of the mail."""
    lines = [f"Reporting-MTA: dns; {HOST}"]
    if "ENVID" in posted.wishes:
        lines.append(f"Original-Envelope-Id: {posted.wishes['ENVID']}")
    lines += [f"Arrival-Date: {formatdate()}", "", f"Final-Recipient: rfc822; {recipient}"]
    if "ORCPT" in posted.wishes:
        lines.append(f"Original-Recipient: {posted.wishes['ORCPT']}")
    lines += [f"Action: {action}", f"Status: {status}", f"Diagnostic-Code: smtp; {reply}"]
    lines += [f"Last-Attempt-Date: {formatdate()}", ""]
    told = "is late" if action == "delayed" else "could not be delivered"
    return _report(
        posted, f"Your mail {told}", f"MAILER-DAEMON@{HOST}", "delivery-status",
        f"The mail to {recipient} {told}: {reply}", "\r\n".join(lines),
    )  # fmt: skip


def write_complaint(posted: Posted, recipient: str) -> bytes:
    """A complaint in the shape of RFC 5965; who complained is left out, as services do."""
    fields = [
        "Feedback-Type: abuse", "User-Agent: Carillon-emulator/1", "Version: 1",
        f"Original-Mail-From: <{posted.sender}>", f"Arrival-Date: {formatdate()}",
        f"Reported-Domain: {recipient.rpartition('@')[2]}", "",
    ]  # fmt: skip
    return _report(
        posted, "Complaint about a mail", f"feedback@{HOST}", "feedback-report",
        "Somebody marked this mail as spam.", "\r\n".join(fields),
    )  # fmt: skip


def _report(posted: Posted, subject: str, sender: str, kind: str, words: str, fields: str) -> bytes:
    boundary = "=_emulator_report"
    head = posted.raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    lines = [
        f"From: <{sender}>", f"To: <{posted.sender}>", f"Subject: {subject}", f"Date: {formatdate()}",
        f"Message-ID: {make_msgid(domain=HOST)}", "Auto-Submitted: auto-generated", "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind}; boundary="{boundary}"', "",
        f"--{boundary}", "Content-Type: text/plain; charset=utf-8", "", words, "",
        f"--{boundary}", f"Content-Type: message/{kind}", "", fields,
        f"--{boundary}", "Content-Type: text/rfc822-headers", "", f"Return-Path: <{posted.sender}>", head, "",
        f"--{boundary}--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()
