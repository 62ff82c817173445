"""From drawn frames to the bytes of a JPEG, PNG, WebP, HEIC, AVIF or GIF."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

# What a preview can be, and its MIME type.
OUTPUTS: Mapping[str, str] = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "heic": "image/heic",
    "avif": "image/avif", "gif": "image/gif",
}  # fmt: skip
_FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "heic": "HEIF", "avif": "AVIF", "gif": "GIF"}
_USUAL_QUALITY = {"JPEG": 85, "WEBP": 82, "HEIF": 70, "AVIF": 65}
# Somebody waits for it: a preview that is a tenth larger is better than one that takes three times as long.
_QUICK: Mapping[str, Mapping[str, Any]] = {
    "PNG": {"compress_level": 3}, "WEBP": {"method": 2}, "AVIF": {"speed": 9},
    "HEIF": {"enc_params": {"preset": "ultrafast", "tu-intra-depth": "1"}},
}  # fmt: skip
_PAPER = (255, 255, 255)  # what shows through where a JPEG can have no hole


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture in RGB or RGBA; `milliseconds` it stays, and how often all begin again (0 always, None never).

    `profile` is the ICC profile that says which colours its numbers mean.
    """

    image: Image.Image
    milliseconds: int = 0
    loop: int | None = None
    profile: bytes | None = None


def encode(frames: Sequence[Frame], output: str, quality: int = -1) -> bytes:
    """The bytes of one picture, or of an animation. `quality` is 0 to 100, -1 for the usual one; PNG and GIF have none.

    Of what the source said beside its pixels (place, camera, comments) only the profile goes in.
    """
    format = _FORMATS[output]
    pictures = [_fitting(frame.image, format) for frame in frames]
    options: dict[str, Any] = {} if format == "GIF" else {"icc_profile": frames[0].profile}
    if format in _USUAL_QUALITY:
        options["quality"] = max(quality, 1) if quality >= 0 else _USUAL_QUALITY[format]
    options |= _QUICK.get(format, {})
    if len(pictures) > 1:
        options |= {"save_all": True, "append_images": pictures[1:], "duration": [each.milliseconds for each in frames]}
        if format == "GIF":
            options["disposal"] = 2
        if frames[0].loop is not None:
            options["loop"] = frames[0].loop
    written = io.BytesIO()
    pictures[0].save(written, format, **options)
    return written.getvalue()


def _fitting(image: Image.Image, format: str) -> Image.Image:
    """The same as the format can hold it: without holes in a JPEG, and without a channel that says nothing."""
    image.info = {}  # encoders would write what they find there
    if image.mode != "RGBA":
        return image
    if image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    if format != "JPEG":
        return image
    paper = Image.new("RGB", image.size, _PAPER)
    paper.paste(image, mask=image.getchannel("A"))
    return paper
