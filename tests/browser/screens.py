"""The sheets under docs/screens: every page in every state, at three widths, light and dark. `make screens` makes them.

A sheet is one picture of six: 360, 768 and 1,440 pixels wide, each light and dark. A page that is longer than a sheet
is cut at its foot. `make screens PAGES='^calendar'` makes only those whose names match the regular expression.
"""

import base64
import io
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFont

from tests.browser.conftest import ROOT, House, start_browser
from tests.browser.person import Person
from tests.browser.places import BEHIND_FENCE, SCENES, Place, Scene
from tests.browser.visits import Visit, change_look, go_to, make_ready, put_up_fence

SCREENS = ROOT / "docs" / "screens"
LOOKS = {360: (0.9, 1050), 768: (0.55, 700), 1440: (0.55, 700)}  # width in CSS pixels: scale, most pixels high
LEAST = 480  # pixels that a picture on a sheet is high
LARGEST = 72 * 1024  # bytes of a sheet: where it has more its quality goes down
QUALITIES = (40, 26, 16, 8)
GAP, CAPTION = 24, 40  # pixels
PAPER, INK = "#8a9391", "#101414"
BROWSERS = 2
_SETTLED = """
const [done] = arguments;
const isCalm = () => !document.querySelector(".htmx-request") && document.readyState === "complete";
const look = (left) => isCalm() || !left ? requestAnimationFrame(() => requestAnimationFrame(done))
  : setTimeout(look, 50, left - 1);
document.fonts.ready.then(() => look(100));
"""
_LENGTH = "return Math.max(document.documentElement.scrollHeight, document.body.scrollHeight)"
_INTRODUCTION = """\
# Every page, as it looks

Made by `make screens` from the demo story: each sheet shows one page in one state, at 360, 768 and 1,440 pixels, each
light and dark. The narrow ones stand at nine tenths of their size, the others at half; a page that is longer than its
sheet is cut at the foot. `make screens PAGES='^calendar'` makes only the sheets whose names match. The four larger
pictures beside them belong to the [README](../../README.md).

| sheet | address | what it shows |
|---|---|---|
"""


def main(wanted: str) -> None:
    """Make the sheets of all places whose names match, and the list of all sheets."""
    began = time.monotonic()
    SCREENS.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        house = House(Path(folder))
        try:
            visit = make_ready(house)
            made = photograph(visit, SCENES, wanted)
            put_up_fence(house)
            made += photograph(visit, [BEHIND_FENCE], wanted)
        finally:
            house.stop()
    write_list(visit)
    names = {f"{place.name}.webp" for scene in (*SCENES, BEHIND_FENCE) for place in scene.places}
    for old in SCREENS.glob("*.webp"):
        if old.name not in names:
            old.unlink()
    size = sum(path.stat().st_size for path in SCREENS.glob("*.webp"))
    print(f"Made {made} sheets in {time.monotonic() - began:.0f} s. All {len(names)} have {size / 1e6:.1f} MB.")


def photograph(visit: Visit, scenes: Sequence[Scene], wanted: str) -> int:
    """Make the sheets of these scenes with several browsers at once; how many were made."""
    parts = [Scene(scene.who, scene.project, _matching(scene, wanted)) for scene in scenes]
    shares = [[Scene(s.who, s.project, s.places[turn::BROWSERS]) for s in parts] for turn in range(BROWSERS)]
    with ThreadPoolExecutor(BROWSERS) as pool:
        return sum(pool.map(lambda share: _photograph(visit, share), shares))


def _matching(scene: Scene, wanted: str) -> list[Place]:
    return [place for place in scene.places if re.search(wanted, place.name)]


def _photograph(visit: Visit, scenes: Sequence[Scene]) -> int:
    person = start_browser(visit.house.url)
    made = 0
    try:
        for scene in scenes:
            visit.enter(person, scene)
            for place in scene.places:
                sheet = draw_sheet(place.name, list(take_pictures(visit, person, scene, place)))
                (SCREENS / f"{place.name}.webp").write_bytes(pack(sheet))
                made += 1
    finally:
        person.driver.quit()
    return made


def take_pictures(visit: Visit, person: Person, scene: Scene, place: Place) -> Iterator[tuple[str, Image.Image]]:
    """Its six pictures, each with what stands above it."""
    for width, (scale, most) in LOOKS.items():
        change_look(person, width)
        go_to(visit, person, scene, place)
        person.driver.execute_async_script(_SETTLED)
        height = min(max(person.driver.execute_script(_LENGTH), round(LEAST / scale)), round(most / scale))
        for dark in (False, True):
            change_look(person, width, dark=dark, height=height, scale=scale)
            person.driver.execute_async_script(_SETTLED)
            shot = person.driver.execute_cdp_cmd("Page.captureScreenshot", {"optimizeForSpeed": True})
            picture = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
            yield f"{width:,} px, {'dark' if dark else 'light'}", picture


def draw_sheet(title: str, pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """The pictures beside one another, each under its words."""
    width = sum(picture.width for _, picture in pictures) + GAP * (len(pictures) + 1)
    height = max(picture.height for _, picture in pictures) + CAPTION + GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=18)
    left = GAP
    for place, (words, picture) in enumerate(pictures):
        pen.text((left, 9), words if place else f"{title}: {words}", fill=INK, font=font)
        sheet.paste(picture, (left, CAPTION))
        left += picture.width + GAP
    return sheet


def pack(sheet: Image.Image) -> bytes:
    """The sheet as WebP, in the best quality that is small enough."""
    for quality in QUALITIES:
        packed = io.BytesIO()
        sheet.save(packed, "WEBP", quality=quality, method=4)
        if packed.tell() <= LARGEST:
            break
    return packed.getvalue()


def write_list(visit: Visit) -> None:
    """The list of all sheets: name, address with the ids left out, what it shows."""
    lines = [
        f"| [{place.name}]({place.name}.webp) | `{_without_ids(visit.address(scene, place))}` | {place.shows} |\n"
        for scene in (*SCENES, BEHIND_FENCE)
        for place in scene.places
    ]
    (SCREENS / "README.md").write_text(_INTRODUCTION + "".join(lines), encoding="utf-8")


def _without_ids(address: str) -> str:
    return re.sub(r"(?<=[/=])([0-9a-z]{20}|\d+|[\w-]{32,})(?=[/?&]|$)", "…", address)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
