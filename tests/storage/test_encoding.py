"""How files lie in the store: every way reads back, tampering is noticed, and memory stays flat."""

import gzip
import tracemalloc
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from app.storage.encoding import COMPRESSIONS, Encoding, decode, encode, skip
from app.storage.frames import FRAME, CorruptFileError, new_key, seal, unseal

KEY = bytes(range(32))
SEALED = Encoding(key=KEY)


def cut(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


contents = st.one_of(
    st.binary(max_size=2000),
    st.builds(lambda part, times: part * times, st.binary(min_size=1, max_size=40), st.integers(1, 9000)),
    st.integers(-2, 2).map(lambda extra: bytes(FRAME + extra)),
)


@given(
    contents, st.sampled_from(COMPRESSIONS), st.sampled_from([b"", KEY]), st.integers(1, 100_000), st.integers(1, 9000)
)
def test_whatever_is_written_reads_back(content: bytes, compression: str, key: bytes, size: int, other: int) -> None:
    encoding = Encoding(compression, key)
    lying = b"".join(encode(cut(content, size), encoding, "a/b"))
    assert b"".join(decode(cut(lying, max(other, len(lying) // 500 + 1)), encoding, "a/b", len(content))) == content


@given(st.binary(max_size=3 * FRAME), st.data())
def test_any_changed_bit_is_noticed(content: bytes, draw: st.DataObject) -> None:
    lying = bytearray(b"".join(seal([content], KEY, "a")))
    lying[draw.draw(st.integers(0, len(lying) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(CorruptFileError):
        list(unseal([bytes(lying)], KEY, "a"))


@given(st.integers(0, 3 * (FRAME + 16) + 40))
def test_a_file_that_was_cut_off_is_noticed(length: int) -> None:
    lying = b"".join(seal([bytes(3 * FRAME)], KEY, "a"))
    if length < len(lying):
        with pytest.raises(CorruptFileError):
            list(unseal([lying[:length]], KEY, "a"))


def test_frames_cannot_be_moved_and_files_cannot_change_places() -> None:
    lying = b"".join(seal([bytes(FRAME) + b"\1" * FRAME + b"end"], KEY, "a"))
    head, size = 29, FRAME + 16
    moved = lying[:head] + lying[head + size : head + 2 * size] + lying[head : head + size] + lying[head + 2 * size :]
    for wrong, key, label in ((moved, KEY, "a"), (lying, KEY, "b"), (lying, new_key(), "a"), (lying + b"x", KEY, "a")):
        with pytest.raises(CorruptFileError):
            list(unseal([wrong], key, label))
    assert len(b"".join(unseal([lying], KEY, "a"))) == 2 * FRAME + 3


def test_the_same_file_never_lies_there_twice_in_the_same_way() -> None:
    assert list(seal([b"same"], KEY, "a")) != list(seal([b"same"], KEY, "a"))


def test_others_can_unpack_what_is_only_compressed() -> None:
    text = b"all work and no play " * 1000
    assert gzip.decompress(b"".join(encode([text], Encoding("gzip"), "a"))) == text
    assert zstandard.ZstdDecompressor().decompressobj().decompress(
        b"".join(encode([text], Encoding("zstd"), "a"))
    ) == text  # fmt: skip


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_rubbish_and_bombs_are_refused(compression: str) -> None:
    for lying in (b"rubbish that is no archive", b"", b"\x1f\x8b\x08"):
        with pytest.raises(CorruptFileError):
            list(decode([lying], Encoding(compression), "a", 10))
    bomb = b"".join(encode((bytes(1_000_000) for _ in range(50)), Encoding(compression), "a"))
    tracemalloc.start()
    with pytest.raises(CorruptFileError, match="larger than it was"):
        list(decode([bomb], Encoding(compression), "a", 1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@given(st.binary(max_size=300), st.integers(0, 310), st.integers(0, 310), st.integers(1, 50))
def test_a_part_is_the_part_of_the_whole(content: bytes, start: int, stop: int, size: int) -> None:
    assert b"".join(skip(cut(content, size), start, stop)) == content[start:stop]


@pytest.mark.parametrize("encoding", [SEALED, Encoding("gzip", KEY), Encoding("zstd")])
def test_a_hundred_megabytes_pass_in_flat_memory(encoding: Encoding) -> None:
    size, piece = 100_000_000, bytes(250_000)
    tracemalloc.start()
    passing = encode((piece for _ in range(size // len(piece))), encoding, "a")
    total = sum(map(len, decode(passing, encoding, "a", size)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (total, peak < 8_000_000) == (size, True)
