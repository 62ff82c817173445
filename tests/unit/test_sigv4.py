"""Signature Version 4 against the vectors that AWS publishes, and for the address that is really used."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.infra.http import HttpRequest
from app.infra.sigv4 import SigningKey, sign_request

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
HOME = "https://example.amazonaws.com"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"  # the one of the published test suite
KEY = SigningKey("AKIDEXAMPLE", SECRET, "us-east-1", "service")
FORM = {"content-type": "application/x-www-form-urlencoded"}
FORM_UTF8 = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def signature_of(request):
    return request.headers["authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("request_", "signature"),
    [
        (HttpRequest("GET", "/"), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            HttpRequest("GET", "/?Param2=value2&Param1=value1"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (HttpRequest("POST", "/"), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            HttpRequest("POST", "/", FORM, b"Param1=value1"),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
    ids=["get-vanilla", "get-vanilla-query-order-key-case", "post-vanilla", "post-x-www-form-urlencoded"],
)
def test_the_signature_is_the_one_of_the_published_suite(request_, signature):
    assert signature_of(sign_request(HOME, request_, KEY, NOW)) == signature


def test_the_worked_example_of_the_documentation_comes_out_whole():
    request = HttpRequest("GET", "/?Action=ListUsers&Version=2010-05-08", FORM_UTF8)
    key = SigningKey("AKIDEXAMPLE", SECRET, "us-east-1", "iam")
    signed = sign_request("https://iam.amazonaws.com", request, key, NOW)
    assert signed.headers["x-amz-date"] == "20150830T123600Z"
    assert signed.headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


def test_the_moment_is_written_in_utc_wherever_the_clock_stands():
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-9)))
    request = HttpRequest("GET", "/")
    assert sign_request(HOME, request, KEY, elsewhere) == sign_request(HOME, request, KEY, NOW)


def test_the_signature_holds_for_one_address_only():
    request = HttpRequest("POST", "/v2/email/outbound-emails", {"content-type": "application/json"}, b"{}")
    bases = [HOME, "http://127.0.0.1:8025", "http://127.0.0.1:8026", "http://127.0.0.1:8025/for/p1", "http://[::1]:80"]
    assert len({signature_of(sign_request(base, request, KEY, NOW)) for base in bases}) == len(bases)


@pytest.mark.parametrize(
    ("explicit", "plain"), [("https://a.example:443", "https://a.example"), ("http://a.example:80", "http://a.example")]
)
def test_a_port_that_goes_without_saying_is_left_out_as_the_client_does(explicit, plain):
    request = HttpRequest("GET", "/")
    assert sign_request(explicit, request, KEY, NOW) == sign_request(plain, request, KEY, NOW)


def test_every_byte_of_the_body_counts():
    first, second = (sign_request(HOME, HttpRequest("POST", "/", {}, body), KEY, NOW) for body in (b"{}", b"{} "))
    assert signature_of(first) != signature_of(second)


def test_the_secret_is_not_shown():
    assert SECRET not in repr(KEY)
    assert SECRET not in str(dict(sign_request(HOME, HttpRequest("GET", "/"), KEY, NOW).headers))
