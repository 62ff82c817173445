"""What a finger calls too small: also in what stays on the screen, but nothing that a swipe frees from under it."""

from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from tests.browser.person import Person
from tests.browser.touch import Finger

pytestmark = pytest.mark.browser
STYLE = """<style>
  body { margin: 0; min-height: 2000px; }
  button { display: block; position: absolute; left: 40px; box-sizing: border-box; width: 60px; padding: 0; }
  .bar { position: sticky; top: 0; z-index: 2; height: 60px; background: #eee; }
  .place { position: relative; width: 200px; height: 60px; }
</style>"""


def button(name: str, top: int, height: int) -> str:
    return f'<button style="top: {top}px; height: {height}px">{name}</button>'


def dialog(content: str) -> str:
    return f'<dialog id="ask">{content}</dialog><script>ask.showModal()</script>'


@pytest.fixture
def ann(open_browser: Callable[..., Person]) -> Iterator[Finger]:
    with Finger(open_browser("data:text/html,")) as finger:
        yield finger


def show(finger: Finger, page: str) -> None:
    finger.person.open(quote(f'<!doctype html><meta name="viewport" content="width=device-width">{STYLE}{page}'))


def names(lines: list[str]) -> list[str]:
    """Of the buttons that these lines show."""
    return [line.partition(">")[2].partition("<")[0] for line in lines]


TWO_SMALL = f"{button('Up', 4, 16)}{button('Down', 22, 16)}"
BAR = f'<div class="bar">{button("Menu", 10, 40)}</div>'
BAR_OF_DIALOG = f'<div class="bar" style="margin-top: -38px">{button("Done", 2, 50)}</div>'
LOW, NEAR = button("Low", 42, 16), button("Near", 0, 40)


@pytest.mark.parametrize(
    ("page", "small"),
    [
        (f'<div class="place">{TWO_SMALL}</div>', ["Up", "Down"]),
        (f'<div class="bar">{TWO_SMALL}</div>', ["Up", "Down"]),
        (f'<div class="bar">{button("Half", 4, 30)}{button("Whole", 16, 40)}</div>', ["Half"]),
        (f'<div class="bar">{LOW}</div><div class="place">{NEAR}</div>', ["Low"]),
        (f'<div class="bar">{LOW}</div><div class="bar" style="top: 60px">{NEAR}</div>', ["Low"]),
        (dialog(f'<div class="place">{TWO_SMALL}</div>'), ["Up", "Down"]),
    ],
    ids=["page", "bar", "covered in a bar", "bar beside the page", "bar beside a bar", "dialog"],
)
def test_what_is_too_small_is_found_wherever_it_stands(ann: Finger, page: str, small: list[str]) -> None:
    show(ann, page)
    assert names(ann.too_small()) == small


@pytest.mark.parametrize(
    ("page", "name"),
    [
        (f'{BAR}<div class="place" style="margin-top: -42px">{button("Large", 4, 40)}</div>', "Large"),
        (f'{BAR}<div class="place" style="margin-top: -14px">{button("Alone", 0, 16)}</div>', "Alone"),
        (dialog(f'<div class="place">{button("Large", 4, 40)}</div>{BAR_OF_DIALOG}'), "Large"),
    ],
    ids=["half under a bar", "close to a bar", "half under the bar of a dialog"],
)
def test_what_a_swipe_frees_is_not_too_small(ann: Finger, page: str, name: str) -> None:
    show(ann, page)
    assert name in str(ann.person.barriers("target-size")), "axe-core itself has nothing against it"
    assert ann.too_small() == []
