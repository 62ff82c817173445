"""How a request is written for people: pretty, shortened, and what of it differs from delivery to delivery."""

import base64
import json
import time

from app.domain.exact_request import LONGEST_TEXT, ExactRequest, hide_proof, shorten, varying


def over_http(body: bytes, kind: str = "application/json", **headers: str) -> ExactRequest:
    return ExactRequest("POST", "https://x.example/a", (("content-type", kind), *headers.items()), body)


def test_json_is_indented_and_keeps_its_letters() -> None:
    assert over_http('{"a":{"b":"ü 🎉"}}'.encode()).text == '{\n  "a": {\n    "b": "ü 🎉"\n  }\n}'


def test_a_form_is_one_field_a_line() -> None:
    request = over_http(b"To=%2B44&Body=a+%26+b&Empty=", "application/x-www-form-urlencoded; charset=utf-8")
    assert request.text == "To: +44\nBody: a & b\nEmpty: "


def test_what_is_no_json_is_shown_as_it_is() -> None:
    for body in (b"{", b"\xff", b"[" * 100_000, b""):
        assert isinstance(over_http(body).text, str)


def test_hidden_signs_in_a_row_are_one() -> None:
    body = b"StatusCallback=https%3A%2F%2Fx%2F" + b"%E2%80%A6" * 22 + b"%3Fa%3D1"
    assert over_http(body, "application/x-www-form-urlencoded").text == "StatusCallback: https://x/…?a=1"


def test_a_file_is_shortened_and_its_length_said() -> None:
    lines = b"\r\n".join(base64.b64encode(bytes(57)) for _ in range(40))
    text = ExactRequest("SMTP", "x:25", (), b"From: a\r\n\r\nHi\r\n" + lines + b"\r\n--end").text
    assert text.startswith("From: a\n\nHi\n")
    assert text.endswith("(3,079 characters of base64)\n--end")
    assert "… (80,000 characters of base64)" in shorten("x" * 80_000)
    assert shorten("https://example.org/" + "word-" * 200) == "https://example.org/" + "word-" * 200


def test_a_text_without_end_is_cut() -> None:
    assert shorten("a b\n" * 100_000).endswith(f"({400_000 - LONGEST_TEXT:,} more characters)")


def test_long_bodies_are_shortened_in_time() -> None:
    """No pattern goes back over what it has read."""
    began = time.process_time()
    for text in ("A" * 3_000_000 + "!", ("A" * 76 + "\n") * 40_000 + "!", ("A" * 59 + "\n") * 50_000, "AB " * 900_000):
        shorten(text)
        over_http(json.dumps({"a": text}).encode()).enclosed  # noqa: B018 - read for its time
    assert time.process_time() - began < 5


def test_the_email_inside_a_document_can_be_read() -> None:
    email = b"From: a@b.example\r\nSubject: Hi\r\n\r\n" + b"words " * 60
    request = over_http(json.dumps({"Content": {"Raw": {"Data": base64.b64encode(email).decode()}}}).encode())
    assert request.enclosed.startswith("From: a@b.example\nSubject: Hi\n\nwords words")
    assert "characters of base64" in request.text
    assert over_http(b'{"a": "b"}').enclosed == ""


def test_basic_proof_is_hidden_and_other_values_are_not() -> None:
    assert hide_proof("Basic YXBpOg==") == "Basic …"
    assert hide_proof("application/json") == "application/json"


def test_places_that_differ_are_named_once() -> None:
    one = over_http(b'{"a":{"b":"1","c":["x",{"d":2}]},"same":1}', key="k1")
    two = over_http(b'{"a":{"b":"2","c":["y",{"d":3}]},"same":1}', key="k2")
    assert varying(one, two) == ("key", "a.b", "a.c", "a.c.d")
    assert varying(one, one) == ()


def test_fields_of_forms_and_emails_that_differ_are_named() -> None:
    form = "application/x-www-form-urlencoded"
    assert varying(over_http(b"a=1&b=2", form), over_http(b"a=1&b=3", form)) == ("b",)
    mails = [
        ExactRequest("SMTP", "x", (("MAIL FROM", f"<{n}@b>"),), f"To: a\r\nMessage-ID:\r\n <{n}@b>\r\n\r\n{n}".encode())
        for n in (1, 2)
    ]
    assert varying(*mails) == ("MAIL FROM", "Message-ID")
    parts = [b'--x\r\nContent-Disposition: form-data; name="v:delivery"\r\n\r\n%d\r\n--x' % n for n in (1, 2)]
    assert varying(*(over_http(part, "multipart/form-data; boundary=x") for part in parts)) == ("v:delivery",)


def test_it_tells_whether_a_secret_is_hidden_in_it() -> None:
    head = (("authorization", hide_proof("Basic c2VjcmV0")),)
    assert ExactRequest("POST", "https://api.example/send", head).hides_secrets
    for body in ("key=…", "key=%E2%80%A6&to=1", '{"key":"…"}', f"url=https://x/{'%E2%80%A6' * 32}"):
        assert ExactRequest("POST", "https://api.example/send", body=body.encode()).hides_secrets, body
    for body in ("Hello… you", '{"text":"Wait… what……"}', "text=Soon%E2%80%A6"):
        assert not ExactRequest("POST", "https://api.example/send", body=body.encode()).hides_secrets, body
    plain = ExactRequest("SMTP", "mail.example:25", (("MAIL FROM", "<a@example.org>"),), b"A" * 5000)
    assert "…" in plain.text, "it is shortened"
    assert not plain.hides_secrets
