"""Compile an email once and fill it in for each person; the preview and the delivery are the same call."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import quote

from app.domain.email_content import EmailContent
from app.domain.errors import Invalid
from app.domain.personalise import Pattern, Problem, Slot, compile
from app.domain.rendered import (
    LINE_LENGTH,
    NO_EXTRAS,
    Extras,
    FillPlainly,
    Frame,
    PlainEmail,
    Recipient,
    RenderedEmail,
)
from app.infra.collecting import uncollected
from app.infra.loading import later
from app.rendering.markers import Escape, Markers, PlainStencil, Stencil
from app.rendering.plain_text import clean_line, clean_text, encode_part
from app.rendering.sanitise import Removal, SafeHtml, sanitise
from app.rendering.text_part import fold, write_text

if TYPE_CHECKING:
    import markdown
else:
    markdown = later("markdown")

_FRAMES = Path(__file__).parents[2] / "templates" / "emails"
# Line breaks count (nl2br): people who write emails expect "Best wishes,⏎Ann" to stay on two lines.
_EXTENSIONS = ("tables", "fenced_code", "sane_lists", "nl2br")
_MARKDOWN_CSS = """
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 16px }
h2 { font-size: 21px; line-height: 1.3; margin: 24px 0 12px }
h3, h4, h5, h6 { font-size: 17px; line-height: 1.4; margin: 20px 0 8px }
p, ul, ol, blockquote, pre, table { margin: 0 0 16px } ul, ol { padding: 0 0 0 24px } li { margin: 0 0 4px }
a { color: #0f766e } img { max-width: 100%; height: auto; border: 0 } hr { border: 0; border-top: 1px solid #d1d5db }
blockquote { border-left: 3px solid #d1d5db; padding: 0 0 0 16px } table { border-collapse: collapse }
th, td { border: 1px solid #d1d5db; padding: 8px 12px } th { text-align: left }
code, pre { font-family: Consolas, Menlo, monospace; font-size: 14px } pre { white-space: pre-wrap }
"""
# Follows the preheader so that inboxes do not fill the line up with the email's first words.
_PADDING = ("\u034f\u200c\u00a0" * 20 + "\n") * 4
_HIDDEN = "display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px;mso-hide:all"

_LEADS_LINK = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_LEADS_IMAGE = re.compile(r"https?://", re.IGNORECASE)
_PLAIN_STYLE = re.compile(r"[A-Za-z0-9#%., -]*")
_BRACKETS = re.compile(r"\n[ \t]*\n|[\[\]()]")
_OPEN_TAG = re.compile(r"<[a-zA-Z/][^<>]*(?=<|$)")
_MAX_OPEN_TAGS = 200
_MAX_BRACKETS = 50


@dataclass(frozen=True, slots=True)
class Layout:
    """The frame's settings: `lang` is the BCP 47 language of the email, used unless an HTML document names its own."""

    lang: str = "en"


class PreparedEmail:
    """One email taken apart, ready for any number of people (`domain.rendered.Prepared`).

    `placeholders` maps each variable's name to whether it has a fallback everywhere it is used; `problems` lists the
    variables that could not be read, by field; `places` names the field that each variable stands in, the subject
    first, the own text last; `removals` is what sanitising left out of the author's HTML; `extras` is what every copy
    carries.
    """

    __slots__ = (
        "_html", "_required", "_subject", "_text", "extras", "placeholders", "places", "problems", "removals",
    )  # fmt: skip

    def __init__(
        self,
        patterns: dict[str, Pattern],
        subject: Stencil,
        text: Stencil,
        page: Stencil | None,
        removals: tuple[Removal, ...] = (),
        extras: Extras = NO_EXTRAS,
    ) -> None:
        self.extras = extras
        self._subject, self._text, self._html = subject, text, page
        self.removals = removals
        self.problems: dict[str, tuple[Problem, ...]] = {
            field: pattern.problems for field, pattern in patterns.items() if pattern.problems
        }
        self.placeholders: dict[str, bool] = {}
        for slot in (slot for pattern in patterns.values() for slot in pattern.slots):
            self.placeholders[slot.name] = slot.fallback is not None and self.placeholders.get(slot.name, True)
        self.places: dict[str, str] = {}
        for field, pattern in patterns.items():
            place = field if field in ("subject", "text") else "body"
            self.places |= {slot.name: place for slot in pattern.slots if slot.name not in self.places}
        self._required = tuple(Slot(name) for name, has_fallback in self.placeholders.items() if not has_fallback)

    def render(self, recipient: Recipient) -> RenderedEmail:
        """What this person gets. Values can change words and addresses, never structure or headers."""
        variables = recipient.variables
        return RenderedEmail(
            self._subject.fill(variables),
            self._text.fill(variables),
            self._html.fill(variables) if self._html else "",
            recipient.headers,
            self._missing(variables) if self._required else (),
            self.extras,
        )

    def within(self, frame: Frame) -> FillPlainly | None:
        """The quick way to the same words as `render` (`domain.rendered.Plain`)."""
        page, subject, extras = self._html, self._subject, self.extras
        if extras.attachments or not self._text.ends_line or not (page is None or page.ends_line):
            return None
        texts = (frame.before, self._text, frame.between, page, frame.after) if page else (frame.alone, self._text)
        body = PlainStencil(texts, LINE_LENGTH)

        def fill(recipient: Recipient) -> PlainEmail | None:
            variables = recipient.variables
            if (filled := body.fill(variables)) is None:
                return None
            return PlainEmail(subject.fill(variables), filled, recipient.headers, extras)

        return fill if body.is_possible else None

    def written_text(self) -> str:
        """The plain text as its author would write it, with the variables in it."""
        return self._text.written()

    def _missing(self, variables: Mapping[str, str]) -> tuple[str, ...]:
        return tuple([slot.name for slot in self._required if slot.value(variables) is None])


def prepare_email(content: EmailContent, *, layout: Layout | None = None, extras: Extras = NO_EXTRAS) -> PreparedEmail:
    """Compile an email: milliseconds, once per message; every copy carries `extras`.

    The text part is the author's own where there is one, else made from the page. Raises Invalid by field when the
    content could not be stored or its HTML cannot be read; limits are looked at before any work. Variables that cannot
    be read do not raise: they stay as typed.
    """
    wrong = content.problems()
    if wrong:
        raise Invalid(wrong)
    with uncollected():
        return _compile(content, layout or Layout(), extras)


def _compile(content: EmailContent, layout: Layout, extras: Extras) -> PreparedEmail:
    patterns = {"subject": compile(content.subject), "body": compile(clean_text(content.body))}
    if content.format == "text":
        return _prepare_text(patterns, extras)
    patterns["preheader"] = compile(content.preheader)
    if content.text.strip():
        patterns["text"] = compile(clean_text(content.text))
    markers = Markers((content.subject, content.preheader, content.body))
    # The author's fallbacks are written in HTML or Markdown, so entities in them mean characters.
    body = markers.mark(patterns["body"], fallback=html.unescape)
    safe = _make_safe(body, content.format, markers)
    page = _frame(safe, layout, markers.mark(patterns["subject"], html.escape), _preheader(patterns, markers))
    own_text = patterns.get("text")
    return PreparedEmail(
        patterns,
        subject=_subject_stencil(patterns["subject"]),
        text=_words_stencil(own_text) if own_text else _generated_stencil(safe, markers),
        page=markers.html_stencil(page, _attribute_escape, _escape_text),
        removals=tuple(Removal(each.kind, markers.pattern.sub("…", each.name)) for each in safe.removals),
        extras=extras,
    )


def _prepare_text(patterns: dict[str, Pattern], extras: Extras) -> PreparedEmail:
    words = _words_stencil(patterns["body"])
    return PreparedEmail(patterns, _subject_stencil(patterns["subject"]), words, None, extras=extras)


def _words_stencil(pattern: Pattern) -> Stencil:
    """Plain text as somebody wrote it."""
    markers = Markers([part for part in pattern.parts if isinstance(part, str)])
    text = fold(markers.mark(pattern).rstrip("\n") + "\n")
    return markers.stencil(text, lambda _mark: clean_text)


def _generated_stencil(safe: SafeHtml, markers: Markers) -> Stencil:
    """Plain text that says what the page says."""
    text = write_text(safe.markup, markers.remark)
    escapes = _address_escapes(text, markers)
    return markers.stencil(text, lambda mark: escapes.get(mark[0], clean_text))


def _make_safe(body: str, written_as: str, markers: Markers) -> SafeHtml:
    """The body as safe markup, whatever it is written in."""

    def is_slot(address: str) -> bool:
        return markers.pattern.match(address) is not None

    try:
        if written_as == "markdown":
            _refuse_unclosed(body)
            return sanitise(markdown.markdown(body, extensions=_EXTENSIONS), is_slot, _MARKDOWN_CSS)
        return sanitise(body, is_slot)
    except RecursionError as error:
        raise Invalid({"body": ["Content nests lists, quotes or elements too deeply. Use fewer levels."]}) from error


def _refuse_unclosed(body: str) -> None:
    """Raise Invalid for what makes Markdown look to the end again and again: open brackets and open tags in heaps."""
    depth = 0
    for found in _BRACKETS.findall(body):
        depth = depth + 1 if found in "[(" else max(depth - 1, 0) if found in "])" else 0
        if depth > _MAX_BRACKETS:
            raise Invalid({"body": [f"Content opens more than {_MAX_BRACKETS} brackets in one paragraph. Close them."]})
    if len(_OPEN_TAG.findall(body)) > _MAX_OPEN_TAGS:
        raise Invalid({"body": [f"Content has more than {_MAX_OPEN_TAGS} HTML tags without “>”. Close them."]})


def _frame(safe: SafeHtml, layout: Layout, title: str, preheader: str) -> str:
    """The whole page around safe markup."""
    content = safe.markup if safe.whole else _load("column.html").substitute(content=safe.markup)
    return _load("layout.html").substitute(
        lang=html.escape(safe.lang or layout.lang),
        direction=f' dir="{safe.direction}"' if safe.direction else "",
        title=title,
        body_style=html.escape(f"margin:0;{safe.body_style}" if safe.body_style else "margin:0;padding:0", quote=False),
        preheader=preheader,
        content=content.strip("\n"),
    )


@cache
def _load(name: str) -> Template:
    """A frame without the comment on its first line, which is for us and not for every recipient."""
    return Template((_FRAMES / name).read_text(encoding="utf-8").partition("\n")[2])


def _preheader(patterns: dict[str, Pattern], markers: Markers) -> str:
    words = markers.mark(patterns["preheader"], html.escape)
    return f'<div style="{_HIDDEN}">{words}\n{_PADDING}</div>\n' if words else ""


def _subject_stencil(pattern: Pattern) -> Stencil:
    parts = [part if isinstance(part, str) else "" for part in pattern.parts]
    fields = [(at, part, clean_line) for at, part in enumerate(pattern.parts) if isinstance(part, Slot)]
    return Stencil(parts, list(fields))


def _address_escapes(text: str, markers: Markers) -> dict[str, Escape]:
    """How values are escaped in the addresses that the text part shows: those marks are copies of the HTML's."""
    escapes: dict[str, Escape] = {}
    for mark in markers.pattern.finditer(text):
        if int(mark[1]) in markers.copies:
            before = text[: mark.start()]
            leads = not before or before[-1] in "( \n"
            escapes[mark[0]] = _lead_link_in_text if leads else encode_part
    return escapes


def _attribute_escape(name: str, leads: bool) -> Escape:
    """How a value is made fit for an attribute; `leads` says whether the attribute starts with it."""
    match name:
        case "href":
            return _lead_link if leads else encode_part
        case "src":
            return _lead_image if leads else encode_part
        case "style":
            return _keep_plain_style
        case _:
            return _escape_text


def _escape_text(value: str) -> str:
    if value.isalnum() or value.replace(" ", "").isalnum():  # a name or a number, as nearly all are
        return value
    return html.escape(clean_text(value))


def _lead_link(value: str) -> str:
    """A value that is a whole link or its beginning: only web, mail and telephone addresses, else a dead end."""
    return html.escape(_quote_address(value)) if _LEADS_LINK.match(value.strip()) else "#"


def _lead_link_in_text(value: str) -> str:
    return _quote_address(value) if _LEADS_LINK.match(value.strip()) else ""


def _lead_image(value: str) -> str:
    return html.escape(_quote_address(value)) if _LEADS_IMAGE.match(value.strip()) else "#"


def _quote_address(value: str) -> str:
    return quote(clean_line(value.strip()), safe=":/?#[]@!$&'()*+,;=%~")


def _keep_plain_style(value: str) -> str:
    """A number, a word or a colour; anything that could start another declaration is left out."""
    return value if _PLAIN_STYLE.fullmatch(value) else ""
