"""Emails that need no encoding are written the quick way: octet for octet what the long way writes."""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.domain.content import EmailContent
from app.domain.rendered import Attachment, Extras, Plain, PlainEmail, Recipient
from app.providers.mime import MimeTemplate
from app.rendering import prepare
from tests.providers.test_mime import NEWS, NOON

NEVER = Extras(attachments=(Attachment("a.txt", "text/plain", b"a"),))
BODIES = {
    "markdown": ("Hello {{ name | there }},\n\n{{ city }}\n\n[more](https://example.org/{{ city }})", "*{{ name }}*"),
    "html": (
        '<p style="color:{{ city }}"><a href="{{ city }}">{{ name }}</a></p>',
        "<pre>.\n{{ name }}\n.{{city}}</pre>",
    ),
    "text": ("{{ name }}{{ city }}\n.\n..{{ name }}", "x" * 990 + "{{ name }}", "{{ city | 1\u20642 }}", "", "\u0001"),
}
WRITTEN = [(kind, body) for kind, bodies in BODIES.items() for body in bodies]
VALUES = st.one_of(
    st.text(st.sampled_from(".\n\r\0\t ab<&\"'é\u2028\x85\x7f"), max_size=12),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
    st.integers(1, 1100).map(lambda length: "x" * length),
    st.text(max_size=8),
)  # fmt: skip


class Long:
    """The same email, which knows nothing of a quick way."""

    def __init__(self, prepared: Any) -> None:
        self.render = prepared.render


@pytest.fixture(autouse=True)
def _one_boundary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.providers.mime.secrets.token_hex", lambda _: "b" * 24)


def prepared_from(kind: str, body: str, subject: str = "News", preheader: str = "", extras: Extras = Extras()) -> Any:  # noqa: B008 - frozen
    return prepare(EmailContent(subject, preheader, kind, body), extras=extras)


def written(prepared: Any, recipient: Recipient) -> bytes | str:
    try:
        return MimeTemplate(prepared, NEWS, NOON).write(recipient, "7.message")
    except ValueError as error:
        return str(error)


@settings(
    max_examples=300, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(form=st.sampled_from(WRITTEN), name=VALUES, city=VALUES, called=st.sampled_from(["name", "NAME"]))
@example(form=WRITTEN[4], name=".", city=".\n.", called="name")
def test_the_quick_way_writes_what_the_long_way_writes(form: Any, name: str, city: str, called: str) -> None:
    prepared = prepared_from(form[0], form[1], subject="For {{ name }}")
    recipient = Recipient("ann@example.com", name, {called: name, "city": city}, (("List-Id", "<news.example.org>"),))
    assert isinstance(prepared, Plain)
    assert written(prepared, recipient) == written(Long(prepared), recipient)


@pytest.mark.parametrize("length", [7, 8, 9, 997, 998, 999, 1000])
def test_a_line_is_never_longer_than_email_allows(length: int) -> None:
    for body in ("x" * 990 + "{{ name }}", "{{ name }}", "{{ name }} and\n{{ name }}"):
        prepared = prepared_from("text", body)
        recipient = Recipient("ann@example.com", "", {"name": "y" * length})
        found = written(prepared, recipient)
        assert found == written(Long(prepared), recipient)
        assert isinstance(found, bytes)
        assert max(len(line) for line in found.split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    ("kind", "body"), [("markdown", "Hello {{ name }}, & **welcome**"), ("text", "Hello {{ name }}")]
)
def test_only_a_value_that_needs_it_takes_the_long_way(kind: str, body: str) -> None:
    template = MimeTemplate(prepared_from(kind, body), NEWS, NOON)
    for value, is_plain in {"Ann": True, "": True, ".": True, "Zoë": False, "a\nb": False, "x" * 999: False}.items():
        found = template._render(Recipient("ann@example.com", "", {"name": value}))
        assert isinstance(found, PlainEmail) is is_plain, value


@pytest.mark.parametrize(
    "prepared",
    [prepared_from("text", "Grüße"), prepared_from("text", "x" * 999), prepared_from("text", "Hello", extras=NEVER),
     prepared_from("markdown", "Hello", preheader="News")],
)  # fmt: skip
def test_words_that_need_an_encoding_have_no_quick_way(prepared: Any) -> None:
    assert MimeTemplate(prepared, NEWS, NOON)._fill_plainly is None
    person = Recipient("ann@example.com", "Ann")
    assert written(prepared, person) == written(Long(prepared), person)
