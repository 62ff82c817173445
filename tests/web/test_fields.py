"""Form fields of our own: what is typed becomes a value, and a service's errors find their field."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form

from app.domain.errors import Invalid
from app.web.fields import LocalTimeField, LongTextField, SecretField, TextField, put_errors


class LetterForm(Form):
    reply_to = TextField("Reply-to")
    text = LongTextField("Text")
    key = SecretField("Key")
    send_at = LocalTimeField("Send at", zone=lambda: ZoneInfo("Europe/Berlin"))


def sent(**values: str) -> LetterForm:
    return LetterForm(MultiDict(values))


def test_an_error_finds_its_field_by_any_spelling_and_the_rest_goes_on_top() -> None:
    form = LetterForm()
    put_errors(form, Invalid({"replyTo": ["A."], "text": ["B."], "audience": ["Nobody would get this."]}))
    assert form.reply_to.errors == ["A."]
    assert form.text.errors == ["B."]
    assert form.form_errors == ["Nobody would get this."]


def test_text_is_trimmed_and_line_ends_are_bare() -> None:
    form = sent(reply_to="  ann@example.org ", text="a\r\nb\rc")
    assert form.reply_to.data == "ann@example.org"
    assert form.text.data == "a\nb\nc"


def test_a_secret_that_was_typed_is_not_drawn_again() -> None:
    form = sent(key="hush-hush")
    assert form.key.data == "hush-hush"
    assert "hush-hush" not in form.key()


def test_a_local_time_is_a_moment_in_utc_and_drawn_as_the_wall_clock() -> None:
    form = sent(send_at="2026-11-24T09:00")
    assert form.send_at.data == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    again = LetterForm(data={"send_at": datetime(2026, 7, 1, 7, 0, tzinfo=UTC)})
    assert 'value="2026-07-01T09:00"' in again.send_at()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("tomorrow", "Send at needs a date and time like 2026-11-24 09:00."),
        ("2026-03-29T02:30", "Send at: the clocks go forward that day, and 02:30 is skipped."),
    ],
)
def test_a_time_that_cannot_be_gets_a_sentence_and_stays_as_typed(typed: str, sentence: str) -> None:
    form = sent(send_at=typed)
    assert not form.validate()
    assert form.send_at.errors == [sentence]
    assert typed in form.send_at()


def test_a_time_that_happens_twice_is_the_first() -> None:
    assert sent(send_at="2026-10-25T02:30").send_at.data == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_no_time_is_none() -> None:
    assert sent(send_at="").send_at.data is None
