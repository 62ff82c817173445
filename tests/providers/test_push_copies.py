"""Copies of a notification are written from what they share; each is, byte for byte, the document written whole."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.rendered import Recipient, RenderedPush
from app.infra.http_bodies import json_body
from app.providers import apns, fcm
from app.providers.base import Account
from app.providers.http import Item

FULL = RenderedPush(
    title="Your order", body="It is on its way", data={"order": 17, "gift": True, "tags": ["a", "ü"], "note": "x"},
    action="https://example.org/orders/17", image="https://example.org/van.png", icon="van", sound="bell",
    color="#0A7cff", tag="order-17", badge=3, priority="high", channel_id="orders",
)  # fmt: skip
PLAIN = RenderedPush("Hi", "there")
PUSHES = [
    PLAIN, replace(PLAIN, title='Say "hi" \\ ü 🎉'), replace(PLAIN, body="two\nlines"), RenderedPush(body="body alone"),
    RenderedPush("only a title"), FULL, replace(FULL, title="Another"), replace(FULL, tag=""), replace(FULL, badge=0),
    replace(FULL, data={"n": 1}), replace(FULL, data={"n": True}), replace(FULL, data={"n": 1.0}),
    replace(FULL, data={"a": "1", "b": "2"}), replace(FULL, data={"b": "2", "a": "1"}), replace(FULL, critical=True),
    replace(FULL, priority="normal"), RenderedPush(content_available=True), RenderedPush(data={"only": "data"}),
]  # fmt: skip
KEYS = ["1234.message", "9.m", f"{'7' * 19}.{'m' * 60}", "1.ümlaut", ""]
ACCOUNT = Account("key", {"serviceAccountJSON": {"project_id": "acme"}, "bundleId": "com.example.app"})


def item(push: RenderedPush, key: str, token: str) -> Item:
    return Item(0, key, Recipient(token), push)


@pytest.mark.parametrize("order", [PUSHES, PUSHES[::-1]])
@pytest.mark.parametrize("key", KEYS)
def test_fcm_gets_each_copy_as_it_would_get_it_alone(order: list[RenderedPush], key: str) -> None:
    adapter = fcm.Fcm()
    for push in order:
        for token in ("device-1", 'device "2" ü'):
            written = adapter.request(ACCOUNT, [item(push, key, token)]).body
            assert written == json_body({"message": fcm.message_of(push, token, key)})


@pytest.mark.parametrize("order", [PUSHES, PUSHES[::-1]])
def test_apple_gets_each_copy_as_it_would_get_it_alone(order: list[RenderedPush]) -> None:
    adapter = apns.Apns()
    for push in order:
        for token in ("00" * 32, "ff" * 32):
            asked = adapter.request(ACCOUNT, [item(push, "1.m", token)])
            assert asked.body == json_body(apns.payload_of(push))
            assert asked.path == f"/3/device/{token}"


@pytest.mark.parametrize("adapter", [fcm.Fcm(), apns.Apns()])
def test_a_copy_that_cannot_be_written_leaves_the_next_one_alone(adapter: Any) -> None:
    broken = [replace(FULL, title="half \ud800"), replace(FULL, data={"a": "\udfff"})]
    for push in broken:
        with pytest.raises(ValueError, match="surrogates"):
            adapter.request(ACCOUNT, [item(push, "1.m", "00" * 32)])
        again = adapter.request(ACCOUNT, [item(FULL, "1.m", "00" * 32)]).body
        assert again == type(adapter)().request(ACCOUNT, [item(FULL, "1.m", "00" * 32)]).body


def test_the_size_that_counts_for_fcm_is_that_of_what_is_written() -> None:
    for push in PUSHES:
        message = fcm.message_of(push, "device", "1.m")
        parts = (*message.get("notification", {}).items(), *message.get("data", {}).items())
        assert fcm.payload_size(push) == sum(len(f"{name}{value}".encode()) for name, value in parts)
