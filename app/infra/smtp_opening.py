"""From a host's name to a connection that is ready for letters: connect, greet, protect, sign in."""

import asyncio
import base64
import hmac
import socket
import ssl
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.smtp_replies import Reply, Stage, judge
from app.infra.smtp_hosts import Encryption, Host, resolve
from app.infra.smtp_wire import Wire


@dataclass(frozen=True, slots=True)
class SmtpRoute:
    """One account at an SMTP service. `key` names it and changes whenever anything else here changes.

    Both of username and password, or neither. `needs_auth` off: sign in only where the server offers it. Times are
    seconds of silence. `text_patience` is for the reply to a whole message, which may be scanned first.
    """

    key: str
    hosts: tuple[Host, ...]
    username: str = ""
    password: str = field(default="", repr=False)
    needs_auth: bool = True
    allow_private_hosts: bool = False
    verifies_certificates: bool = True
    connect_patience: float = 30.0
    patience: float = 30.0
    text_patience: float = 120.0
    connections_at_most: int = 10
    letters_per_connection: int = 1000
    idle_at_most: float = 15.0


class SmtpError(Exception):
    """A host that cannot be used, as the outcome it means for whatever was to be sent there."""

    def __init__(self, stage: Stage, outcome: Outcome, host: Host) -> None:
        super().__init__(f"{host}: {outcome.detail}")
        self.stage = stage
        self.outcome = outcome
        self.host = host


def make_context(verifies_certificates: bool) -> ssl.SSLContext:
    """TLS 1.2 or newer with the system's certificate authorities; verification is on unless told otherwise."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verifies_certificates:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def open_wire(route: SmtpRoute, host: Host, context: ssl.SSLContext) -> Wire:
    """A connection to this host, greeted, protected and signed in as the route says. Raises SmtpError."""
    wire = await _connect(route, host, context)
    try:
        await _step(Stage.CONNECT, host, _greet(wire, host))
        starts_tls = host.encryption is Encryption.TLS or (host.auto_tls and "STARTTLS" in wire.offers)
        if starts_tls and host.encryption is not Encryption.SSL:
            await _step(Stage.TLS, host, _start_tls(wire, host, context))
        if route.username and route.password and (route.needs_auth or "AUTH" in wire.offers):
            await _step(Stage.AUTH, host, _sign_in(wire, route, host))
    except BaseException:
        wire.abort(Reason.CONNECTION_LOST)
        raise
    if not wire.is_open:  # it hung up right behind its last reply
        raise SmtpError(Stage.CONNECT, _unreachable(ConnectionResetError("the server closed the connection")), host)
    return wire


async def _connect(route: SmtpRoute, host: Host, context: ssl.SSLContext) -> Wire:
    loop = asyncio.get_running_loop()
    try:
        addresses = await asyncio.wait_for(resolve(host, route.allow_private_hosts), route.connect_patience)
    except PermissionError as error:
        raise _trouble(host, OutcomeKind.CONFIG_PERMANENT, Reason.HOST_REFUSED, str(error)) from error
    except (OSError, TimeoutError, UnicodeError) as error:
        said = f"The name {host.name} cannot be found"
        raise _trouble(host, OutcomeKind.TRANSIENT, Reason.UNREACHABLE, said) from error
    is_tls = host.encryption is Encryption.SSL
    last: Exception = OSError("no address")
    for address in addresses:
        try:
            async with asyncio.timeout(route.connect_patience):
                _, wire = await loop.create_connection(
                    lambda: Wire(host, route.patience), address, host.port,
                    ssl=context if is_tls else None, server_hostname=host.name if is_tls else None,
                )  # fmt: skip
        except OSError as error:  # TimeoutError and ssl.SSLError are OSErrors too
            last = error
        else:
            wire.address = address
            return wire
    raise SmtpError(Stage.CONNECT, _unreachable(last), host) from last


async def _step(stage: Stage, host: Host, work: Awaitable[None]) -> None:
    """Do one step of the opening; what the network does to it becomes an outcome."""
    try:
        await work
    except SmtpError:
        raise
    except OSError as error:
        outcome = _unreachable(error)
        if stage is Stage.TLS and outcome.reason is not Reason.TIMED_OUT:
            outcome = Outcome(outcome.kind, Reason.TLS_FAILED, outcome.detail)
        raise SmtpError(stage, outcome, host) from error


async def _greet(wire: Wire, host: Host) -> None:
    banner = await wire.greeting()
    if banner.code != 220:
        raise SmtpError(Stage.CONNECT, judge(Stage.CONNECT, banner), host)
    await say_ehlo(wire, host)


async def say_ehlo(wire: Wire, host: Host) -> None:
    """Introduce ourselves and note what is offered (RFC 5321 4.1.1.1). Raises SmtpError."""
    name = _own_name(wire)
    reply = await wire.ask(b"EHLO " + name)
    if reply.code // 100 == 5:
        reply = await wire.ask(b"HELO " + name)
        if reply.code == 250:
            wire.offers = {}
            return
    if reply.code != 250:
        raise SmtpError(Stage.CONNECT, judge(Stage.CONNECT, reply), host)
    wire.offers = dict(_offers(reply))


def _offers(reply: Reply) -> Iterator[tuple[str, str]]:
    for line in reply.text.split("\n")[1:]:
        keyword, _, parameters = line.replace("AUTH=", "AUTH ", 1).strip().partition(" ")
        yield keyword.upper(), parameters.strip()


def _own_name(wire: Wire) -> bytes:
    name = socket.gethostname()
    if "." in name and name.isascii():
        return name.encode()
    own = str((wire.tells("sockname") or ("127.0.0.1",))[0]).partition("%")[0]
    return f"[IPv6:{own}]".encode() if ":" in own else f"[{own}]".encode()


async def _start_tls(wire: Wire, host: Host, context: ssl.SSLContext) -> None:
    if "STARTTLS" not in wire.offers:
        said = "The server does not offer STARTTLS, which is required here"
        raise SmtpError(Stage.TLS, Outcome(OutcomeKind.TRANSIENT, Reason.TLS_FAILED, said), host)
    reply = await wire.ask(b"STARTTLS")
    if reply.code != 220:
        raise SmtpError(Stage.TLS, judge(Stage.TLS, reply), host)
    await wire.start_tls(context)
    await say_ehlo(wire, host)  # what was offered before TLS is void (RFC 3207 4.2)


async def _sign_in(wire: Wire, route: SmtpRoute, host: Host) -> None:
    """AUTH with the best mechanism both sides know: never the bare password over a plain connection if avoidable."""
    offered = wire.offers.get("AUTH", "").upper().split()
    is_private = wire.tells("ssl_object") is not None
    order = ("PLAIN", "LOGIN", "CRAM-MD5") if is_private else ("CRAM-MD5", "PLAIN", "LOGIN")
    refused = Reply(504, "The server offers no way to sign in that Carillon knows (PLAIN, LOGIN, CRAM-MD5)")
    for mechanism in (name for name in order if name in offered):
        refused = await _try_mechanism(wire, mechanism, route.username.encode(), route.password.encode())
        if refused.code // 100 == 2:  # 235; some servers say 250
            return
        if refused.code not in (504, 534):  # only "not this mechanism" makes another one worth a try
            break
    raise SmtpError(Stage.AUTH, judge(Stage.AUTH, refused), host)


async def _try_mechanism(wire: Wire, mechanism: str, username: bytes, password: bytes) -> Reply:
    if mechanism == "PLAIN":  # RFC 4616
        return await wire.ask(b"AUTH PLAIN " + base64.b64encode(b"\0" + username + b"\0" + password))
    reply = await wire.ask(b"AUTH " + mechanism.encode())
    if reply.code != 334:
        return reply
    if mechanism == "LOGIN":
        reply = await wire.ask(base64.b64encode(username))
        return await wire.ask(base64.b64encode(password)) if reply.code == 334 else reply
    try:
        challenge = base64.b64decode(reply.text, validate=True)
    except ValueError:
        return Reply(504, "The challenge is not base64")
    digest = hmac.new(password, challenge, "md5").hexdigest().encode()  # RFC 2195 names the hash
    return await wire.ask(base64.b64encode(username + b" " + digest))


def _trouble(host: Host, kind: OutcomeKind, reason: Reason, said: str) -> SmtpError:
    return SmtpError(Stage.CONNECT, Outcome(kind, reason, said), host)


def _unreachable(error: Exception) -> Outcome:
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"The certificate is not good: {error.verify_message}"
        return Outcome(OutcomeKind.TRANSIENT, Reason.TLS_FAILED, said)
    if isinstance(error, ssl.SSLError):
        said = f"TLS failed: {getattr(error, 'reason', None) or error}"
        return Outcome(OutcomeKind.TRANSIENT, Reason.TLS_FAILED, said)
    if isinstance(error, TimeoutError):
        return Outcome(OutcomeKind.TRANSIENT, Reason.TIMED_OUT, "The server did not answer in time")
    return Outcome(OutcomeKind.TRANSIENT, Reason.UNREACHABLE, f"No connection: {error.strerror or error}"
                   if isinstance(error, OSError) else f"No connection: {error}")  # fmt: skip
