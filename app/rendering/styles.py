"""Which CSS an email may carry in style attributes: an allow-list of properties, functions and kinds of tokens."""

import html
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from app.infra.loading import later

if TYPE_CHECKING:
    import tinycss2
    from bleach.css_sanitizer import CSSSanitizer
else:
    tinycss2, CSSSanitizer = later("tinycss2"), object  # bleach asks for `sanitize_css` and nothing else

_SIDES = ("top", "right", "bottom", "left")


def words(listed: str) -> frozenset[str]:
    """A set written as a sentence, which reads better than forty quoted strings."""
    return frozenset(listed.split())


PROPERTIES = words(
    "background background-color border border-collapse border-color border-radius border-spacing border-style "
    "border-width box-sizing caption-side clear color direction display empty-cells float font font-family font-size "
    "font-style font-variant font-weight height letter-spacing line-height list-style list-style-type margin "
    "max-height max-width min-height min-width opacity outline overflow overflow-wrap padding table-layout text-align "
    "text-decoration text-decoration-color text-decoration-line text-indent text-transform unicode-bidi "
    "vertical-align visibility white-space width word-break word-spacing word-wrap hyphens color-scheme"
) | frozenset(
    [f"{box}-{side}" for box in ("margin", "padding", "border") for side in _SIDES]
    + [f"border-{side}-{what}" for side in _SIDES for what in ("color", "style", "width")]
    + [f"border-{side}-{edge}-radius" for side in ("top", "bottom") for edge in ("left", "right")]
)
FUNCTIONS = frozenset({"rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp", "linear-gradient"})

_PREFIXES = ("mso-", "-webkit-text-size-adjust", "-ms-text-size-adjust", "-webkit-font-smoothing")
_WORD = re.compile(r"[A-Za-z0-9_\-\u0080-\U0010ffff]+")
_STRING = re.compile(r"[^\"'<>&\\\x00-\x1f]*")
_LITERALS = frozenset(",/+-*")


class StyleSanitiser(CSSSanitizer):
    """What bleach asks about every style attribute; `note` hears the name of each declaration that was left out."""

    def __init__(self, note: Callable[[str], object]) -> None:
        self._note = note
        self._known: dict[str, str] = {}

    def sanitize_css(self, style: str) -> str:
        """The declarations that may stay, with single quotes only; "" when none may.

        An email says the same few styles again and again, so each is read once; what it lost was noted then.
        """
        if style not in self._known:
            self._known[style] = self._read(style)
        return self._known[style]

    def _read(self, style: str) -> str:
        kept: list[str] = []
        for node in tinycss2.parse_declaration_list(html.unescape(style), skip_comments=True, skip_whitespace=True):
            if node.type == "declaration" and _is_allowed(node.lower_name) and _are_plain(node.value):
                # Bleach hands attribute values on without escaping quotes; single ones need none.
                text = tinycss2.serialize(node.value).strip().replace('"', "'")
                kept.append(f"{node.lower_name}:{text}{' !important' if node.important else ''}")
            elif node.type == "declaration":
                self._note(str(node.lower_name)[:40])
        return ";".join(kept)


def _is_allowed(name: str) -> bool:
    return name in PROPERTIES or (name.startswith(_PREFIXES) and _WORD.fullmatch(name) is not None)


def _are_plain(nodes: Iterable[Any]) -> bool:
    """Whether a value holds nothing but words, numbers, colours, plain strings and allowed functions: no url()."""
    return all(_is_plain(node) for node in nodes)


def _is_plain(node: Any) -> bool:
    match node.type:
        case "whitespace" | "number" | "percentage":
            return True
        case "ident" | "hash":
            return _WORD.fullmatch(node.value) is not None
        case "dimension":
            return _WORD.fullmatch(node.unit) is not None
        case "string":
            return _STRING.fullmatch(node.value) is not None
        case "literal":
            return node.value in _LITERALS
        case "function":
            return node.lower_name in FUNCTIONS and _are_plain(node.arguments)
        case _:
            return False
