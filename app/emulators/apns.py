"""Apple's Push Notification service, played: HTTP/2 only, provider tokens, delivered nowhere.

Signatures are checked with the public key of whoever asks. The keys it knows are the one it handed out (in its
announcement) and those that `introduce` brought. A key nobody introduced is let in when its token is well-formed in
everything but the signature, whose bytes are only counted: no token brings its key.

Device tokens are hexadecimal of any length; one that begins with `de7` belongs to the development environment, `00`
to nobody, and one that begins with `fault-` asks for a fault.
"""

import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import unquote
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.emulators.faults import Faults
from app.emulators.outbox import Names, Outbox
from app.emulators.serving import Answer, HttpCall, HttpEmulator
from app.emulators.wires import Cut

TEAM, BUNDLE = "CARILLONTM", "org.example.sandbox"
LARGEST = 4096  # bytes of the payload
OLDEST = timedelta(minutes=60)  # of a provider token
RENEWAL = timedelta(minutes=20)
MOST_RENEWALS = 2  # tokens of one key that may be new within RENEWAL: the first, and one renewal
TYPES = frozenset(
    ["alert", "background", "voip", "location", "complication", "fileprovider", "mdm", "liveactivity", "pushtotalk"]
)

_PATH = re.compile(r"/3/device/(?P<token>[^/]*)")
_DEVICE = re.compile(r"[0-9a-fA-F]{3,}|fault-[A-Za-z0-9-]+")
_TEN = re.compile(r"[A-Za-z0-9]{10}")
_TOPIC = re.compile(r"[A-Za-z0-9.\-]+")


class ApnsEmulator(HttpEmulator):
    """One environment of APNs; `is_development` says which."""

    kind, channel, tells, needs_http2 = "apns", "push", False, True
    is_development = False
    _OWN: ClassVar[Mapping[str, tuple[int, str]]] = {
        "mailbox-unknown": (410, "Unregistered"),
        "mailbox-disabled": (400, "BadDeviceToken"),
        "throttled": (429, "TooManyRequests"),
        "server-error": (500, "InternalServerError"),
        "busy": (503, "ServiceUnavailable"),
        "content-rejected": (400, "InvalidPushType"),
        "oversize": (413, "PayloadTooLarge"),
        "wrong-password": (403, "InvalidProviderToken"),
        "expired-token": (403, "ExpiredProviderToken"),
        "sender-refused": (400, "DeviceTokenNotForTopic"),
    }

    def __init__(self, outbox: Outbox, faults: Faults, *more: Any) -> None:
        super().__init__(outbox, faults, *more)
        self._keys: dict[tuple[str, str], str] = {}  # team and key id → public key
        self._seen: dict[tuple[str, str], dict[str, datetime]] = {}  # their provider tokens → since when
        self._farewells: list[Cut] = []

    def introduce(self, team: str, key_id: str, public_pem: str) -> None:
        """From now on provider tokens of this key must be signed with it."""
        self._keys[team, key_id] = public_pem

    def announcement(self) -> dict[str, Any]:
        """Also a key that may send."""
        self.introduce(TEAM, own_key_id(), _own_public_pem())
        private = _own_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        values = {"authKey": private, "authKeyId": own_key_id(), "teamId": TEAM, "bundleId": BUNDLE, "sandbox": False}
        return super().announcement() | {"values": values}

    def say_goaway(self, times: int = 1, last_stream: int = 0, error: int = 0) -> None:
        """Meet the next requests with GOAWAY and hang up; none above `last_stream` is processed (RFC 9113, 6.8)."""
        frame = struct.pack(">BBBBBIII", 0, 0, 8, 7, 0, 0, last_stream, error)
        self._farewells = [Cut(frame)] * times

    def account_of(self, call: HttpCall) -> str:
        """The team, as the provider token says it."""
        try:
            return str(jwt.decode(call.bearer(), options={"verify_signature": False})["iss"])
        except (jwt.PyJWTError, KeyError):
            return ""

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """The device."""
        match = _PATH.fullmatch(call.path)
        return [unquote(match["token"])] if match else []

    def answer(self, call: HttpCall) -> Answer:
        """Take a notification, or say Apple's reason."""
        match, own_id = _PATH.fullmatch(call.path), call.headers.get("apns-id", "")
        if match is None:
            return refusal(404, "BadPath", own_id)
        token = unquote(match["token"])
        if call.method != "POST":
            return refusal(405, "MethodNotAllowed", own_id)
        found = self._fault_of_sender(call) or self._fault_of_device(token) or _fault_of_push(call)
        if found is not None:
            return refusal(*found, own_id)
        payload = call.json()
        alert = payload.get("aps", {}).get("alert", "")
        subject = str(alert.get("title") or alert.get("body") or "") if isinstance(alert, dict) else str(alert)
        raw = json.dumps(payload, ensure_ascii=False, indent=2).encode()
        self.keep(call, call.headers["apns-topic"], [token], subject, raw, Names(own_id.lower()))
        return Answer(200, headers={"apns-id": call.headers.get("apns-id") or str(uuid4()).upper()})

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Apple's words."""
        return refusal(*self._OWN[fault], call.headers.get("apns-id", "")) if fault in self._OWN else None

    async def _serve(self, wire: Any, *request: Any) -> Any:
        if self._farewells:
            return self._farewells.pop()
        return await super()._serve(wire, *request)

    def _fault_of_sender(self, call: HttpCall) -> tuple[int, str] | None:
        token = call.bearer()
        if not token:
            return 403, "MissingProviderToken"
        try:
            head, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
            key, issued = (str(claims["iss"]), str(head["kid"])), datetime.fromtimestamp(int(claims["iat"]), UTC)
            if head["alg"] != "ES256" or len(jwt.utils.base64url_decode(token.rpartition(".")[2])) != 64:
                return 403, "InvalidProviderToken"
            if key in self._keys:
                jwt.decode(token, self._keys[key], algorithms=["ES256"], options={"verify_iat": False})
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, OSError):
            return 403, "InvalidProviderToken"
        if not all(_TEN.fullmatch(part) for part in key) or issued > _now() + timedelta(minutes=5):
            return 403, "InvalidProviderToken"
        if issued < _now() - OLDEST:
            return 403, "ExpiredProviderToken"
        return None if self._is_calm(key, token) else (429, "TooManyProviderTokenUpdates")

    def _is_calm(self, key: tuple[str, str], token: str) -> bool:
        """Whether this provider token is known, or may be new by now."""
        seen = self._seen.setdefault(key, {})
        if token in seen:
            return True
        recent = [moment for moment in seen.values() if moment > _now() - RENEWAL]
        if len(recent) >= MOST_RENEWALS:
            return False
        seen[token] = _now()
        return True

    def _fault_of_device(self, token: str) -> tuple[int, str] | None:
        if not token:
            return 400, "MissingDeviceToken"
        is_of_here = token.lower().startswith("de7") == self.is_development or token.startswith("fault-")
        return None if _DEVICE.fullmatch(token) and is_of_here else (400, "BadDeviceToken")


EMULATOR = ApnsEmulator


@cache
def _own_key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


def _own_public_pem() -> str:
    public = _own_key().public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def own_key_id() -> str:
    """The id of the key that this process hands out; one from before a restart is another, which is not known."""
    return sha256(_own_public_pem().encode()).hexdigest()[:10].upper()


def refusal(status: int, reason: str, own_id: str = "") -> Answer:
    """An error as Apple says it, with the id of the request if it had one; a token is gone since a minute ago."""
    body: dict[str, Any] = {"reason": reason}
    if status == 410:
        body["timestamp"] = int((_now().timestamp() - 60) * 1000)
    return Answer.json(status, body, apns_id=own_id if _is_uuid(own_id) else str(uuid4()).upper())


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


_HEADERS: tuple[tuple[str, Callable[[str], Any], str], ...] = (
    ("apns-id", _is_uuid, "BadMessageId"),
    ("apns-expiration", _is_number, "BadExpirationDate"),
    ("apns-priority", {"1", "5", "10"}.__contains__, "BadPriority"),
    ("apns-push-type", TYPES.__contains__, "InvalidPushType"),
    ("apns-collapse-id", lambda text: len(text.encode()) <= 64, "BadCollapseId"),
    ("apns-topic", _TOPIC.fullmatch, "BadTopic"),
)


def _fault_of_push(call: HttpCall) -> tuple[int, str] | None:
    headers = call.headers
    if not headers.get("apns-topic"):
        return 400, "MissingTopic"
    for name, is_right, reason in _HEADERS:
        if name in headers and not is_right(headers[name]):
            return 400, reason
    if not call.body:
        return 400, "PayloadEmpty"
    if len(call.body) > LARGEST:
        return 413, "PayloadTooLarge"
    payload = call.json()
    if not isinstance(payload, dict) or not payload:
        return 400, "PayloadEmpty"
    return _fault_of_pairing(headers, payload)


def _fault_of_pairing(headers: Mapping[str, str], payload: Mapping[str, Any]) -> tuple[int, str] | None:
    """A background push says so, wakes the app, shows nothing, and takes its time."""
    if headers.get("apns-push-type", "alert") != "background":
        return None
    if headers.get("apns-priority", "10") == "10":
        return 400, "BadPriority"
    aps = payload.get("aps")
    is_silent = isinstance(aps, dict) and aps.get("content-available") == 1
    return None if is_silent and not {"alert", "badge", "sound"} & set(aps or ()) else (400, "InvalidPushType")


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - nothing of Carillon's is here
