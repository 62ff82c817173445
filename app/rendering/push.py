"""Compile a push notification once and fill it in for each person, before any platform's fields are made of it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.domain.errors import Invalid
from app.domain.personalise import Pattern, Problem, compile
from app.domain.push_content import PushContent
from app.domain.rendered import Recipient, RenderedPush
from app.rendering.plain_text import clean_line, clean_text, encode_part

_TEXTS = ("title", "body", "action", "icon", "sound", "color", "tag", "channel_id")
_MULTILINE = frozenset({"title", "body"})
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)

Tree = Any  # a JSON value whose texts are Patterns


class PreparedPush:
    """One push notification taken apart (`domain.rendered.Prepared`).

    `placeholders` maps each variable's name to whether it has a fallback everywhere it is used; `problems` lists the
    variables that could not be read, by field; `places` names the first field that each variable stands in.
    """

    __slots__ = ("_data", "_has_fixed_data", "_shared", "_texts", "placeholders", "places", "problems")

    def __init__(self, content: PushContent) -> None:
        texts = {name: compile(text) for name in _TEXTS if (text := getattr(content, name))}
        data: Tree = _compile_tree(content.data)
        in_data = list(_patterns_in(data))
        patterns = [*texts.items(), *(("data", pattern) for pattern in in_data)]
        self.problems: dict[str, tuple[Problem, ...]] = {}
        self.placeholders: dict[str, bool] = {}
        self.places: dict[str, str] = {}
        for name, pattern in patterns:
            if pattern.problems:
                self.problems[name] = (*self.problems.get(name, ()), *pattern.problems)
            for slot in pattern.slots:
                self.placeholders[slot.name] = slot.fallback is not None and self.placeholders.get(slot.name, True)
                self.places.setdefault(slot.name, name)
        # What all people get alike, and what has a variable in it.
        self._shared: dict[str, Any] = {
            "image": content.image_url, "badge": _shown_badge(content.badge), "critical": content.critical,
            "content_available": content.content_available, "priority": content.priority,
            **{name: pattern.fill({}, str)[0] for name, pattern in texts.items() if not pattern.slots},
        }  # fmt: skip
        self._texts = [(name, each, _escape_for(name, each)) for name, each in texts.items() if each.slots]
        self._has_fixed_data = not any(pattern.slots for pattern in in_data)
        self._data = _fill_tree(data, {}, []) if self._has_fixed_data else data

    def render(self, recipient: Recipient) -> RenderedPush:
        """What this person's devices get. Values can change words, never fields; in an address they are encoded."""
        texts: dict[str, Any] = {}
        missing: list[str] = []
        for name, pattern, escape in self._texts:
            texts[name], absent = pattern.fill(recipient.variables, escape)
            missing += absent
        data = self._data if self._has_fixed_data else _fill_tree(self._data, recipient.variables, missing)
        return RenderedPush(**self._shared, **texts, data=data, missing=tuple(dict.fromkeys(missing)))


def prepare_push(content: PushContent) -> PreparedPush:
    """Compile a push notification. Raises Invalid by field when it could not be stored."""
    if wrong := content.problems():
        raise Invalid(wrong)
    return PreparedPush(content)


def _shown_badge(badge: int | None) -> int | None:
    """A negative badge means that none is set (contract 9.8)."""
    return badge if badge is not None and badge >= 0 else None


def _escape_for(name: str, pattern: Pattern) -> Callable[[str], str]:
    """How a value is made fit for a field: inside an address it must not end the part that it stands in."""
    first = pattern.parts[0] if pattern.parts else ""
    if name == "action" and isinstance(first, str) and _ADDRESS.match(first):
        return encode_part
    return clean_text if name in _MULTILINE else clean_line


def _compile_tree(value: Any) -> Tree:
    if isinstance(value, str):
        return compile(value)
    if isinstance(value, Mapping):
        return {key: _compile_tree(inner) for key, inner in value.items()}
    return [_compile_tree(inner) for inner in value] if isinstance(value, list) else value


def _fill_tree(tree: Tree, variables: Mapping[str, str], missing: list[str]) -> Any:
    """The tree with a text for each pattern; names that had no value are added to `missing`."""
    if isinstance(tree, Pattern):
        text, absent = tree.fill(variables, clean_text)
        missing += absent
        return text
    if isinstance(tree, dict):
        return {key: _fill_tree(inner, variables, missing) for key, inner in tree.items()}
    return [_fill_tree(inner, variables, missing) for inner in tree] if isinstance(tree, list) else tree


def _patterns_in(tree: Tree) -> Iterator[Pattern]:
    if isinstance(tree, Pattern):
        yield tree
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for each in inner:
        yield from _patterns_in(each)
