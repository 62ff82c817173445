"""The last words of a test run: which tests could not run, and why; nothing is left out in silence."""

from collections import defaultdict
from typing import Any

import pytest

from tests import needs

_PREFIX = "Skipped: "


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known by which a test says what it needs."""
    config.addinivalue_line(
        "markers", "needs(name, …): what this test needs beside Python; the names are in tests/needs.py"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep a test from starting that lacks what it needs; it is named in the end."""
    missing = needs.missing_for({mark.name for mark in item.iter_markers()})
    named = [name for mark in item.iter_markers("needs") for name in mark.args]
    missing += [needs.NEEDS[name] for name in named if not needs.NEEDS[name].is_there()]
    if missing:
        pytest.skip("; ".join(f"{need.name} is missing, {need.advice}" for need in missing))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name every test that could not run, by reason."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix(_PREFIX)].append(report.nodeid)
    terminalreporter.section("what could not run")
    if not reasons:
        terminalreporter.line("Nothing: every test ran.")
    for reason, names in sorted(reasons.items()):
        terminalreporter.line(f"{len(names)} because {reason}:")
        for name in names:
            terminalreporter.line(f"  {name}")
