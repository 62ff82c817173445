"""SMTP: any mail server that takes submissions (RFC 5321, 6409)."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from app.domain.channels import Channel
from app.domain.exact_request import ExactRequest
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.provider_spec import EMAIL_SENDER, Field, FieldKind, ProviderSpec, encoded_size
from app.domain.receipts import HookRequest, NotProven, Receipt
from app.domain.rendered import Prepared
from app.domain.return_paths import day_of
from app.domain.sizes import say_size
from app.domain.smtp_replies import Stage, describe
from app.infra.clock import SystemClock
from app.infra.smtp import pool
from app.infra.smtp_envelope import ADDRESS, Envelopes, paths_of, size_limit_of
from app.infra.smtp_hosts import Encryption, Host, ascii_domain, is_address, parse_host, parse_hosts
from app.infra.smtp_intake import Intake, Letter
from app.infra.smtp_opening import SmtpError, SmtpRoute, make_context, open_wire
from app.infra.smtp_wire import Wire
from app.providers.base import Account, Envelope, Finding, Watch, attachments_of, without_secrets
from app.providers.mime import MimeTemplate, Sender, mailbox

DEFAULT_PORT = 587
MOST_IN_MEMORY = 32 * 1024 * 1024  # bytes of letters with attachments that are written at the same time
VERIFY_PATIENCE = 10.0  # seconds: somebody looks at a spinner meanwhile
_ANY_LETTERS = {"SMTPUTF8": "", "8BITMIME": ""}  # what a server offers that takes letters beyond ASCII

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_FIELDS = (
    Field(
        "host", "Host", FieldKind.HOSTS, needed=True,
        hint="The outgoing server that your mail service names, such as smtp.example.org. Several, separated by "
             "semicolons, are tried in order; ssl:// or tls:// before a name and :port behind it apply to that one.",
    ),
    Field(
        "port", "Port", FieldKind.NUMBER, default=DEFAULT_PORT, minimum=1, maximum=65535,
        hint="Usually 587, or 465 with implicit TLS. Your mail service names it beside the host.",
    ),
    Field("username", "Username", hint="Often your full address. Leave it empty when the server asks for none."),
    Field(
        "password", "Password", FieldKind.SECRET_TEXT, secret=True,
        hint="Many services want an app password made in their security settings, not the one you sign in with.",
    ),
    Field(
        "encryption", "Encryption", FieldKind.CHOICE, section="options", default="none",
        choices=(("none", "Not required"), ("ssl", "Implicit TLS (465)"), ("tls", "STARTTLS (587)")),
        hint="With STARTTLS or implicit TLS nothing is ever sent unprotected. Where it is not required, STARTTLS "
             "is still used when the server offers it.",
    ),
    Field(
        "autoTLS", "Use STARTTLS when the server offers it", FieldKind.BOOL, section="options", default=True,
        advanced=True, means=("encryption", "none", "STARTTLS when the server offers it", "None"),
        hint="Applies when encryption is not required. Switch it off only for a server whose certificate cannot be "
             "repaired.",
    ),
    Field(
        "mailer", "Mailer name", section="options", advanced=True,
        hint="Written as X-Mailer into each email. Empty: no such line.",
    ),
    *EMAIL_SENDER,
    Field(
        "bounceDomain", "Bounce domain", section="options", advanced=True, extra=True,
        hint="A subdomain of the sender's domain, such as bounces.example.org, to which undeliverable mail comes back. "
             "It needs an MX record that leads to Carillon, and the same SPF as the sender's domain.",
    ),
)  # fmt: skip

_BOUNCES_HINT = (
    "Mail to the bounce domain must come here: give that domain an MX record that names this machine, or let your mail "
    "server pass it on. Give the address for complaints to feedback loops, which tell who marks mail as spam."
)


class Smtp:
    """The provider for any SMTP server. Stateless; connections belong to the running loop's pool."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="smtp",
        label="SMTP",
        channel=Channel.EMAIL,
        summary="Any mail server: your own, your company's, or a service's SMTP address.",
        fields=_FIELDS,
        max_batch=1000,
        bounces_hint=_BOUNCES_HINT,
        uncertain_policy="retry",  # the same Message-ID again: mail programs show a double once
    )

    async def send(
        self, account: Account, prepared: Prepared[Any], envelopes: Sequence[Envelope], watch: Watch
    ) -> None:
        """Write each envelope as a mail of its own; see `Provider.send`."""
        sender = _sender(account.values)
        try:
            template = MimeTemplate(prepared, sender, SystemClock().now())
        except ValueError as error:
            outcome = Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED, str(error))
            letters = (Letter(index, "", "", bytes) for index in range(len(envelopes)))
            Intake(letters, watch).refuse_rest(outcome)
            return
        return_path = return_path_by_key(account)
        written = (
            Letter(
                index, return_path(key) or sender.address, recipient.address,
                partial(template.write, recipient, key), key,
            )
            for index, (key, recipient) in enumerate(envelopes)
        )  # fmt: skip
        await pool().deliver(route_to(account), written, watch, len(envelopes), _at_once(prepared, envelopes))

    def request_of(self, account: Account, prepared: Prepared[Any], envelope: Envelope) -> ExactRequest:
        """Envelope and email for this recipient, as a server gets them that offers no extension which changes them."""
        shown, sender = without_secrets(account, self.spec), _sender(account.values)
        content = MimeTemplate(prepared, sender, SystemClock().now()).write(envelope.recipient, envelope.key)
        path = return_path_by_key(shown)(envelope.key) or sender.address
        letter = Letter(0, path, envelope.recipient.address, lambda: content, envelope.key)
        hosts = route_to(shown).hosts
        where = f"{hosts[0].name}:{hosts[0].port}" if hosts else ""
        paths = paths_of(letter)
        commands = paths if isinstance(paths, Outcome) else Envelopes(_ANY_LETTERS).open(letter, paths, content)
        if isinstance(commands, Outcome):
            return ExactRequest("SMTP", where, (), content, refusal=commands.detail)
        words = (each.decode().strip().partition(":") for each in commands)
        return ExactRequest("SMTP", where, tuple((name, value) for name, _, value in words), content)

    def reference_of(self, key: str) -> str:
        """What stands before the @ of the Message-ID."""
        return key

    async def verify(self, account: Account) -> list[Finding]:
        """Try every host of the list up to the sender address; nothing is sent."""
        route = replace(route_to(account), connect_patience=VERIFY_PATIENCE, patience=VERIFY_PATIENCE)
        if not route.hosts:
            return [Finding(False, "There is no usable host in the list.")]
        findings: list[Finding] = []
        for host in route.hosts:
            findings += await _try_host(route, host, _senders(account))
        return findings

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """Mail servers tell by email."""
        raise NotProven("A mail server tells nothing here.")

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """What cannot work in these settings, by field, without asking the network."""
        found = {
            "host": list(_host_faults(_text(values, "host"))),
            "port": _port_faults(values.get("port")),
            "encryption": _encryption_faults(_text(values, "encryption")),
            "username": [],
            "password": [],
        }
        for name, label in (("username", "username"), ("password", "password")):
            if "\0" in _text(values, name):
                found[name].append(f"The {label} holds a NUL character. Copy it again.")
        if bool(_text(values, "username")) != bool(_text(values, "password")):
            missing = "password" if _text(values, "username") else "username"
            found[missing].append(f"Write the {missing} too, or leave both username and password empty.")
        for name in ("fromName", "replyToName", "mailer"):
            if _CONTROLS.search(_text(values, name)):
                found[name] = [f"The {self.spec.field(name).label.lower()} holds a line break. Write it on one line."]
        for name in ("fromEmail", "replyToEmail"):
            found[name] = _address_faults(self.spec.field(name).label, _text(values, name))
        found["bounceDomain"] = _domain_faults(_text(values, "bounceDomain"))
        return {name: faults for name, faults in found.items() if faults}


PROVIDER = Smtp()


def route_to(account: Account) -> SmtpRoute:
    """Where and how this account's mail goes; the operator's endpoint, when set, replaces hosts and protection."""
    values = account.values
    port, encryption = values.get("port"), _text(values, "encryption") or "none"
    route = SmtpRoute(
        key=account.key,
        hosts=tuple(
            parse_hosts(
                _text(values, "host"),
                int(port) if port and not _port_faults(port) else DEFAULT_PORT,
                Encryption.TLS if _encryption_faults(encryption) else Encryption(encryption),
                _is_on(values.get("autoTLS", True)),
            )
        ),
        username=_text(values, "username"),
        password=_text(values, "password"),
        allow_private_hosts=account.allow_private_hosts,
    )
    if not account.endpoint:
        return route
    url = urlsplit(account.endpoint if "//" in account.endpoint else f"//{account.endpoint}")
    mode = Encryption.SSL if url.scheme == "smtps" else Encryption.NONE
    endpoint = Host(url.hostname or "", url.port or (465 if mode is Encryption.SSL else 25), mode, auto_tls=False)
    return replace(route, hosts=(endpoint,), needs_auth=False, allow_private_hosts=True)


def _at_once(prepared: Prepared[Any], envelopes: Sequence[Envelope]) -> int:
    """How many letters with these attachments may be in memory at once; 0 when they have none."""
    size = sum(encoded_size(len(each.content)) for each in attachments_of(prepared, envelopes))
    return max(1, MOST_IN_MEMORY // size) if size else 0


def return_path_by_key(account: Account) -> Callable[[str], str]:
    """The envelope sender that belongs to a delivery key; empty for one that has none, or while none are made."""
    paths, domain = account.return_paths, ascii_domain(_text(account.values, "bounceDomain"))
    if paths is None or not domain:
        return lambda _: ""
    day = day_of(SystemClock().now())

    def of(key: str) -> str:
        local = paths.of(key, day)
        return f"{local}@{domain}" if local else ""

    return of


def _sender(values: Mapping[str, Any]) -> Sender:
    return Sender(
        address=_text(values, "fromEmail"),
        name=_text(values, "fromName"),
        reply_to=_text(values, "replyToEmail"),
        reply_to_name=_text(values, "replyToName"),
        mailer=_text(values, "mailer"),
    )


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return "" if value is None else str(value)


def _is_on(value: Any) -> bool:
    return value not in (False, None, "", 0, "0", "false", "False", "off")


# what `check` finds


def _host_faults(text: str) -> Iterator[str]:
    for entry in (part.strip() for part in text.split(";")):
        if entry and parse_host(entry, DEFAULT_PORT, Encryption.NONE, True) is None:
            shown = _CONTROLS.sub(" ", entry)
            yield f"“{shown}” is not a host. Write a name such as smtp.example.org or an IP address."
            continue
        port = re.search(r"[^:]:([^:/\]]*)$", entry.partition("://")[2] or entry)
        if port and _port_faults(port[1]):
            yield f"The port of “{entry}” must be a whole number between 1 and 65535."


def _port_faults(port: Any) -> list[str]:
    text = "" if port is None else str(port).strip()
    if not text or (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        return []
    return ["The port must be a whole number between 1 and 65535, usually 587 or 465."]


def _encryption_faults(text: str) -> list[str]:
    return [] if text in ("", *Encryption) else ["Choose none, ssl or tls."]


def _address_faults(label: str, address: str) -> list[str]:
    if not address:
        return []
    try:
        if ADDRESS.fullmatch(address) and len(address) <= 320 and "." in mailbox("", address).rpartition("@")[2]:
            return []
    except ValueError:
        pass
    return [f"The {label.lower()} must be one email address such as news@example.org."]


def _domain_faults(domain: str) -> list[str]:
    name = ascii_domain(domain)
    if not domain or ("." in name and not is_address(name)):
        return []
    return ["The bounce domain must be a domain such as bounces.example.org."]


# what `verify` tells


def _senders(account: Account) -> dict[str, str]:
    """What is named as the sender of mail, each with its name for people: the address, and a return path if any."""
    address, return_path = _sender(account.values).address, return_path_by_key(account)("0.connection-test")
    own = {return_path: f"addresses at {return_path.partition('@')[2]}"} if return_path else {}
    return {address: address} | own


async def _try_host(route: SmtpRoute, host: Host, senders: Mapping[str, str]) -> list[Finding]:
    try:
        wire = await open_wire(route, host, make_context(route.verifies_certificates))
    except SmtpError as error:
        return _failure(error)
    try:
        found = [await _try_sender(wire, address, words) for address, words in senders.items()]
        return [*_facts(route, wire), *found, *_offers(wire)]
    finally:
        wire.leave()
        await asyncio.wait([wire.gone], timeout=1.0)


def _failure(error: SmtpError) -> list[Finding]:
    host, outcome = error.host, error.outcome
    said = " ".join(part for part in (outcome.code, outcome.detail) if part)
    connected = Finding(True, f"{host} answers.")
    if error.stage is Stage.AUTH:
        return [connected, Finding(False, f"{host} does not accept this username and password.", said)]
    if error.stage is Stage.TLS or outcome.reason is Reason.TLS_FAILED:
        return [connected, Finding(False, f"The connection to {host} cannot be protected with TLS.", said)]
    if outcome.reason is Reason.HOST_REFUSED and not outcome.code:
        return [Finding(False, f"{host} is not an address that Carillon may connect to.", said)]
    return [Finding(False, f"{host} cannot be reached.", said)]


def _facts(route: SmtpRoute, wire: Wire) -> Iterator[Finding]:
    yield Finding(True, f"{wire.host.name} was found at {wire.address}.")
    yield Finding(True, f"Connected to port {wire.host.port}.")
    tls = wire.tells("ssl_object")
    if tls is None:
        yield Finding(True, "The connection is not encrypted.", "Choose STARTTLS or implicit TLS to protect it.")
    else:
        certificate = tls.getpeercert() or {}
        until = f", valid until {certificate['notAfter']}" if "notAfter" in certificate else ""
        issuer = dict(part[0] for part in certificate.get("issuer", ())).get("organizationName", "")
        detail = f"Certificate for {wire.host.name}{until}" + (f", issued by {issuer}" if issuer else "")
        yield Finding(True, f"Encrypted with {str(tls.version()).replace('v', ' ')}; the certificate is good.", detail)
    if route.username and route.password and "AUTH" in wire.offers:
        yield Finding(True, "The username and password were accepted.")
    elif "AUTH" in wire.offers:
        yield Finding(True, "The server offers sign-in; no username and password are set.")


async def _try_sender(wire: Wire, sender: str, words: str) -> Finding:
    if ADDRESS.fullmatch(sender) is None:
        return Finding(False, "There is no sender address yet.")
    try:
        local, _, domain = mailbox("", sender).rpartition("@")
        utf8 = b"" if local.isascii() else b" SMTPUTF8"
        reply = await wire.ask(f"MAIL FROM:<{local}@{domain}>".encode() + utf8)
        if reply.code == 250:
            await wire.ask(b"RSET")
    except OSError as error:
        return Finding(False, "The connection ended when the sender address was named.", str(error))
    if reply.code == 250:
        return Finding(True, f"The server accepts {words} as the sender. Nothing was sent.")
    return Finding(False, f"The server does not accept {words} as the sender.", f"{reply.code} {describe(reply)}")


def _offers(wire: Wire) -> Iterator[Finding]:
    if "PIPELINING" in wire.offers:
        yield Finding(True, "It takes many messages quickly (PIPELINING).")
    else:
        yield Finding(True, "It takes messages one step at a time (no PIPELINING), which is slower.")
    if (size := size_limit_of(wire.offers)) is not None:
        yield Finding(True, f"It takes messages of up to {say_size(size)}.", size_limit=size)
