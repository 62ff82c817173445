"""Firebase Cloud Messaging, played: sign-in with a service account, HTTP v1, delivered nowhere.

Signatures are checked with the public key of whoever asks. The keys it knows are those it handed out (the service
account in its announcement) and those that `introduce` brought. An account nobody introduced is let in when its
assertion is well-formed in everything but the signature, whose bytes are only counted: no assertion brings its key.
"""

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.emulators.faults import Faults
from app.emulators.outbox import Names, Outbox
from app.emulators.serving import RETRY_AFTER, Answer, HttpCall, HttpEmulator

PROJECT = "carillon-sandbox"
SCOPES = ("https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform")
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LARGEST = 4096  # bytes of keys and values in notification and data
LIFETIME = 3599  # seconds of an access token

_SEND = re.compile(r"/v1/projects/(?P<project>[^/]+)/messages:send")
_TOKEN = re.compile(r"[A-Za-z0-9_:.\-]{8,4096}")
_TTL = re.compile(r"\d+(\.\d{1,9})?s")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_RESERVED = re.compile(r"from|message_type|(?:google|gcm).*", re.DOTALL)
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")

# What a message may hold, in snake case; proto JSON takes camel case as well. Source: FCM v1, projects.messages.
_MAP, _FREE = "map of text", "any object"
_LABEL = {"analytics_label": str}
_MESSAGE: dict[str, Any] = {
    "name": str, "token": str, "topic": str, "condition": str, "fid": str, "data": _MAP, "fcm_options": _LABEL,
    "notification": {"title": str, "body": str, "image": str},
    "android": {
        "collapse_key": str, "priority": str, "ttl": str, "restricted_package_name": str, "data": _MAP,
        "direct_boot_ok": bool, "bandwidth_constrained_ok": bool, "fcm_options": _LABEL,
        "notification": {
            "title": str, "body": str, "icon": str, "color": str, "sound": str, "tag": str, "click_action": str,
            "body_loc_key": str, "body_loc_args": list, "title_loc_key": str, "title_loc_args": list,
            "channel_id": str, "ticker": str, "sticky": bool, "event_time": str, "local_only": bool,
            "notification_priority": str, "default_sound": bool, "default_vibrate_timings": bool,
            "default_light_settings": bool, "vibrate_timings": list, "visibility": str, "notification_count": int,
            "light_settings": _FREE, "image": str, "proxy": str, "bypass_proxy_notification": bool,
        },
    },
    "apns": {
        "headers": _MAP, "payload": _FREE, "live_activity_token": str,
        "fcm_options": {"analytics_label": str, "image": str},
    },
    "webpush": {"headers": _MAP, "data": _MAP, "notification": _FREE, "fcm_options": {"link": str, **_LABEL}},
}  # fmt: skip
_REQUEST = {"message": _MESSAGE, "validate_only": bool}


class Refused(Exception):
    """The request ends here, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class FcmEmulator(HttpEmulator):
    """The API and the sign-in (`/token`) at one address. Dials and tokens that ask for faults move only the API."""

    kind, channel, tells, spared_paths = "fcm", "push", False, frozenset({"/token"})
    _OWN: ClassVar[Mapping[str, tuple[int, str, str, str]]] = {
        # fault: status, its name, FCM's own code, message
        "mailbox-unknown": (404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found."),
        "mailbox-disabled": (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch"),
        "throttled": (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Quota exceeded for messages of this project."),
        "server-error": (500, "INTERNAL", "INTERNAL", "Internal error encountered."),
        "busy": (503, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable."),
        "content-rejected": (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Request contains an invalid argument."),
        "oversize": (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Message is too big"),
        "sender-refused": (403, "PERMISSION_DENIED", "", "Permission 'cloudmessaging.messages.create' denied"),
    }

    def __init__(self, outbox: Outbox, faults: Faults, *more: Any) -> None:
        super().__init__(outbox, faults, *more)
        self._keys: dict[str, Any] = {}  # client email → public key
        self._issued: dict[str, tuple[str, datetime]] = {}  # access token → client email, end
        self.sign_ins = 0

    def introduce(self, email: str, public_pem: str) -> None:
        """From now on assertions of this account must be signed with this key."""
        self._keys[email] = public_pem

    def forget_tokens(self) -> None:
        """Every access token ends now."""
        self._issued.clear()

    def service_account(self) -> dict[str, str]:
        """A service account's file as the Firebase console makes it, with an address here to sign in at."""
        self.introduce(own_email(), _own_public_pem())
        private = _own_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return {
            "type": "service_account", "project_id": PROJECT, "private_key_id": "sandbox",
            "private_key": private.decode(), "client_email": own_email(), "token_uri": f"{self.url}/token",
        }  # fmt: skip

    def announcement(self) -> dict[str, Any]:
        """Also a service account that may send; who connects with it learns the address to sign in at beside it."""
        file = self.service_account() | {"token_uri": "https://oauth2.googleapis.com/token"}
        return super().announcement() | {"values": {"serviceAccountJSON": file}}

    def side_urls(self) -> dict[str, str]:
        """Where to sign in."""
        return {"token": f"{self.url}/token"}

    def account_of(self, call: HttpCall) -> str:
        """The service account whose token it is."""
        return self._issued.get(call.bearer(), ("", None))[0]

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """The device."""
        body = call.json()
        message = body.get("message") if isinstance(body, dict) else None
        token = message.get("token") if isinstance(message, dict) else None
        return [token] if isinstance(token, str) else []

    def answer(self, call: HttpCall) -> Answer:
        """Sign in, or take a message."""
        try:
            if call.method == "POST" and call.path == "/token":
                return self._sign_in(call)
            match = _SEND.fullmatch(call.path)
            if call.method == "POST" and match:
                return self._send(call, unquote(match["project"]))
        except Refused as refusal:
            return refusal.answer
        return problem(404, "NOT_FOUND", "The requested URL was not found on this server.")

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Google's words."""
        if fault in ("wrong-password", "expired-token"):
            return problem(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if fault not in self._OWN:
            return None
        status, name, code, message = self._OWN[fault]
        waits = {"retry-after": RETRY_AFTER} if status in (429, 503) else {}
        return problem(status, name, message, *([_fcm_error(code)] if code else []), **waits)

    # the sign-in

    def _sign_in(self, call: HttpCall) -> Answer:
        self.sign_ins += 1
        form = {name: values[0] for name, values in call.form().items()}
        if form.get("grant_type") != GRANT:
            return _no_token("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        email = self._judge(form.get("assertion", ""))
        token, now = f"ya29.{secrets.token_urlsafe(48)}", _now()
        self._issued = {each: known for each, known in self._issued.items() if known[1] > now}
        self._issued[token] = email, now + timedelta(seconds=LIFETIME)
        return Answer.json(200, {"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"})

    def _judge(self, assertion: str) -> str:
        """The account an assertion stands for."""
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
            email = str(claims["iss"])
            if email in self._keys:
                jwt.decode(
                    assertion,
                    self._keys[email],
                    algorithms=["RS256"],
                    options={"verify_aud": False, "verify_iat": False, "verify_exp": False},
                )
            is_formed = jwt.get_unverified_header(assertion)["alg"] == "RS256" and len(_signature(assertion)) >= 256
            issued, ends = int(claims["iat"]), int(claims["exp"])
            scopes = str(claims.get("scope", "")).split()
            target = urlsplit(str(claims["aud"]))
        except jwt.InvalidSignatureError:
            raise Refused(_no_token("invalid_grant", "Invalid JWT Signature.")) from None
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError):
            raise Refused(_no_token("invalid_grant", "Invalid JWT: Failed to parse.")) from None
        if not is_formed:
            raise Refused(_no_token("invalid_grant", "Invalid JWT Signature."))
        now = _now().timestamp()
        if not (issued - 300 <= now < ends and 0 < ends - issued <= 3600):
            said = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            raise Refused(_no_token("invalid_grant", f"{said} Check your iat and exp values."))
        if target.path != "/token":
            raise Refused(_no_token("invalid_grant", "Invalid JWT: Failed audience check."))
        if not set(scopes) & set(SCOPES):
            raise Refused(_no_token("invalid_scope", "Invalid OAuth scope or ID token audience provided."))
        return email

    # the API

    def _send(self, call: HttpCall, project: str) -> Answer:
        self._admit(call, project)
        body = call.json()
        if not isinstance(body, dict):
            raise Refused(_invalid("Invalid JSON payload received. Unable to parse."))
        body = _read_fields(body, _REQUEST, "")
        message = body.get("message")
        if not message:
            raise Refused(_invalid("Missing message.", field="message"))
        for fault in _faults_of(message):
            raise Refused(fault)
        name = f"projects/{project}/messages/0:{_now().timestamp():.6f}%{secrets.token_hex(8)}"
        if not body.get("validate_only"):
            shown = message.get("notification", {})
            raw = json.dumps(message, ensure_ascii=False, indent=2).encode()
            single = message.get("token") or message.get("fid") or message.get("condition")
            target, title = single or f"/topics/{message['topic']}", shown.get("title") or shown.get("body") or ""
            tag = message.get("android", {}).get("notification", {}).get("tag", "")
            self.keep(call, project, [target], title, raw, Names(tag, name))
        return Answer.json(200, {"name": name})

    def _admit(self, call: HttpCall, project: str) -> None:
        email, ends = self._issued.get(call.bearer(), ("", None))
        if ends is None or _now() >= ends:
            said = "Request had invalid authentication credentials. Expected OAuth 2 access token."
            raise Refused(problem(401, "UNAUTHENTICATED", said))
        if email.endswith(".iam.gserviceaccount.com") and email.partition("@")[2].partition(".")[0] != project:
            said = "Permission 'cloudmessaging.messages.create' denied on resource '//cloudresourcemanager'"
            raise Refused(problem(403, "PERMISSION_DENIED", said))


EMULATOR = FcmEmulator


@cache
def _own_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def _own_public_pem() -> str:
    public = _own_key().public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def own_email() -> str:
    """The service account that this process hands out.

    It is named after its key, so that one handed out before a restart is somebody else, whose key is not known.
    """
    name = sha256(_own_public_pem().encode()).hexdigest()[:8]
    return f"sender-{name}@{PROJECT}.iam.gserviceaccount.com"


def problem(status: int, name: str, message: str, *details: Mapping[str, Any], **headers: str) -> Answer:
    """An error as Google's APIs say it (google.rpc.Status)."""
    error: dict[str, Any] = {"code": status, "message": message, "status": name}
    if details:
        error["details"] = list(details)
    named = {"content-type": "application/json; charset=UTF-8", **headers}
    return Answer(status, json.dumps({"error": error}).encode(), named)


def _fcm_error(code: str) -> dict[str, str]:
    return {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}


def _invalid(message: str, field: str = "") -> Answer:
    """400: with FCM's own code when it read the message, with the field that is wrong when it could not."""
    detail: dict[str, Any] = _fcm_error("INVALID_ARGUMENT")
    if field:
        violation = {"field": field, "description": message}
        detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    return problem(400, "INVALID_ARGUMENT", message, detail)


def _no_token(error: str, description: str) -> Answer:
    return Answer.json(400, {"error": error, "error_description": description})


def _read_fields(given: Mapping[str, Any], known: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The fields in snake case; the first unknown or wrongly typed one ends the request."""
    found: dict[str, Any] = {}
    for written, value in given.items():
        name = _CAMEL.sub(r"_\1", written).lower()
        where = f"{place}.{name}" if place else name
        if name not in known:
            at = f" at '{place}'" if place else ""
            said = f'Invalid JSON payload received. Unknown name "{written}"{at}: Cannot find field.'
            raise Refused(_invalid(said, place or name))
        if value is not None:
            found[name] = _read_value(value, known[name], where)
    return found


def _read_value(value: Any, kind: Any, where: str) -> Any:
    if isinstance(kind, dict):
        if isinstance(value, dict):
            return _read_fields(value, kind, where)
    elif kind == _MAP:
        wrong = [each for each in value.values() if not isinstance(each, str)] if isinstance(value, dict) else [value]
        if not wrong:
            return value
        said = f"Invalid value at '{where}[0].value' (TYPE_STRING), {json.dumps(wrong[0])}"
        raise Refused(_invalid(said, f"{where}[0].value"))
    elif isinstance(value, dict if kind == _FREE else kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise Refused(_invalid(f"Invalid value at '{where}', {json.dumps(value)[:80]}", where))


def _faults_of(message: Mapping[str, Any]) -> Iterator[Answer]:
    """What is wrong with a message that could be read, in the order in which FCM says it."""
    if sum(target in message for target in ("token", "topic", "condition", "fid")) != 1:
        yield _invalid("The recipient of the message is not set, or there is more than one.", "message")
    if "token" in message and not _TOKEN.fullmatch(message["token"]):
        yield _invalid("The registration token is not a valid FCM registration token")
    for key in message.get("data", {}):
        if _RESERVED.fullmatch(key):
            yield _invalid(f"Invalid data payload key: {key}")
    yield from _android_faults(message)
    yield from _web_and_apple_faults(message)
    parts = [*message.get("data", {}).items(), *message.get("notification", {}).items()]
    if sum(len(f"{name}{value}".encode("utf-8", "replace")) for name, value in parts) > LARGEST:
        yield _invalid("Message is too big")


def _android_faults(message: Mapping[str, Any]) -> Iterator[Answer]:
    android = message.get("android", {})
    if android.get("priority", "normal").lower() not in ("normal", "high"):
        yield _invalid("Invalid value at 'message.android.priority'", "message.android.priority")
    if "ttl" in android and not (_TTL.fullmatch(android["ttl"]) and float(android["ttl"][:-1]) <= 2_419_200):
        yield _invalid("Invalid time to live", "message.android.ttl")
    shown = android.get("notification", {})
    if shown.get("color") and not _COLOR.fullmatch(shown["color"]):
        yield _invalid("Invalid color, it must be in the form #rrggbb", "message.android.notification.color")
    if shown.get("notification_count", 0) < 0:
        yield _invalid("Invalid notification count", "message.android.notification.notification_count")


def _web_and_apple_faults(message: Mapping[str, Any]) -> Iterator[Answer]:
    link = message.get("webpush", {}).get("fcm_options", {}).get("link", "")
    if link and not link.startswith("https://"):
        yield _invalid("The link must be HTTPS", "message.webpush.fcm_options.link")
    apns = message.get("apns", {})
    headers, payload = apns.get("headers", {}), apns.get("payload", {})
    if headers.get("apns-push-type") == "background" and headers.get("apns-priority") == "10":
        yield _invalid("Invalid apns-priority for a background push", "message.apns.headers")
    if "payload" in apns and not isinstance(payload.get("aps", {}), dict):
        yield _invalid("Invalid APNS payload", "message.apns.payload")
    if len(headers.get("apns-collapse-id", "").encode()) > 64:
        yield _invalid("Invalid apns-collapse-id", "message.apns.headers")


def _signature(assertion: str) -> bytes:
    return jwt.utils.base64url_decode(assertion.rpartition(".")[2])


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - nothing of Carillon's is here
