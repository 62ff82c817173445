"""What can be done to an image beside cropping: opacity, background, border, round corners, rotation."""

from PIL import Image, ImageChops, ImageColor, ImageDraw

_SMOOTH_UP_TO = 1_024  # corners up to this radius are drawn larger and made smaller, so that their edge is smooth
_BLACK = "000000"


def colour(hexadecimal: str) -> tuple[int, int, int, int]:
    """An opaque colour from 3 or 6 hexadecimal digits; black when there are none."""
    red, green, blue = ImageColor.getrgb("#" + (hexadecimal or _BLACK))[:3]
    return red, green, blue, 255


def fade(image: Image.Image, opacity: float) -> Image.Image:
    """The same, seen through as far as said: 1 is solid, 0 invisible."""
    image.putalpha(image.getchannel("A").point([round(value * opacity) for value in range(256)]))
    return image


def put_before(image: Image.Image, hexadecimal: str) -> Image.Image:
    """The same before a wall of that colour."""
    wall = Image.new("RGBA", image.size, colour(hexadecimal))
    wall.alpha_composite(image)
    return wall


def frame(image: Image.Image, width: int, hexadecimal: str) -> Image.Image:
    """The same with a border around it; it grows by the border on each side."""
    canvas = Image.new("RGBA", (image.width + 2 * width, image.height + 2 * width), colour(hexadecimal))
    canvas.paste(image, (width, width))
    return canvas


def round_corners(image: Image.Image, radius: int) -> Image.Image:
    """The same with corners cut away in an arc of that radius, half of the shorter side at most."""
    radius = min(radius, image.width // 2, image.height // 2)
    if not radius:
        return image
    fine = 4 if radius <= _SMOOTH_UP_TO else 1
    corner = Image.new("L", (radius * fine, radius * fine), 0)
    ImageDraw.Draw(corner).ellipse((0, 0, 2 * radius * fine - 1, 2 * radius * fine - 1), fill=255)
    corner = corner.reduce(fine)
    mask = Image.new("L", image.size, 255)
    right, bottom = image.width - radius, image.height - radius
    for place, turn in (
        ((0, 0), None), ((right, 0), Image.Transpose.FLIP_LEFT_RIGHT), ((0, bottom), Image.Transpose.FLIP_TOP_BOTTOM),
        ((right, bottom), Image.Transpose.ROTATE_180),
    ):  # fmt: skip
        mask.paste(corner if turn is None else corner.transpose(turn), place)
    image.putalpha(ImageChops.multiply(image.getchannel("A"), mask))
    return image


def rotate(image: Image.Image, degrees: int) -> Image.Image:
    """The same, turned clockwise; it grows so that nothing is cut off, and what it does not cover is transparent."""
    return image.rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(0, 0, 0, 0))
