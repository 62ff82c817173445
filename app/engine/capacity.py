"""What a provider can carry: the size of a message against what its kind takes, and what its server said lately.

What a kind takes is known for sure, so nothing larger is handed over. What a server said holds for a day and only
chooses between providers: where nobody else is left it is tried all the same, for limits are raised too.
See docs/adr/0050-what-a-provider-can-carry.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, tuple_, update
from sqlalchemy.orm import Session

from app import providers
from app.domain.content import EmailContent, content_of
from app.domain.content_limits import File as Named
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.provider_spec import encoded_size
from app.domain.sizes import say_size
from app.models.files import Bucket, File
from app.models.messages import Message
from app.models.providers import Provider

BELIEVED = timedelta(days=1)  # for which we go by what a server said
RENEWED = timedelta(hours=1)  # after which the same word of it is noted anew
_MOST_OCTETS = 4  # of one character in UTF-8


@dataclass(frozen=True, slots=True)
class Burden:
    """What every copy of a message has on its way, in bytes: of its files in base64, and about so many of its words.

    Words count only where a server's limit is so low that they might matter.
    """

    files: int = 0
    words: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.files + self.words


NOTHING = Burden()


def told_limit(provider: Provider, now: datetime) -> int | None:
    """How many bytes of one message the provider's server says that it takes; None when it said nothing lately."""
    if provider.size_limit is None or provider.size_limit_at is None:
        return None
    if abs(now - provider.size_limit_at) > BELIEVED:  # long ago, or by a clock that was set back since
        return None
    return provider.size_limit


def limit_of(provider: Provider, now: datetime) -> int:
    """How many bytes of one message the provider takes, as far as is known."""
    most = providers.get(provider.kind).spec.max_message_bytes
    told = told_limit(provider, now)
    return most if told is None else min(most, told)


def burden_of(session: Session, message: Message, among: Sequence[Provider], now: datetime) -> Burden:
    """How much a message asks of these providers; no query for one without files."""
    content = content_of(message.channel, message.content)
    if not isinstance(content, EmailContent):
        return NOTHING
    size = _size_of_files(session, message.project_pk, [file for file, _ in content.enclosed]) if content.files else 0
    told = [limit for each in among if (limit := told_limit(each, now)) is not None]
    characters = len(content.body) + len(content.text)
    if not told or size + characters * _MOST_OCTETS <= min(told):
        return Burden(size) if size else NOTHING
    return Burden(size, sum(len(words.encode("utf-8", "replace")) for words in (content.body, content.text)))


def _size_of_files(session: Session, project_pk: int, files: Sequence[Named]) -> int:
    """How many bytes they are on their way; those that are gone are none."""
    if not files:
        return 0
    sizes = session.execute(
        select(File.size_original)
        .join(Bucket, Bucket.pk == File.bucket_pk)
        .where(Bucket.project_pk == project_pk, File.store_key != "", tuple_(Bucket.id, File.id).in_(files))
    )
    return sum(encoded_size(size) for (size,) in sizes)


def mark_of(provider: Provider) -> str:
    """The provider as it is set now: what could not carry something may do so with other settings."""
    return f"{provider.id}.{provider.version}"


def able(order: Sequence[Provider], burden: Burden, unfit: Collection[str], now: datetime) -> list[Provider]:
    """Those of these providers, in their order, that can carry it as far as is known; none when none of them can.

    `unfit` are the marks of those that could not. Who is switched off can carry nothing; when all of them are, nobody
    is left out, and it waits as it would in any case.
    """
    enabled = [each for each in order if each.enabled]
    if not enabled or (not unfit and burden is NOTHING):
        return list(order)
    left = [each for each in enabled if _has_room(each, burden) and mark_of(each) not in unfit]
    return [each for each in left if burden.total <= limit_of(each, now)] or left


def refuse(order: Sequence[Provider], burden: Burden) -> Outcome:
    """The outcome of what none of these providers can carry: which limits, what size, and whose."""
    enabled = [each for each in order if each.enabled]
    limits = [f"{each.name} takes {say_size(_most_of(each))}" for each in enabled if not _has_room(each, burden)]
    others = [f"{each.name} could not carry it" for each in enabled if _has_room(each, burden)]
    told = ", ".join(limits + others)
    if limits:
        said = f"The message has {say_size(burden.files)} with its files on their way; {told}."
        return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, said)
    said = f"No provider is left for it: {told}. Connect one that can, and try it again."
    return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.NO_PROVIDER, said)


def learn(session: Session, provider: Provider, limit: int, now: datetime) -> bool:
    """Note how many bytes of one message its server said that it takes; whether that was news.

    Of two words within a day the smaller one holds: servers say what they take and refuse less, and of several hosts
    each has its own limit. `provider` may be as it was a while ago; the row decides.
    """
    known = told_limit(provider, now)
    if known is not None and (limit > known or (limit == known and _is_fresh(provider, now))):
        return False
    row = Provider
    changed = session.execute(
        update(row)
        .where(
            row.pk == provider.pk,
            or_(
                row.size_limit.is_(None), row.size_limit_at.is_(None), row.size_limit > limit,
                row.size_limit_at < now - BELIEVED, row.size_limit_at > now + BELIEVED,
                and_(row.size_limit == limit, row.size_limit_at < now - RENEWED),
            ),
        )
        .values(size_limit=limit, size_limit_at=now)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def set_limit(provider: Provider, limit: int | None, now: datetime) -> None:
    """A person asked the server, or set another one: what it said before counts no more. None: it says nothing."""
    provider.size_limit, provider.size_limit_at = limit, None if limit is None else now


def _is_fresh(provider: Provider, now: datetime) -> bool:
    return provider.size_limit_at is not None and now - provider.size_limit_at <= RENEWED


def _most_of(provider: Provider) -> int:
    return providers.get(provider.kind).spec.max_message_bytes


def _has_room(provider: Provider, burden: Burden) -> bool:
    return burden.files <= _most_of(provider)
