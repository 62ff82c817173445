"""Our reading, walk and writing against bleach's own: the same characters, whatever is cleaned."""

from random import Random

import pytest
from bleach import sanitizer
from bleach._vendor.html5lib._tokenizer import HTMLTokenizer

from app.rendering.cleaning import Cleaner
from app.rendering.sanitise import TAGS, Removal, _inline, _look_over, _Survey
from app.rendering.styles import StyleSanitiser
from tests.unit.test_sanitise import HOSTILE

CHUNK = 10_240  # characters that html5lib reads in at a time
PROTOCOLS = frozenset({"http", "https", "mailto"})
PLAIN = [
    '<table border="0"><tr><td nowrap="" width=5 style="color:red">a &amp; b &copy; &nbsp;&bogus; &#169;<td>x</table>',
    "<p title='say \"hi\"'>it's</p><p title='\">\"'>x</p><p title='>'>y</p><p title=''>z</p><hr noshade>",
    '<a href="https://example.org/?a=1&b=2&amp;c=3&lt=4&copy=5">x</a><a href="#">y</a><a href>z</a>',
    "<ul>" + "<li>one\x0c \x0b two" * 40 + "</ul>",
    "<svg><a xlink:href='https://x.org'>in</a><desc><b>x</b></desc></svg><math><mi>y</mi></math><wbr>end<br/>",
    '<p {a}b=1 q"r=2 s<t=3>x</p><b><i>y</b>z</i><!-- c --><br>d<p>e',
    "plain < words > & more <notatag <b>x</b>",
    "<b>" * 60 + "deep" + "</b>" * 10,
]
GRAINS = ["<", ">", '"', "'", "&", "=", "&amp;", "<b>", "</b>", "<td title=", "<svg>", "\0", "\x0c", " ", "]]>", "<!--"]


def clean_both(text: str) -> tuple[str, str]:
    def keeps(_tag: str, name: str, _value: str) -> bool:
        return not name.startswith("on")

    ours, theirs = StyleSanitiser(lambda _name: None), StyleSanitiser(lambda _name: None)
    plain = sanitizer.Cleaner(tags=TAGS, attributes=keeps, protocols=PROTOCOLS, strip=True, css_sanitizer=theirs)
    return Cleaner(TAGS, keeps, PROTOCOLS, ours).clean(text), plain.clean(text)


@pytest.mark.parametrize("text", PLAIN + HOSTILE)
def test_what_is_cleaned_has_every_character_that_bleach_would_write(text: str) -> None:
    ours, theirs = clean_both(text)
    assert ours == theirs


def test_torn_and_spliced_markup_is_written_as_bleach_would_write_it() -> None:
    dice = Random(6)
    for _ in range(1500):
        text = dice.choice(PLAIN) + dice.choice(HOSTILE)
        for _ in range(dice.randint(1, 6)):
            at, upto = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
            text = text[:at] + dice.choice([*GRAINS, dice.choice(HOSTILE)]) + text[min(upto, at + dice.randint(0, 9)) :]
        ours, theirs = clean_both(text)
        assert ours == theirs, text


def test_what_reaches_over_the_end_of_a_chunk_is_read_as_bleach_would_read_it() -> None:
    for text in PLAIN:
        for before in range(CHUNK - min(len(text), 200), CHUNK + 1):
            ours, theirs = clean_both("<p>" + "x" * (before - 3) + text)
            assert ours == theirs, (before, text)


@pytest.mark.parametrize("scheme", ["http", "https", "HTTPS", "ftp", "javascript", "https:&#47;&#47;", "ht&#116;ps"])
@pytest.mark.parametrize(
    "rest", ["", "example.org", "[::1", "[::1]/", "a:b@c:d/", "x?y=&amp;z", "x&lsqb;y", "\u2100.org", "//"]
)
def test_an_address_stays_or_goes_as_bleach_would_have_it(scheme: str, rest: str) -> None:
    ours, theirs = clean_both(f'<a href="{scheme}://{rest}">x</a><img src="{scheme}:{rest}">')
    assert ours == theirs


def test_a_plain_page_is_read_tag_by_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    thorough = HTMLTokenizer.tagOpenState
    monkeypatch.setattr(HTMLTokenizer, "tagOpenState", lambda self: (asked.append("a tag"), thorough(self))[1])
    page = 'x <table><tr><td style="color:red"><a href="https://example.org/?a=1&amp;b=2">x</a> y<br></td></tr></table>'
    clean_both(page)
    assert len(asked) == page.count("<")  # by bleach's own cleaner alone


def looked_over(text: str) -> list[tuple[str, list[Removal], str, str, str]]:
    """What is kept and noted of a page, by the quick look where one is enough, and by the thorough one."""
    quick_notes: dict[Removal, None] = {}
    thorough_notes: dict[Removal, None] = {}
    thorough = _Survey(thorough_notes)
    thorough.feed(_inline(text))
    thorough.close()
    pairs = ((_look_over(_inline(text), quick_notes), quick_notes), (thorough, thorough_notes))
    return [
        ("".join(each.pieces), list(notes), each.body_style, each.lang, each.direction) for each, notes in pairs
    ]  # fmt: skip


@pytest.mark.parametrize("text", PLAIN + HOSTILE)
def test_a_quick_look_keeps_and_notes_what_a_thorough_one_does(text: str) -> None:
    for wrapped in (
        text,
        f"<html dir=rtl lang=he><head><title>a</title></head><body bgcolor=red>{text}</body></html>\n",
    ):
        quick, thorough = looked_over(wrapped)
        assert quick == thorough


def test_a_quick_look_is_what_plain_pages_get(monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[str] = []
    monkeypatch.setattr(_Survey, "feed", lambda _self, page: fed.append(page))
    _look_over(_inline("<title>t</title><p style='color:red'>a &amp; b<br><img src='cid:x' alt='<script>'>"), {})
    _look_over(_inline("<p onclick=x>a"), {})
    assert [page.endswith("</html>") for page in fed] == [True, True]
    fed.clear()
    _look_over(_inline("<title>t</title><p style='color:red'>a &amp; b<br><img src='cid:x' alt='x'>"), {})
    assert [page.endswith("<body>") for page in fed] == [True]
