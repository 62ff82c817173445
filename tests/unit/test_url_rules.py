"""Late rules write the same addresses as werkzeug's own, and compile nothing until they are asked."""

from typing import Any

import pytest
from werkzeug.routing import BuildError, Map, Rule

from app.url_rules import LateRule

PATHS = {
    "home": "/",
    "message": "/p/<project>/messages/<int:number>",
    "file": "/files/<path:name>",
    "self": "/named/<rule>/<self>",
}


def address(rule_class: type[Rule], endpoint: str, values: dict[str, Any]) -> str:
    rules = Map([rule_class(path, endpoint=name) for name, path in PATHS.items()])
    return rules.bind("example.org").build(endpoint, values)


@pytest.mark.parametrize(
    ("endpoint", "values"),
    [
        ("home", {}),
        ("home", {"after": "ünd & so"}),
        ("message", {"project": "a/b c", "number": 7}),
        ("message", {"project": "p", "number": 7, "page": [1, 2], "none": None}),
        ("file", {"name": "a/b ?.png"}),
        ("self", {"rule": "r", "self": "s", "append": 1}),
    ],
)
def test_an_address_is_what_werkzeug_writes(endpoint: str, values: dict[str, Any]) -> None:
    assert address(LateRule, endpoint, values) == address(Rule, endpoint, values)


def test_a_value_that_is_missing_is_refused_as_ever() -> None:
    with pytest.raises(BuildError):
        address(LateRule, "message", {"project": "p"})


def test_nothing_is_compiled_before_an_address_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = list[str]()
    compile_now = Rule._compile_builder

    def counted(rule: Rule, append_unknown: bool = True) -> Any:
        compiled.append(rule.rule)
        return compile_now(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", counted)
    bound = Map([LateRule("/a/<x>", endpoint="a"), LateRule("/b", endpoint="b")]).bind("example.org")
    assert bound.match("/a/1") == ("a", {"x": "1"})
    assert compiled == []
    assert [bound.build("a", {"x": each}) for each in "12"] == ["/a/1", "/a/2"]
    assert compiled == ["/a/<x>"]
