"""Who a text message can come from, and how a number is written without its plus."""

import pytest

from app.domain.sms_senders import digits_of, sender_fault


@pytest.mark.parametrize(
    "sender", ["", "+15551234567", "15551234567", "12345", "ACME", "Café & Öl", "A1", "ACME Stores"]
)
def test_what_networks_take_is_a_sender(sender):
    assert sender_fault("Sender", sender) == ""


@pytest.mark.parametrize(
    "sender", ["12", "1" * 16, "ACME Stores1", "--", "1 2 3", "💌", "Ac\nme", "+", "АСМЕ", "a" * 5000, "[Acme]"]
)
def test_what_no_network_takes_is_said_in_a_sentence(sender):
    fault = sender_fault("Sender", sender)
    assert fault.startswith("Sender needs a number such as +15551234567")
    assert "at most 11" in fault


def test_a_service_may_take_longer_names():
    assert sender_fault("Sender", "Acme Stores London", 20) == ""
    assert "at most 20" in sender_fault("Sender", "Acme Stores of London", 20)


@pytest.mark.parametrize(("number", "digits"), [("+49170", "49170"), ("49170", "49170"), ("ACME", "ACME")])
def test_services_get_numbers_without_a_plus(number, digits):
    assert digits_of(number) == digits
