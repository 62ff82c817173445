"""Junk in every path, every query and every form: an answer in words, never a broken page."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from werkzeug.routing import Rule

from tests.security.conftest import World
from tests.security.places import field_names, path_of, rules_of
from tests.security.test_routes import values_for

NAMES = field_names()
NASTY = (
    "\0", "a\0b", "\r\nBcc: all@example.org", "\u2028\u202e\ufeff", "\ufffd\ufffe\U0010ffff", "9" * 30, "-1", "0", "",
    "1e999", "nan", "1e-320", "\u0663", "../../etc/passwd", "%00", "' OR 1=1 --", "<script>alert(1)</script>",
    "{{ 7*7 }}", "{{", "9999-12-31", "23:59", "0001-01-01T00:00", "Europe/Berlin", "9223372036854775808", "a" * 5_000,
    "topics:\0", "name~1~\0", "=cmd|' /C calc'!A0", "1",
)  # fmt: skip
ROUNDS = 7
STEP = 5  # shares no factor with the number of values, so that neighbours meet other neighbours in each round
LIMIT = 500


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A thousand refusals need not be in the log of the tests."""
    with caplog.at_level(logging.CRITICAL):
        yield


@pytest.fixture
def rules(world: World) -> list[Rule]:
    """Every route but the one that ends our own session."""
    world.app.config["PROPAGATE_EXCEPTIONS"] = True  # so that a failure names the error
    return [rule for rule in rules_of(world.app) if rule.endpoint != "auth.sign_out"]


def ask(client: Any, rule: Rule, path: str, fields: dict[str, str]) -> str:
    """What is wrong with the answer; empty when nothing is."""
    method = "POST" if "POST" in (rule.methods or ()) else "GET"
    sent = {"data": fields} if method == "POST" else {"query_string": fields}
    try:
        answer = client.open(path, method=method, **sent)
        _ = answer.data  # what is sent while it is read breaks only here
    except Exception as error:  # noqa: BLE001 - any error at all is what this test looks for
        return f"{method} {path}: {error!r}"[:LIMIT]
    is_broken = answer.status_code >= 500 and rule.endpoint != "health.readyz"
    return f"{method} {path}: {answer.status_code}" if is_broken else ""


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_no_page_breaks_over_junk_in_its_fields(world: World, rules: list[Rule], turn: int) -> None:
    client = world.enter("admin")
    fields = {name: NASTY[(place * STEP + turn * 3) % len(NASTY)] for place, name in enumerate(NAMES)}
    paths = [path_of(rule, values_for(world, rule.rule)) for rule in rules]
    assert [line for rule, path in zip(rules, paths, strict=True) if (line := ask(client, rule, path, fields))] == []


@pytest.mark.parametrize("value", ["\0", "a\0b", "9" * 30, "-1", "9223372036854775808", "\U0010ffff", "..%2f", "%ff"])
def test_no_page_breaks_over_junk_in_its_address(world: World, rules: list[Rule], value: str) -> None:
    client = world.enter("admin")
    broken = []
    for rule in rules:
        for name in rule.arguments:
            path = path_of(rule, {**values_for(world, rule.rule), name: value})
            broken.append(ask(client, rule, path, {}))
    assert [line for line in broken if line] == []


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(NASTY)
_FIELDS = st.dictionaries(
    st.sampled_from(NAMES), _TEXT | st.integers().map(str) | st.floats().map(str), min_size=1, max_size=12
)


@settings(
    max_examples=250, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data())
def test_no_page_breaks_over_invented_junk(world: World, rules: list[Rule], data: st.DataObject) -> None:
    client = world.app.test_client()
    client.set_cookie("carillon", _cookie_of(world))
    rule = data.draw(st.sampled_from(rules))
    path = path_of(rule, values_for(world, rule.rule))
    assert ask(client, rule, path, data.draw(_FIELDS)) == ""


_cookies: dict[int, str] = {}


def _cookie_of(world: World) -> str:
    """Sign in once for all examples: a password costs time on purpose."""
    if id(world) not in _cookies:
        cookie = world.enter("admin").get_cookie("carillon")
        assert cookie is not None
        _cookies.clear()
        _cookies[id(world)] = cookie.value
    return _cookies[id(world)]


@pytest.mark.parametrize("path", ["/p/default/messages", "/p/default/topics", "/p/default/contacts", "/sign-in"])
def test_no_page_breaks_over_bytes_that_are_no_text(world: World, path: str) -> None:
    client = world.enter("admin")
    assert client.get(f"{path}?q=%ff%fe%ed%a0%80&phase=%c0%80").status_code < LIMIT
    assert client.post(path, data=b"subject=%ff&\xff\xfe=1", content_type="multipart/form-data").status_code < LIMIT


def test_a_stranger_may_not_send_much(world: World) -> None:
    answer = world.app.test_client().post("/sign-in", data={"email": "a" * 70_000})
    assert answer.status_code == 413
