"""How many segments a text message comes to: for everybody when that is known, else for the first people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.domain.errors import Invalid
from app.models.messages import Message
from app.services.previews import lint
from app.services.previews.lint_reading import Reading, Somebody, next_people
from app.services.work import Work

SAMPLE = 500  # people that a preview counts itself
MOST_PAGES = 10  # of so many targets that it goes through for them
_Counts = Mapping[str, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a text goes, and in how many segments.

    `segments` says by country (ISO 3166, "" for numbers of none) how many of the `counted` people get that number of
    segments; who would get an empty text has none. `total` is how many will receive it; where fewer were counted, they
    stand for all.
    """

    segments: _Counts
    counted: int
    total: int

    @property
    def is_all(self) -> bool:
        """Whether everybody was."""
        return self.counted >= self.total

    @property
    def by_count(self) -> list[tuple[int, int]]:
        """Numbers of segments, the least first, and how many of the counted people get each."""
        found: dict[int, int] = {}
        for counts in self.segments.values():
            for number, people in counts.items():
                found[number] = found.get(number, 0) + people
        return sorted(found.items())

    @property
    def segments_total(self) -> int:
        """All segments that are charged, of everybody."""
        return sum(segments for _, _, segments in self.of_all())

    def of_all(self) -> Iterator[tuple[str, int, int]]:
        """Country, people and segments; brought up to the whole audience where not everybody was counted."""
        scale = self.total / self.counted if self.counted else 1
        for country, counts in self.segments.items():
            people = sum(counts.values())
            segments = sum(number * each for number, each in counts.items())
            yield country, round(people * scale), round(segments * scale)


def reach_of(work: Work, message: Message, total: int) -> Reach:
    """Where this draft goes; `total` is how many will receive it. Nobody, when it cannot be rendered at all.

    Everybody's segments, once all copies of this version were rendered in the background; till then the first people's.
    """
    report = lint.whole_report_of(work, message)
    if report is not None:
        return Reach(report.segments, report.checked, total)
    return _sample(work, message, total)


def _sample(work: Work, message: Message, total: int) -> Reach:
    try:
        reading = Reading(work, message)
    except Invalid:
        return Reach({}, 0, total)
    people = _first_people(work, message, reading)
    segments: dict[str, dict[int, int]] = {}
    for somebody in people:
        look = reading.look(somebody)
        if look.verdict.segments:
            counts = segments.setdefault(look.country, {})
            counts[look.verdict.segments] = counts.get(look.verdict.segments, 0) + 1
    return Reach(segments, len(people), total)


def _first_people(work: Work, message: Message, reading: Reading) -> list[Somebody]:
    """About the first 500; of a topic that is mostly on other channels perhaps fewer."""
    people: list[Somebody] = []
    cursor: int | None = 0
    for _ in range(MOST_PAGES):
        if cursor is None or len(people) >= SAMPLE:
            break
        found, cursor = next_people(work, message, reading.names, cursor, SAMPLE)
        people += found
    return people
