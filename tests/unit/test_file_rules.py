"""Rules of files that need nothing but values: permissions of rows, names and folders, ranges of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.byte_ranges import CHUNK, Chunk, Span, parse_chunk, parse_span
from app.domain.file_names import extension_of, read_folder, read_name
from app.domain.row_permissions import allows, gather, holds_all, own_permissions, parse, roles_for

MB5 = CHUNK - 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('read("any")', ("read", "any")),
        ('write("user:ann/verified")', ("write", "user:ann/verified")),
        ('delete("team:a/owner")', ("delete", "team:a/owner")),
        ('read("label:vip")', ("read", "label:vip")),
        ('read("any") ', None),
        ('read("*")', None),
        ('read("role:any")', None),
        ("read('any')", None),
        ('read("any"")', None),
        ('Read("any")', None),
        ('read("any")\n', None),
        ('read("user:")', None),
        ("", None),
    ],
)
def test_a_permission_is_an_action_and_a_role(text: str, expected: tuple[str, str] | None) -> None:
    assert parse(text) == expected


def test_permissions_let_in_whom_they_name() -> None:
    kept = gather(['write("user:ann")', 'read("users")', 'read("users")'], ("update", "delete"))
    assert kept == ['update("user:ann")', 'delete("user:ann")', 'read("users")']
    assert roles_for(kept, "read") == ["users"]
    assert allows(kept, "update", {"user:ann"})
    assert not allows(kept, "update", {"users"})
    assert holds_all(kept, {"users", "user:ann"})
    assert not holds_all(kept, {"users"})


def test_only_somebody_owns_a_file() -> None:
    assert own_permissions({"any", "users", "user:ann/verified", "user:ann"}) == [
        'read("user:ann")', 'update("user:ann")', 'delete("user:ann")',
    ]  # fmt: skip
    assert own_permissions({"any", "guests"}) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""), ("a", "a/"), ("a/b/", "a/b/"), ("Bilder/März", "Bilder/März/"), ("...", ".../"), ("/", None),
        ("/a", None), ("a//b", None), ("a//", None), (".", None), ("a/../b", None), ("a/./b", None), ("a\nb", None),
        ("x" * 2047, "x" * 2047 + "/"), ("x" * 2048, None), ("ä" * 1024, None), ("\ud800", None),
    ],
)  # fmt: skip
def test_a_folder_is_names_with_slashes(given: str, kept: str | None) -> None:
    assert read_folder(given) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a.txt", "a.txt"), ("../a", "a"), ("C:\\x\\a", "a"), ("a/", None), ("..", None), ("", None), (" ", None),
     ("a\0", None), ("x" * 255, "x" * 255), ("x" * 256, None), ("u\u0308.txt", "ü.txt")],
)  # fmt: skip
def test_a_name_is_the_last_part_of_a_path(given: str, kept: str | None) -> None:
    assert read_name(given) == kept


@given(st.text(max_size=300))
def test_no_name_is_a_path(text: str) -> None:
    name = read_name(text)
    assert name is None or not set(name) & set("/\\\0\r\n")


def test_an_extension_is_in_lower_case() -> None:
    assert [extension_of(name) for name in ("a.JPG", "a.tar.gz", "jpg", ".htaccess", "a.")] == [
        "jpg", "gz", "", "htaccess", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "chunk"),
    [
        (f"bytes 0-{MB5}/{2 * CHUNK}", Chunk(1, 2, CHUNK, 2 * CHUNK)),
        (f"bytes {CHUNK}-{CHUNK + 4}/{CHUNK + 5}", Chunk(2, 2, 5, CHUNK + 5)),
        (f"bytes {CHUNK}-{CHUNK + 5}/{CHUNK + 5}", Chunk(2, 2, 5, CHUNK + 5)),
        ("bytes 0-0/1", Chunk(1, 1, 1, 1)),
        ("bytes 0-0/0", Chunk(1, 1, 0, 0)),
        (f"bytes 0-{MB5 - 1}/{2 * CHUNK}", None),
        (f"bytes 0-{CHUNK}/{2 * CHUNK}", None),
        ("bytes 5-5/5", None),
        ("bytes 0-6/5", None),
        ("bytes=0-4/5", None),
        ("bytes 0-4/5, bytes 0-4/5", None),
        ("", None),
    ],
)
def test_a_chunk_is_full_and_in_its_place(header: str, chunk: Chunk | None) -> None:
    assert parse_chunk(header) == chunk


@given(st.integers(0, 5 * CHUNK))
def test_the_chunks_of_a_file_cover_it(total: int) -> None:
    count = max(1, -(-total // CHUNK))
    ends = [min(number * CHUNK, total) for number in range(1, count + 1)]
    chunks = [
        parse_chunk(f"bytes {(end - 1) // CHUNK * CHUNK if end else 0}-{max(0, end - 1)}/{total}") for end in ends
    ]
    assert [chunk.number if chunk else None for chunk in chunks] == list(range(1, count + 1))
    assert sum(chunk.length for chunk in chunks if chunk) == total


@given(st.text(alphabet="bytes=0123456789-,/ ", max_size=30), st.integers(0, 10**6))
def test_whatever_range_is_asked_for_lies_within_the_file(header: str, total: int) -> None:
    span = parse_span(header, total, 1000)
    assert span is None or 0 <= span.start < span.stop <= total


def test_a_range_says_where_it_ends() -> None:
    assert parse_span("bytes=1-", 10, 4) == Span(1, 5, 10)
    assert Span(1, 5, 10).content_range == "bytes 1-4/10"
