"""Reading CSV: what a file is, what its columns hold, what is wrong with a cell; all without a file."""

import pytest

from app.domain.column_names import Use
from app.domain.contact_fields import format_attributes, parse_attributes
from app.domain.csv_sniffing import NotCsv, check_kind, named_delimiter, sniff, sniff_encoding, unreadable
from app.domain.import_mapping import (
    Column,
    RowReader,
    check_columns,
    guard_cell,
    guess_columns,
    shorten,
    strip_guard,
)
from app.infra.phone_numbers import read_phone


@pytest.mark.parametrize(
    ("content", "encoding", "delimiter", "has_header"),
    [
        (b"name,email\nAnn,a@example.org\n", "utf-8", ",", True),
        (b"\xef\xbb\xbfname;email\nAnn;a@example.org\n", "utf-8", ";", True),
        ("Größe\tMail\nx\ty\n".encode(), "utf-8", "\t", True),
        ("Größe|Mail\nx|y\n".encode("cp1252"), "windows-1252", "|", True),
        ("name,email\nAnn,a@b.co\n".encode("utf-16"), "utf-16", ",", True),
        ("name;email\nAnn;a@b.co\n".encode("utf-16-le"), "utf-16", ";", True),
        ("name;email\nAnn;a@b.co\n".encode("utf-16-be"), "utf-16", ";", True),
        (b"Ann,a@example.org\nBen,b@example.org\n", "utf-8", ",", False),
        (b"sep=;\nname;email\n1,5;a@b.co\n", "utf-8", ";", True),
        (b"email\na@example.org\n", "utf-8", ",", True),
        (b'name,email\n"Lee, Ann",a@b.co\n"Ray, Ben",b@b.co\n', "utf-8", ",", True),
    ],
)
def test_encoding_delimiter_and_header_are_found(
    content: bytes, encoding: str, delimiter: str, has_header: bool
) -> None:
    found = sniff(content)
    assert (found.encoding, found.delimiter, found.has_header) == (encoding, delimiter, has_header)


def test_some_broken_bytes_among_sound_ones_leave_it_utf_8() -> None:
    assert sniff_encoding("Größe;Übung;Äpfel\n".encode() + b"M\xfcller\n") == "utf-8"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\x89PNG\r\n", "a picture"),
        (b"%PDF-1.7", "a PDF"),
        (b"<!DOCTYPE html><p>", "a web page"),
        (b"name,email\nA\0nn,a@b.co\n", "NUL bytes"),
        (b"\x1f\x8b\x08", "compressed"),
    ],
)
def test_what_is_no_csv_is_refused_with_what_it_is(content: bytes, words: str) -> None:
    with pytest.raises(NotCsv, match=words):
        check_kind(content)


def test_excels_first_line_names_the_delimiter() -> None:
    assert (named_delimiter("sep=;\r\n"), named_delimiter("name;email")) == (";", "")


@pytest.mark.parametrize(
    ("header", "use"),
    [
        ("E-Mail", Use.EMAIL), ("Email Address", Use.EMAIL), ("Adresse e-mail", Use.EMAIL),
        ("Correo electrónico", Use.EMAIL),
        ("メールアドレス", Use.EMAIL), ("электронная почта", Use.EMAIL), ("Handynummer", Use.PHONE),
        ("Téléphone", Use.PHONE), ("手机", Use.PHONE), ("Full name", Use.NAME), ("Vollständiger Name", Use.NAME),
        ("Themen", Use.TOPICS), ("Push token", Use.PUSH), ("contact_id", Use.ID), ("Stadt", Use.ATTRIBUTE),
        ("???", Use.IGNORE),
    ],
)  # fmt: skip
def test_columns_are_guessed_in_many_languages(header: str, use: Use) -> None:
    assert guess_columns([header])[0].use is use


def test_first_and_last_name_make_the_name_unless_there_is_a_full_one() -> None:
    assert [column.use for column in guess_columns(["Vorname", "Nachname"])] == [Use.NAME, Use.NAME]
    assert [(column.use, column.name) for column in guess_columns(["Name", "First name"])] == [
        (Use.NAME, ""),
        (Use.ATTRIBUTE, "first_name"),
    ]


def test_two_columns_never_become_the_same_attribute() -> None:
    assert [column.use for column in guess_columns(["City", "city"])] == [Use.ATTRIBUTE, Use.IGNORE]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([Column(Use.NAME)], "at least one that holds email addresses"),
        ([Column(Use.EMAIL), Column(Use.ATTRIBUTE, "First Name", "First")], "cannot be an attribute's name"),
        ([Column(Use.EMAIL), Column(Use.ATTRIBUTE, "a"), Column(Use.ATTRIBUTE, "a")], "filled by another column"),
        ([Column(Use.EMAIL), Column(Use.ID), Column(Use.ID)], "Only one column"),
        ([Column(Use.EMAIL), Column(Use.ATTRIBUTE, "email")], "filled by the contact itself"),
    ],
)
def test_a_choice_of_columns_that_cannot_be_is_said(columns: list[Column], words: str) -> None:
    assert words in " ".join(check_columns(columns))


COLUMNS = [
    Column(Use.NAME, header="Name"), Column(Use.EMAIL, header="Email"), Column(Use.PHONE, header="Phone"),
    Column(Use.TOPICS, header="Topics"), Column(Use.ATTRIBUTE, "city", "City"),
]  # fmt: skip


def read(*cells: str):
    return RowReader(COLUMNS, ";", read_phone).read(17, cells)


def test_a_row_becomes_a_contact() -> None:
    row = read(" Ann ", "Ann@Example.ORG", "'+49 (0)170 1234567", "News; Offers;News", "Bonn")
    assert row.problems == []
    assert (row.name, row.topics, row.attributes) == ("Ann", ["News", "Offers"], {"city": "Bonn"})
    assert row.addresses == [
        ("email", "Ann@example.org", "ann@example.org"),
        ("sms", "+491701234567", "+491701234567"),
    ]


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        (("Ann", "ann(at)example.org"), "Email", "Email needs an address like name@example.org."),
        (("Ann", "", "0170 1234567"), "Phone", "needs an international number like +49 170 1234567."),
        (("A\nB", "a@b.co"), "Name", "has a line break"),
        (("x" * 129, "a@b.co"), "Name", "has 129 characters; at most 128 fit"),
        (("M\udcfcller", "a@b.co"), "Name", "the byte 0xFC"),
        (("Ann", "a\x00@b.co"), "Email", "needs an address"),
        (("Ann", "a@b.co", "", "", "y" * 1025), "City", "at most 1,024 fit"),
        (("Ann",), "", "Row has no address"),
        (("Ann", "a@b.co", "", "", "Bonn", "more"), "", "Row has 6 cells, but the file has 5 columns"),
    ],
)
def test_a_cell_that_cannot_be_taken_is_named(cells: tuple[str, ...], column: str, words: str) -> None:
    problems = read(*cells).problems
    assert [(problem.row, problem.column) for problem in problems] == [(17, column)]
    assert words in problems[0].sentence


def test_every_wrong_cell_of_a_row_is_named() -> None:
    assert [problem.column for problem in read("x\ny", "nope", "123").problems] == ["Name", "Email", "Phone"]


def test_long_and_broken_values_are_shown_short_and_visible() -> None:
    assert shorten("x" * 100) == "x" * 59 + "…"
    assert shorten("a\nb\x07\udcfc") == "a␤b·\\udcfc"
    assert unreadable("ok") == ""


@pytest.mark.parametrize(
    "text", ["=SUM(A1)", "+49170", "-1", "@x", "'s-Hertogenbosch", "''", "plain", "\tx", "", "'=1", "'"]
)
def test_a_guarded_cell_never_begins_like_a_formula_and_reads_back_the_same(text: str) -> None:
    guarded = guard_cell(text)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert strip_guard(guarded) == text


def test_attributes_are_lines_that_read_back_the_same() -> None:
    attributes = {"city": "Köln", "note": "two\nlines \\n", "formula": "a=b"}
    assert parse_attributes(format_attributes(attributes)) == (attributes, [])


def test_a_line_that_is_no_attribute_is_named() -> None:
    found, sentences = parse_attributes("city=Bonn\nFirst=x\nnothing\ncity=Ulm")
    assert found == {"city": "Bonn"}
    assert [sentence[:19] for sentence in sentences] == [f"Attributes, line {number}:" for number in (2, 3, 4)]
