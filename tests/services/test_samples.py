"""How the people of a preview are named in a list."""

import pytest

from app.domain.rendered import Recipient
from app.services.previews.samples import Sample


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ben@example.org", "Ben, ben@example.org"),
        ("somebody.with.a.very.long.name@mail.example.org", "Ben, somebody.with.a.very.long.name@mail.example.org"),
        ("+447700900123", "Ben, +447700900123"),
        ("f3" * 30 + "19ab", "Ben, device …f319ab"),
    ],
)
def test_of_the_token_of_a_device_only_its_end_is_shown(address: str, shown: str) -> None:
    assert Sample("", Recipient(address, name="Ben")).label == shown


def test_a_device_is_called_by_its_label_and_other_addresses_by_themselves() -> None:
    assert Sample("", Recipient("f3" * 32, name="Ben"), "old phone").label == "Ben, old phone"
    assert Sample("", Recipient("f3" * 32, name=""), "").label == "device …f3f3f3"
    assert Sample("", Recipient("ben@example.org", name="Ben"), "work").label == "Ben, ben@example.org"
