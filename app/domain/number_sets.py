"""Sets of row numbers, one bit for each: a million take 125 KB, and joining two of them a tenth of a millisecond."""

import zlib
from collections.abc import Iterable, Sequence

_DIGITS = bytes((48, 49)) + bytes(254)  # of a map of bytes the digits of a number in base 2


class NumberSet:
    """Some numbers from 0 on, none twice. It never changes."""

    __slots__ = ("_bits",)

    def __init__(self, bits: int = 0) -> None:
        self._bits = bits

    @classmethod
    def of(cls, pieces: Iterable[Sequence[int]]) -> "NumberSet":
        """The numbers of all pieces; the room it takes while it is made is a byte for each number up to the largest."""
        found = bytearray()
        for piece in pieces:
            most = max(piece, default=-1)
            if most >= len(found):
                found += bytes(most + 1 - len(found))
            for number in piece:
                found[number] = 1
        found.reverse()  # the first digit of a number is the largest one
        return cls(int(found.translate(_DIGITS) or b"0", 2))

    @classmethod
    def unpacked(cls, packed: bytes) -> "NumberSet":
        """What `packed` made; zlib.error when it is nothing of the kind."""
        return cls(int.from_bytes(zlib.decompress(packed), "little"))

    def packed(self) -> bytes:
        """Its octets, squeezed: a set of few numbers in a large range takes little."""
        return zlib.compress(self._bits.to_bytes(self.octets, "little"), 1)

    def __or__(self, other: "NumberSet") -> "NumberSet":
        """What is in one of the two or in both."""
        return NumberSet(self._bits | other._bits)

    def __sub__(self, other: "NumberSet") -> "NumberSet":
        """What is in it and not in the other one."""
        return NumberSet(self._bits & ~other._bits)

    def __len__(self) -> int:
        """How many there are."""
        return self._bits.bit_count()

    @property
    def octets(self) -> int:
        """The memory it takes."""
        return self._bits.bit_length() // 8 + 1

    def shared_with(self, numbers: Sequence[int]) -> list[int]:
        """Those of the numbers that are in it, in their order."""
        octets = self._bits.to_bytes(self.octets, "little")
        end = len(octets) * 8
        return [number for number in numbers if number < end and octets[number >> 3] >> (number & 7) & 1]
