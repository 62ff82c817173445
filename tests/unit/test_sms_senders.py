"""Who a text message can come from, and how a number is written without its plus."""

import pytest

from app.domain.sms_senders import Fate, arrival_of, digits_of, is_name, sender_fault
from app.infra.countries import country_names


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


@pytest.mark.parametrize(
    ("sender", "country", "home", "fate", "shows"),
    [
        ("ACME", "DE", "", Fate.SHOWN, "ACME"), ("ACME", "US", "", Fate.REPLACED, "a number of the network"),
        ("ACME", "IN", "", Fate.REGISTERED, "ACME"), ("ACME", "GL", "", Fate.UNKNOWN, "ACME"),
        ("ACME", "", "", Fate.UNKNOWN, "ACME"), ("+4915112345678", "DE", "DE", Fate.SHOWN, "+4915112345678"),
        ("4915112345678", "US", "DE", Fate.UNKNOWN, "+4915112345678"), ("12345", "US", "", Fate.UNKNOWN, "12345"),
        ("", "DE", "", Fate.CHOSEN, "a sender that the provider picks"),
        ("MG" + "0" * 32, "DE", "", Fate.CHOSEN, "a sender that the provider picks"),
    ],
)  # fmt: skip
def test_a_sender_arrives_as_the_networks_there_let_it(sender, country, home, fate, shows):
    found = arrival_of(sender, country, home)
    assert (found.fate, found.shows) == (fate, shows)


def test_what_takes_the_place_of_a_sender_begins_a_line_with_a_capital():
    assert arrival_of("acme co", "DE").heading == "acme co"
    assert arrival_of("acme co", "US").heading == "A number of the network"


def test_what_networks_do_with_names_is_known_of_most_countries():
    fates = {code: arrival_of("ACME", code).fate for code in country_names()}
    assert (fates["CA"], fates["SG"], fates["NZ"], fates["GB"]) == (
        Fate.REPLACED, Fate.REGISTERED, Fate.REPLACED, Fate.SHOWN,
    )  # fmt: skip
    assert sum(fate is not Fate.UNKNOWN for fate in fates.values()) > 150


@pytest.mark.parametrize(("sender", "answer"), [("ACME", True), ("A1", True), ("12345", False), ("+49170", False)])
def test_a_name_cannot_be_answered(sender, answer):
    assert is_name(sender) is answer
