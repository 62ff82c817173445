"""Previews of images: sizes, gravity, every effect and output; what is damaged, lies or is a bomb is refused."""

import io
import random
import resource
import struct
import threading
import zlib

import pytest
from PIL import ExifTags, Image, ImageCms

from app.domain.errors import AppError, Invalid, TooMany
from app.storage import images, stock_icons
from app.storage.image_encoding import OUTPUTS
from app.storage.images import ImageWish, render, render_icon

RED, BLUE, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "HEIF": "heic", "AVIF": "avif"}
TOO_LARGE, UNREADABLE = "storage_image_resolution_exceeded", "storage_file_type_unsupported"


def written(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def thirds(width: int = 300, height: int = 300) -> Image.Image:
    """Nine fields, each of another colour: red grows to the right, green downwards."""
    image = Image.new("RGB", (width, height))
    for column in range(3):
        for row in range(3):
            box = (column * width // 3, row * height // 3, (column + 1) * width // 3, (row + 1) * height // 3)
            image.paste((column * 100, row * 100, 200), box)
    return image


def drawn(content: bytes, output: str = "png", **wish: object) -> Image.Image:
    image = Image.open(io.BytesIO(render(content, ImageWish(**wish), output)))
    image.load()
    return image


def refusal(content: bytes, output: str = "png", **wish: object) -> str:
    with pytest.raises(Invalid) as caught:
        render(content, ImageWish(**wish), output)
    return caught.value.type


def near(found: object, expected: tuple[int, ...], by: int = 6) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) <= by for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        ({}, (300, 200)), ({"width": 150}, (150, 100)), ({"height": 50}, (75, 50)),
        ({"width": 100, "height": 100}, (100, 100)), ({"width": 600, "height": 10}, (600, 10)),
        ({"width": 1}, (1, 1)), ({"gravity": "left"}, (300, 200)), ({"width": 90, "gravity": "top"}, (90, 60)),
        ({"width": 100, "border_width": 5}, (110, 77)), ({"rotation": 90}, (200, 300)),
        ({"rotation": 180, "border_width": 1}, (302, 202)),
    ],
)  # fmt: skip
def test_the_size_is_the_one_that_was_asked_for(wanted: dict[str, int], size: tuple[int, int]) -> None:
    assert drawn(written(Image.new("RGB", (300, 200))), **wanted).size == size


@pytest.mark.parametrize(
    ("gravity", "column", "row"),
    [
        ("center", 1, 1), ("top-left", 0, 0), ("top", 1, 0), ("top-right", 2, 0), ("left", 0, 1), ("right", 2, 1),
        ("bottom-left", 0, 2), ("bottom", 1, 2), ("bottom-right", 2, 2),
    ],
)  # fmt: skip
def test_gravity_says_which_part_stays(gravity: str, column: int, row: int) -> None:
    wide = drawn(written(thirds()), width=300, height=100, gravity=gravity)
    assert near(wide.getpixel((150, 50)), (100, row * 100, 200))
    tall = drawn(written(thirds()), width=100, height=300, gravity=gravity)
    assert near(tall.getpixel((50, 150)), (column * 100, 100, 200))


def test_gravity_auto_keeps_where_most_is_to_be_seen() -> None:
    image = Image.new("RGB", (900, 300), "white")
    image.paste(Image.effect_noise((200, 200), 90).convert("RGB"), (650, 50))
    lively = drawn(written(image), width=300, height=300, gravity="auto").convert("L")
    plain = drawn(written(image), width=300, height=300).convert("L")
    assert len(set(lively.tobytes())) > len(set(plain.tobytes())) == 1
    assert drawn(written(Image.new("RGB", (900, 300))), width=30, height=30, gravity="auto").size == (30, 30)


def test_a_background_fills_what_is_transparent() -> None:
    image = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    assert drawn(written(image), background="0f0").getpixel((5, 5)) == (0, 255, 0)
    assert drawn(written(image), background="0000ff").getpixel((5, 5)) == BLUE
    assert near(drawn(written(image), "jpg").getpixel((5, 5)), WHITE)


def test_opacity_comes_before_the_background() -> None:
    red = written(Image.new("RGB", (40, 40), "red"))
    assert drawn(red, opacity=0.5).getpixel((5, 5)) == (255, 0, 0, 128)
    assert drawn(red, opacity=0.0).getpixel((5, 5))[3] == 0
    assert near(drawn(red, opacity=0.5, background="0000ff").getpixel((5, 5)), (128, 0, 127))


def test_a_border_goes_around_and_is_black_when_nobody_says() -> None:
    red = written(Image.new("RGB", (40, 40), "red"))
    framed = drawn(red, border_width=4, border_color="00f")
    assert (framed.getpixel((0, 20)), framed.getpixel((3, 20)), framed.getpixel((4, 20))) == (BLUE, BLUE, RED)
    assert drawn(red, border_width=1).getpixel((0, 0)) == BLACK


def test_round_corners_cut_the_border_too_and_only_the_corners() -> None:
    image = drawn(written(Image.new("RGB", (100, 60), "red")), border_width=2, border_radius=20)
    corners = [(0, 0), (103, 0), (0, 63), (103, 63)]
    assert [image.getpixel(corner)[3] for corner in corners] == [0] * 4
    assert image.getpixel((52, 0)) == (0, 0, 0, 255)
    assert image.getpixel((52, 32)) == (255, 0, 0, 255)
    circle = drawn(written(Image.new("RGB", (100, 100), "red")), border_radius=4000)
    assert circle.getpixel((2, 20))[3] == 0
    assert circle.getpixel((0, 50))[3] > 200


def test_a_rotation_turns_clockwise_and_grows_the_image() -> None:
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (20, 0, 40, 20))
    turned = drawn(written(image), rotation=90)
    assert (turned.size, turned.getpixel((10, 5)), turned.getpixel((10, 35))) == ((20, 40), RED, BLUE)
    slanted = drawn(written(image), rotation=45)
    assert slanted.size == (44, 44)
    assert slanted.getpixel((0, 0))[3] == 0
    assert near(drawn(written(image), "jpg", rotation=45).getpixel((0, 0)), WHITE, by=12)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_every_source_becomes_every_output(format: str, output: str) -> None:
    content = render(written(thirds(90, 60), format), ImageWish(width=45), output)
    with Image.open(io.BytesIO(content)) as image:
        assert Image.MIME[image.format or ""].replace("heif", "heic") == OUTPUTS[output]
        assert image.size == (45, 30)
        assert near(image.convert("RGB").getpixel((22, 15)), (100, 100, 200), by=16)


@pytest.mark.parametrize("output", ["png", "webp", "avif", "heic", "gif"])
def test_what_is_transparent_stays_so_where_the_output_can(output: str) -> None:
    image = Image.new("RGBA", (40, 40), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 20, 40))
    found = drawn(written(image), output).convert("RGBA")
    assert (found.getpixel((5, 20))[3], found.getpixel((35, 20))[3]) == (0, 255)


@pytest.mark.parametrize("output", ["jpg", "webp", "avif", "heic"])
def test_a_lower_quality_is_smaller(output: str) -> None:
    noise = written(Image.effect_noise((200, 200), 60).convert("RGB"))
    sizes = [len(render(noise, ImageWish(quality=quality), output)) for quality in (0, 40, -1, 100)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 4


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16", "RGBA", "YCbCr"])
def test_every_way_to_say_colours_is_understood(mode: str) -> None:
    image = Image.new("L", (40, 40), 255)
    if mode == "I;16":
        image = Image.frombytes("I;16", (40, 40), struct.pack("<H", 0xFFFF) * 1600)
    else:
        image = image.convert("RGB").convert(mode) if mode in {"CMYK", "YCbCr"} else image.convert(mode)
    content = written(image, "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG")
    assert near(drawn(content, "jpg", width=10).convert("RGB").getpixel((5, 5)), WHITE)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_photograph_is_shown_upright(orientation: int, format: str) -> None:
    upright = Image.new("RGB", (60, 40), "white")
    upright.paste("red", (0, 0, 20, 13))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    held = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    shown = drawn(written(held, format, exif=exif, quality=100), width=30)
    assert shown.size == (30, 20)
    assert near(shown.convert("RGB").getpixel((3, 2)), RED, by=40)
    assert near(shown.convert("RGB").getpixel((27, 17)), WHITE, by=40)


def test_where_a_photograph_was_taken_is_not_told() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "at home, the key is under the mat"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    for format in ("JPEG", "PNG", "WEBP", "HEIF", "AVIF"):
        content = written(Image.new("RGB", (40, 40)), format, exif=exif.tobytes())
        assert b"under the mat" in content
        for output in OUTPUTS:
            assert b"under the mat" not in render(content, ImageWish(), output)


@pytest.mark.parametrize("output", ["jpg", "png", "webp", "avif", "heic"])
def test_what_the_colours_mean_goes_along(output: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = written(Image.new("RGB", (40, 40), "red"), icc_profile=profile)
    assert drawn(content, output).info["icc_profile"] == profile
    grey = written(Image.new("L", (40, 40)), icc_profile=profile)
    assert not drawn(grey, output).info.get("icc_profile")


def moving(frames: int, size: tuple[int, int] = (40, 40)) -> bytes:
    pictures = [Image.new("RGB", size, (number * 40 % 256, 0, 0)) for number in range(frames)]
    return written(
        pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=[100 + n for n in range(frames)], loop=0
    )


def test_an_animation_stays_one_where_the_output_can() -> None:
    for output in ("gif", "webp"):
        shown = drawn(moving(5), output, width=20, border_radius=4)
        assert (shown.n_frames, shown.size, shown.info["loop"]) == (5, (20, 20), 0)
    assert getattr(drawn(moving(5), "png"), "n_frames", 1) == 1


def test_an_animation_with_too_many_frames_is_its_first() -> None:
    assert drawn(moving(201), "gif").n_frames == 1
    assert drawn(moving(20), "gif", width=4000).n_frames == 1


# What is hostile


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG whose header says so much, whatever it holds."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 1), (1, 2**31 - 1), (10_000, 5_001), (65_535, 65_535)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refusal(png(*size)) == TOO_LARGE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024


@pytest.mark.parametrize("format", ["GIF", "WEBP", "JPEG"])
def test_a_bomb_of_another_format_is_refused_by_its_header(format: str) -> None:
    if format == "GIF":
        bomb = moving(1)[:6] + struct.pack("<HH", 60_000, 60_000) + moving(1)[10:]
    elif format == "WEBP":
        bomb = written(Image.new("L", (8_000, 8_000)).convert("RGB"), format, lossless=True, method=0)
    else:
        bomb = written(Image.new("L", (8_000, 8_000)), format)
    assert refusal(bomb, width=10) == TOO_LARGE


def test_a_gif_whose_second_frame_is_a_bomb_shows_its_first() -> None:
    plain = moving(2)
    place = plain.rindex(b",\0\0\0\0" + struct.pack("<HH", 40, 40))
    grown = plain[: place + 5] + struct.pack("<HH", 9_000, 9_000) + plain[place + 9 :]
    assert drawn(grown, "gif").size == (40, 40)


@pytest.mark.parametrize(
    ("wish", "output"),
    [
        ({"width": 4000}, "jpg"), ({"width": 4000, "height": 4000, "rotation": 45}, "heic"),
        ({"width": 4000, "height": 4000, "rotation": 45}, "avif"), ({}, "webp"),
    ],
)  # fmt: skip
def test_a_preview_that_would_be_too_large_is_refused(wish: dict[str, int], output: str) -> None:
    tall = written(Image.new("L", (10, 17_000)))
    wide = written(Image.new("L", (10, 10)))
    assert refusal(wide if "height" in wish else tall, output, **wish) == TOO_LARGE


def test_a_photograph_of_48_megapixels_passes() -> None:
    assert drawn(written(Image.new("L", (8064, 6048)), "JPEG"), width=100).size == (100, 75)


def test_the_largest_preview_that_can_be_asked_for_is_made() -> None:
    small = written(Image.new("L", (2, 2)))
    assert drawn(small, "gif", width=4000, height=4000, border_width=100).size == (4200, 4200)
    assert drawn(small, "jpg", width=4000, height=4000, rotation=45, border_width=100).size == (5940, 5940)


@pytest.mark.parametrize("format", FORMATS)
def test_half_a_file_is_refused(format: str) -> None:
    whole = written(Image.effect_noise((200, 200), 90).convert("RGB"), format)
    for length in (0, 4, 20, len(whole) // 2):
        assert refusal(whole[:length]) == UNREADABLE


@pytest.mark.parametrize(
    "content",
    [
        b"", b"GIF89a", b"\xff\xd8\xff", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"BM" + bytes(60),
        b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"II*\0" + bytes(60), bytes(100), b"\x89PNG\r\n\x1a\n" * 9,
    ],
)  # fmt: skip
def test_what_is_no_image_of_ours_is_refused(content: bytes) -> None:
    assert refusal(content) == UNREADABLE


def test_what_stands_behind_an_image_does_not_count() -> None:
    polyglot = written(Image.new("RGB", (20, 20), "red")) + b"PK\x03\x04<script>alert(1)</script>"
    assert b"script" not in render(polyglot, ImageWish(), "png")


@pytest.mark.parametrize("format", FORMATS)
def test_damage_anywhere_is_shown_or_refused_and_never_another_error(format: str) -> None:
    chance = random.Random(format)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    options = {} if format == "GIF" else {"exif": exif.tobytes()}
    whole = written(thirds(48, 48), format, **options)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(min(len(damaged), 400))] = chance.randrange(256)
        try:
            drawn(bytes(damaged), chance.choice(["jpg", "png", "gif"]), width=20)
        except AppError as error:
            assert error.type in {TOO_LARGE, UNREADABLE}  # noqa: PT017 - either is right, none is right too


def test_memory_does_not_grow_with_the_number_of_images() -> None:
    photograph = written(Image.effect_noise((2000, 1500), 50).convert("RGB"), "JPEG")
    render(photograph, ImageWish(width=200), "jpg")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(30):
        render(photograph, ImageWish(width=200), "jpg")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 15 * 1024


def test_whoever_comes_while_too_many_wait_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    line = threading.BoundedSemaphore(1)
    monkeypatch.setattr(images, "_line", line)
    line.acquire()
    with pytest.raises(TooMany) as caught:
        render(written(Image.new("L", (2, 2))), ImageWish(), "png")
    assert caught.value.retry_after == 2
    line.release()
    assert drawn(written(Image.new("L", (2, 2)))).size == (2, 2)


def test_images_asked_for_at_the_same_time_come_one_after_the_other() -> None:
    content, sizes = written(thirds()), []
    threads = [
        threading.Thread(target=lambda side=side: sizes.append(drawn(content, width=side).size[0]))
        for side in (10, 20, 30, 40, 50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sizes) == [10, 20, 30, 40, 50]


# Stock icons


@pytest.mark.parametrize("kind", [stock_icons.FILE, stock_icons.VIDEO, stock_icons.IMAGE])
@pytest.mark.parametrize("output", OUTPUTS)
def test_an_icon_comes_in_every_size_and_output(kind: str, output: str) -> None:
    icon = Image.open(io.BytesIO(render_icon(kind, ImageWish(width=64, height=32), output)))
    assert icon.size == (64, 32)
    assert near(icon.convert("RGB").getpixel((0, 0)), (0xEC, 0xEF, 0xF1), by=8)


def test_an_icon_stands_before_the_background_that_is_asked_for() -> None:
    icon = Image.open(io.BytesIO(render_icon(stock_icons.FILE, ImageWish(background="00f"), "png")))
    assert (icon.size, icon.getpixel((0, 0))) == ((512, 512), BLUE)
    assert len({render_icon(kind, ImageWish(), "png") for kind in ("file", "video", "image")}) == 3
