"""APNs: Apple's Push Notification service over HTTP/2, with token-based sign-in."""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import UUID, uuid5

from app.domain.apple_push import apple_priority, aps_of, collapse_id, is_silent, push_type
from app.domain.channels import Channel
from app.domain.device_tokens import TokenTrials
from app.domain.exact_request import HIDDEN
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import Field, FieldKind, ProviderSpec
from app.domain.push_previews import Platform
from app.domain.push_rules import KEPT_FOR, LARGEST_PAYLOAD, is_kept_by_apple
from app.domain.rendered import RenderedPush
from app.infra.clock import SystemClock
from app.infra.http_bodies import json_body
from app.infra.sealed_tokens import Token
from app.infra.signatures import Algorithm, KeyUnusable, check_key, sign_claims
from app.providers.base import Account, Finding
from app.providers.http import (
    HttpProvider,
    HttpReply,
    HttpRequest,
    Item,
    NotAuthorized,
    outcome_of_status,
    unreadable,
    wait_asked_for,
)
from app.providers.push_copies import PushCopies

# Apple refuses a provider token after 60 minutes, and a new one within 20 minutes of the last.
TOKEN_LIFETIME = timedelta(minutes=50)
TOKEN_REST = timedelta(minutes=20)
THROTTLE_WAIT = timedelta(minutes=1)  # Apple names no time
NOBODY = "00"  # a token that no device has
NAMESPACE = UUID("7d0c1f0e-4f0b-5c56-9a51-2b8f6d1f3c11")  # for apns-id, which must be a UUID

_TEN = re.compile(r"[A-Za-z0-9]{10}")
_BUNDLE = re.compile(r"[A-Za-z0-9.\-]{1,155}")

_FIELDS = (
    Field(
        "authKey", "Authentication key", FieldKind.PEM, secret=True, needed=True,
        hint="The .p8 file from developer.apple.com: Certificates, Identifiers & Profiles, Keys, with Apple Push "
             "Notifications service enabled. Paste all that is in it. Apple lets you download it once.",
        name_gives=("authKeyId", r"AuthKey_([A-Za-z0-9]{10})\.p8"),
    ),
    Field(
        "authKeyId", "Key ID", needed=True,
        hint="Ten letters and digits: listed beside the key, and in the name of the file, AuthKey_<Key ID>.p8.",
    ),
    Field(
        "teamId", "Team ID", needed=True,
        hint="Ten letters and digits: developer.apple.com, Account, Membership details.",
    ),
    Field(
        "bundleId", "Bundle ID", needed=True,
        hint="The app's identifier, such as com.example.app: in Xcode under Signing & Capabilities, or under "
             "Identifiers at developer.apple.com.",
    ),
    Field(
        "sandbox", "Development environment", FieldKind.BOOL, section="options", default=False,
        hint="On for builds run from Xcode; off for TestFlight and the App Store. A device token works in one of the "
             "two only.",
    ),
)  # fmt: skip


class Apns(HttpProvider):
    """The provider for APNs: one request a device, many at once on one HTTP/2 connection."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="apns",
        label="Apple Push Notification service",
        channel=Channel.PUSH,
        summary="Apple's service for apps on iPhone, iPad, Mac and Watch.",
        fields=_FIELDS,
        max_batch=1,
        owns_addresses=True,
        address_pattern=r"(?:[0-9a-fA-F]{2}){32,}",  # FCM's tokens hold other signs as well
        address_words="devices registered with Apple",
        reaches=frozenset({Platform.IOS}),
        largest_body=LARGEST_PAYLOAD,
        uncertain_policy="retry",  # the same apns-collapse-id again: the second copy replaces the first on the device
    )
    in_flight: ClassVar[int] = 100
    http2: ClassVar[bool] = True
    proof: ClassVar[Mapping[str, str]] = {"authorization": f"bearer {HIDDEN}"}

    def __init__(self) -> None:
        self._trials = TokenTrials()
        self._copies = PushCopies(lambda push, _token, _key: payload_of(push), lambda _key: True)

    def home(self, values: Mapping[str, Any]) -> str:
        """Apple's address for the chosen environment."""
        return f"https://api.{'sandbox.' if values.get('sandbox') is True else ''}push.apple.com"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One notification to one device; see `payload_of` and `headers_of`."""
        item = items[0]
        until = SystemClock().now() + KEPT_FOR
        headers = headers_of(item.rendered, str(account.values.get("bundleId") or ""), item.key, until)
        return _post(item.recipient.address, self._write(item), headers)

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """What Apple would turn down for every device: too large, or custom data under a key of Apple's."""
        push: RenderedPush = item.rendered
        if any(is_kept_by_apple(key) for key in push.data):
            said = "Apple keeps the data key “aps” for itself. Give it another name."
            return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, said)
        try:
            size = len(self._write(item))
        except ValueError:
            said = "The notification holds half a character or an endless number. Remove it."
            return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, said)
        if size <= LARGEST_PAYLOAD:
            return None
        said = f"The notification has {size:,} bytes with its data; Apple takes at most {LARGEST_PAYLOAD:,}."
        return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, said)

    def _write(self, item: Item) -> bytes:
        """The payload; see `payload_of`. ValueError for what JSON in UTF-8 cannot hold."""
        return self._copies.write(item.rendered, item.recipient.address, item.key)

    def reference_of(self, key: str) -> str:
        """The `apns-id` of a notification."""
        return apns_id(key)

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of the notification; see `outcome_of`. A foreign token is weighed against the others."""
        return [self._trials.judge(account.key, outcome_of(reply)) for _ in items]

    async def sign_in(self, account: Account, *, refused: str = "") -> Mapping[str, str]:
        """A provider token, made only when no kept one holds.

        A refused token that is not twenty minutes old is used again: a newer one would be refused as well, since then
        our clock is wrong, and Apple punishes frequent renewal.
        """
        if not _BUNDLE.fullmatch(str(account.values.get("bundleId") or "")):
            raise _unusable("The Bundle ID is missing, or holds more than letters, digits, dots and hyphens.")
        old = refused.removeprefix("bearer ")
        if old and SystemClock().now() - _issued_at(old) < TOKEN_REST:
            return {"authorization": refused}
        values = {name: str(account.values.get(name) or "") for name in ("authKey", "authKeyId", "teamId")}
        digest = sha256(values["authKey"].encode("utf-8", "surrogatepass")).hexdigest()
        key = f"apns {values['teamId']} {values['authKeyId']} {digest}"

        async def make() -> Token:
            return _make_token(**values)

        return {"authorization": f"bearer {await account.tokens.get(key, make, instead_of=old)}"}

    def wants_new_token(self, reply: HttpReply) -> bool:
        """Only when Apple says that it is too old."""
        return reply.status == 403 and reply.fields().get("reason") == "ExpiredProviderToken"

    def probe(self, account: Account) -> HttpRequest:
        """A silent push to a token that no device has."""
        push = RenderedPush(content_available=True)
        headers = headers_of(push, str(account.values.get("bundleId") or ""), "verify", SystemClock().now())
        return _post(NOBODY, json_body(payload_of(push)), headers)

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """That the device token is refused, and nothing before it, shows that key, team and environment are right."""
        outcome = outcome_of(reply)
        if outcome.kind in (OutcomeKind.ACCEPTED, OutcomeKind.RECIPIENT_PERMANENT):
            place = "development" if account.values.get("sandbox") is True else "production"
            bundle = account.values.get("bundleId")
            later = f"Whether they may send to {bundle} shows with the first push to a real device."
            return [Finding(True, f"Apple knows this key and team in the {place} environment.", later)]
        words = _VERIFY_WORDS.get(str(reply.fields().get("reason")), "Apple does not take pushes with these settings.")
        if outcome.kind in (OutcomeKind.TRANSIENT, OutcomeKind.THROTTLED):
            words = "APNs has trouble at the moment. Test the connection again in a minute."
        return [Finding(False, words, self.scrubbed(account, outcome).answer)]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """What cannot work in these settings, without asking the network."""
        found = super().check(values)
        for name, shape, sentence in (
            ("authKeyId", _TEN, "The Key ID has ten letters and digits, such as 2X9R4HXF34."),
            ("teamId", _TEN, "The Team ID has ten letters and digits, such as A1B2C3D4E5."),
            ("bundleId", _BUNDLE, "The Bundle ID has letters, digits, dots and hyphens, such as com.example.app."),
        ):
            value = values.get(name)
            if value not in (None, "") and name not in found and not shape.fullmatch(str(value)):
                found[name] = [sentence]
        if values.get("authKey") not in (None, "") and "authKey" not in found:
            try:
                check_key(str(values.get("authKey")), Algorithm.ES256)
            except KeyUnusable as error:
                found["authKey"] = [f"The authentication key cannot be used. {error}"]
        return found


PROVIDER = Apns()


# ours → theirs


def payload_of(push: RenderedPush) -> dict[str, Any]:
    """The notification's JSON: `aps`, and beside it the author's own data with its types as they are.

    iOS shows an image only when the app has a service extension that fetches it; it finds the address under `image`,
    unless the author's data uses that name. Source: Apple, Generating a remote notification.
    """
    image = {"image": push.image} if push.image and not is_silent(push) else {}
    return {**image, **push.data, "aps": aps_of(push)}


def apns_id(key: str) -> str:
    """The UUID that stands for a delivery key: Apple takes no other name for a notification."""
    return str(uuid5(NAMESPACE, key))


def headers_of(push: RenderedPush, topic: str, key: str, until: datetime) -> dict[str, str]:
    """What Apple is told beside the payload; `until` is when it may give up, `key` is the delivery key.

    Without a tag of the author's the delivery key collapses: a second copy replaces the first on the device.
    Source: Apple, Sending notification requests to APNs.
    """
    headers = {
        "apns-topic": topic,
        "apns-push-type": push_type(push),
        "apns-priority": apple_priority(push),
        "apns-expiration": str(int(until.timestamp())),  # absolute: a small number is a moment in 1970
        "apns-id": apns_id(key),
    }
    return headers if is_silent(push) else headers | {"apns-collapse-id": collapse_id(push.tag or key)}


def _post(token: str, body: bytes, headers: Mapping[str, str]) -> HttpRequest:
    kind = {"content-type": "application/json"}
    return HttpRequest("POST", f"/3/device/{quote(token, safe='')}", kind | dict(headers), body)


# theirs → ours

_REJECTED = (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED)
_SIGN_IN = (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED)
_TOPIC = (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED)  # the bundle id
_LATER = (OutcomeKind.TRANSIENT, Reason.SERVER_ERROR)

# Source: Apple, Handling notification responses from APNs, table 5 (providers.md 12.3).
_BY_REASON: dict[str, tuple[OutcomeKind, Reason]] = {
    "Unregistered": (OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_RETIRED),
    "ExpiredToken": (OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_RETIRED),
    "BadDeviceToken": (OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_FOREIGN),  # malformed, or the other environment's
    "DeviceTokenNotForTopic": _TOPIC,
    "MissingTopic": _TOPIC,
    "BadTopic": _TOPIC,
    "TopicDisallowed": _TOPIC,
    "BadPriority": _REJECTED,
    "BadExpirationDate": _REJECTED,
    "BadCollapseId": _REJECTED,
    "BadMessageId": _REJECTED,
    "InvalidPushType": _REJECTED,
    "DuplicateHeaders": _REJECTED,
    "PayloadEmpty": _REJECTED,
    "MissingDeviceToken": _REJECTED,
    "BadPath": _REJECTED,
    "MethodNotAllowed": _REJECTED,
    "PayloadTooLarge": (OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE),
    "ExpiredProviderToken": _SIGN_IN,  # only told when a fresh token was refused as well: our clock is wrong
    "InvalidProviderToken": _SIGN_IN,
    "MissingProviderToken": _SIGN_IN,
    "Forbidden": _SIGN_IN,
    "BadCertificate": _SIGN_IN,
    "BadCertificateEnvironment": _SIGN_IN,
    "BadEnvironmentKeyIdInToken": _SIGN_IN,
    "UnrelatedKeyIdInToken": _SIGN_IN,
    "TooManyRequests": (OutcomeKind.THROTTLED, Reason.GREYLISTED),  # to this one device; the others may go on
    "TooManyProviderTokenUpdates": (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),  # the kept token stays in use
    "InternalServerError": _LATER,
    "ServiceUnavailable": _LATER,
    "Shutdown": _LATER,
    "IdleTimeout": _LATER,
}

_VERIFY_WORDS = {
    "InvalidProviderToken": "Apple does not accept the key: key file, Key ID and Team ID do not belong together.",
    "ExpiredProviderToken": "Apple takes our sign-in for too old or too new: this machine's clock is wrong.",
    "BadEnvironmentKeyIdInToken": "The key is not meant for this environment. Change the environment, or the key.",
    "BadTopic": "Apple does not know the Bundle ID.",
    "TopicDisallowed": "This key may not send to the Bundle ID.",
}


def outcome_of(reply: HttpReply) -> Outcome:
    """What Apple's answer means for the one device it is about."""
    if reply.is_good:  # Apple names every notification it takes
        return accepted(reply.headers["apns-id"], code="200") if "apns-id" in reply.headers else unreadable(reply)
    fields = reply.fields()
    name = fields.get("reason")
    reason = name if isinstance(name, str) else ""
    basic = outcome_of_status(reply, reason, reason)
    kind, why = _BY_REASON.get(reason, (basic.kind, basic.reason))
    wait = wait_asked_for(reply.headers) if kind in (OutcomeKind.THROTTLED, OutcomeKind.TRANSIENT) else None
    if kind is OutcomeKind.THROTTLED:
        wait = wait or (TOKEN_REST if reason == "TooManyProviderTokenUpdates" else THROTTLE_WAIT)
    died = _moment(fields.get("timestamp")) if kind is OutcomeKind.RECIPIENT_PERMANENT else None
    detail = f"{basic.detail} since {died:%Y-%m-%d %H:%M:%S} UTC" if died else basic.detail
    return Outcome(kind, why, detail, basic.code, retry_after=wait, dead_since=died)


def _moment(milliseconds: Any) -> datetime | None:
    """When the token died, as Apple counts: milliseconds since 1970."""
    if not isinstance(milliseconds, int) or not 1 << 40 < milliseconds < 1 << 44:  # from 2004 on
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


# the sign-in


def _make_token(authKey: str, authKeyId: str, teamId: str) -> Token:  # noqa: N803 - the wire names
    """A provider token, to be used for fifty minutes. Raises NotAuthorized."""
    now = SystemClock().now()
    try:
        value = sign_claims(authKey, Algorithm.ES256, {"iss": teamId, "iat": int(now.timestamp())}, authKeyId)
    except KeyUnusable as error:
        raise _unusable(f"The authentication key cannot be used. {error}") from None
    return Token(value, now + TOKEN_LIFETIME)


def _unusable(sentence: str) -> NotAuthorized:
    return NotAuthorized(Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED, sentence))


def _issued_at(token: str) -> datetime:
    """The `iat` of one of our own tokens; long ago when it cannot be read."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return datetime.fromtimestamp(claims["iat"], UTC)
    except (IndexError, ValueError, binascii.Error, KeyError, TypeError):
        return datetime.fromtimestamp(0, UTC)
