"""Who a finding is about: its people, a page at a time, found by rendering the draft for them again."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.domain.errors import Invalid
from app.domain.lint_findings import ABOUT_VALUES, Finding, Found, read_key
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.targets import Target
from app.services.lists.listing import PAGE_SIZE, Cursor, Page
from app.services.messages import messages
from app.services.previews import lint
from app.services.previews.lint_reading import PAGE, Look, Reading, Somebody, next_people
from app.services.work import Work

LOOKED_AT = 3_000  # people that one page renders at most
FIRST_STEP = 2 * PAGE_SIZE  # which fills a page when nearly everybody has the finding


@dataclass(frozen=True, slots=True)
class Affected:
    """One person of a finding. `value` is what the person has for the variable that the finding names, if anything."""

    target_id: str
    contact_id: str
    name: str
    address: str
    value: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A finding with one page of its people; `finding` is None when nobody has it any more."""

    message: Message
    finding: Finding | None
    page: Page[Affected]
    shows_values: bool

    @property
    def is_written_here(self) -> bool:
        """Whether the composer can open the message."""
        return messages.is_written_here(self.message)


def people_of(work: Work, message_id: str, key: str, after: str = "") -> Listed:
    """The people of the finding with that key, oldest address first; a page may be short and yet lead on.

    Invalid for a key that no page has handed out, and for a draft that cannot be rendered.
    """
    work.require("contacts.read")
    message = messages.find(work, message_id)
    wanted = read_key(key)
    if wanted is None:
        raise Invalid({"found": ["This page's address is damaged; go back to the composer."]})
    report = lint.report_of(work, message)
    finding = next((each for each in report.findings if each.key == key), None) if report is not None else None
    page = _page(work, message, wanted, Cursor.parse(after).after or 0)
    return Listed(message, finding, page, shows_values=wanted[0] in ABOUT_VALUES)


def _page(work: Work, message: Message, wanted: Found, cursor: int) -> Page[Affected]:
    reading, found, looked_at, begun = Reading(work, message), list[Somebody](), 0, cursor
    is_over = False
    while len(found) <= PAGE_SIZE and looked_at < LOOKED_AT and not is_over:
        people, last = next_people(work, message, reading.names, cursor, FIRST_STEP if cursor == begun else PAGE)
        found += [somebody for somebody in people if _is_about(reading.look(somebody), wanted)]
        looked_at += len(people)
        is_over = last is None
        cursor = cursor if last is None else last
    shown = found[:PAGE_SIZE]
    if len(found) > PAGE_SIZE:
        cursor, is_over = shown[-1].pk, False
    return Page(_affected(work, shown, wanted[1]), None if is_over else str(cursor), "" if begun else None)


def _is_about(look: Look, wanted: Found) -> bool:
    if look.refusal is not None and wanted == ("refused", look.refusal.reason.value):
        return True
    return wanted in look.verdict.found


def _affected(work: Work, people: Sequence[Somebody], name: str) -> list[Affected]:
    rows = work.session.execute(
        select(Target.pk, Contact.id)
        .join(Contact, Contact.pk == Target.contact_pk)
        .where(Target.pk.in_([somebody.pk for somebody in people]))
    )
    contacts = {row[0]: row[1] for row in rows}
    return [
        Affected(
            somebody.id, contacts.get(somebody.pk, ""), somebody.recipient.name, somebody.recipient.address,
            str(somebody.recipient.variables.get(name, "")) if name else "",
        )
        for somebody in people
    ]  # fmt: skip
