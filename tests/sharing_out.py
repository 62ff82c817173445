"""How the processes of one test run share out the tests: what belongs together stays so, what takes long comes first.

A file goes to one process as a whole (`--dist loadfile`). So does a room whose tests share one installation and sum up
in the end what was asked of it. A long file that came last would let every other core wait for it.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

WHOLE_ROOMS = ("tests/sdk",)
LONG = (  # each took more than twelve seconds by itself, the longest first
    "tests/browser/test_pages.py", "tests/sdk", "tests/house/test_up.py", "tests/faults/test_storm.py",
    "tests/faults/test_trouble.py", "tests/browser/test_newsletter.py", "tests/browser/test_drafts_kept.py",
    "tests/browser/test_push.py", "tests/browser/test_files.py", "tests/faults/test_servers.py",
    "tests/browser/test_templates.py", "tests/browser/test_text_message.py", "tests/browser/test_calendar.py",
    "tests/browser/test_first_email.py", "tests/browser/test_email_sheet.py", "tests/api/test_openapi.py",
    "tests/services/test_demo.py", "tests/engine/test_model.py", "tests/emulators/test_thirteenth.py",
    "tests/browser/test_import.py", "tests/browser/test_saving.py", "tests/engine/test_poison.py",
    "tests/services/test_list_plans.py", "tests/engine/test_dispatch_limits.py", "tests/services/test_work.py",
    "tests/engine/test_tickers.py", "tests/providers/test_shared_tokens.py", "tests/browser/test_unsubscribe.py",
    "tests/browser/test_leaving.py", "tests/house/test_db_commands.py", "tests/browser/test_provider_order.py",
    "tests/web/test_page_plans.py",
)  # fmt: skip
_KEPT = "rooms_stay_whole"


class SharedOut(LoadFileScheduling):
    """xdist's own way by files, but for the rooms that stay whole, and in the order the tests were collected in."""

    def _split_scope(self, nodeid: str) -> str:
        path = super()._split_scope(nodeid)
        return next((room for room in WHOLE_ROOMS if path.startswith(f"{room}/")), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedOut | None:
    """Share out by files so; any other `--dist` is left as it is."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # it would bring the files with the most tests first, however quick they are
    return SharedOut(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each process whether it gets a room as a whole."""
    node.workerinput[_KEPT] = node.config.getvalue("dist") == "loadfile"


def gets_whole_rooms(config: pytest.Config) -> bool:
    """Whether this process runs either all tests of a room in `WHOLE_ROOMS` or none."""
    return bool(getattr(config, "workerinput", {_KEPT: True})[_KEPT])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In one of several processes what takes long comes first; one that is alone keeps the order of the files."""
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    for place, long in enumerate(LONG):
        if item.nodeid.startswith((f"{long}::", f"{long}/")):
            return place
    return len(LONG)
