"""Pictures for files that are none: a page, a film, a landscape; drawn here, so that they are nobody else's."""

from functools import lru_cache

from PIL import Image, ImageDraw

SIDE = 512
BACKGROUND = "eceff1"
_FINE = 2  # drawn larger and made smaller again, so that edges are smooth
_LINE, _FILL = (84, 110, 122, 255), (255, 255, 255, 255)

FILE, VIDEO, IMAGE = "file", "video", "image"


@lru_cache(maxsize=8)
def draw(kind: str) -> Image.Image:
    """The picture of a kind of file, 512 pixels square, with a transparent ground. Not to be changed: copy it."""
    side = SIDE * _FINE
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    {FILE: _draw_page, VIDEO: _draw_film, IMAGE: _draw_landscape}[kind](pen, side / 16)
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _draw_page(pen: ImageDraw.ImageDraw, unit: float) -> None:
    """A sheet with a folded corner and four lines of writing."""
    sheet = [(4, 2.5), (9.5, 2.5), (12, 5), (12, 13.5), (4, 13.5)]
    pen.polygon([(x * unit, y * unit) for x, y in sheet], fill=_FILL)
    pen.line([(x * unit, y * unit) for x, y in [*sheet, *sheet[:2]]], fill=_LINE, width=round(unit / 2), joint="curve")
    fold = [(9.5, 2.5), (9.5, 5), (12, 5)]
    pen.line([(x * unit, y * unit) for x, y in fold], fill=_LINE, width=round(unit / 2), joint="curve")
    for row, end in enumerate((10.5, 10.5, 10.5, 8.5)):
        top = 6.6 + row * 1.6
        pen.rounded_rectangle((5.5 * unit, top * unit, end * unit, (top + 0.5) * unit), unit / 4, fill=_LINE)


def _draw_film(pen: ImageDraw.ImageDraw, unit: float) -> None:
    """A screen with the triangle that starts it."""
    frame = (2 * unit, 3.5 * unit, 14 * unit, 12.5 * unit)
    pen.rounded_rectangle(frame, unit, fill=_FILL, outline=_LINE, width=round(unit / 2))
    pen.polygon([(6.5 * unit, 5.5 * unit), (10.5 * unit, 8 * unit), (6.5 * unit, 10.5 * unit)], fill=_LINE)


def _draw_landscape(pen: ImageDraw.ImageDraw, unit: float) -> None:
    """A frame with two hills and a sun."""
    frame = (2 * unit, 3 * unit, 14 * unit, 13 * unit)
    pen.rounded_rectangle(frame, unit, fill=_FILL, outline=_LINE, width=round(unit / 2))
    pen.ellipse((4 * unit, 4.6 * unit, 6.2 * unit, 6.8 * unit), fill=_LINE)
    hills = [(3.4, 11.6), (6.2, 8.2), (7.8, 10), (10, 6.6), (12.6, 11.6)]
    pen.polygon([(x * unit, y * unit) for x, y in hills], fill=_LINE)
