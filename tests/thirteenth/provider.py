"""Acme: text messages through its Send API, one request a recipient."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from app.domain.channels import Channel
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import Field, FieldKind, ProviderSpec
from app.providers.base import Account
from app.providers.http import HttpProvider, HttpReply, HttpRequest, Item, outcome_of_status, unreadable

_CODES: dict[str, tuple[OutcomeKind, Reason]] = {
    "no_such_number": (OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS),
    "sender_unknown": (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),
}


class Acme(HttpProvider):
    """The provider for Acme. There is no idempotency key, so what was cut off stays uncertain."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="acme",
        label="Acme",
        channel=Channel.SMS,
        summary="Text messages to one town through the Send API of Acme.",
        fields=(
            Field(
                "apiKey", "API key", FieldKind.SECRET_TEXT, secret=True, needed=True,
                hint="In Acme's console under Keys.",
            ),
            Field(
                "from", "Sender", FieldKind.PHONE, section="options", needed=True,
                hint="A number of yours that Acme has verified.",
            ),
        ),
        uncertain_policy="hold",
    )  # fmt: skip

    def home(self, values: Mapping[str, Any]) -> str:
        """Acme's only address."""
        return "https://api.acme.example/v1"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One message."""
        item = items[0]
        document = {
            "to": item.recipient.address, "from": str(account.values["from"]), "text": item.rendered.text,
            "reference": item.key,
        }  # fmt: skip
        return HttpRequest.json("/send", document, _proof(account))

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of it."""
        return [judge(reply)] * len(items)

    def probe(self, account: Account) -> HttpRequest:
        """Whose key it is."""
        return HttpRequest("GET", "/account", _proof(account))


PROVIDER = Acme()


def judge(reply: HttpReply) -> Outcome:
    """One answer as an outcome."""
    found = reply.fields()
    if reply.is_good:
        return accepted(str(found["id"]), "", str(reply.status)) if found.get("id") else unreadable(reply)
    code = str(found.get("code") or "")
    plain = outcome_of_status(reply, str(found.get("message") or ""), code)
    kind, reason = _CODES.get(code, (plain.kind, plain.reason))
    return Outcome(kind, reason, plain.detail, plain.code, retry_after=plain.retry_after)


def _proof(account: Account) -> dict[str, str]:
    return {"authorization": f"Bearer {account.values['apiKey']}"}
