"""What a contact's name and attributes may be, judged the same in forms, files and programs."""

import re

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
