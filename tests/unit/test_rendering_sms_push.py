"""Text messages and push notifications as one person gets them."""

import pytest

from app.domain.content import PushContent, SmsContent
from app.domain.errors import Invalid
from app.domain.rendered import Recipient, RenderedPush, RenderedSms
from app.rendering import CheckContext, check_words, prepare

ANN = Recipient("+447700900123", "Ann", {"name": "Ann", "city": "Sankt Gallen", "order": "7/8?x=1&y"})
NOBODY = Recipient("+447700900124")


def test_a_text_message_is_filled_in() -> None:
    prepared = prepare(SmsContent("Hi {{ name }},\r\nsee you in {{ city | town }}"))
    assert prepared.render(ANN) == RenderedSms("Hi Ann,\nsee you in Sankt Gallen")
    assert prepared.render(NOBODY) == RenderedSms("Hi ,\nsee you in town", ("name",))


def test_the_same_person_gets_the_same_bytes_each_time() -> None:
    for content in (SmsContent("Hi {{ name }}"), PushContent(title="{{ name }}", data={"city": "{{ city }}"})):
        assert prepare(content).render(ANN) == prepare(content).render(ANN)


@pytest.mark.parametrize("nasty", ["a\x00b", "a\x1b[31mb", "a\ud800b", "a\x08b"])
def test_a_value_brings_no_control_character_into_a_text_message(nasty: str) -> None:
    text = prepare(SmsContent("Hi {{ name }}")).render(Recipient("+447700900123", "", {"name": nasty})).text
    assert text.replace("[31m", "") == "Hi ab"


def test_a_value_that_looks_like_a_variable_is_not_filled_in_again() -> None:
    sly = Recipient("+447700900123", "", {"name": "{{ city }}", "city": "Rome"})
    assert prepare(SmsContent("Hi {{ name }}")).render(sly).text == "Hi {{ city }}"


def test_a_push_is_filled_in_in_every_text_and_inside_data() -> None:
    content = PushContent(
        title="Hi {{ name }}", body="{{ city }}\n{{ nick }}", action="https://shop.example/o/{{ order }}",
        tag="order-{{ order }}", badge=0, critical=True, image=("b", "f"), image_url="https://x.example/i",
        data={"city": "{{ city }}", "deep": [{"who": "{{ name }}"}, 3, None, True], "{{ name }}": 1.5},
    )  # fmt: skip
    assert prepare(content).render(ANN) == RenderedPush(
        title="Hi Ann", body="Sankt Gallen\n", action="https://shop.example/o/7%2F8%3Fx%3D1%26y",
        tag="order-7/8?x=1&y", badge=0, critical=True, image="https://x.example/i",
        data={"city": "Sankt Gallen", "deep": [{"who": "Ann"}, 3, None, True], "{{ name }}": 1.5}, missing=("nick",),
    )  # fmt: skip


def test_what_stands_in_a_push_without_variables_is_the_same_for_everybody() -> None:
    data = {"a": ["\\{{ b }}", 1], "\\{{": "c"}
    prepared = prepare(PushContent(title="\\{{ x }}", body="{{ y | }}{{ z }}", sound="ping", data=data))
    for variables, body, missing in (({}, "", ("z",)), ({"y": "1", "z": "2"}, "12", ())):
        assert prepared.render(Recipient("t", variables=variables)) == RenderedPush(
            title="{{ x }}", body=body, sound="ping", data={"a": ["{{ b }}", 1], "\\{{": "c"}, missing=missing
        )


def test_a_variable_without_value_is_named_once_in_the_order_of_the_fields() -> None:
    content = PushContent(title="{{ b }}", body="{{ a }} {{ b }}", tag="{{ c }}", data={"x": "{{ d }} {{ a }}"})
    assert prepare(content).render(Recipient("t")).missing == ("b", "a", "c", "d")


def test_a_negative_badge_is_none() -> None:
    assert prepare(PushContent(title="a", badge=-1)).render(ANN).badge is None


def test_a_line_break_in_a_value_stays_out_of_fields_of_one_line() -> None:
    rendered = prepare(PushContent(title="{{ x }}", tag="{{ x }}")).render(Recipient("t", "", {"x": "a\nb"}))
    assert (rendered.title, rendered.tag) == ("a\nb", "a b")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (SmsContent("x" * 64_231), "text"), (SmsContent("a\x00"), "text"), (PushContent(title="x" * 257), "title"),
        (PushContent(data={"a": "\ud800"}), "data"), (PushContent(sound="a\nb"), "sound"),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_is_not_compiled(content: SmsContent | PushContent, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        prepare(content)
    assert list(caught.value.fields) == [field]


def test_variables_that_cannot_be_read_are_reported_by_field_and_stay_as_typed() -> None:
    prepared = prepare(PushContent(title="{{ 1st }}", data={"a": "{{ b"}))
    assert set(prepared.problems) == {"title", "data"}
    assert prepared.render(ANN).title == "{{ 1st }}"


def test_checks_name_the_field_of_an_unknown_variable() -> None:
    content = PushContent(title="Hi", body="{{ nickname }} and {{ hobby | fun }}")
    found = check_words(content, prepare(content), CheckContext(audience=3))
    assert [(check.level, check.field, check.code) for check in found] == [
        ("blocks", "body", "variable_unknown"), ("advises", "body", "variable_unknown"),
    ]  # fmt: skip


@pytest.mark.parametrize(("content", "code"), [(SmsContent(" "), "text_empty"), (PushContent(), "title_empty")])
def test_an_empty_message_blocks(content: SmsContent | PushContent, code: str) -> None:
    assert [check.code for check in check_words(content, prepare(content), CheckContext())] == [code]
