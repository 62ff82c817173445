"""The source of the house as the guards read it: its files, their syntax trees, its templates."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"
TEMPLATES = ROOT / "templates"


def _shown(paths: list[Path]) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in paths if "node_modules" not in path.parts)


PRODUCT = _shown([*APP.rglob("*.py"), ROOT / "wsgi.py", ROOT / "worker.py"])
TESTS = _shown(list((ROOT / "tests").rglob("*.py")))
PAGES = _shown(list(TEMPLATES.rglob("*.html")))


@cache
def text(name: str) -> str:
    """What the file says; `name` is relative to the root."""
    return (ROOT / name).read_text()


@cache
def tree(name: str) -> ast.Module:
    """The syntax of the file."""
    return ast.parse(text(name))


def line_total(name: str) -> int:
    """How many lines the file has."""
    return len(text(name).splitlines())


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(name: str) -> list[Function]:
    """Every function and method of the file."""
    return [node for node in ast.walk(tree(name)) if isinstance(node, Function)]


def classes(name: str) -> list[ast.ClassDef]:
    """Every class of the file."""
    return [node for node in ast.walk(tree(name)) if isinstance(node, ast.ClassDef)]
