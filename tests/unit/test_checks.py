"""What blocks sending and what only deserves a look."""

import pytest

from app.domain.content import EmailContent
from app.domain.rendered import Recipient
from app.rendering import Check, CheckContext, check_email, prepare

GOOD = EmailContent("Autumn news", "What is new this autumn", "markdown", "Hello {{ name | there }}.")


def check(content: EmailContent, context: CheckContext | None = None) -> dict[str, Check]:
    prepared = prepare(content)
    sample = prepared.render(Recipient("ann@example.org"))
    found = check_email(content, prepared, sample, context or CheckContext({"name"}, {}, 10))
    return {finding.code: finding for finding in found}


def html(body: str) -> EmailContent:
    return EmailContent("Autumn news", "What is new", "html", body)


def test_a_good_email_has_no_findings() -> None:
    assert check(GOOD) == {}


@pytest.mark.parametrize(
    ("content", "code", "level", "field", "words"),
    [
        (EmailContent("", "p", "markdown", "x"), "subject_empty", "blocks", "subject", "Write a subject"),
        (EmailContent("s", "p", "markdown", " "), "body_empty", "blocks", "body", "Write what the email says"),
        (
            EmailContent("Hi {{ name", "p", "markdown", "x"),
            "variable_unreadable",
            "blocks",
            "subject",
            "Subject: line 1, column 4: “{{ name” is never closed.",
        ),
        (EmailContent("s", "{{ 1 }}", "html", "x"), "variable_unreadable", "blocks", "preheader", "is not a variable"),
        (EmailContent("s", "", "markdown", "x"), "preheader_empty", "advises", "preheader", "first words of the body"),
        (EmailContent("x" * 71, "p", "text", "x"), "subject_long", "advises", "subject", "yours has 71"),
        (EmailContent("BUY IT NOW", "p", "text", "x"), "subject_capitals", "advises", "subject", "shouting"),
        (EmailContent("Buy!!!", "p", "text", "x"), "subject_exclamation", "advises", "subject", "spam filters"),
        (html("<p>x</p>" * 20_000), "html_large", "advises", "body", "Gmail cuts this email at 102 KB; yours has 1"),
        (html("<img src='https://e.org/a.png'>"), "image_alt", "advises", "body", "1 image has no alternative text"),
        (html("<a href='http://e.org'>x</a>"), "link_http", "advises", "body", "1 address is not https (http://e.org)"),
        (html("<a href='#'>Read on</a><a>y</a>"), "link_empty", "advises", "body", "2 links lead nowhere (Read on, y)"),
        (html("<script>x</script>y"), "element_removed", "advises", "body", "A script was removed: email programs"),
        (html("<form>y</form>"), "element_removed", "advises", "body", "A form element (form) was removed"),
        (html("<p onclick=x>y</p>"), "attribute_removed", "advises", "body", "(onclick) was removed"),
        (html("<a href='javascript:x'>y</a>"), "link_removed", "advises", "body", "(javascript:x)"),
        (html("<img src='data:x' alt=''>"), "image_removed", "advises", "body", "An image address was removed"),
        (html("<p style='position:fixed'>y</p>"), "style_removed", "advises", "body", "(position)"),
        (html("<style>@media x{}</style>y"), "style_rule_removed", "advises", "body", "@media rules were left out"),
        (html("<img src='https://e.org/a' alt=a>" * 3), "image_heavy", "advises", "body", "3 images and only 0 words"),
    ],
)
def test_a_finding_says_field_and_consequence(
    content: EmailContent, code: str, level: str, field: str, words: str
) -> None:
    found = check(content)[code]
    assert (found.level, found.field) == (level, field)
    assert words in found.sentence


def test_a_name_that_nobody_has_blocks_without_and_advises_with_a_fallback() -> None:
    content = EmailContent("s", "p", "markdown", "{{ nmae }}")
    assert check(content)["variable_unknown"].level == "blocks"
    assert check(EmailContent("s", "p", "markdown", "{{ nmae | you }}"))["variable_unknown"].level == "advises"


def test_people_who_lack_a_value_are_counted() -> None:
    content = EmailContent("For {{ City }}", "p", "markdown", "x")
    found = check(content, CheckContext({"City"}, {"City": 3}, 1_204))["variable_lacking"]
    assert found.field == "subject"
    assert found.sentence.startswith("3 of 1,204 people have no value for “city”: nothing would stand in its place.")
    assert "{{ city | … }}" in found.sentence


def test_nothing_is_said_about_values_before_an_audience_is_picked() -> None:
    assert check(EmailContent("s", "p", "markdown", "{{ anything }}"), CheckContext()) == {}


@pytest.mark.parametrize("body", ["[Unsubscribe](https://e.org/u)", "[x]({{ unsubscribe_url | https://e.org }})"])
def test_a_topic_needs_an_unsubscribe_link(body: str) -> None:
    context = CheckContext({"name", "unsubscribe_url"}, {}, 10, has_topic=True)
    assert list(check(GOOD, context)) == ["unsubscribe_missing"]
    assert check(EmailContent("s", "p", "markdown", body), context) == {}


def test_an_anchor_is_not_a_dead_link_and_decoration_needs_no_words() -> None:
    assert check(html('<a name="top"></a><a href="#top">x</a><img src="https://e.org/a.png" alt="">')) == {}


def test_findings_that_block_come_first() -> None:
    levels = [finding.level for finding in check(EmailContent("", "", "html", "{{ x <script>y</script>")).values()]
    assert levels == sorted(levels, reverse=True)
    assert set(levels) == {"blocks", "advises"}
