"""Our walk and our writing against bleach's own: the same characters, whatever is cleaned."""

from random import Random

import pytest
from bleach.sanitizer import Cleaner

from app.rendering.cleaning import make_cleaner
from app.rendering.sanitise import TAGS, Removal, _inline, _look_over, _Survey
from app.rendering.styles import StyleSanitiser
from tests.unit.test_sanitise import HOSTILE

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
    plain = Cleaner(tags=TAGS, attributes=keeps, protocols=PROTOCOLS, strip=True, css_sanitizer=theirs)
    return make_cleaner(TAGS, keeps, PROTOCOLS, ours).clean(text), plain.clean(text)


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
