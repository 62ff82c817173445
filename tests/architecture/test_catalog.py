"""The catalog: every provider has its test and its emulator, every bell a job, every job a bell."""

import ast
import importlib

import pytest

from app import providers
from tests.architecture.source import APP, PRODUCT, ROOT, functions, text, tree

FILES = sorted((APP / "providers").glob("*.py"))
JOBS = {node.name for node in functions("app/jobs.py") if not node.name.startswith("_")} - {"bind"}


def is_named(name: str, node: ast.AST) -> bool:
    """Whether that statement gives this name a value."""
    is_annotated = isinstance(node, ast.AnnAssign) and node.value is not None
    targets = [node.target] if is_annotated else getattr(node, "targets", [])
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


KINDS = [path.stem for path in FILES if any(is_named("PROVIDER", node) for node in ast.parse(path.read_text()).body)]


def _rung(name: str) -> set[str]:
    """The tasks this file rings by name: `….ring("task", …)` and `….ring_many([("task", …)])`."""
    tasks = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"ring", "ring_many"} and node.args:
            first = [node.args[0]] if node.func.attr == "ring" else _heads(node.args[0])
            tasks |= {word.value for word in first if isinstance(word, ast.Constant) and isinstance(word.value, str)}
    return tasks


def _heads(argument: ast.expr) -> list[ast.expr]:
    return [inner.elts[0] for inner in ast.walk(argument) if isinstance(inner, ast.Tuple) and inner.elts]


RUNG = {task for name in PRODUCT for task in _rung(name)}


def test_there_are_providers() -> None:
    assert KINDS
    assert set(KINDS) == {spec.kind for spec in providers.specs()}


def test_no_kind_is_left_out_because_its_file_does_not_offer_it() -> None:
    specified = {
        path.stem for path in FILES if any(is_named("spec", node) for node in ast.walk(ast.parse(path.read_text())))
    }
    assert specified == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_provider_has_its_test(kind: str) -> None:
    assert (ROOT / "tests" / "providers" / f"test_{kind}.py").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_a_provider_has_an_emulator(kind: str) -> None:
    assert (APP / "emulators" / f"{kind}.py").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_provider_has_a_label(kind: str) -> None:
    module = importlib.import_module(f"app.providers.{kind}")
    spec = next(thing.spec for thing in vars(module).values() if getattr(thing, "spec", None) is not None)
    assert [field.name for field in spec.fields if not field.label.strip()] == []


def test_every_bell_that_is_rung_has_a_job() -> None:
    assert RUNG
    assert sorted(RUNG - JOBS) == []


def test_every_job_is_rung_by_somebody() -> None:
    assert sorted(JOBS - RUNG) == []


@pytest.mark.parametrize("job", sorted(JOBS))
def test_a_job_answers_its_bell(job: str) -> None:
    assert f'broker.answered("{job}"' in text("app/jobs.py")
