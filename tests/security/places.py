"""Every address of the app with the values that make it real, read from the app so that no route is forgotten."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask
from werkzeug.routing import Rule

from app.web.access import PUBLIC, SIGNED_IN

ROOT = Path(__file__).parents[2]
_ARGUMENT = re.compile(r"<(?:[^:<>]+:)?(\w+)>")
_ASKED = re.compile(r"request\.(?:form|args|values)(?:\.get|\.getlist)?[(\[]\"(\w+)\"|\basked\(([^)]*)\)")
_FIELD = re.compile(r"^    (\w+) = \w+Field\(", re.MULTILINE)
_GIVEN_BY_THE_FRAMEWORK = {"static"}


def rules_of(app: Flask, *, method: str = "") -> list[Rule]:
    """The dashboard's routes: those that say who may open them. With `method` only those that answer to it."""
    found = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in _GIVEN_BY_THE_FRAMEWORK and permission_of(app, rule) is not None
    ]
    return sorted((rule for rule in found if not method or method in (rule.methods or ())), key=lambda rule: rule.rule)


def permission_of(app: Flask, rule: Rule) -> str | None:
    """What the route needs: a permission, `signed_in` or `public`."""
    return getattr(app.view_functions[rule.endpoint], "permission", None)


def is_of_a_project(app: Flask, rule: Rule) -> bool:
    """Whether the route needs a permission in a project."""
    return permission_of(app, rule) not in {PUBLIC, SIGNED_IN}


def path_of(rule: Rule, values: Mapping[str, Any]) -> str:
    """The route's path with these values; KeyError for an argument that nobody gave.

    A value named `prices.provider_id` is for the pages of that blueprint alone.
    """
    place = rule.endpoint.partition(".")[0]

    def fill(found: re.Match[str]) -> str:
        name = found.group(1)
        own = values.get(f"{place}.{name}")
        return quote(str(values[name] if own is None else own), safe="")

    return _ARGUMENT.sub(fill, rule.rule)


def field_names() -> list[str]:
    """Every name that a form or an address can carry, as the source of the web floor and of the Sandbox says it."""
    return sorted(set(_read_names()))


def _read_names() -> Iterator[str]:
    for file in [*ROOT.glob("app/web/**/*.py"), ROOT / "app" / "emulators" / "inbox.py"]:
        source = file.read_text()
        yield from _FIELD.findall(source)
        for name, names in _ASKED.findall(source):
            yield from re.findall(r"\w+", name or names)
