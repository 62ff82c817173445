"""Work: one use case's session, actor and moment; the only commit above the engine."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from secrets import token_bytes
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection, Select, bindparam, insert, select
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from app.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from app.domain.ids import unique
from app.domain.permissions import Actor, ActorKind
from app.infra import time_zones
from app.infra.broker import Broker
from app.infra.clock import Clock, SystemClock
from app.infra.db import PAGES, Database
from app.infra.gathering import Board, Gathering
from app.infra.pacing import Pacing
from app.infra.prepared import Prepared, Statements, statements_of
from app.infra.settings import Settings
from app.infra.shared_commits import Piece, is_open, piece_of
from app.infra.vault import Vault
from app.models.audit import AuditEntry
from app.models.base import to_milliseconds
from app.models.projects import Project
from app.services import use_index, word_index  # noqa: F401 - they follow what sessions write

Answer = TypeVar("Answer")
Bell = tuple[str, tuple[Any, ...], str]  # task, arguments, queue

_TRAIL = Prepared(
    insert(AuditEntry.__table__).inline(),  # type: ignore[arg-type] # a table, whatever its type says
    "project_pk", "at", "event", "resource", "actor_kind", "actor_pk", "actor_name", "ip", "user_agent", "details",
)  # fmt: skip


class _Ground:
    """What a work stands on: a session of the database, or what opens one only when it is asked for.

    That is a look at it, or a piece of a transaction that several share.
    """

    __slots__ = ("_database", "_opened", "_piece", "_session", "_statements", "is_writing")

    def __init__(self, database: Database, opened: Session | Statements | Piece, *, is_writing: bool = False) -> None:
        self._database = database
        self._piece = opened if isinstance(opened, Piece) else None
        self._session = opened if isinstance(opened, Session) else None
        self._statements = opened if isinstance(opened, Statements) else None
        self._opened: ExitStack | None = None
        self.is_writing = is_writing

    @property
    def session(self) -> Session:
        """The session; one that only reads for a work that only looks."""
        if self._session is None and self._piece is not None:
            self._session = self._piece.session
        if self._session is None:
            self._opened = ExitStack()
            self._session = self._opened.enter_context(self._database.read())
        return self._session

    @property
    def objects(self) -> Iterable[Any]:
        """The rows that are objects here by now."""
        return () if self._session is None else list(self._session.identity_map.values())

    @property
    def unflushed(self) -> Statements:
        """What runs prepared statements; within a transaction, on what was written by then."""
        if self._statements is None:
            self._statements = statements_of(self.session) if self._piece is None else self._piece.statements
        return self._statements

    @property
    def statements(self) -> Statements:
        """The same, after what was changed in the session was written."""
        if self.is_writing and self._session is not None:
            self._session.flush()
        return self.unflushed

    def close(self) -> None:
        """Close what a look has opened."""
        if self._opened is not None:
            self._opened.close()


@dataclass(slots=True)
class Work:
    """What a service command needs. It never commits: leaving the workshop's block does, and then rings."""

    ground: _Ground
    actor: Actor
    now: datetime
    vault: Vault
    settings: Settings
    pacing: Pacing
    bells: list[Bell] = field(default_factory=list)

    @property
    def session(self) -> Session:
        """The session of this work's transaction."""
        return self.ground.session

    @property
    def objects(self) -> Iterable[Any]:
        """The rows that this work holds as objects by now."""
        return self.ground.objects

    def rows(self, prepared: Prepared, **values: Any) -> list[Any]:
        """What a prepared statement answers: named tuples."""
        return self.ground.statements.rows(prepared, **values)

    def row(self, prepared: Prepared, **values: Any) -> Any:
        """The first of them; None when there is none."""
        return self.ground.statements.row(prepared, **values)

    def change(self, prepared: Prepared, **values: Any) -> int:
        """Run a prepared statement that changes rows; how many it changed. RuntimeError in a work that only reads."""
        if not self.ground.is_writing:
            raise RuntimeError("This work only reads.")
        return self.ground.statements.change(prepared, **values)

    @property
    def project_pk(self) -> int:
        """The project of whoever asks; Forbidden when the actor stands outside every project."""
        if self.actor.project_pk is None:
            raise Forbidden("Choose a project first.")
        return self.actor.project_pk

    @property
    def project(self) -> Project:
        """The project of whoever asks."""
        found = self.session.get(Project, self.project_pk)
        if found is None:
            raise NotFound("This project does not exist any more.", type="project_not_found")
        return found

    def require(self, permission: str) -> None:
        """Go on only when the actor may; Forbidden, in words, otherwise."""
        if not self.actor.may(permission):
            raise Forbidden(f"Your role in this project does not allow this ({permission}). Ask an admin.")

    def unique_id(self) -> str:
        """A new public id."""
        return unique(to_milliseconds(self.now), token_bytes(5))

    def stamp(self) -> dict[str, datetime]:
        """The dates of a row that is made now."""
        return {"created_at": self.now, "updated_at": self.now}

    def audit(self, event: str, resource: str, **details: Any) -> None:
        """Write into the trail, in this transaction: `event` is noun.verb, `resource` is noun/id.

        No secrets, and of contacts no name and no address: who it was is looked up as long as they are there.
        """
        if not self.ground.is_writing:
            return  # what a work that only reads changes is thrown away, and its trail too
        actor = self.actor
        is_found_again = actor.kind is ActorKind.CONTACT and actor.pk is not None
        self.ground.unflushed.change(
            _TRAIL, project_pk=actor.project_pk, at=self.now, event=event, resource=resource,
            actor_kind=actor.kind.value, actor_pk=actor.pk, actor_name="" if is_found_again else actor.name,
            ip=actor.ip[:64], user_agent=actor.user_agent[:512], details=details,
        )  # fmt: skip

    def given_to(self, actor: Actor) -> "Work":
        """The same work in the hands of another actor: one look at the database says who asks and what they see."""
        return Work(self.ground, actor, self.now, self.vault, self.settings, self.pacing, self.bells)

    def ring(self, task: str, *args: Any, queue: str = "bulk") -> None:
        """Ring that job once the transaction is through; nothing is rung when it fails."""
        self.bells.append((task, args, queue))

    def find(self, table: type[Any], public_id: str, *, noun: str, type: str = "general_not_found") -> Any:
        """The row of this project with that public id; NotFound, in words, when there is none."""
        row = self.session.scalar(_by_id(table), {"project_pk": self.project_pk, "id": public_id})
        if row is None:
            raise missing(noun, type)
        return row


def missing(noun: str, type: str) -> NotFound:
    """What to raise for an id that nothing of the project has."""
    return NotFound(f"This {noun} does not exist, or was deleted.", type=type)


def _make_finder(table: type[Any]) -> Select[Any]:
    return select(table).where(table.project_pk == bindparam("project_pk"), table.id == bindparam("id"))


# The statement that finds a row by project and public id: making it anew takes as long as asking it.
_by_id: Callable[[type[Any]], Select[Any]] = cache(_make_finder)  # type: ignore[assignment] # a class is hashable


@dataclass(slots=True)
class _Brought(Generic[Answer]):
    """What a thread wants done in a work that shares its commit, and what came of it."""

    actor: Actor
    act: Callable[[Work], Answer]
    context: Context  # of that thread, whoever does it: what it knows of its request, and what its log lines say
    answer: Answer | None = None
    bells: Iterable[Bell] = ()
    error: BaseException | None = None


class Workshop:
    """Opens works. One per process; safe to share between threads."""

    def __init__(self, settings: Settings, database: Database, broker: Broker, clock: Clock, vault: Vault) -> None:
        self.settings = settings
        self.database = database
        self.broker = broker
        self.clock = clock
        self.vault = vault
        self.pacing = Pacing(broker, clock)
        self._gathering: Gathering[_Brought[Any]] = Gathering(self._commit_together)

    @classmethod
    def equip(cls, settings: Settings, *, pages: int = PAGES) -> "Workshop":
        """The parts every process shares, made from its settings. VaultError when the key file cannot be read.

        `pages` is how many KiB each connection to SQLite keeps.
        """
        time_zones.use_newest()
        database, broker = Database(settings.sqlalchemy_url, pages=pages), Broker(settings.broker_url)
        return cls(settings, database, broker, SystemClock(), Vault.open(settings))

    def close(self) -> None:
        """Give back every connection."""
        self.broker.close()
        self.database.close()

    @contextmanager
    def open(self, actor: Actor) -> Iterator[Work]:
        """A work that may change things: commits when the block ends, then rings; an exception rolls all back.

        Unavailable when the database is locked, full or away.
        """
        with _plain_words(), self.database.begin() as session:
            work = self._hand_out(_Ground(self.database, session, is_writing=True), actor)
            yield work
        self._ring(work.bells)

    def share(self, actor: Actor, act: Callable[[Work], Answer]) -> Answer:
        """What `act` returns, done in a work like one of `open`, whose commit other threads share: it is kept by then.

        On SQLite, where threads write in turns; whoever's turn it is does what all of them brought and commits once.
        So it is for what takes a few statements and waits for nothing: each waits for those beside it. What raises is
        undone alone; where the commit fails, each raises that.
        """
        if not self.database.is_sqlite:
            with self.open(actor) as work:
                return act(work)
        mine = _Brought(actor, act, copy_context())
        with _plain_words():
            self._gathering.bring(mine)
            if mine.error is not None:
                raise mine.error
        self._ring(mine.bells)
        return cast("Answer", mine.answer)

    def _commit_together(self, board: Board[_Brought[Any]]) -> None:
        with self.database.connect() as connection:
            while together := board():
                for brought in together:
                    brought.context.run(self._perform, brought, connection)

    def _perform(self, brought: _Brought[Any], connection: Connection) -> None:
        try:
            with piece_of(connection) as piece:
                work = self._hand_out(_Ground(self.database, piece, is_writing=True), brought.actor)
                brought.answer = brought.act(work)
                brought.bells = work.bells
        except BaseException as error:
            if not is_open(connection):
                raise  # what the others wrote is gone too
            brought.error = error

    def _ring(self, bells: Iterable[Bell]) -> None:
        for task, args, queue in bells:
            self.broker.ring(task, *args, queue=queue)

    @contextmanager
    def read(self, actor: Actor) -> Iterator[Work]:
        """A work that only reads; it takes no lock and writes nothing."""
        with _plain_words(), self.database.read() as session:
            yield self._hand_out(_Ground(self.database, session), actor)

    @contextmanager
    def look(self, actor: Actor) -> Iterator[Work]:
        """A work that only reads, mostly by prepared statements: each sees what is committed when it runs.

        Its session, once asked for, is a look of its own, all of one moment.
        """
        with _plain_words(), self.database.look() as statements:
            ground = _Ground(self.database, statements)
            try:
                yield self._hand_out(ground, actor)
            finally:
                ground.close()

    def _hand_out(self, ground: _Ground, actor: Actor) -> Work:
        return Work(ground, actor, self.clock.now(), self.vault, self.settings, self.pacing)


@contextmanager
def _plain_words() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        said = str(error.orig).lower()
        if "unique" in said:
            raise Conflict("Somebody saved the same thing at the same moment. Look at it and try again.") from error
        if "foreign key" in said:
            raise Conflict("Something that belongs to it was deleted at the same moment. Try again.") from error
        raise
    except DataError as error:  # PostgreSQL keeps no NUL; what a field may hold is judged long before
        raise Invalid({"": ["Something in it cannot be stored, such as a NUL character. Remove it."]}) from error
    except OperationalError as error:
        text = str(error.orig)
        if "full" in text or "No space" in text:
            raise Unavailable("The disk is full, so nothing was saved. Free some space and try again.") from error
        raise Unavailable("The database is busy or away, so nothing was saved. Try again in a moment.") from error
