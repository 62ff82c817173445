"""What the demo story tells: five topics of a bell tower's society, and forty emails with when and how each went."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Circle:
    """A topic of the story: how many of a hundred people with an email address are in it, and how its emails end."""

    key: str
    name: str
    description: str
    share: float
    closing: str
    town: str = ""  # only people from there


CIRCLES = (
    Circle(
        "letter", "Carillon newsletter", "Once a month: what the bells of Glockenau play, and why.", 42,
        "With a ring,\nthe Glockenau Carillon Society\n\n---\n\n"
        "*You get this letter once a month because you asked for it.*",
    ),
    Circle(
        "workshop", "Workshop and shop news", "New in the bell workshop, and what the shop has in stock.", 20,
        "Warm greetings from the workshop,\nMira and the casting crew",
    ),
    Circle(
        "concerts", "Concerts and events", "Concerts, tower tours and open rehearsals.", 26,
        "See you under the tower,\nthe concert team\n\n[All dates](https://example.org/concerts)",
    ),
    Circle(
        "service", "Service notices", "Opening hours, building works and changes to your membership.", 48,
        "Questions? Answer this email; a person reads it.\n\nThe society's office",
    ),
    Circle(
        "choir", "Berlin choir friends", "The choir that sings with the bells; Berlin section.", 55,
        "Bring warm socks, the nave is cold.\n\nInes, for the choir", "Berlin",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class When:
    """A day from today with a time on the project's own clock, or simply minutes from now."""

    days: int = 0
    clock: str = ""
    minutes: int = 0

    def moment(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The moment it means, as seen from `now`."""
        if not self.clock:
            return now + timedelta(minutes=self.minutes)
        day = now.astimezone(zone).date() + timedelta(days=self.days)
        return datetime.combine(day, time.fromisoformat(self.clock), zone).astimezone(now.tzinfo)


@dataclass(frozen=True, slots=True)
class Scene:
    """One email of the story.

    `course` is draft, scheduled, late, sent, waiting, sending, paused or cancelled; `mishaps` says to how many people
    what happens (the words of `demo_past.MISHAPS`); `until` is the share of people, in per cent, after whom it stops.
    """

    course: str
    when: When
    circle: str
    subject: str
    preheader: str
    lead: str
    mishaps: tuple[tuple[str, int], ...] = ()
    until: int = 100


def _at(days: int, clock: str) -> When:
    return When(days=days, clock=clock)


def _around(minutes: int) -> When:
    return When(minutes=minutes)


DRAFTS = (
    Scene("draft", _around(-12), "concerts", "Candlelight concert: the programme", "Four composers, 47 bells.",
          "{{ first_name | dear friend }}, the programme for the candlelight concert is nearly there. "
          "The **second half** still needs its order."),
    Scene("draft", _around(-95), "", "Thank you for the winter bell", "It weighs 812 kilograms, and it is yours too.",
          "You gave towards the winter bell. It was cast on a cold morning, and it rang true on the first stroke."),
    Scene("draft", _at(-2, "16:40"), "letter", "", "", "For January:\n\n- the frozen clapper\n- who tunes a bell"),
    Scene("draft", _at(-4, "11:05"), "workshop", "Gift cards for late deciders", "Printed or by email, from 10 euros.",
          "Gift cards can be had until the last evening. In {{ city | your town }} they arrive within two days."),
    Scene("draft", _at(-6, "09:20"), "service", "Your {{ plan | Guest }} membership in the new year", "What stays.",
          "Your *{{ plan | Guest }}* membership goes on as before. Two things get better:\n\n1. Tower tours are free\n"
          "2. Concert seats can be changed online"),
    Scene("draft", _at(-9, "17:30"), "choir", "Spring tour: who comes along", "Three towns, two nights, one bus.",
          "The spring tour takes us to three towers. Tell us by the end of the month whether you come."),
)  # fmt: skip

SCHEDULED = (
    Scene("scheduled", _around(35), "choir", "Rehearsal moved to the chapel", "Same time, one door further.",
          "The nave is being painted, so we rehearse in the **chapel**. Same time, warmer room."),
    Scene("scheduled", _at(1, "09:00"), "concerts", "Today at noon: bells and brass", "Twelve players, free entry.",
          "At noon the brass players stand on the gallery. Best heard from the linden tree."),
    Scene("scheduled", _at(2, "10:30"), "workshop", "Open casting day: 30 places", "Watch bronze become a bell.",
          "On casting day the workshop opens its gate. There are thirty places; boots are lent out."),
    Scene("late", _around(-150), "service", "The tower opens at noon today", "The lift is being tested.",
          "The lift is tested this morning, so the tower opens at **noon**. Tickets stay valid all day."),
    Scene("scheduled", _at(9, "09:00"), "letter", "December letter: the longest night", "All 47 bells, once a year.",
          "On the longest night all bells ring together. Here is where it sounds best, {{ first_name | neighbour }}."),
    Scene("scheduled", _at(17, "18:00"), "concerts", "Last seats for the candlelight concert", "Forty chairs are left.",
          "Forty chairs are left, most of them in the north aisle."),
    Scene("scheduled", _at(33, "10:00"), "letter", "January letter: tuning the winter bell", "Two tenths of a hertz.",
          "A bell is tuned once in its life. We tell how it is done, and who listens."),
)  # fmt: skip

PAST = (
    Scene("sent", _at(-13, "09:00"), "letter", "November letter: what rings in the fog", "Low bells carry further.",
          "Fog swallows high notes first. That is why the low bells play in November.",
          (("unknown", 4), ("domain", 1), ("full", 3))),
    Scene("sent", _at(-13, "17:15"), "choir", "Notes for the Advent pieces", "Alto and tenor, two pages each.",
          "The notes for the Advent pieces are on the [choir page](https://example.org/choir)."),
    Scene("sent", _at(-12, "10:00"), "workshop", "Bell ropes are back in stock", "Hemp, 12 metres, spliced by hand.",
          "Hemp ropes are back. Each is spliced by hand and carries a ringer's whole swing."),
    Scene("sent", _at(-11, "12:00"), "concerts", "Lunch concert on Thursday", "Twenty minutes, then soup.",
          "Twenty minutes of music, then soup in the tower room.", (("disabled", 2),)),
    Scene("sent", _at(-11, "18:30"), "choir", "Which key, in the end", "D major. Thank you for the discussion.",
          "We sing it in D major. Thank you for 31 answers."),
    Scene("sent", _at(-10, "08:30"), "service", "Winter opening hours", "From Monday until the end of February.",
          "From Monday the tower opens at ten and closes at four.",
          (("unknown", 3), ("refused", 2), ("large", 1))),
    Scene("sent", _at(-9, "19:00"), "concerts", "How the organ met the carillon", "A recording from last Friday.",
          "The recording from Friday can be [heard here](https://example.org/recordings)."),
    Scene("sent", _at(-8, "10:00"), "workshop", "A small bell for the door", "Bronze, 9 centimetres, tuned to G.",
          "Small bells from the last casting are in the shop: nine centimetres, tuned to G."),
    Scene("cancelled", _at(-7, "09:30"), "concerts", "Open air on the market square", "Called off: storm warning.",
          "The square is ours from three o'clock. Bring a chair.", until=40),
    Scene("sent", _at(-7, "11:10"), "concerts", "Indoors instead: tonight in the hall", "Same music, dry feet.",
          "The storm wins. We play in the hall tonight, same music, doors at seven."),
    Scene("sent", _at(-6, "15:00"), "choir", "Who brings cake on Friday", "Three are still needed.",
          "Three cakes are still needed for Friday. Answer with a flavour."),
    Scene("sent", _at(-6, "18:20"), "workshop", "Repairs: send us your hand bell", "New clappers, old sound.",
          "We repair hand bells all winter. Tell us what yours does wrong.", (("cut", 3),)),
    Scene("sent", _at(-5, "10:00"), "letter", "A letter from the tower keeper", "Twenty-nine years of stairs.",
          "Our tower keeper has climbed the stairs for 29 years. He wrote down what he saw."),
    Scene("sent", _at(-4, "09:45"), "concerts", "Tower tour for members", "Saturday, eight at a time.",
          "Members climb free on Saturday. We go up eight at a time, {{ first_name | and you }} too.", (("grey", 12),)),
    Scene("cancelled", _at(-4, "16:00"), "letter", "Survey: which bell do you know best", "Three questions.",
          "Three questions, one minute. The answers decide what plays at noon.", until=15),
    Scene("sent", _at(-3, "08:00"), "concerts", "Matinee: children ring the bells", "Ages six to twelve.",
          "Children from six to twelve may ring. Ropes come in three lengths.", (("cut", 5), ("refused", 1))),
    Scene("sent", _at(-3, "13:30"), "workshop", "Casting calendar for the winter", "Five dates to watch.",
          "Five castings are planned this winter. Watching is free, warmth is not included."),
    Scene("sent", _at(-2, "09:00"), "concerts", "Advent bells: dates and places", "Four Sundays, four squares.",
          "Four Sundays, four squares. The mobile carillon comes to {{ city | a town near you }} too.", (("full", 2),)),
    Scene("sent", _at(-2, "19:30"), "choir", "Recording of last night", "Headphones help.",
          "Last night sounded better than we thought. Listen with headphones."),
    Scene("sent", _at(-1, "09:00"), "letter", "How the winter bell got its name", "You chose it: Linde.",
          "More than six hundred of you voted. The winter bell is called **Linde**.", (("grey", 20),)),
    Scene("sent", _at(-1, "14:00"), "choir", "Seats for the dress rehearsal", "Two rows are yours.",
          "Two rows are kept for choir friends at the dress rehearsal."),
    Scene("sent", _at(-1, "18:45"), "workshop", "Saturday workshop: two places left", "Bring an apron.",
          "Two places are left on Saturday. Bring an apron and short sleeves.", (("refused", 2), ("unknown", 1))),
    Scene("sent", _around(-170), "concerts", "Tonight: bells at dusk", "Half an hour, from the west gallery.",
          "Half an hour of music at dusk, from the west gallery."),
    Scene("sent", _around(-52), "workshop", "The mould is open", "Pictures from this morning.",
          "This morning the mould was opened. The [pictures](https://example.org/mould) still smell of smoke.",
          (("disabled", 1),)),
)  # fmt: skip

NOW = (
    Scene("paused", _around(-38), "service", "Membership cards for the new year", "Check your name before we print.",
          "We print the new cards next week. Is **{{ name | your name }}** spelled right?", until=34),
    Scene("waiting", _around(-4), "workshop", "First frost: oil your bearings", "A drop is enough.",
          "At the first frost a drop of oil keeps a bearing quiet.", (("busy", 11),)),
    Scene("sending", _around(-1), "choir", "Tonight we sing at six", "Come ten minutes early.",
          "We sing at six, in the chapel. Come ten minutes early, {{ first_name | all of you }}.", until=25),
)  # fmt: skip

SCENES = (*DRAFTS, *SCHEDULED, *PAST, *NOW)
