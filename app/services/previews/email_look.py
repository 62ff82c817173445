"""What the composer says of an email beyond its words: its place in an inbox, its bytes, its links, who shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.content import EmailContent
from app.domain.exact_request import ExactRequest
from app.domain.mime_tree import HeaderField, MimePart, header_fields, mime_parts
from app.domain.rendered import RenderedEmail
from app.domain.request_fields import RequestField, request_fields
from app.engine import capacity
from app.models.messages import Message
from app.rendering.as_shown import InboxRow, inbox_row
from app.rendering.checks import GMAIL_LIMIT
from app.rendering.clipping import Clip, clip_of
from app.rendering.links import Link, list_links
from app.rendering.support import ClientSupport, features_of, support_of, tables_date
from app.services.previews import exact_request, sample_links
from app.services.providers import sender
from app.services.work import Work

if TYPE_CHECKING:
    from app.services.previews.exact_request import Asked
    from app.services.previews.preview import Preview

VIEWS = (
    ("email", "Email"), ("text", "Text"), ("source", "Source"), ("headers", "Headers"), ("parts", "Parts"),
    ("links", "Links"), ("programs", "Programs"), ("request", "Request"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Letter:
    """An email as it leaves for one provider, in octets.

    Where we write it, `fields` and `parts` are its own; where the service does, `given` is what it is given instead.
    `limit` is how much the provider takes, as far as is known. `varies` are the places that differ from delivery to
    delivery beside the recipient's. `trouble` says why it cannot be written; then there is nothing else.
    """

    provider_name: str
    service: str
    size: int = 0
    limit: int = 0
    fields: Sequence[HeaderField] = ()
    parts: Sequence[MimePart] = ()
    given: Sequence[RequestField] = ()
    varies: Sequence[str] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Programs:
    """What email programs make of it. `tested` is the day of the tables; `features` is what they were asked about."""

    tested: str
    features: Sequence[str]
    support: Sequence[ClientSupport]

    def count(self, verdict: str) -> int:
        """How many programs have that verdict (works, partly, no)."""
        return sum(each.verdict == verdict for each in self.support)

    @property
    def alike(self) -> list[tuple[ClientSupport, list[str]]]:
        """The programs of a family that do the same, as one: the first of them, and all the places where they run."""
        found: dict[object, tuple[ClientSupport, list[str]]] = {}
        for each in self.support:
            found.setdefault((each.family, each.leaves_out, each.partly), (each, []))[1].append(each.place)
        return list(found.values())


@dataclass(frozen=True, slots=True)
class EmailLook:
    """What one view of an email shows; what other views show is not made, so that saving while typing stays quick.

    `clip` is where Gmail would cut it; None when it fits. `hides_leaving`: the unsubscribe link would be cut away.
    """

    view: str
    inbox: InboxRow
    clip: Clip | None = None
    hides_leaving: bool = False
    letter: Letter | None = None
    links: Sequence[Link] = ()
    programs: Programs | None = None
    asked: Sequence["Asked"] = ()


def look(work: Work, message: Message, content: EmailContent, preview: "Preview", view: str = "") -> EmailLook:
    """What this view of a preview shows of an email; the first view for a name that is none."""
    rendered = preview.rendered
    if not isinstance(rendered, RenderedEmail):
        raise TypeError("An email was asked for")
    view = view if view in dict(VIEWS) else VIEWS[0][0]
    row, leaving = inbox_row(rendered), _leaving(work, message)
    clip = clip_of(rendered.html, GMAIL_LIMIT)
    hides = clip is not None and bool(leaving) and leaving not in clip.before and leaving in clip.after
    match view:
        case "headers" | "parts":
            return EmailLook(view, row, clip, hides, letter=_letter(work, message, preview))
        case "links":
            return EmailLook(view, row, clip, hides, links=list_links(rendered, leaving))
        case "programs" if rendered.html:
            return EmailLook(view, row, clip, hides, programs=_programs(rendered.html, content))
        case "request":
            return EmailLook(view, row, clip, hides, asked=exact_request.ask_all(work, message, preview))
        case _:
            return EmailLook(view, row, clip, hides)


def _programs(page: str, content: EmailContent) -> Programs:
    """What programs make of this page, those that leave something out first."""
    rank = ("no", "partly", "works")
    support = sorted(support_of(page, content), key=lambda each: rank.index(each.verdict))
    return Programs(tables_date(), features_of(page, content), support)


def _leaving(work: Work, message: Message) -> str:
    """How every unsubscribe link of this message begins; empty when it has none."""
    address = sample_links.address_of(work, message)
    return f"{address}/" if address else ""


def _letter(work: Work, message: Message, preview: "Preview") -> Letter | None:
    provider = sender.provider_of(work, message)
    if provider is None:
        return None
    asked = exact_request.ask(work, message, preview, provider)
    if asked.request is None:
        return Letter(asked.provider_name, asked.service, trouble=asked.trouble)
    limit = capacity.limit_of(provider, work.now)
    return _opened(asked, asked.request, limit)


def _opened(asked: "Asked", request: ExactRequest, limit: int) -> Letter:
    letter = request.letter
    if not letter:
        return Letter(
            asked.provider_name, asked.service, request.size, limit, given=request_fields(request),
            varies=asked.varies, trouble=request.refusal,
        )  # fmt: skip
    return Letter(
        asked.provider_name, asked.service, len(letter), limit, header_fields(letter), mime_parts(letter), (),
        asked.varies, request.refusal,
    )  # fmt: skip
