"""What vendors' own signers made, judged by Carillon: the other half of receipts that vendors' validators accept."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.receipts import HookRequest, NotProven
from app.infra.hook_proofs import is_signed_by_svix, is_signed_by_twilio
from app.providers.base import Account
from app.providers.vonage import PROVIDER as VONAGE

Shown = Mapping[str, Any]


def judge(story: str, shown: Shown) -> None:
    """Hold what a story has shown against our own rules, once as it is and once forged."""
    assert bool(shown) == (story in _JUDGES), f"{story}: what signs must be judged, and what is judged must sign"
    if shown:
        _JUDGES[story](shown)


def _judge_twilio(shown: Shown) -> None:
    fields = list(shown["fields"].items())
    assert is_signed_by_twilio(shown["signature"], shown["token"], shown["url"], fields)
    assert not is_signed_by_twilio(shown["signature"], shown["token"], f"{shown['url']}&more=1", fields)


def _judge_resend(shown: Shown) -> None:
    body = shown["body"].encode()
    assert is_signed_by_svix(shown["headers"], shown["secret"], body)
    assert not is_signed_by_svix(shown["headers"], shown["secret"], body + b" ")


def _judge_vonage(shown: Shown) -> None:
    account = Account("vonage", {"signatureSecret": shown["secret"]})
    assert len(shown["signed"]) == 4
    for fields in shown["signed"]:
        moment = datetime.fromtimestamp(int(fields["timestamp"]), UTC) + timedelta(seconds=1)
        (receipt,) = VONAGE.receipts(account, _hook(moment, fields))
        assert receipt.is_proven
        with pytest.raises(NotProven):
            VONAGE.receipts(account, _hook(moment, {**fields, "status": "failed"}))


def _hook(moment: datetime, fields: Mapping[str, Any]) -> HookRequest:
    return HookRequest(moment, json.dumps(fields).encode(), {"content-type": "application/json"})


_JUDGES: dict[str, Callable[[Shown], None]] = {
    "twilio_sdk": _judge_twilio, "resend_sdk": _judge_resend, "vonage_sdk": _judge_vonage,
}  # fmt: skip
