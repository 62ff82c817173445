"""The files of imports: how they are read, their first rows, and the problem reports beside them."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.domain.column_names import Use
from app.domain.csv_sniffing import codec_of, named_delimiter, unreadable
from app.domain.import_mapping import Column, Problem, guard_cell, shorten
from app.models.imports import Import
from app.storage import FileStore

PREVIEW_ROWS = 5
REPORT_HEADER = ("row", "column", "value", "problem")
BROKEN_ROW = (
    "Row cannot be read: a quote is opened and never closed, or a cell has more than 131,072 characters. "
    "Close the quote, or double a quote that belongs to the text."
)

Record = tuple[int, list[str] | None]  # the row's number as a spreadsheet shows it, and its cells; None: unreadable


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read and what its columns are, as its settings say."""

    encoding: str
    delimiter: str
    has_header: bool
    columns: tuple[Column, ...]
    separator: str
    topics: tuple[str, ...]
    existing: str  # update or skip

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Reading":
        """From the settings of an import."""
        headers = settings.get("headers", [])
        columns = tuple(
            Column(Use(column["use"]), column.get("name", ""), header)
            for column, header in zip(settings.get("columns", []), headers, strict=True)
        )
        return cls(
            settings["encoding"], settings["delimiter"], settings["has_header"], columns,
            settings.get("separator", ";"), tuple(settings.get("topics", [])), settings.get("existing", "update"),
        )  # fmt: skip


def read_records(store: FileStore, key: str, encoding: str, delimiter: str) -> Iterator[Record]:
    """Every row of the file that is not blank, streaming; FileNotFoundError when the file is gone."""
    codec, errors = codec_of(encoding, store.head(key, 4096))
    with store.open(key) as raw, io.TextIOWrapper(raw, codec, errors, newline="") as text:
        first = text.readline()
        lines: Iterable[str] = text if named_delimiter(first) else _with_first(first, text)
        rows = csv.reader(lines, delimiter=delimiter)
        number = 0
        while True:
            number += 1
            try:
                cells = next(rows, None)
            except csv.Error:
                yield number, None
                continue
            if cells is None:
                return
            if any(cells) and any(cell.strip() for cell in cells):
                yield number, cells


def _with_first(first: str, rest: Iterable[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def data_records(store: FileStore, row: Import, reading: Reading) -> Iterator[Record]:
    """The rows below the header."""
    records = read_records(store, row.file_key, reading.encoding, reading.delimiter)
    return islice(records, 1, None) if reading.has_header else records


@dataclass(frozen=True, slots=True)
class Preview:
    """The columns of a file and its first rows, shortened for showing."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def preview(store: FileStore, key: str, encoding: str, delimiter: str, *, has_header: bool) -> Preview:
    """What the first rows look like when the file is read so."""
    records = read_records(store, key, encoding, delimiter)
    first = [cells for _, cells in islice(records, PREVIEW_ROWS + 1) if cells is not None]
    width = max((len(cells) for cells in first[:1] if has_header), default=max(map(len, first), default=0))
    titles = first[0] if first and has_header else []
    headers = tuple(
        shorten(titles[index].strip()) if index < len(titles) and titles[index].strip() else f"Column {index + 1}"
        for index in range(width)
    )
    body = first[1:] if has_header else first[:PREVIEW_ROWS]
    return Preview(headers, tuple(tuple(_show(cell) for cell in (*cells, *[""] * width)[:width]) for cells in body))


def _show(cell: str) -> str:
    return shorten(cell.strip()) + (" (unreadable)" if unreadable(cell) else "")


def write_problems(problems: Sequence[Problem], *, with_header: bool = False) -> bytes:
    """Problems as CSV, safe to open in a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if with_header:
        writer.writerow(REPORT_HEADER)
    for problem in problems:
        writer.writerow([problem.row, *map(guard_cell, (problem.column, problem.value, problem.sentence))])
    return text.getvalue().encode("utf-8")


def report_key(row: Import, kind: str) -> str:
    """Where the report of a `check` or a `run` lies."""
    return f"{_folder(row)}/{kind}.csv"


def part_key(row: Import, start: int) -> str:
    """Where the problems of the rows from `start` on lie while the import runs."""
    return f"{_folder(row)}/parts/{start:012d}.csv"


def parts(store: FileStore, row: Import) -> list[str]:
    """The keys of all parts, in order of the rows."""
    return store.keys(f"{_folder(row)}/parts")


def rejected_rows(store: FileStore, row: Import) -> set[int]:
    """The numbers of the rows that a run has rejected so far."""
    numbers: set[int] = set()
    for key in parts(store, row):
        with store.open(key) as raw, io.TextIOWrapper(raw, "utf-8", newline="") as text:
            numbers.update(int(cells[0]) for cells in csv.reader(text))
    return numbers


def join_parts(store: FileStore, row: Import) -> None:
    """Make one report of all parts and throw the parts away; done twice it does no harm."""
    keys = parts(store, row)
    with tempfile.TemporaryFile() as whole:
        whole.write(b"\xef\xbb\xbf" + write_problems([], with_header=True))
        for key in keys:
            for piece in store.pieces(key):
                whole.write(piece)
        whole.seek(0)
        store.put(report_key(row, "run"), whole)
    store.delete(keys)


def delete_files(store: FileStore, row: Import) -> None:
    """Throw away the file of an import and everything beside it."""
    store.delete([*store.keys(_folder(row)), row.file_key])


def _folder(row: Import) -> str:
    return row.file_key.rsplit("/", 1)[0]
