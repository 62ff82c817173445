"""Contents that people write, gentle and cruel: what a preview shows of each must be what arrives.

Every email is named after what makes it hard. `{{ … }}` are variables; the person who gets them is `VALUES`.
"""

from typing import Any

NAME = "Zoë “Z.” O’Brien-Łukasz"
VALUES: dict[str, str] = {
    "city": "São Paulo & <Rio>", "bio": "line one\nline two", "emoji": "🎉👩🏽‍🚀", "empty": "", "long": "wort" * 60,
    "link": "https://example.org/?q=1&r=<2>", "evil": "\"><script>alert(1)</script>", "dotless": ". .\n.\n",
    "hebrew": "שלום", "colour": "#ff0000", "css": "red;background:url(x)",
}  # fmt: skip
_TABLE = "<table width=600 border=0 cellpadding=0><tr><td style='padding:8px'>{}</td></tr></table>"


def _markdown(body: str, **more: Any) -> dict[str, Any]:
    return {"subject": "News", "preheader": "", "format": "markdown", "body": body, **more}


def _html(body: str, **more: Any) -> dict[str, Any]:
    return _markdown(body, **{"format": "html", **more})


def _text(body: str, **more: Any) -> dict[str, Any]:
    return _markdown(body, **{"format": "text", **more})


EMAILS: dict[str, dict[str, Any]] = {
    # languages and letters
    "plain English": _markdown("Hello {{ first_name | there }},\n\nthe tower is open.\nBest wishes"),
    "German": _markdown("Grüße aus **Köln**", subject="Grüße – äöüß", preheader="Schöne Grüße"),
    "Hebrew, right to left": _html(
        '<html lang="he" dir="rtl"><body><p>שלום {{ name }}</p></body></html>', subject="שלום"
    ),
    "Arabic among English": _markdown("The word مرحبا stands in {{ hebrew | the middle }} of it.", subject="مرحبا 1"),
    "Chinese and Japanese": _markdown("你好，世界。\n\nこんにちは", subject="你好，世界" * 20),
    "emoji of several characters": _markdown("👩🏽‍🚀 {{ emoji }} 🏳️‍🌈", subject="🎉 {{ emoji }}"),
    "combining marks": _markdown("e\u0301 n\u0303 Z\u0351\u036b\u0343\u036a\u0302\u036balgo", subject="Cafe\u0301"),
    "zero-width characters": _markdown("a\u200bb\u200cc\u200dd\ufeffe \u00ad soft", subject="a\u200bb"),
    "writing turned around": _markdown("abc \u202edef\u202c ghi \u2066x\u2069"),
    "line and paragraph separators": _text("one\u2028two\u2029three\x85four"),
    "private-use characters": _markdown("icon \ue000 and \ue001 and &#xE000; {{ city }}"),
    "letters beyond the first plane": _text("𝒳 𐍈 🜚 \U0010fffd"),
    # length
    "a line of ten thousand characters": _text("x" * 10_000),
    "a long line of HTML": _html("<p>" + "word " * 3_000 + "</p>"),
    "a long word that is no word": _markdown("Donau" * 400),
    "a subject of 900 characters": _markdown("Hi", subject="Autumn news " * 75),
    "a long subject beyond ASCII": _markdown("Hi", subject="Größe " * 60),
    "a long preheader": _markdown("Hi", preheader="before you open it, " * 20),
    "one character": _text("."),
    "lines that start with dots": _text(".\n..\n. x\n.\n{{ dotless }}"),
    "trailing blanks and tabs": _text("a  \n\tb \t\n   \n\n\nc"),
    "an email of 120 KB": _html(_TABLE.format("Some words of a newsletter. " * 4_300)),
    # Markdown
    "nested lists": _markdown("- a\n    - b\n        - c\n            1. d\n            2. e\n- f"),
    "a table": _markdown("| a | b |\n|:--|--:|\n| **1** | {{ city }} |\n| x \\| y | <b>z</b> |"),
    "code and quotes": _markdown("> quoted\n> > deeper\n\n```\n<b>{{ name }}</b>\n```\n`a < b & c`"),
    "links of all kinds": _markdown(
        "[a](https://example.org/?a=1&b=2 'T') <https://example.org> [m](mailto:x@example.org) [t](tel:+491) [h](#x)"
    ),
    "images with and without words": _markdown("![The bell](https://example.org/b.png) ![](https://example.org/c.png)"),
    "headings and rules": _markdown("# 1\n## 2\n###### 6\n\n---\n\nafter"),
    "Markdown that is not": _markdown("1. * _ ** `` [ ( ] ) # > |\n\\* \\_ &amp; &lt; &#42; &nbsp;"),
    "line breaks count": _markdown("Best wishes,\nAnn\n\n\n\nand more\r\nwindows\rmac"),
    # HTML and CSS
    "a whole document": _html(
        "<!doctype html><html lang=fr><head><title>T</title></head><body bgcolor=#eee>x</body></html>"
    ),
    "style sheets": _html(
        "<style>p{color:red}.a{margin:0}#b>i{font-size:2em}</style><p class=a>x<b id=b><i>y</i></b></p>"
    ),
    "dark-mode CSS": _html(
        "<style>:root{color-scheme:light dark}@media (prefers-color-scheme:dark){p{color:#fff!important}}</style><p>x"
    ),
    "tables in tables": _html(_TABLE.format(_TABLE.format(_TABLE.format("deep {{ name }}")))),
    "broken HTML": _html("<p>a<b>b<p>c</b></i><td>d<table><tr>e<td>f</p></table><a href='x>g"),
    "conditional comments": _html(
        "<!--[if mso]><table><tr><td><![endif]--><p>x</p><!--[if mso]></td></tr></table><![endif]-->"
    ),
    "inline styles that stay": _html('<p style="color:{{ colour }};font-family:\'A B\',serif;border-radius:4px">x</p>'),
    "entities": _html("<p>&copy; &euro; &nbsp; &#8364; &#x1F389; &bogus; &amp;lt; &lt;b&gt; a&b</p>"),
    "quotes in attributes": _html(
        "<img src='https://example.org/a.png' alt='say \"hi\" &amp; <go>'><a title=\"it's\">x</a>"
    ),
    "preformatted": _html("<pre>  a\n\tb\n\n   c </pre><p> much    space </p>"),
    # hostile
    "scripts": _html(
        "<script>alert(1)</script><p onclick=alert(2)>x</p><svg onload=alert(3)><a href='java\nscript:x'>y</a>"
    ),
    "hostile styles": _html("<p style='background:url(https://evil.example);position:fixed;behavior:url(x)'>x</p>"),
    "mutation attacks": _html(
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>"
    ),
    "forms and frames": _html("<form action=x><input name=a><button>b</button></form><iframe src=x></iframe><p>y"),
    "template words": _html("<p>{{ 7*7 }} {% if x %} ${x} #{y} <%= z %> {{ name | {{ }} }}</p>"),
    "boundary in the words": _text("--=_0123456789abcdef\nContent-Type: text/html\n\n<b>x</b>\n--=_0123456789abcdef--"),
    "headers in the words": _text("Subject: x\nBcc: victim@example.org\n\nFrom me\n>From you\nFrom us"),
    # variables
    "values that are markup": _html("<p title='{{ evil }}'>{{ evil }} {{ city }}</p><a href='{{ link }}'>x</a>"),
    "values in addresses": _markdown("[go]({{ link }}) [to](https://example.org/{{ city }}?q={{ evil }}#{{ emoji }})"),
    "values in styles": _html("<p style='color:{{ colour }}'>a</p><p style='color:{{ css }}'>b</p>"),
    "values of several lines": _markdown("{{ bio }}", subject="{{ bio }} {{ evil }}"),
    "values that are not there": _markdown("Dear {{ nobody }}, {{ nothing | friend }}{{ empty }} {{ empty | full }}"),
    "fallbacks with markup": _html("<p>{{ nothing | a &amp; b <c> }}</p>"),
    "a very long value": _text("{{ long }}{{ long }}{{ long }}{{ long }}{{ long }}{{ long }}"),
    # what travels beside the words
    "own plain text": _html("<p>Page</p>", text="Own words for {{ name }} – not the page's\n\n{{ city }}"),
    "own sender and reply-to": _markdown(
        "Hi", from_name="Zoë & Co", from_address="zoe@acme.example", reply_to="help@acme.example", reply_to_name="Hélp"
    ),
    "unsubscribe links": _markdown("[Leave]({{ unsubscribe_url }}) or [choose]({{ preferences_url }}) {{ name }}"),
    "unsubscribe links in plain text": _text("Leave: {{ unsubscribe_url }}"),
    "an attachment": _markdown("See the file", attachments=["report.pdf"]),
    "files with odd names": _markdown("See", attachments=["Grüße “a”.pdf", "a\u202e;b\"c.pdf", "x" * 180 + ".pdf"]),
    "an image inside": _html("<p><img src='cid:{bell.png}' alt='Bell'></p>", images=["bell.png"]),
    "images inside and files beside": _markdown(
        "![Bell](cid:{bell.png}) ![Door](cid:{door.png})", images=["bell.png", "door.png"], attachments=["plan.pdf"]
    ),
}  # fmt: skip

TEXTS: dict[str, str] = {
    "GSM letters": "Hello {{ first_name | there }}, the tower is open @£$¥èéùìòÇØøÅå",
    "escaped GSM letters": "Price: 5€ {a} [b] ~ | ^ \\",
    "an emoji": "Open 🎉",
    "a letter just beyond": "Zażółć gęślą jaźń",
    "several parts": "word " * 90,
    "several parts beyond GSM": "слово " * 40,
    "right to left": "שלום {{ name }} مرحبا",
    "lines": "one\ntwo\r\nthree\rfour\n\n",
    "values that are strange": "{{ evil }} {{ city }} {{ bio }} {{ nobody }} {{ nothing | friend }}",
    "typographic signs": "“Quotes” – dash … ’ \u00a0\u200b",
}  # fmt: skip

PUSHES: dict[str, dict[str, Any]] = {
    "title and body": {"title": "Open", "body": "Hello {{ first_name | there }}"},
    "right to left with emoji": {"title": "שלום 🎉", "body": "{{ emoji }} مرحبا"},
    "long": {"title": "T" * 250, "body": "Wörter " * 200},
    "data": {
        "title": "a", "body": "b", "data": {"order": 17, "deep": {"a": [1, None, "{{ city }}"]}, "ü": "{{ evil }}"},
    },
    "everything": {
        "title": "a", "body": "b", "action": "https://example.org/o", "icon": "van", "sound": "bell",
        "color": "#0a7cff", "tag": "t", "badge": 3, "priority": "normal", "channel_id": "c",
    },
    "silent": {"content_available": True, "data": {"sync": "now"}},
    "critical": {"title": "Alarm", "body": "Now", "critical": True, "sound": "alarm"},
    "values that are strange": {"title": "{{ evil }}", "body": "{{ bio }}\n{{ nobody }}{{ nothing | x }}"},
}  # fmt: skip
