"""…/files/{fileId}/preview: a picture of a file at a wished size, made once and then kept (11.6)."""

import re
from typing import Any

from flask import Response

from app.api.files import FILE_PATH
from app.api.kinds import choice, text, whole
from app.api.operations import Call, operation
from app.api.params import Kind, Param, Refused
from app.services.storage import file_previews
from app.services.storage.file_previews import ImageWish
from app.services.work import Workshop

LONGEST_SIDE = 4_000
_HEX = re.compile(r"[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?")
_FRACTION = re.compile(r"[0-9]{1,3}(?:\.[0-9]{0,20})?|\.[0-9]{1,20}")
CACHE = "private, max-age=2592000"  # 30 days
_GRAVITIES = (*file_previews.GRAVITIES, "auto")


def _read_hex(value: Any) -> str:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise Refused("Value must be a colour of 3 or 6 hexadecimal digits without #, like ff8800.")
    return value.lower()


def _read_share(value: Any) -> float:
    found = float(value) if isinstance(value, str) and _FRACTION.fullmatch(value) else -1.0
    if not 0 <= found <= 1:
        raise Refused("Value must be a number from 0 to 1, like 0.5.")
    return found


def _read_output(value: Any) -> str:
    if not isinstance(value, str) or value not in file_previews.OUTPUTS:
        raise Refused(f"Value must be one of {', '.join(file_previews.OUTPUTS)}, in lower case.")
    return value


_HEX_COLOUR = Kind(_read_hex, {"type": "string", "pattern": "^([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"})
_SHARE = Kind(_read_share, {"type": "number", "minimum": 0, "maximum": 1})
_OUTPUT = Kind(_read_output, {"type": "string", "enum": list(file_previews.OUTPUTS)})
_SIDE = whole(0, LONGEST_SIDE)


@operation(
    "GET", FILE_PATH + "/preview", "files.read", Param("width", _SIDE, 0), Param("height", _SIDE, 0),
    Param("gravity", choice(*_GRAVITIES), "center"), Param("quality", whole(-1, 100), -1),
    Param("border_width", whole(0, 100), 0), Param("border_color", _HEX_COLOUR, ""),
    Param("border_radius", _SIDE, 0), Param("opacity", _SHARE, 1.0), Param("rotation", whole(-360, 360), 0),
    Param("background", _HEX_COLOUR, ""), Param("output", _OUTPUT, ""), Param("token", text(512), ""),
    opens_own=True,
)  # fmt: skip
def get_file_preview(shop: Workshop, call: Call) -> Response:
    """Get a picture of a file at a wished size and in a wished format."""
    wish = ImageWish(
        call.width, call.height, call.gravity, call.quality, call.border_width, call.border_color, call.border_radius,
        call.opacity, call.rotation % 360, call.background,
    )  # fmt: skip
    ask = file_previews.Ask(call.bucket_id, call.file_id, wish, call.output)
    made = file_previews.show_preview(shop, call.actor, ask)
    answer = Response(made.pieces, content_type=made.mime_type)
    answer.headers["Cache-Control"] = CACHE
    answer.headers["X-Appwrite-Cache"] = "hit" if made.is_kept else "miss"
    return answer
