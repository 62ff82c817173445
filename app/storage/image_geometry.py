"""Which part of an image is shown and how large: cover, crop and gravity, as numbers."""

import math
from dataclasses import dataclass

Size = tuple[int, int]
Box = tuple[float, float, float, float]

# How far right and how far down the part lies that is kept: 0 is the near side, 1 the far one.
PLACES: dict[str, tuple[float, float]] = {
    "center": (0.5, 0.5), "top-left": (0, 0), "top": (0.5, 0), "top-right": (1, 0), "left": (0, 0.5),
    "right": (1, 0.5), "bottom-left": (0, 1), "bottom": (0.5, 1), "bottom-right": (1, 1),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fit:
    """The size that an image gets, and how large the part of it is that fills that size, in pixels of the image."""

    size: Size
    part: tuple[float, float]

    def box(self, size: Size, place: tuple[float, float]) -> Box:
        """Where that part lies in an image of this size: left, top, right, bottom."""
        left, top = (size[0] - self.part[0]) * place[0], (size[1] - self.part[1]) * place[1]
        return max(left, 0), max(top, 0), min(left + self.part[0], size[0]), min(top + self.part[1], size[1])


def fit(size: Size, wanted: Size) -> Fit:
    """How an image of `size` fills the wanted size; a side of 0 follows the other one, and two leave it as it is."""
    width, height = wanted
    if not width and not height:
        return Fit(size, size)
    width = width or max(1, round(height * size[0] / size[1]))
    height = height or max(1, round(width * size[1] / size[0]))
    scale = max(width / size[0], height / size[1])
    return Fit((width, height), (min(width / scale, size[0]), min(height / scale, size[1])))


def turned(size: Size, degrees: int) -> Size:
    """The size of the upright frame around an image that is rotated."""
    angle = math.radians(degrees)
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    width, height = size[0] * cosine + size[1] * sine, size[0] * sine + size[1] * cosine
    return math.ceil(width - 1e-6), math.ceil(height - 1e-6)


def heaviest_window(weights: bytes, share: float) -> float:
    """Where a window over `share` of these weights holds most of them: 0 is the near side, 1 the far one.

    Between equals the one that is nearest to the middle is taken.
    """
    length = max(1, round(len(weights) * share))
    last = len(weights) - length
    if last <= 0:
        return 0.5
    starts = range(last + 1)
    return max(starts, key=lambda start: (sum(weights[start : start + length]), -abs(2 * start - last))) / last
