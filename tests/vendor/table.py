"""The table of docs/vendor-sdks.md: one line for each SDK, with its version and what it was seen to do."""

from dataclasses import dataclass

from app.infra.settings import ROOT
from tests.doc_tables import drawn, parts_of, rewrite

DOCUMENT = ROOT / "docs" / "vendor-sdks.md"
NAME = "what each SDK does"
_HEADS, _RULES = ["SDK", "from", "version", "what it does with the emulator"], ["---"] * 4


@dataclass(frozen=True)
class Row:
    """One SDK: its package, the registry, the version, the steps of its story."""

    package: str
    registry: str
    version: str
    steps: tuple[str, ...]

    @property
    def cells(self) -> list[str]:
        """As it stands in the document."""
        return [self.package, self.registry, self.version, "; ".join(self.steps)]

    @property
    def place(self) -> tuple[str, str]:
        """What the lines are sorted by."""
        return self.registry.lower(), self.package


def read_rows() -> list[Row]:
    """The lines of the document, from top to bottom."""
    lines = parts_of(DOCUMENT, NAME)[1].splitlines()[2:]
    rows = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines]
    return [Row(package, registry, version, tuple(steps.split("; "))) for package, registry, version, steps in rows]


def write_row(row: Row) -> None:
    """Put a line in its place, instead of the one that was there for the same SDK."""
    kept = [each for each in read_rows() if each.place != row.place]
    rows = sorted([*kept, row], key=lambda each: each.place)
    rewrite(DOCUMENT, NAME, drawn(_HEADS, _RULES, [each.cells for each in rows]))
