"""Make an author's HTML safe and fit for email programs: CSS inlined, then bleach with allow-lists, then nothing else.

Style sheets are inlined before sanitising, so `<style>` blocks need not survive; what cannot be inlined (media queries,
hover, fonts) is left out, because half of the email programs ignore it and the rest is not worth a second sanitiser.
Bleach always has the last word on the author's markup: whatever runs before it may be sloppy, never unsafe.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from app.domain.errors import Invalid
from app.infra.loading import later
from app.rendering.cleaning import Cleaner
from app.rendering.styles import StyleSanitiser, words

if TYPE_CHECKING:
    import css_inline
else:
    css_inline = later("css_inline")

MAX_NESTING = 200  # open elements; more is never an email, and makes every parser slow

# Elements without meaning in email programs (and most without safety), dropped together with what is inside them.
WITH_CONTENT = words(
    "script style iframe frame frameset object applet svg math noscript template canvas title select textarea noembed "
    "noframes xmp datalist dialog"
)
# Reported when dropped; the words inside stay.
REPORTED = words("form input button audio video embed base marquee portal") | (WITH_CONTENT - {"style", "title"})
TAGS = words(
    "a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del "
    "dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p "
    "pre q s samp section small span strike strong sub sup table tbody td tfoot th thead time tr tt u ul var wbr"
)
_EVERYWHERE = words("style dir lang title align valign width height bgcolor role id aria-label aria-hidden")
_ATTRIBUTES = {
    "a": frozenset({"href", "name"}),
    "img": frozenset({"src", "alt", "border", "hspace", "vspace"}),
    "table": frozenset({"border", "cellpadding", "cellspacing", "summary"}),
    "td": frozenset({"colspan", "rowspan", "nowrap", "headers"}),
    "th": frozenset({"colspan", "rowspan", "nowrap", "headers", "scope"}),
    "col": frozenset({"span"}),
    "colgroup": frozenset({"span"}),
    "font": frozenset({"color", "face", "size"}),
    "ol": frozenset({"start", "type"}),
    "ul": frozenset({"type"}),
    "li": frozenset({"value"}),
    "br": frozenset({"clear"}),
    "hr": frozenset({"size", "color", "noshade"}),
    "time": frozenset({"datetime"}),
}
_PROTOCOLS = words("http https mailto tel cid")
_VOID = words("area base br col embed hr img input link meta param source track wbr")
# Their end tags may be left out, so an open one says nothing about depth.
_SELF_CLOSING = words("p li dt dd td th tr thead tbody tfoot option optgroup html head body")
_LINK = re.compile(r"(?:https?://|mailto:|tel:|#)", re.IGNORECASE)
_IMAGE = re.compile(r"(?:https?://|cid:)", re.IGNORECASE)
_TAG_NAME = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
# How css_inline writes a page: every value in double quotes, every other `<` escaped but in raw text.
_PLAIN_BODY = re.compile(r'</head><body(?: [a-z-]+="[^"]*")*>(?P<body>.*)</body></html>\Z', re.DOTALL)
_RAW_TEXT = re.compile(r"<(?:script|style|noscript|template|xmp|iframe|noembed|noframes|plaintext)\b|<!--")
_SCRIPTED = re.compile(r"\son[^\s=]*=")
_TAG_NAME_WRITTEN = re.compile(r"</?([a-zA-Z][^\s/>]*)")
_WRITTEN_TAG = re.compile(r'</?[a-z][a-z0-9]*(?: [a-z][a-z0-9-]*="[^"]*")*>')
_AT_RULE = re.compile(r"@(media|import|font-face|supports|keyframes)\b", re.IGNORECASE)
_EMPTY_STYLE = re.compile(r"""(<[a-z][^<>]*?) style=\"\"(?=[ >])""")
_LINKED_SHEET = re.compile(r"<link\b[^<>]*\bstylesheet\b", re.IGNORECASE)
_DOCUMENT = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Removal:
    """Something that was left out: `kind` is element, attribute, link, image, style or rule; `name` says which."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class SafeHtml:
    """The author's markup as email programs may get it: `markup` goes inside a body.

    `whole` is true when the author wrote a whole document; then `body_style`, `lang` and `direction` are what its
    html and body elements said (each empty when they did not). `removals` are in order of appearance, without repeats.
    """

    markup: str
    whole: bool = False
    body_style: str = ""
    lang: str = ""
    direction: str = ""
    removals: tuple[Removal, ...] = ()


def sanitise(source: str, is_slot: Callable[[str], bool], base_css: str = "") -> SafeHtml:
    """Safe markup of any HTML, however broken; `base_css` are rules that the author's own ones overrule.

    `is_slot(value)` tells that an address begins with a variable; such an address is judged when it is filled in.
    Raises Invalid when elements nest deeper than MAX_NESTING.
    """
    _refuse_depth(source)
    style = f"<style>{base_css}</style>" if base_css else ""
    removals = _note_style_sheets(source)
    survey = _look_over(_inline(style + source), removals)
    styles = StyleSanitiser(lambda name: removals.setdefault(Removal("style", name)))
    cleaner = Cleaner(TAGS, _AttributeRule(is_slot, removals), _PROTOCOLS, styles)
    markup = _EMPTY_STYLE.sub(r"\1", cleaner.clean("".join(survey.pieces))).strip()
    return SafeHtml(
        markup=markup,
        whole=is_document(source),
        body_style=styles.sanitize_css(survey.body_style),
        lang=survey.lang,
        direction=survey.direction,
        removals=tuple(removals),
    )


def is_document(source: str) -> bool:
    """Whether HTML is a whole document, which then stands for itself, without our column around it."""
    return _DOCUMENT.search(source) is not None


@cache
def _inliner() -> "css_inline.CSSInliner":
    return css_inline.CSSInliner(load_remote_stylesheets=False, resolve_css_variables=True)


def _look_over(page: str, removals: dict[Removal, None]) -> "_Survey":
    """The survey of a normalised page; a body in which nothing is to be left out is taken as it stands."""
    survey = _Survey(removals)
    body = _PLAIN_BODY.search(page)
    if body is None or not _is_plain(page[: body.start()], body["body"]):
        survey.feed(page)
        survey.close()
        return survey
    survey.feed(page[: body.start("body")])
    survey.pieces.append(body["body"])
    return survey


def _is_plain(head: str, body: str) -> bool:
    """Whether a body holds tags that stay, and nothing else that begins with `<`; it stands then as it will be kept."""
    if _RAW_TEXT.search(head) or _SCRIPTED.search(body):
        return False
    return TAGS.issuperset(_TAG_NAME_WRITTEN.findall(body)) and "<" not in _WRITTEN_TAG.sub("", body)


class _Survey(HTMLParser):
    """Reads the normalised document: keeps the body's markup, drops what no email may have, notes what it was."""

    def __init__(self, removals: dict[Removal, None]) -> None:
        super().__init__(convert_charrefs=False)
        self.pieces: list[str] = []
        self.body_style = self.lang = self.direction = ""
        self._removals = removals
        self._skipped = ""  # the element being dropped with its content
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep, drop, or begin to skip."""
        if self._skipped:
            self._depth += tag == self._skipped
            return
        self._note(tag, attrs)
        if tag in WITH_CONTENT:
            self._skipped, self._depth = tag, 1
        elif tag in ("html", "body"):
            self._read_document(attrs)
        elif tag in TAGS:
            self.pieces.append(self.get_starttag_text() or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<br/>` is a start tag; HTML knows no other meaning of the slash."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Keep, drop, or end the skipping."""
        if self._skipped:
            self._depth -= tag == self._skipped
            if not self._depth:
                self._skipped = ""
        elif tag in TAGS:
            self.pieces.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Words stay."""
        if not self._skipped:
            self.pieces.append(data)

    def handle_entityref(self, name: str) -> None:
        """Entities stay as they are written."""
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Entities stay as they are written."""
        self.handle_data(f"&#{name};")

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in REPORTED or (tag == "meta" and any(value and value.lower() == "refresh" for _, value in attrs)):
            self._removals[Removal("element", tag)] = None
        for name, _ in attrs:
            if name.startswith("on"):
                self._removals[Removal("attribute", name[:40])] = None

    def _read_document(self, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if given.get("bgcolor"):
            self.body_style += f"background-color:{given['bgcolor']};"
        self.body_style += given.get("style", "")
        if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", given.get("lang", "")):
            self.lang = given["lang"]
        if given.get("dir", "").lower() in ("ltr", "rtl", "auto"):
            self.direction = given["dir"].lower()


class _AttributeRule:
    """Which attributes bleach may keep; called for every attribute of every allowed element."""

    def __init__(self, is_slot: Callable[[str], bool], removals: dict[Removal, None]) -> None:
        self._is_slot = is_slot
        self._removals = removals

    def __call__(self, tag: str, name: str, value: str) -> bool:
        """Whether the attribute stays. Addresses must have a scheme spelled out, or start with a variable."""
        if name in ("href", "src"):
            return self._keeps_address(tag, name, value)
        return name in _EVERYWHERE or name in _ATTRIBUTES.get(tag, ())

    def _keeps_address(self, tag: str, name: str, value: str) -> bool:
        if name not in _ATTRIBUTES.get(tag, ()):
            return False
        address = html.unescape(value).strip()
        allowed = _LINK if name == "href" else _IMAGE
        if not address or self._is_slot(address) or allowed.match(address):
            return True
        self._removals[Removal("link" if name == "href" else "image", address[:60])] = None
        return False


def _inline(source: str) -> str:
    """The document with its style sheets spread over its elements, normalised on the way."""
    try:
        return str(_inliner().inline(source))
    except (css_inline.InlineError, ValueError):
        # A style sheet that nobody can read styles nothing; the words are still the author's.
        return source


def _note_style_sheets(source: str) -> dict[Removal, None]:
    """What inlining will leave out without a word: sheets elsewhere, and rules that no element can carry."""
    removals: dict[Removal, None] = {}
    if _LINKED_SHEET.search(source):
        removals[Removal("element", "link")] = None
    if "<style" in source.lower():
        removals |= {Removal("rule", f"@{rule.lower()}"): None for rule in _AT_RULE.findall(source)}
    return removals


def _refuse_depth(source: str) -> None:
    """Raise Invalid when the elements nest too deeply; end tags that HTML lets one leave out are not counted."""
    depth = 0
    for closing, name in _TAG_NAME.findall(source):
        tag = name.lower()
        if tag in _VOID or tag in _SELF_CLOSING:
            continue
        depth = max(depth - 1, 0) if closing else depth + 1
        if depth > MAX_NESTING:
            raise Invalid(
                {"body": [f"Content nests more than {MAX_NESTING} HTML elements. Close elements that are open."]}
            )
