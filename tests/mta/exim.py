"""Exim as Debian packs it: pipelines, drops who talks out of turn (smtp_enforce_sync); what it took stays queued."""

import re
import shutil
from pathlib import Path
from typing import ClassVar

from tests.mta import jail
from tests.mta.relays import (
    DOMAIN,
    FORBIDDEN,
    LARGEST,
    LATER,
    PASSWORD,
    TOO_LARGE,
    UNKNOWN,
    USERNAME,
    Arrival,
    Relay,
    without_first_fields,
)
from tests.needs import mail_server

_USER, _NUMBER = "Debian-exim", 101  # built into the program
_CONFIG = f"""
exim_user = {_USER}
keep_environment =
spool_directory = /var/spool/exim4
log_file_path = /var/spool/exim4/%slog
primary_hostname = relay.example
local_interfaces = 127.0.0.1
queue_only = true
split_spool_directory = false
host_lookup =
rfc1413_hosts =
tls_advertise_hosts = *
tls_certificate = /etc/certificate.pem
pipelining_advertise_hosts = *
smtp_enforce_sync = true
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
message_size_limit = {LARGEST}
acl_smtp_mail = check_sender
acl_smtp_rcpt = check_recipient
acl_smtp_data = check_text
"""
_RULES = f"""
begin acl
check_sender:
  deny senders = {TOO_LARGE}
       message = 552 5.3.4 Message too large
  accept
check_recipient:
  deny local_parts = ^{UNKNOWN}.*
       message = 5.1.1 No such user
  defer local_parts = ^{LATER}.*
       message = 4.7.1 Greylisted
  accept domains = {DOMAIN}
  deny
check_text:
  deny condition = ${{if match{{$h_subject:}}{{{FORBIDDEN}}}}}
       message = 5.7.1 Content refused
  accept
begin routers
keep:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = /dev/null
  user = nobody
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USERNAME}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
"""
_FIELD = re.compile(rb"\s*(\d+). ")  # length, a letter for the sort, a space; then that many bytes


class Exim(Relay):
    """Its limits are those it has by itself: connections at once, and mails over one connection."""

    name: ClassVar = "Exim"
    pipelines: ClassVar = True
    takes_utf8: ClassVar = True
    speaks_tls: ClassVar = True
    signs_in: ClassVar = True
    limits_by_connection: ClassVar = True
    limits_connections: ClassVar = True

    def furnish(self) -> None:
        root = self.folder
        jail.build(root, mail_server(self.name).parents[2], ["usr/sbin/exim4"], {_USER: _NUMBER})
        spool = root / "var/spool/exim4"
        spool.mkdir()
        shutil.chown(spool, _NUMBER, _NUMBER)
        (root / "etc/certificate.pem").write_bytes(self.certificate)
        shutil.chown(root / "etc/certificate.pem", _NUMBER)
        limits = f"smtp_accept_max = {self.limits.connections or 20}\n"
        if self.limits.letters:
            limits += f"smtp_accept_max_per_connection = {self.limits.letters}\n"
        (root / "etc/exim.conf").write_text(f"daemon_smtp_ports = {self.port}\n{_CONFIG}{limits}{_RULES}")

    def command(self) -> list[str]:
        return ["chroot", str(self.folder), "/usr/sbin/exim4", "-C", "/etc/exim.conf", "-bdf"]

    def arrivals(self) -> list[Arrival]:
        return [_read(path) for path in sorted(self.folder.glob("var/spool/exim4/input/*-H"))]


def _read(head: Path) -> Arrival:
    """A queued mail: its envelope and header lines are in one file, its body in another (Exim's manual, chapter 56)."""
    envelope, _, fields = head.read_bytes().partition(b"\n\n")
    lines = envelope.split(b"\n")
    text = b""
    while found := _FIELD.match(fields):
        length = int(found[1])
        text += fields[found.end() : found.end() + length]
        fields = fields[found.end() + length :]
    body = head.with_name(head.name[:-1] + "D").read_bytes().partition(b"\n")[2]
    text = without_first_fields(text + b"\n" + body, b"received")
    return Arrival(lines[2].strip(b"<>").decode(), lines[-1].split(b" ")[0].decode(), text)
