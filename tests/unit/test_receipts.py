"""Receipts: their rank, whatever order they come in; what they suppress; and the signatures that prove them."""

import base64
from datetime import timedelta
from itertools import permutations, product

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import Reason
from app.domain.receipts import (
    HookRequest,
    NotProven,
    NotUnderstood,
    Receipt,
    ReceiptEvent,
    judge_bounce,
    reason_of,
    state_after,
    suppression_of,
)
from app.infra import hook_proofs, hook_reading
from tests.conftest import START

_TOLD = [each for each in ReceiptEvent if each is not ReceiptEvent.UNKNOWN]


def _walk(state: DeliveryState, events: tuple[ReceiptEvent, ...]) -> DeliveryState:
    for event in events:
        state = state_after(state, event, was_uncertain=True) or state
    return state


@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.UNCERTAIN, DeliveryState.QUEUED])
@pytest.mark.parametrize("size", [2, 3])
def test_the_order_in_which_receipts_come_does_not_matter(state: DeliveryState, size: int) -> None:
    for events in product(_TOLD, repeat=size):
        assert len({_walk(state, order) for order in permutations(events)}) == 1, events


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ("sent accepted", "sent"),
        ("delivered sent deferred", "delivered"),
        ("failed delivered", "delivered"),
        ("delivered failed", "delivered"),
        ("delivered bounced", "bounced"),
        ("bounced delivered", "bounced"),
        ("bounced opened clicked", "bounced"),
        ("expired", "failed"),
        ("deferred", "sent"),
    ],
)
def test_the_highest_rank_wins(events: str, state: str) -> None:
    assert _walk(DeliveryState.SENT, tuple(map(ReceiptEvent, events.split()))) == state


@pytest.mark.parametrize("event", list(ReceiptEvent))
@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.SKIPPED])
def test_what_is_in_hand_or_was_left_out_is_not_moved(state: DeliveryState, event: ReceiptEvent) -> None:
    assert state_after(state, event, was_uncertain=True) is None


@pytest.mark.parametrize("event", list(ReceiptEvent))
def test_a_queued_delivery_that_never_left_is_not_moved(event: ReceiptEvent) -> None:
    assert state_after(DeliveryState.QUEUED, event, was_uncertain=False) is None


def test_a_word_that_nobody_knows_moves_nothing() -> None:
    assert [state_after(each, ReceiptEvent.UNKNOWN, was_uncertain=True) for each in DeliveryState] == [None] * 8


@pytest.mark.parametrize(
    ("event", "reason", "word"),
    [
        (ReceiptEvent.BOUNCED, None, "hard_bounce"),
        (ReceiptEvent.COMPLAINED, None, "complaint"),
        (ReceiptEvent.UNSUBSCRIBED, None, "unsubscribed"),
        (ReceiptEvent.FAILED, Reason.OPTED_OUT, "unsubscribed"),
        (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED, ""),
        (ReceiptEvent.DEFERRED, Reason.MAILBOX_FULL, ""),
        (ReceiptEvent.EXPIRED, None, ""),
        (ReceiptEvent.OPENED, None, ""),
    ],
)
def test_only_a_dead_address_and_a_no_suppress(event: ReceiptEvent, reason: Reason | None, word: str) -> None:
    assert suppression_of(Receipt(event, "1", reason=reason)) == word
    assert suppression_of(Receipt(event, "1", reason=reason, is_proven=False)) == ""


def test_the_reason_is_the_receipt_s_own_when_it_ends_badly() -> None:
    assert reason_of(Receipt(ReceiptEvent.BOUNCED, "1")) is Reason.MAILBOX_UNKNOWN
    assert reason_of(Receipt(ReceiptEvent.BOUNCED, "1", reason=Reason.DOMAIN_UNKNOWN)) is Reason.DOMAIN_UNKNOWN
    assert reason_of(Receipt(ReceiptEvent.DELIVERED, "1", reason=Reason.MAILBOX_FULL)) is Reason.ACCEPTED


@pytest.mark.parametrize(
    ("code", "text", "event", "reason"),
    [
        (550, "5.1.1 No such user", ReceiptEvent.BOUNCED, Reason.MAILBOX_UNKNOWN),
        (550, "5.7.1 Rejected by policy", ReceiptEvent.FAILED, Reason.CONTENT_REJECTED),
        (552, "5.2.2 Over quota", ReceiptEvent.FAILED, Reason.MAILBOX_FULL),
        (605, "Not delivering to previously bounced address", ReceiptEvent.BOUNCED, Reason.MAILBOX_UNKNOWN),
        (0, "", ReceiptEvent.BOUNCED, Reason.MAILBOX_UNKNOWN),
    ],
)
def test_policy_and_full_mailboxes_are_no_bounce(code: int, text: str, event: ReceiptEvent, reason: Reason) -> None:
    assert judge_bounce(code, text) == (event, reason)


def test_mailgun_s_signature_is_the_golden_one() -> None:
    right = "61b1515d4e42b722b38d2c1f3ecd35fb2218fece8672c696c4fddefb9724b00e"
    signed = "1700000000" + "0123456789abcdef"
    assert hook_proofs.is_signed_in_hex(right, "test-signing-key", signed)
    assert not hook_proofs.is_signed_in_hex(right, "test-signing-key", signed + "0")
    assert not hook_proofs.is_signed_in_hex("é" + right, "test-signing-key", signed)


def test_svix_s_signature_is_the_golden_one() -> None:
    secret, body = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", b'{"type":"email.delivered"}'
    right = "v1,4j/EDyW6zNDxjnha52hIpjkZ22w1S8r3Lm+GZhM0gis="
    headers = {"svix-id": "msg_test", "svix-timestamp": "1700000000", "svix-signature": f"v1,AAAA {right}"}
    assert hook_proofs.is_signed_by_svix(headers, secret, body)
    assert not hook_proofs.is_signed_by_svix(headers, secret, body + b" ")
    assert not hook_proofs.is_signed_by_svix({**headers, "svix-id": "msg_other"}, secret, body)
    assert not hook_proofs.is_signed_by_svix({**headers, "svix-signature": right.replace("v1", "v2")}, secret, body)
    assert not hook_proofs.is_signed_by_svix(headers, "", body)


def test_twilio_s_signature_is_the_golden_one() -> None:
    fields = [
        ("CallSid", "CA1234567890ABCDE"), ("Caller", "+14158675310"), ("Digits", "1234"), ("From", "+14158675310"),
        ("To", "+18005551212"),
    ]  # fmt: skip
    url, right = "https://mycompany.com/myapp.php?foo=1&bar=2", "GvWf1cFY/Q7PnoempGyD5oXAezc="
    assert hook_proofs.is_signed_by_twilio(right, "12345", url, fields[::-1])
    assert not hook_proofs.is_signed_by_twilio(right, "12345", url, fields[1:])
    assert not hook_proofs.is_signed_by_twilio(right, "12346", url, fields)


def test_telesign_s_signature_is_the_golden_one() -> None:
    key, body = (
        "dGVsZXNpZ24tdGVzdC1rZXktMDEyMzQ1Njc4OWFiY2Q=",
        (b'{"reference_id":"0123456789ABCDEF0123456789ABCDEF","status":{"code":200}}'),
    )
    right = "TSA customer:B3ar+OsZmTKq9l+ZZK/lmQjjmq4NvL1dPk7wNIWMsmU="
    assert hook_proofs.is_signed_by_telesign(right, "customer", key, body)
    assert not hook_proofs.is_signed_by_telesign(right, "another", key, body)


def test_sendgrid_s_signature_needs_the_key_and_every_byte() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = base64.b64encode(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    given = base64.b64encode(private.sign(b"1700000000[]", ec.ECDSA(SHA256()))).decode()
    assert hook_proofs.is_signed_with_ecdsa(given, public.decode(), b"1700000000[]")
    assert not hook_proofs.is_signed_with_ecdsa(given, public.decode(), b"1700000000[] ")
    for wrong in ("", "no base64", "AAAA"):
        assert not hook_proofs.is_signed_with_ecdsa(wrong, public.decode(), b"1700000000[]")
        assert not hook_proofs.is_signed_with_ecdsa(given, wrong, b"1700000000[]")


@pytest.mark.parametrize(("seconds", "is_fresh"), [(0, True), (299, True), (301, False), (-299, True), (-301, False)])
def test_a_signature_holds_for_a_while(seconds: int, is_fresh: bool) -> None:
    hook = HookRequest(START + timedelta(seconds=seconds), b"")
    stamp, window = hook_reading.from_epoch(str(int(START.timestamp()))), timedelta(minutes=5)
    if is_fresh:
        hook_reading.require_fresh(hook, stamp, window)
        return
    with pytest.raises(NotProven):
        hook_reading.require_fresh(hook, stamp, window)


@pytest.mark.parametrize("stamp", ["", "soon", "nan", "1e400", "-1", "0"])
def test_a_time_that_is_none_proves_nothing(stamp: str) -> None:
    with pytest.raises(NotProven):
        hook_reading.require_fresh(HookRequest(START, b""), hook_reading.from_epoch(stamp), timedelta(minutes=5))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[]", b"null"])
def test_a_body_that_is_no_object_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        hook_reading.object_of(HookRequest(START, body))


@pytest.mark.parametrize("body", [b"\xff=1", b"&".join(b"a=1" for _ in range(501))])
def test_a_form_that_is_none_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        hook_reading.form_of(HookRequest(START, body))
