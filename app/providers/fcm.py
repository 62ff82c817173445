"""FCM: Google's Firebase Cloud Messaging, HTTP v1, for Android, the web, and iOS apps that use Firebase."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import quote

from app.domain.apple_push import apple_priority, aps_of, collapse_id, is_collapse_id, is_silent, push_type
from app.domain.channels import Channel
from app.domain.device_tokens import TokenTrials
from app.domain.exact_request import HIDDEN, Load
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import Field, FieldKind, ProviderSpec
from app.domain.push_rules import LARGEST_PAYLOAD, is_color, is_kept_by_google
from app.domain.rendered import RenderedPush
from app.infra.google_sign_in import KeyFile, SignInFailed, access_token
from app.infra.http_bodies import json_body
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

FILE = "serviceAccountJSON"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
QUOTA_WAIT = timedelta(minutes=1)  # when the quota is used up and no Retry-After says more
NOBODY = "nobody"  # no token, so no device has it

_FIELDS = (
    Field(
        FILE, "Service account JSON", FieldKind.JSON, secret=True, needed=True, open_parts=("project_id",),
        hint="In the Firebase console: Project settings, Service accounts, Generate new private key. Paste all "
             "that is in the file.",
    ),
)  # fmt: skip


class Fcm(HttpProvider):
    """The provider for FCM: one request a device, many at once on one HTTP/2 connection.

    An operator's endpoint moves the API; sign-ins then go to `/token` below it, or to the side endpoint `token`.
    """

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="fcm",
        label="Firebase Cloud Messaging",
        channel=Channel.PUSH,
        summary="Google's service for Android apps, web apps, and iOS apps that use Firebase.",
        fields=_FIELDS,
        max_batch=1,
        owns_addresses=True,
        uncertain_policy="retry",  # the same tag again: the second copy replaces the first on the device
    )
    in_flight: ClassVar[int] = 100
    http2: ClassVar[bool] = True
    proof: ClassVar[Mapping[str, str]] = {"authorization": f"Bearer {HIDDEN}"}

    def __init__(self) -> None:
        self._trials = TokenTrials()
        self._copies = PushCopies(lambda push, token, key: {"message": message_of(push, token, key)}, is_collapse_id)

    def home(self, values: Mapping[str, Any]) -> str:
        """Google's address, the same for everybody."""
        return "https://fcm.googleapis.com"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One message to one device; see `message_of`."""
        item = items[0]
        return _post(account, self._copies.write(item.rendered, item.recipient.address, item.key))

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """What FCM would turn down for every device: too large, a reserved key, a colour that is none."""
        push: RenderedPush = item.rendered
        for key in push.data:
            if is_kept_by_google(key):
                return _rejected(f"FCM keeps the data key “{key[:60]}” for itself. Give it another name.")
        if push.color and not is_color(push.color):
            return _rejected("The color must be written as #rrggbb, such as #0a7cff.")
        size = payload_size(push)
        if size <= LARGEST_PAYLOAD:
            return None
        said = f"The notification has {size:,} bytes with its data; FCM takes at most {LARGEST_PAYLOAD:,}."
        return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, said)

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of the device's message; see `outcome_of`. A foreign token is weighed against the others."""
        return [self._trials.judge(account.key, outcome_of(reply)) for _ in items]

    def load_of(self, item: Item, request: HttpRequest) -> Load:
        """Of a message count the keys and values of its notification and its data."""
        return Load(payload_size(item.rendered), LARGEST_PAYLOAD)

    async def sign_in(self, account: Account, *, refused: str = "") -> Mapping[str, str]:
        """An access token, fetched only when no kept one holds."""
        uri = account.side_endpoints.get("token") or (f"{self.base_url(account)}/token" if account.endpoint else "")
        try:
            file = KeyFile.read(account.values.get(FILE))
            token = await access_token(account.tokens, file, SCOPE, uri, refused=refused.removeprefix("Bearer "))
        except SignInFailed as error:
            raise NotAuthorized(error.outcome) from None
        return {"authorization": f"Bearer {token}"}

    def wants_new_token(self, reply: HttpReply) -> bool:
        """A 401 is about the token, unless it is about the APNs key that Firebase holds."""
        return reply.status == 401 and _error_of(reply).code not in _APPLE_KEY

    def probe(self, account: Account) -> HttpRequest:
        """A message that is only validated, to a token that no device has."""
        message = {"token": NOBODY, "notification": {"title": "Test"}}
        return _post(account, json_body({"validate_only": True, "message": message}))

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """That the token is refused, and nothing before it, shows that sign-in and project are right."""
        file = KeyFile.read(account.values.get(FILE))
        signed_in = Finding(True, f"Google knows the service account {file.email}.")
        outcome = outcome_of(reply)
        if outcome.kind in (OutcomeKind.ACCEPTED, OutcomeKind.RECIPIENT_PERMANENT):
            return [signed_in, Finding(True, f"Messages may be sent in the project {file.project}.")]
        words = _why_refused(reply, file.project)
        if outcome.kind in (OutcomeKind.TRANSIENT, OutcomeKind.THROTTLED):
            words = "FCM has trouble at the moment. Test the connection again in a minute."
        return [signed_in, Finding(False, words, self.scrubbed(account, outcome).answer)]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """What cannot work in the file, without asking the network."""
        found = super().check(values)
        if values.get(FILE) in (None, "") or FILE in found:
            return found
        try:
            KeyFile.read(values.get(FILE)).check()
        except SignInFailed as error:
            return {FILE: [error.outcome.detail]}
        return {}


PROVIDER = Fcm()


def _why_refused(reply: HttpReply, project: str) -> str:
    """What has to be done so that messages can be sent in the project (AIP-193: `ErrorInfo` names the reason)."""
    error = reply.fields().get("error")
    details = error.get("details") if isinstance(error, dict) else None
    reasons = [each.get("reason") for each in details or () if isinstance(each, dict)]
    if "SERVICE_DISABLED" in reasons:
        return f"Firebase Cloud Messaging API (V1) is off in the project {project}: enable it in the Firebase console."
    if reply.status == 404:
        return f"Google knows no Firebase project {project}. Use the file of the project that the app belongs to."
    if reply.status == 403:
        role = "Firebase Cloud Messaging API Admin"
        return f"The service account may not send in the project {project}. It needs the role {role} there."
    return f"No message can be sent in the project {project}."


def _post(account: Account, body: bytes) -> HttpRequest:
    file = account.values.get(FILE)
    project = str(file.get("project_id") or "") if isinstance(file, dict) else ""  # what is missing, `sign_in` says
    return _empty_post(project).with_body(body)


@lru_cache(maxsize=32)
def _empty_post(project: str) -> HttpRequest:
    """What all messages of a project share: everything but their document."""
    return HttpRequest.ready_json(f"/v1/projects/{quote(project, safe='')}/messages:send", b"")


# ours → theirs


def message_of(push: RenderedPush, token: str, key: str) -> dict[str, Any]:
    """The `message` that FCM is given for one device; `key` is the delivery key.

    Values of `data` that are no texts are sent as their JSON text, because FCM takes texts only. A notification
    without a tag is tagged with its delivery key, so that a second copy of it replaces the first on the device.
    Source: FCM HTTP v1, resource projects.messages.
    """
    tag = push.tag or key
    return _filled(
        token=token,
        notification=_notification(push),
        data=_data(push),
        android=_android(push, tag),
        apns=_apple(push, tag),
        webpush=_web(push, tag),
    )


def payload_size(push: RenderedPush) -> int:
    """Bytes that count towards FCM's limit: keys and values of `notification` and `data`."""
    size = 0
    if _shows(push):
        for name, text in (("title", push.title), ("body", push.body), ("image", push.image)):
            if text:
                size += len(name) + _octets(text)
    for name, text in _data(push).items():
        size += _octets(name) + _octets(text)
    return size


def _octets(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _shows(push: RenderedPush) -> bool:
    """Whether there is anything to show; without, Android gets data only and wakes the app."""
    return bool(push.title or push.body)


def _notification(push: RenderedPush) -> dict[str, Any]:
    return _filled(title=push.title, body=push.body, image=push.image) if _shows(push) else {}


def _data(push: RenderedPush) -> dict[str, str]:
    return {name: value if isinstance(value, str) else _json_text(value) for name, value in push.data.items()}


def _android(push: RenderedPush, tag: str) -> dict[str, Any]:
    shown = _filled(
        icon=push.icon, color=push.color, sound=push.sound, tag=tag, click_action=push.action, image=push.image,
        channel_id=push.channel_id, notification_count=push.badge if (push.badge or 0) >= 0 else None,
    )  # fmt: skip
    return _filled(priority=push.priority, notification=shown if _shows(push) else {})


def _apple(push: RenderedPush, tag: str) -> dict[str, Any]:
    aps = {name: value for name, value in aps_of(push).items() if name != "alert"}  # FCM makes it from `notification`
    headers = {"apns-push-type": push_type(push), "apns-priority": apple_priority(push)}
    if is_silent(push):
        return {"headers": headers, "payload": {"aps": aps}}
    headers["apns-collapse-id"] = collapse_id(tag)
    return _filled(headers=headers, payload=_filled(aps=aps), fcm_options=_filled(image=push.image))


def _web(push: RenderedPush, tag: str) -> dict[str, Any]:
    if not _shows(push):
        return {}
    link = push.action if push.action.startswith("https://") else ""  # FCM refuses any other scheme
    shown = _filled(icon=push.icon, image=push.image, tag=tag)
    return _filled(notification=shown, fcm_options=_filled(link=link))


def _json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _filled(**fields: Any) -> dict[str, Any]:
    """The fields that say something; a badge of 0 does, it clears."""
    return {name: value for name, value in fields.items() if value not in (None, "", {})}


def _rejected(sentence: str) -> Outcome:
    return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, sentence)


# theirs → ours

_APPLE_KEY = frozenset({"THIRD_PARTY_AUTH_ERROR", "APNS_AUTH_ERROR"})

# FCM's own error code when the answer has one, else the status by its name. Source: FCM v1, ErrorCode.
_BY_CODE: dict[str, tuple[OutcomeKind, Reason]] = {
    "SENDER_ID_MISMATCH": (OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_FOREIGN),  # of another Firebase project
    "QUOTA_EXCEEDED": (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),
    "RESOURCE_EXHAUSTED": (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),
    "UNAVAILABLE": (OutcomeKind.TRANSIENT, Reason.SERVER_ERROR),
    "INTERNAL": (OutcomeKind.TRANSIENT, Reason.SERVER_ERROR),
    "UNAUTHENTICATED": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    "PERMISSION_DENIED": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),  # or the API is switched off
    "NOT_FOUND": (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),  # the project; a dead token says UNREGISTERED
    # The APNs key in Firebase is wrong. Only iOS tokens suffer, so this is not told as the whole provider's fault:
    # that would keep Android waiting. The token is kept, and a person can retry once the key is mended.
    "THIRD_PARTY_AUTH_ERROR": (OutcomeKind.MESSAGE_PERMANENT, Reason.NOT_CONFIGURED),
    "APNS_AUTH_ERROR": (OutcomeKind.MESSAGE_PERMANENT, Reason.NOT_CONFIGURED),
}


@dataclass(frozen=True, slots=True)
class _Error:
    """Google's error: `code` is FCM's own, else the status' name; `is_fcm` tells which; `fields` were at fault."""

    code: str = ""
    message: str = ""
    is_fcm: bool = False
    fields: tuple[str, ...] = ()


def outcome_of(reply: HttpReply) -> Outcome:
    """What FCM's answer means for the one device it is about (providers.md 11.3)."""
    if reply.is_good:
        name = reply.fields().get("name")
        return accepted(name, code=str(reply.status)) if isinstance(name, str) and name else unreadable(reply)
    error = _error_of(reply)
    basic = outcome_of_status(reply, error.message, error.code)
    kind, reason = basic.kind, basic.reason
    if error.code == "UNREGISTERED" and error.is_fcm:
        kind, reason = OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_RETIRED
    elif error.code == "INVALID_ARGUMENT":
        kind, reason = _meaning_of_invalid(error)
    elif error.code in _BY_CODE:
        kind, reason = _BY_CODE[error.code]
    wait = wait_asked_for(reply.headers) if kind in (OutcomeKind.THROTTLED, OutcomeKind.TRANSIENT) else None
    if kind is OutcomeKind.THROTTLED:
        wait = wait or QUOTA_WAIT
    return Outcome(kind, reason, basic.detail, basic.code, retry_after=wait)


def _meaning_of_invalid(error: _Error) -> tuple[OutcomeKind, Reason]:
    """A malformed token is the device's fault, anything else the message's; only the words and fields tell."""
    if "message.token" in error.fields or "not a valid fcm registration token" in error.message.lower():
        return OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS
    is_large = "too big" in error.message.lower()
    return OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE if is_large else Reason.CONTENT_REJECTED


def _error_of(reply: HttpReply) -> _Error:
    error = reply.fields().get("error")
    if not isinstance(error, dict):
        return _Error()
    listed = error.get("details")
    details = [detail for detail in listed if isinstance(detail, dict)] if isinstance(listed, list) else []
    own = [str(each.get("errorCode")) for each in details if str(each.get("@type")).endswith("fcm.v1.FcmError")]
    violations = [each.get("fieldViolations") for each in details]
    fields = [str(each.get("field")) for group in violations if isinstance(group, list) for each in group
              if isinstance(each, dict)]  # fmt: skip
    code = own[0] if own else str(error.get("status") or "")
    return _Error(code, str(error.get("message") or ""), bool(own), tuple(fields))
