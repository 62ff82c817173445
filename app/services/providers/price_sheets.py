"""Price tables as CSV: out as they are, and in as a whole or not at all, with a sentence for each wrong line."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from app.domain.csv_sniffing import NotCsv, codec_of, named_delimiter, sniff, unreadable
from app.domain.errors import Invalid
from app.domain.import_mapping import guard_cell, shorten, strip_guard
from app.infra.countries import plain
from app.models.providers import Provider
from app.services.providers import prices
from app.services.providers.prices import OTHERS_TYPED, Entry, Typed
from app.services.work import Work

LARGEST_FILE = 1024 * 1024  # bytes; a thousand times a long price list
MOST_TOLD = 50  # wrong lines that are named
_HEADER = ("country", "name", "price", "currency", "valid_from")
# What price lists call their columns, the surest name first.
_COLUMNS = {
    "country": ("iso", "country iso", "iso code", "country code", "country", "destination", "name"),
    "amount": ("price", "price per segment", "price msg", "price per message", "amount", "rate", "cost"),
    "currency": ("currency", "currency code"),
    "valid_from": ("valid from", "from", "starting", "effective date"),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import came to: prices that were added, changed, left as they were, and removed."""

    added: int
    changed: int
    unchanged: int
    removed: int


def export_prices(work: Work, provider: Provider) -> bytes:
    """The whole table as CSV (UTF-8 with its mark); importing it again changes nothing."""
    work.require("providers.read")
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow(_HEADER)
    for line in prices.all_lines(work, provider):
        code, amount = line.country or OTHERS_TYPED, str(line.amount)
        writer.writerow([code, guard_cell(line.name), amount, line.tariff.currency, line.valid_from.isoformat()])
    return b"\xef\xbb\xbf" + sheet.getvalue().encode("utf-8")


def import_prices(work: Work, provider: Provider, file: bytes, currency: str = "", *, replaces: bool = False) -> Taken:
    """Take a table over. `currency` is that of lines that name none; `replaces` removes what the file does not hold.

    Raises Invalid on `file`, a sentence for each wrong line, and then nothing is changed.
    """
    work.require("providers.write")
    entries, problems = read_sheet(file, currency, prices.today_of(work))
    if problems:
        more = len(problems) - MOST_TOLD
        told = [*problems[:MOST_TOLD], *([f"{more:,} more lines are wrong."] if more > 0 else [])]
        raise Invalid({"file": ["Nothing was changed.", *told]})
    rows = {(row.country, row.valid_from): row for row in prices.rows_of(work, provider.pk)}
    wanted = {(entry.country, entry.valid_from): entry for entry in entries}
    prices.refuse_too_many(len(wanted if replaces else rows.keys() | wanted.keys()))
    gone = [row for key, row in rows.items() if key not in wanted] if replaces else []
    for row in gone:
        work.session.delete(row)
    changed = sum(prices.set_entry(work, provider, rows[key], entry) for key, entry in wanted.items() if key in rows)
    fresh = [entry for key, entry in wanted.items() if key not in rows]
    for entry in fresh:
        prices.add_entry(work, provider, entry)
    taken = Taken(len(fresh), changed, len(wanted) - len(fresh) - changed, len(gone))
    if taken.added or taken.changed or taken.removed:
        work.audit(
            "price.import", f"provider/{provider.id}", provider=provider.name, added=taken.added,
            changed=taken.changed, removed=taken.removed,
        )  # fmt: skip
    return taken


def read_sheet(file: bytes, currency: str, today: date) -> tuple[list[Entry], list[str]]:
    """The prices of a file, or sentences that begin with the line as a spreadsheet numbers it."""
    if len(file) > LARGEST_FILE:
        return [], ["The file is larger than 1 MB. A price table needs one line for each country."]
    try:
        sniffed = sniff(file, row="country")
    except NotCsv as wrong:
        return [], [f"The file {wrong}"]
    lines = list(_records(file, sniffed.encoding, sniffed.delimiter))
    columns = _find_columns(lines[0][1]) if lines else {}
    if not {"country", "amount"} <= columns.keys():
        return [], ["Line 1 needs the names of the columns: country, price, currency and, if you like, valid_from."]
    reader = _Reader(columns, currency, today)
    for number, cells in lines[1:]:
        reader.read(number, cells)
    if not reader.entries and not reader.problems:
        return [], ["The file has no line below the names of its columns."]
    return reader.entries, reader.problems


def _records(file: bytes, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """Lines that are not blank, with their numbers; None for one that cannot be read, after which nothing comes."""
    codec, errors = codec_of(encoding, file[:4096])
    text = file.decode(codec, errors)
    first, _, rest = text.partition("\n")
    skipped = bool(named_delimiter(first))
    rows = csv.reader(io.StringIO(rest if skipped else text, newline=""), delimiter=delimiter, strict=True)
    for number in range(1 + skipped, len(text) + 3):
        try:
            cells = next(rows, None)
        except csv.Error:
            yield number, None
            return
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield number, cells


def _find_columns(header: Sequence[str] | None) -> dict[str, int]:
    names = [plain(cell) for cell in header or ()]
    found: dict[str, int] = {}
    for column, known in _COLUMNS.items():
        place = next((names.index(name) for name in known if name in names), None)
        if place is None and column == "amount":  # such as "Price (EUR)"
            place = next((index for index, name in enumerate(names) if name.startswith("price ")), None)
        if place is not None:
            found[column] = place
    return found


class _Reader:
    """Reads line by line; keeps prices and sentences."""

    def __init__(self, columns: dict[str, int], currency: str, today: date) -> None:
        self.entries: list[Entry] = []
        self.problems: list[str] = []
        self._columns, self._currency, self._today = columns, currency, today
        self._lines: dict[tuple[str, date], int] = {}

    def read(self, number: int, cells: Sequence[str] | None) -> None:
        """One line below the header."""
        if cells is None:
            self.problems.append(
                f"Line {number} cannot be read: its quotes do not match. Close each, or take them out."
            )
            return
        if broken := next(filter(None, map(unreadable, cells)), ""):
            self.problems.append(f"Line {number} holds {broken}. Save the file as UTF-8.")
            return
        values = {name: strip_guard(cells[at].strip()) if at < len(cells) else "" for name, at in self._columns.items()}
        typed = Typed(
            values["country"], values["amount"], values.get("currency") or self._currency, values.get("valid_from", "")
        )
        entry, wrong = prices.understand(typed, self._today)
        if entry is None:
            told = {"country": typed.country, "amount": typed.amount, "currency": typed.currency}
            for name, sentences in wrong.items():
                shown = shorten(told.get(name, typed.valid_from)) or "nothing"
                self.problems.append(f"Line {number}: {sentences[0]} It has {shown}.")
            return
        key = entry.country, entry.valid_from
        if key in self._lines:
            where = prices.name_of(entry.country)
            words = f"{where} has a price from {entry.valid_from} on in line {self._lines[key]} already. Keep one."
            self.problems.append(f"Line {number}: {words}")
            return
        self._lines[key] = number
        self.entries.append(entry)
