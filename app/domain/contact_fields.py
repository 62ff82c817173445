"""What a contact's name and attributes may be, judged the same in forms, files and programs."""

import json
import re
from collections.abc import Mapping

from app.domain.addresses import has_control_characters

MAX_CONTACT_NAME = 128
MAX_ATTRIBUTES = 50
MAX_ATTRIBUTE_VALUE = 1024
ATTRIBUTE_RULE = (
    "starts with a letter a-z and has only a-z, 0-9, dots, hyphens and underscores, at most 64 of them, like first_name"
)

_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
RESERVED_ATTRIBUTES = frozenset({"name", "email", "phone"})  # variables that the contact itself fills


def wrong_name(name: str) -> str:
    """What is wrong with a contact's name, as the end of a sentence; empty when nothing is."""
    if len(name) > MAX_CONTACT_NAME:
        return f"has {len(name):,} characters; at most {MAX_CONTACT_NAME} fit"
    if has_control_characters(name):
        return "has a line break or another control character; write it on one line"
    return ""


def wrong_attribute_name(name: str) -> str:
    """What is wrong with an attribute's name, as the end of a sentence; empty when nothing is."""
    if name in RESERVED_ATTRIBUTES:
        return "is filled by the contact itself; choose another name"
    return "" if _ATTRIBUTE.fullmatch(name) else f"cannot be an attribute's name: one {ATTRIBUTE_RULE}"


def wrong_attribute_value(value: str) -> str:
    """What is wrong with an attribute's value, as the end of a sentence; empty when nothing is."""
    if len(value) > MAX_ATTRIBUTE_VALUE:
        return f"has {len(value):,} characters; at most {MAX_ATTRIBUTE_VALUE:,} fit"
    if any(sign < " " and sign not in "\n\t" for sign in value) or "\x7f" in value:
        return "has a control character; remove it"
    return ""


def parse_attributes(text: str) -> tuple[dict[str, str], list[str]]:
    r"""Attributes from lines of `name=value`, and a sentence for each line that cannot be.

    A value may say `\n` for a line break, `\t` for a tab and `\\` for a backslash. Empty lines are left out.
    """
    found: dict[str, str] = {}
    sentences: list[str] = []
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for number, line in lines[: MAX_ATTRIBUTES + 1]:
        name, sign, value = line.partition("=")
        name, value = name.strip(), _unescape(value.strip())
        if not sign:
            sentences.append(f"Attributes, line {number}: write a name, an equals sign and a value, like city=Bonn.")
            continue
        wrong = wrong_attribute_name(name)
        wrong_value = wrong_attribute_value(value)
        if wrong:
            sentences.append(f"Attributes, line {number}: “{name[:64]}” {wrong}.")
        elif wrong_value:
            sentences.append(f"Attributes, line {number}: the value of {name} {wrong_value}.")
        elif name in found:
            sentences.append(f"Attributes, line {number}: {name} stands above already; keep one of them.")
        elif value:
            found[name] = value
    if len(lines) > MAX_ATTRIBUTES:
        sentences.append(f"Attributes have {len(lines):,} lines; a contact has at most {MAX_ATTRIBUTES}.")
    return found, sentences


def format_attributes(attributes: Mapping[str, object]) -> str:
    """Attributes as lines of `name=value`, as `parse_attributes` reads them."""
    return "\n".join(f"{name}={_escape(say_value(value))}" for name, value in sorted(attributes.items()))


def say_value(value: object) -> str:
    """An attribute's value as text; what is not text (the REST API takes any JSON) as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _unescape(value: str) -> str:
    return re.sub(r"\\([nt\\])", lambda found: {"n": "\n", "t": "\t", "\\": "\\"}[found.group(1)], value)
