"""The API's router: it finds what werkzeug's own would find, for every path that the API has."""

import pytest
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule

from app.api import read_operations
from app.api.operations import REFUSED
from app.api.routing import Router

WORDS = ["messaging", "messages", "email", "topics", "subscribers", "users", "unique()", "ümlaut", "a b", "%2F", ""]


def _known(*rules: Rule) -> tuple[Router, Map]:
    known, router = Map(rules, strict_slashes=False, merge_slashes=False), Router()
    for rule in known.iter_rules():
        router.add(rule)
    return router, known


def _ours(router: Router, path: str, method: str) -> tuple[str, dict[str, str]] | None:
    try:
        rule, values = router.find(path, method)
    except NotFound:
        return None
    return rule.endpoint, values


def _theirs(known: Map, path: str, method: str) -> tuple[str, dict[str, str]] | None:
    try:
        endpoint, values = known.bind("localhost").match(path, method)
    except HTTPException:
        return None
    return endpoint, dict(values)


def test_every_path_of_the_api_leads_where_werkzeug_leads() -> None:
    operations = [*read_operations(), *REFUSED.values()]
    router, known = _known(*(Rule(each.rule, endpoint=each.name, methods=[each.method]) for each in operations))
    paths = {each.rule for each in operations}
    for each in operations:
        head, _, _ = each.rule.rpartition("/")
        paths |= {f"{head}/{word}" for word in WORDS[:-1]} | {f"{each.rule}/{word}" for word in WORDS[:-1]}
    found = 0
    for path in sorted(paths):
        plain = path.replace("<", "").replace(">", "")
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PURGE"):
            right = _theirs(known, plain, method)
            assert _ours(router, plain, method) == right, (method, plain)
            found += right is not None
    assert found > len(operations)


def test_a_word_goes_before_a_value_and_a_dead_end_is_left_again() -> None:
    router, _ = _known(
        Rule("/a/<x>", endpoint="value", methods=["GET"]), Rule("/a/b", endpoint="word", methods=["POST"]),
        Rule("/a/b/<y>/c", endpoint="deep", methods=["GET"]), Rule("/a/<x>/z/c", endpoint="other", methods=["GET"]),
    )  # fmt: skip

    assert _ours(router, "/a/b", "POST") == ("word", {})
    assert _ours(router, "/a/b", "GET") == ("value", {"x": "b"})
    assert _ours(router, "/a/b/z/c", "GET") == ("deep", {"y": "z"})
    assert _ours(router, "/a/q/z/c", "GET") == ("other", {"x": "q"})
    assert _ours(router, "/a/", "GET") is None
    assert _ours(router, "/", "GET") is None


def test_a_rule_that_is_more_than_words_and_values_is_refused() -> None:
    with pytest.raises(ValueError, match="does not know"):
        _known(Rule("/files/<path:name>", endpoint="file"))
