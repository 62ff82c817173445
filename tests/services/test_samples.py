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
        ("f3" * 32, "Ben, f3f3f3f3f3f3f3f3f3f3f3f…"),
    ],
)
def test_of_the_token_of_a_device_only_its_beginning_is_shown(address: str, shown: str) -> None:
    assert Sample("", Recipient(address, name="Ben")).label == shown
