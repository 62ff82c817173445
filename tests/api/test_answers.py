"""Bodies of answers: the JSON that SDKs read, whatever is in it."""

import json
from typing import Any

import pytest

from app.api.answers import as_json


@pytest.mark.parametrize(
    "body",
    [
        {
            "$id": "ä",
            "text": '\u2028 \x00 \x1f \\ " </script>',
            "none": None,
            "yes": True,
            "list": [1, 2.5, -0.0, 1e300],
        },
        {"longer than 64 bits": 2**70, "negative": -(2**70)},
        {"attributes": {1: "a key that is no text"}},
    ],
)
def test_an_answer_reads_as_what_was_drawn(body: dict[str, Any]) -> None:
    answer = as_json(body, 201)

    assert answer.status_code == 201
    assert json.loads(answer.get_data()) == json.loads(json.dumps(body))
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"


def test_letters_beyond_ascii_stand_for_themselves_and_no_space_is_wasted() -> None:
    for body in ({"name": "Zoë"}, {"name": "Zoë", "long": 2**70}):
        raw = as_json(body).get_data()
        assert "Zoë".encode() in raw
        assert b": " not in raw
        assert b", " not in raw


def test_answers_share_no_headers() -> None:
    one, other = as_json({}), as_json({})

    one.headers["Cache-Control"] = "public"

    assert other.headers["Cache-Control"] == "no-store"
    assert (other.headers["Vary"], other.headers["X-Content-Type-Options"]) == ("Origin", "nosniff")
