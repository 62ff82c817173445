"""Previews of images: bytes and a wish in, bytes out; what is no image gets a stock icon."""

import io
import math
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count

import pillow_heif
from PIL import ExifTags, Image, ImageFilter

from app.domain.errors import Invalid, TooMany
from app.storage import image_effects, stock_icons
from app.storage.image_encoding import Frame, encode
from app.storage.image_geometry import PLACES, Fit, Size, fit, heaviest_window, turned

MOST_PIXELS = 50_000_000  # of a source and of a result: a photograph of 48 megapixels passes, a bomb does not
MOST_WEBP_PIXELS = 25_000_000  # of a source: its decoder keeps the picture three times
MOST_SLOW_PIXELS = 18_000_000  # of a result in a format that takes much time and memory to write
LONGEST_SIDE = 16_000  # WebP has no larger ones
MOST_FRAMES = 200
MOST_MOVING_PIXELS = 40_000_000  # of all frames together, before and after; beyond, an animation is its first frame
PLACES_IN_LINE = 5  # threads that may draw or wait for their turn; the others go on answering
PATIENCE = 20.0  # seconds
LARGEST_PROFILE = 64 * 1024
LARGEST_SOURCE = 20_000_000  # bytes; what is larger gets an icon

SOURCES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/heic", "image/heif", "image/avif"})
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF")
_MOVING = {"gif": ("GIF",), "webp": ("GIF", "WEBP")}  # which animations stay animations, by output
_SLOW = frozenset({"heic", "avif"})
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
# All that the decoders were seen to raise for bytes that are damaged or lie.
_BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError, EOFError,
    AssertionError, MemoryError, struct.error, zlib.error,
)  # fmt: skip

pillow_heif.register_heif_opener()


@dataclass(frozen=True, slots=True)
class ImageWish:
    """How a preview is wanted (REST contract 11.6). Sizes are in pixels, 0 for as it is; colours 3 or 6 hex digits.

    `quality` is 0 to 100, -1 for the usual one; `rotation` is in degrees, clockwise.
    """

    width: int = 0
    height: int = 0
    gravity: str = "center"
    quality: int = -1
    border_width: int = 0
    border_color: str = ""
    border_radius: int = 0
    opacity: float = 1.0
    rotation: int = 0
    background: str = ""


def render(content: bytes, wish: ImageWish, output: str) -> bytes:
    """The image in `content` as wished, encoded as `output` (one of OUTPUTS).

    Invalid of type storage_image_resolution_exceeded when it has, or would get, too many pixels, and of type
    storage_file_type_unsupported when it cannot be decoded. TooMany when too many wait for theirs.
    """
    with _turn():
        return encode([_finish(each, wish) for each in _read(content, wish, output)], output, wish.quality)


def render_icon(kind: str, wish: ImageWish, output: str) -> bytes:
    """The stock icon of a kind (of `stock_icons`) as wished, before its own ground when no other is wished."""
    with _turn():
        icon = stock_icons.draw(kind)
        target = fit(icon.size, (wish.width, wish.height)).size
        _check_result(target, wish, output)
        frame = _finish(Frame(_cut(icon, target, wish.gravity)), wish, stock_icons.BACKGROUND)
        return encode([frame], output, wish.quality)


_line = threading.BoundedSemaphore(PLACES_IN_LINE)
_one = threading.Lock()


@contextmanager
def _turn() -> Iterator[None]:
    """One image at a time in a process, so that memory is bounded; and no word of a decoder on standard error.

    The filter of warnings belongs to the whole process: only whoever has the turn changes it.
    """
    if not _line.acquire(blocking=False):
        raise TooMany("Too many previews are being made at this moment. Ask again in a few seconds.", retry_after=2)
    try:
        if not _one.acquire(timeout=PATIENCE):
            raise TooMany("Previews take long at this moment. Ask again in a few seconds.", retry_after=5)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            _one.release()
    finally:
        _line.release()


def _read(content: bytes, wish: ImageWish, output: str) -> list[Frame]:
    """The frames of the image, upright and cut to the wished size; one, unless it moves and may go on moving."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            _check_pixels(image)
            turn = _TURNS.get(_orientation(image))
            size = image.size[::-1] if turn in _SWAPPING else image.size
            target = fit(size, (wish.width, wish.height)).size
            _check_result(target, wish, output)
            profile = _profile_of(image)
            if image.format in _MOVING.get(output, ()):
                return _read_moving(image, target, wish)
            _decode_smaller(image, max(target[0] / size[0], target[1] / size[1]))
            upright = image if turn is None else image.transpose(turn)
            return [Frame(_cut(upright, target, wish.gravity), profile=profile)]
    except Image.DecompressionBombError as error:
        raise _too_large("The image has too many pixels") from error
    except _BROKEN as error:
        sentence = "The file cannot be read as an image: it is damaged, or no JPEG, PNG, WebP, GIF, HEIC or AVIF."
        raise Invalid({"file": [sentence]}, type="storage_file_type_unsupported") from error


_SWAPPING = {
    Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90,
}  # fmt: skip


def _orientation(image: Image.Image) -> int:
    """How the camera was held (EXIF); 1, upright, when nothing readable says otherwise."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return 1


def _profile_of(image: Image.Image) -> bytes | None:
    """Its ICC profile, where that is one for red, green and blue; other modes become plain RGB."""
    profile = image.info.get("icc_profile")
    is_fine = isinstance(profile, bytes) and len(profile) <= LARGEST_PROFILE and image.mode in {"RGB", "RGBA"}
    return profile if is_fine else None


def _too_large(what: str, most: int = MOST_PIXELS) -> Invalid:
    sentence = f"{what}; at most {most:,} in all, and {LONGEST_SIDE:,} on a side of a preview, can be handled."
    return Invalid({"file": [sentence]}, type="storage_image_resolution_exceeded")


def _check_pixels(image: Image.Image) -> None:
    """The header's size, before anything is decoded."""
    most = MOST_WEBP_PIXELS if image.format == "WEBP" else MOST_PIXELS
    if image.width * image.height > most:
        raise _too_large(f"The image has {image.width:,} × {image.height:,} pixels", most)


def _check_result(size: Size, wish: ImageWish, output: str) -> None:
    framed = (size[0] + 2 * wish.border_width, size[1] + 2 * wish.border_width)
    width, height = turned(framed, wish.rotation)
    most = MOST_SLOW_PIXELS if output in _SLOW else MOST_PIXELS
    if width * height > most or max(width, height) > LONGEST_SIDE:
        raise _too_large(f"The preview would have {width:,} × {height:,} pixels", most)


def _read_moving(image: Image.Image, target: Size, wish: ImageWish) -> list[Frame]:
    """All frames, or the first alone when all together are too many to draw, or do not have one size."""
    size = image.size
    most = min(MOST_FRAMES, MOST_MOVING_PIXELS // max(size[0] * size[1], target[0] * target[1]))
    frames: list[Frame] = []
    for number in count():
        try:
            image.seek(number)
        except EOFError:
            return frames
        if frames and (number >= most or image.size != size):
            return frames[:1]
        drawn = _cut(image, target, wish.gravity)
        frames.append(Frame(drawn, int(image.info.get("duration", 0)), image.info.get("loop")))
    raise AssertionError("every file ends")


def _decode_smaller(image: Image.Image, scale: float) -> None:
    """Let a JPEG be decoded at a half, a quarter or an eighth where that is still twice as fine as the result."""
    if image.format in {"JPEG", "MPO"} and scale < 0.5:
        image.draft(None, (math.ceil(image.width * scale * 2), math.ceil(image.height * scale * 2)))


def _cut(image: Image.Image, target: Size, gravity: str) -> Image.Image:
    """The part of the image that fills the target, at its size, in RGB or RGBA."""
    coloured = _in_colour(image)
    wanted = fit(coloured.size, target)
    if coloured.size == target:
        return coloured if coloured is not image else coloured.copy()
    place = PLACES[gravity] if gravity in PLACES else _liveliest(coloured, wanted)
    return coloured.resize(target, Image.Resampling.LANCZOS, wanted.box(coloured.size, place), reducing_gap=3.0)


def _in_colour(image: Image.Image) -> Image.Image:
    """The same in RGB, or in RGBA when something may be transparent."""
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:  # 16 bits a dot: the upper eight are kept
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("RGB")


def _liveliest(image: Image.Image, wanted: Fit) -> tuple[float, float]:
    """Where most edges are: what gravity `auto` keeps."""
    small = image.resize((64, 64), Image.Resampling.BOX, reducing_gap=1.0).convert("L").filter(ImageFilter.FIND_EDGES)
    columns, rows = small.resize((64, 1), Image.Resampling.BOX), small.resize((1, 64), Image.Resampling.BOX)
    return (
        heaviest_window(columns.tobytes(), wanted.part[0] / image.width),
        heaviest_window(rows.tobytes(), wanted.part[1] / image.height),
    )


def _finish(frame: Frame, wish: ImageWish, ground: str = "") -> Frame:
    """The frame with all that is wished beside its size, in the contract's order."""
    drawn, ground = frame.image, wish.background or ground
    has_effects = wish.opacity < 1 or ground or wish.border_width or wish.border_radius or wish.rotation % 360
    if not has_effects:
        return frame
    drawn = drawn.convert("RGBA")
    if wish.opacity < 1:
        drawn = image_effects.fade(drawn, wish.opacity)
    if ground:
        drawn = image_effects.put_before(drawn, ground)
    if wish.border_width:
        drawn = image_effects.frame(drawn, wish.border_width, wish.border_color)
    drawn = image_effects.round_corners(drawn, wish.border_radius)
    if wish.rotation % 360:
        drawn = image_effects.rotate(drawn, wish.rotation % 360)
    return replace(frame, image=drawn)
