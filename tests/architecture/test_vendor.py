"""Third-party files are what their manifest says, and nothing else lies beside them."""

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static" / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", sorted(MANIFEST["files"]))
def test_a_vendored_file_has_the_hash_of_the_manifest(name: str) -> None:
    assert digest(VENDOR / name) == MANIFEST["files"][name]["sha256"], "change the pin and run `make vendor` instead"


def test_the_icon_sprite_has_the_hash_of_the_manifest() -> None:
    assert digest(ROOT / "static" / "img" / "icons.svg") == MANIFEST["sprite"]["sha256"]


def test_nothing_lies_in_the_vendor_folder_that_the_manifest_does_not_know() -> None:
    found = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert found - {"manifest.json"} == set(MANIFEST["files"])


def test_every_package_is_pinned_to_one_version() -> None:
    assert all(re.fullmatch(r"(@[\w-]+/)?[\w.-]+@\d+\.\d+\.\d+", pin) for pin in MANIFEST["packages"])


def test_every_icon_that_a_template_or_filter_names_is_in_the_sprite() -> None:
    icons = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static" / "img" / "icons.svg").read_text()))
    named = set()
    for path in (ROOT / "templates").rglob("*.html"):
        named |= set(re.findall(r"\bicon\('([\w-]+)'", path.read_text()))
        named |= set(re.findall(r"icon_name='([\w-]+)'", path.read_text()))
    named |= set(re.findall(r'Badge\("([\w-]+)"', (ROOT / "app" / "web" / "filters.py").read_text()))
    named |= set(re.findall(r'Place\("[\w ]+", "([\w-]+)"', (ROOT / "app" / "web" / "nav.py").read_text()))
    assert named <= icons, f"add to tests/vendoring.py and run `make vendor`: {sorted(named - icons)}"


def test_our_styles_ask_no_other_host() -> None:
    for path in (ROOT / "static" / "css").glob("*.css"):
        assert not re.search(
            r"(https?:)?//[\w.]+\.\w+/|@import", re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        ), path
