"""Postfix as Debian packs it: pipelines; what it took stays queued, on hold."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar

from tests.mta.relays import (
    DOMAIN,
    FORBIDDEN,
    LARGEST,
    LATER,
    TOO_LARGE,
    UNKNOWN,
    Arrival,
    Limits,
    Relay,
    without_first_fields,
)
from tests.needs import find_program

_DAEMONS = Path("/usr/lib/postfix/sbin")
_MAIL = b"*** ENVELOPE RECORDS "
_PARTS = re.compile(rb"^\*\*\* (?:MESSAGE CONTENTS|HEADER EXTRACTED) .*\n", re.MULTILINE)
_SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(Relay):
    """Its limits are those of one client: connections at once, and mails a minute (it counts none by connection)."""

    name: ClassVar = "Postfix"
    pipelines: ClassVar = True
    takes_utf8: ClassVar = True
    speaks_tls: ClassVar = True
    signs_in: ClassVar = False  # it asks another program, Dovecot or Cyrus' library
    limits_by_connection: ClassVar = False
    limits_connections: ClassVar = True

    def furnish(self) -> None:
        for name in ("conf", "queue", "state"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "state", "postfix")
        (self.folder / "certificate.pem").write_bytes(self.certificate)
        (self.folder / "conf/main.cf").write_text(_settings(self.folder, self.limits))
        (self.folder / "conf/master.cf").write_text(_SERVICES.format(port=self.port))
        subprocess.run([find_program("postfix") or "postfix", "-c", self.folder / "conf", "check"], check=True)

    def command(self) -> list[str]:
        return [str(_DAEMONS / "master"), "-c", str(self.folder / "conf"), "-d"]

    def arrivals(self) -> list[Arrival]:
        held = [path for path in self.folder.glob("queue/hold/*") if path.stat().st_mode & 0o100]  # else not accepted
        if not held:
            return []
        command = [find_program("postcat") or "postcat", "-c", self.folder / "conf", "-e", "-h", "-b", *sorted(held)]
        return list(map(_read, subprocess.run(command, check=True, capture_output=True).stdout.split(_MAIL)[1:]))


def _settings(folder: Path, limits: Limits) -> str:
    return f"""
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/state
daemon_directory = {_DAEMONS}
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = static:anybody
message_size_limit = {LARGEST}
smtputf8_enable = yes
smtpd_delay_reject = no
smtpd_sender_restrictions = check_sender_access inline:{{{{{TOO_LARGE} = 552 5.3.4 Message too large}}}}
smtpd_recipient_restrictions = check_recipient_access
 regexp:{{{{/^{UNKNOWN}/ 550 5.1.1 No such user}}, {{/^{LATER}/ 450 4.7.1 Greylisted}}}},
 check_recipient_access static:HOLD, permit_auth_destination, reject
smtpd_relay_restrictions = permit_auth_destination, reject
header_checks = regexp:{{{{/^Subject:.*{FORBIDDEN}/ REJECT Content refused}}}}
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/certificate.pem
smtpd_error_sleep_time = 0
smtpd_client_event_limit_exceptions =
smtpd_client_connection_count_limit = {limits.connections or 50}
smtpd_client_message_rate_limit = {limits.letters}
"""


def _read(mail: bytes) -> Arrival:
    """One queued mail as postcat tells it: lines of its envelope, then its text between two marks."""
    envelope, text = _PARTS.split(mail)[:2]
    fields = dict(line.split(b": ", 1) for line in envelope.splitlines() if b": " in line)
    return Arrival(fields[b"sender"].decode(), fields[b"recipient"].decode(), without_first_fields(text, b"received"))
