"""OpenSMTPD as Debian packs it: offers no PIPELINING, and says so to who pipelines; what it took stays queued.

Version 6.8.0p2 of Debian 12 offers STARTTLS and fails in every handshake, whatever key it has, since it was built with
OpenSSL 3 (github.com/OpenSMTPD/OpenSMTPD/issues/1171); and it takes AUTH over TLS only.
"""

from pathlib import Path
from typing import ClassVar

from tests.mta import jail
from tests.mta.relays import DOMAIN, LARGEST, UNKNOWN, Arrival, Relay, without_first_fields
from tests.needs import mail_server

_USERS = {"opensmtpd": 101, "opensmtpq": 102}  # built into the programs
_PROGRAMS = ["usr/sbin/smtpd", "usr/sbin/smtpctl"]
_CONFIG = """
pki relay.example cert "/etc/certificate.pem"
pki relay.example key "/etc/certificate.pem"
smtp max-message-size {largest}
{limits}
listen on 127.0.0.1 port {port} hostname relay.example tls pki relay.example
action "keep" relay
match from any for domain "{domain}" rcpt-to regex "^{unknown}" reject
match from any for domain "{domain}" action "keep"
"""


class OpenSmtpd(Relay):
    """It has a limit of the mails over one connection, and none of the connections of one client."""

    name: ClassVar = "OpenSMTPD"
    pipelines: ClassVar = False
    takes_utf8: ClassVar = False
    speaks_tls: ClassVar = False
    signs_in: ClassVar = False
    limits_by_connection: ClassVar = True
    limits_connections: ClassVar = False

    def furnish(self) -> None:
        root = self.folder
        jail.build(root, mail_server(self.name).parents[2], _PROGRAMS, _USERS)
        for name in ("var/lib/opensmtpd/empty", "var/spool/smtpd"):
            (root / name).mkdir(parents=True)
        (root / "var/spool/smtpd").chmod(0o711)
        (root / "etc/mailname").write_text("relay.example\n")
        (root / "etc/certificate.pem").write_bytes(self.certificate)
        (root / "etc/certificate.pem").chmod(0o600)
        limits = f"smtp limit max-mails {self.limits.letters}" if self.limits.letters else ""
        config = _CONFIG.format(port=self.port, domain=DOMAIN, unknown=UNKNOWN, largest=LARGEST, limits=limits)
        (root / "etc/smtpd.conf").write_text(config)

    def command(self) -> list[str]:
        return ["chroot", str(self.folder), "/usr/sbin/smtpd", "-d", "-P", "mda", "-P", "mta"]  # takes, never delivers

    def arrivals(self) -> list[Arrival]:
        found = self.folder.glob("var/spool/smtpd/queue/*/*/*")
        return [_read(path) for path in sorted(found) if path.name != "message"]


def _read(envelope: Path) -> Arrival:
    fields = dict(line.split(": ", 1) for line in envelope.read_text().splitlines() if ": " in line)
    text = without_first_fields((envelope.parent / "message").read_bytes(), b"received")
    return Arrival(fields["sender"], fields["rcpt"], text)
