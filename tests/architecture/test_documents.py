"""Documents: what README and docs point at is there: pages, headings, files, modules, commands, settings."""

import re
from pathlib import Path

import click
import pytest

from app.cli import main
from app.infra.settings import Settings
from tests.architecture.source import ROOT

PAGES = sorted(
    str(path.relative_to(ROOT)) for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
)
PROSE = [name for name in PAGES if not name.startswith("docs/adr/")]  # a record says what was so when it was written
ROOMS = ("app/", "tests/", "docs/", "templates/", "static/")
# What is set for tests only, and so is no setting of the product.
OF_TESTS = {"CARILLON_FAULT_SEEDS", "CARILLON_RECORD"}
LAYERS = {
    "domain": "app/domain", "models": "app/models", "services": "app/services", "web": "app/web", "api": "app/api",
    "templates": "templates",
}  # fmt: skip
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?")


def _text(name: str) -> str:
    return (ROOT / name).read_text()


def _codes(name: str) -> list[str]:
    """What stands between backticks, and every line of what is fenced."""
    text = _text(name)
    fenced = [line.strip() for block in _FENCE.findall(text) for line in block.splitlines()[1:-1]]
    return _CODE.findall(_FENCE.sub("", text)) + fenced


def _anchors(path: Path) -> set[str]:
    """The headings of a page as links name them."""
    heads = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    folder, dead = (ROOT / name).parent, []
    for link in _LINK.findall(_FENCE.sub("", _text(name))):
        target, _, anchor = link.partition("#")
        path = folder / target if target else ROOT / name
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        if not path.exists() or (anchor and anchor not in _anchors(path)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("name", PROSE)
def test_every_file_that_is_named_is_there(name: str) -> None:
    whole = [code for code in _codes(name) if "<" not in code and "acme" not in code]  # no gap, no made-up provider
    named = {path for code in whole for path in _PATH.findall(code) if path.startswith(ROOMS)}
    made_later = set(_text(".gitignore").split())  # by whoever runs something; a fresh clone has none of it
    assert [path for path in sorted(named - made_later) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_make_command_that_is_named_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", _text("Makefile"), re.MULTILINE))
    named = {found for code in _codes(name) for found in re.findall(r"(?:^|[ ;&])make ([a-z]+)", code)}
    assert named - targets == set()


@pytest.mark.parametrize("name", PAGES)
def test_every_carillon_command_that_is_named_exists(name: str) -> None:
    lines = [re.sub(r"^.*bin/", "", code) for code in _codes(name) if re.match(r"(\S*bin/)?carillon [a-z]", code)]
    assert [line for line in lines if not _is_command(line)] == []


def _is_command(line: str) -> bool:
    """Whether the command is there, with every option that the line gives it."""
    command: click.Command = main
    for word in line.split()[1:]:
        if not isinstance(command, click.Group):
            break
        if word not in command.commands:
            return False
        command = command.commands[word]
    options = {option for param in command.params for option in param.opts}
    return set(re.findall(r"--[a-z-]+", line.partition("#")[0])) <= options


@pytest.mark.parametrize("name", PAGES)
def test_every_setting_that_is_named_exists(name: str) -> None:
    known = {f"CARILLON_{field.upper()}" for field in Settings.names()} | OF_TESTS
    assert set(re.findall(r"CARILLON_[A-Z_]*[A-Z]", _text(name))) - known == set()


def test_every_setting_is_explained() -> None:
    said = set(re.findall(r"CARILLON_[A-Z_]*[A-Z]", _text("docs/settings.md")))
    assert {f"CARILLON_{field.upper()}" for field in Settings.names()} - said == set()


def test_every_command_is_explained() -> None:
    said = _text("docs/settings.md")
    assert [command for command in _commands(main, "carillon") if f"`{command}" not in said] == []


def _commands(group: click.Group, start: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += _commands(command, f"{start} {name}")
        elif not command.hidden:
            found.append(f"{start} {name}")
    return found


def test_every_room_on_the_map_is_there() -> None:
    head, _, *rows = re.findall(r"^\|.*\|$", _text("README.md").partition("\n| noun ")[2].join(["| noun ", ""]), re.M)
    layers = [cell.strip() for cell in head.strip("|").split("|")][1:]
    assert set(layers) == set(LAYERS)
    gone = []
    for row in rows:
        for layer, cell in zip(layers, row.strip("|").split("|")[1:], strict=True):
            places = [ROOT / LAYERS[layer] / name for name in _CODE.findall(cell)]
            gone += [place for place in places if not (place.is_dir() or place.with_suffix(".py").is_file())]
    assert gone == []


def test_every_record_has_its_own_number() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_every_library_is_in_the_record_of_libraries() -> None:
    project = re.search(r"^dependencies = \[(.*?)^\]", _text("pyproject.toml"), re.MULTILINE | re.DOTALL)
    assert project is not None
    names = {re.split(r"[\[><=]", name)[0] for name in re.findall(r'"([^"]+)"', project.group(1))}
    said = _text("docs/adr/0003-libraries.md").lower()
    assert [name for name in sorted(names) if name not in said] == []
