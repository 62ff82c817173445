"""From the columns of a CSV file to contacts: guess what a column holds, read a row, say what is wrong cell by cell."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.domain.addresses import EMAIL_RULE, PHONE_RULE, email_key, normalise_email, normalise_token
from app.domain.column_names import NAME_PARTS, USE_OF_HEADER, Use, plain_header
from app.domain.contact_fields import MAX_ATTRIBUTES, wrong_attribute_name, wrong_attribute_value, wrong_name
from app.domain.csv_sniffing import unreadable
from app.domain.ids import CUSTOM_ID_RULE, is_custom_id

LONGEST_SHOWN = 60  # characters of a cell that a report repeats
TEXT_GUARD = "'"  # what spreadsheets take as "this cell is text"; formulas never run behind it
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


CHANNEL_OF = {Use.EMAIL: "email", Use.PHONE: "sms", Use.PUSH: "push"}


@dataclass(frozen=True, slots=True)
class Column:
    """What one column is used for; `name` is the attribute's name, `header` what the file calls it."""

    use: Use
    name: str = ""
    header: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One cell that cannot be taken: the row as a spreadsheet numbers it, the column's header, value and sentence."""

    row: int
    column: str
    value: str
    sentence: str


@dataclass(slots=True)
class Row:
    """One contact as the file has it. `addresses` are (channel, address, key)."""

    number: int
    id: str = ""
    name: str = ""
    addresses: list[tuple[str, str, str]] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


PhoneReader = Callable[[str], tuple[str | None, str]]


def guess_columns(headers: Sequence[str]) -> list[Column]:
    """What each column probably holds, by its header in any of a dozen languages; unknown ones become attributes."""
    plain = [plain_header(header) for header in headers]
    uses = [USE_OF_HEADER.get(word) for word in plain]
    parts = {index for index, word in enumerate(plain) if word in NAME_PARTS}
    has_full_name = any(use is Use.NAME and index not in parts for index, use in enumerate(uses))
    columns: list[Column] = []
    for index, header in enumerate(headers):
        use = uses[index]
        if index in parts:
            use = None if has_full_name else Use.NAME
        if use is not None and (use not in {Use.ID, Use.EMAIL, Use.PHONE} or all(c.use is not use for c in columns)):
            columns.append(Column(use, header=header))
        else:
            columns.append(_guess_attribute(header, {column.name for column in columns}))
    return columns


def _guess_attribute(header: str, taken: set[str]) -> Column:
    text = unicodedata.normalize("NFKD", header.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9.-]+", "_", text.removeprefix("attribute.")).strip("_.-")[:64]
    if not name or wrong_attribute_name(name) or name in taken:
        return Column(Use.IGNORE, header=header)
    return Column(Use.ATTRIBUTE, name, header)


def check_columns(columns: Sequence[Column]) -> list[str]:
    """What cannot be about a choice of columns, a sentence each."""
    sentences: list[str] = []
    uses = [column.use for column in columns]
    if not any(use in CHANNEL_OF or use is Use.ID for use in uses):
        sentences.append("Columns need at least one that holds email addresses, phone numbers or push tokens.")
    if uses.count(Use.ID) > 1:
        sentences.append("Only one column can hold contact ids; choose something else for the others.")
    names: set[str] = set()
    for column in columns:
        if column.use is not Use.ATTRIBUTE:
            continue
        wrong = wrong_attribute_name(column.name)
        if wrong:
            sentences.append(f"Column “{column.header}”: “{shorten(column.name)}” {wrong}.")
        elif column.name in names:
            sentences.append(f"Column “{column.header}”: the attribute {column.name} is filled by another column too.")
        names.add(column.name)
    if len(names) > MAX_ATTRIBUTES:
        sentences.append(f"A contact has at most {MAX_ATTRIBUTES} attributes; these columns make {len(names)}.")
    return sentences


def shorten(value: str) -> str:
    """A cell as a report repeats it: on one line, cut when long, with broken bytes made visible."""
    text = value.encode("utf-8", "backslashreplace").decode()
    text = "".join(sign if sign.isprintable() else "␤" if sign == "\n" else "·" for sign in text)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


class RowReader:
    """Reads rows by one choice of columns. `separator` parts the topics within a cell."""

    def __init__(self, columns: Sequence[Column], separator: str, read_phone: PhoneReader) -> None:
        self._columns = [(index, column) for index, column in enumerate(columns) if column.use is not Use.IGNORE]
        self._width = len(columns)
        self._separator = separator
        self._read_phone = read_phone

    def read(self, number: int, cells: Sequence[str]) -> Row:
        """The contact of a row, with a problem for each cell that cannot be taken."""
        row = Row(number)
        if len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            row.problems.append(_row_problem(row, "", self._too_wide(len(cells))))
            return row
        for index, column in self._columns:
            value = cells[index] if index < len(cells) else ""
            value = strip_guard(value.strip())
            if value:
                self._take(row, column, value)
        if not row.problems:
            self._check_whole(row)
        return row

    def _too_wide(self, width: int) -> str:
        return (
            f"Row has {width} cells, but the file has {self._width} columns. Put a cell that holds the delimiter "
            "in quotes."
        )

    def _take(self, row: Row, column: Column, value: str) -> None:
        wrong = unreadable(value)
        if wrong:
            sentence = f"{column.header} holds {wrong}; choose another encoding, or save the file as CSV UTF-8."
        else:
            sentence = _TAKERS[column.use](self, row, column, value)
        if sentence:
            row.problems.append(Problem(row.number, column.header, shorten(value), sentence))

    def _take_name(self, row: Row, column: Column, value: str) -> str:
        row.name = f"{row.name} {value}" if row.name else value
        wrong = wrong_name(row.name)
        return f"{column.header} {wrong}." if wrong else ""

    def _take_id(self, row: Row, column: Column, value: str) -> str:
        row.id = value
        return "" if is_custom_id(value) else f"{column.header} cannot be an id. {CUSTOM_ID_RULE}"

    def _take_email(self, row: Row, column: Column, value: str) -> str:
        address = normalise_email(value)
        if address is None:
            return f"{column.header} {EMAIL_RULE}."
        return self._take_address(row, ("email", address, email_key(address)))

    def _take_phone(self, row: Row, column: Column, value: str) -> str:
        address, wrong = self._read_phone(value)
        if address is None:
            return f"{column.header} {wrong + '; it ' if wrong else ''}{PHONE_RULE}."
        return self._take_address(row, ("sms", address, address))

    def _take_push(self, row: Row, column: Column, value: str) -> str:
        token = normalise_token(value)
        if token is None:
            return f"{column.header} needs one token of at most 2,048 visible ASCII characters, without spaces."
        return self._take_address(row, ("push", token, token))

    def _take_address(self, row: Row, address: tuple[str, str, str]) -> str:
        if address not in row.addresses:
            row.addresses.append(address)
        return ""

    def _take_topics(self, row: Row, _column: Column, value: str) -> str:
        names = [part.strip() for part in value.split(self._separator)] if self._separator else [value]
        row.topics = list(dict.fromkeys([*row.topics, *filter(None, names)]))
        return ""

    def _take_attribute(self, row: Row, column: Column, value: str) -> str:
        row.attributes[column.name] = value
        wrong = wrong_attribute_value(value)
        return f"{column.header} {wrong}." if wrong else ""

    def _check_whole(self, row: Row) -> None:
        if not row.addresses and not row.id:
            row.problems.append(
                _row_problem(row, row.name, "Row has no address. Fill in an email, a phone number or a push token.")
            )


_TAKERS: dict[Use, Callable[[RowReader, Row, Column, str], str]] = {
    Use.NAME: RowReader._take_name,
    Use.ID: RowReader._take_id,
    Use.EMAIL: RowReader._take_email,
    Use.PHONE: RowReader._take_phone,
    Use.PUSH: RowReader._take_push,
    Use.TOPICS: RowReader._take_topics,
    Use.ATTRIBUTE: RowReader._take_attribute,
}


def _row_problem(row: Row, value: str, sentence: str) -> Problem:
    return Problem(row.number, "", shorten(value), sentence)


def guard_cell(text: str) -> str:
    """A cell that no spreadsheet takes as a formula: `'` in front of what begins like one (or looks guarded already).

    `+49 170…` becomes `'+49 170…`; reading takes exactly one guard off again, so nothing changes on the round trip.
    """
    return TEXT_GUARD + text if text.startswith((*_FORMULA_SIGNS, TEXT_GUARD)) else text


def strip_guard(cell: str) -> str:
    """The cell without its guard; a leading `'` that guards nothing stays (as in 's-Hertogenbosch)."""
    rest = cell.removeprefix(TEXT_GUARD)
    return rest if rest != cell and rest.startswith((*_FORMULA_SIGNS, TEXT_GUARD)) else cell
