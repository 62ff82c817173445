"""The full-text index of each database: which rows hold words, said to SQLite and to PostgreSQL.

A table that is searched keeps its words in a column `words` (`domain.words.words_of`). On SQLite an FTS5 table without
content lies beside it, on PostgreSQL a GIN index on it; both are made by migration 0005. Every word is kept behind the
number of its project, so that a search reads the words of its own project only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    TableClause,
    cast,
    column,
    func,
    literal,
    literal_column,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from app.domain.words import Search

INDEXED = frozenset({"contacts", "messages", "files"})  # those that grow long enough to need one


@dataclass(frozen=True, slots=True)
class Match:
    """How an index finds rows: conditions, and on SQLite a table to join, whose `rowid` is the row's number."""

    conditions: Sequence[ColumnElement[bool]] = ()
    joined: TableClause | None = None
    on: ColumnElement[bool] | None = None
    rowid: Any = None

    def of(self, query: Select[Any]) -> Select[Any]:
        """The query, through the index."""
        joined = query if self.joined is None else query.join(self.joined, self.on)
        return joined.where(*self.conditions)

    def place(self, pk: Any) -> Any:
        """What a row's number is called where rows are ordered and skipped by it."""
        return pk if self.rowid is None else self.rowid


def holds(words: Any, search: Search) -> list[ColumnElement[bool]]:
    """That a column of words holds all terms, looked up in the words themselves: exact, and without an index."""
    conditions = [words.like(f"% {term} %") for term in (*search.words, *search.phrases)]
    return [*conditions, words.like(f"% {search.beginning}%")] if search.beginning else conditions


def match(session: Session, name: str, project_pk: int, search: Search) -> Match:
    """The rows of an indexed table that hold all words; a phrase's words may still stand apart (`holds` decides)."""
    parts = [*search.words, *(word for phrase in search.phrases for word in phrase.split())]
    terms = [f"{project_pk}x{word}" for word in dict.fromkeys(parts)]
    beginning = f"{project_pk}x{search.beginning}" if search.beginning else ""
    return _MATCHES[session.get_bind().dialect.name](name, terms, beginning)


def enter(session: Session, name: str, first_pk: int, last_pk: int) -> None:
    """Take freshly inserted rows of an indexed table into the index, all with one statement.

    For rows that were inserted with their words; afterwards triggers follow each change. A trigger for each insert
    would cost five times as much, as SQLite begins a nested transaction for it. PostgreSQL's index needs no call.
    """
    if session.get_bind().dialect.name == "sqlite":
        statement = (
            f"INSERT INTO {name}_words (rowid, words)"  # noqa: S608 - the name is one of INDEXED
            f" SELECT pk, replace(rtrim(words), ' ', ' ' || project_pk || 'x') FROM {name}"
            " WHERE pk BETWEEN :first AND :last AND words <> ''"
        )
        session.execute(text(statement), {"first": first_pk, "last": last_pk})


def _match_fts5(name: str, terms: Sequence[str], beginning: str) -> Match:
    asked = [f'"{term}"' for term in terms] + ([f'"{beginning}"*'] if beginning else [])
    index = table(f"{name}_words", column("rowid", Integer))
    condition = literal_column(f"{name}_words").op("MATCH", is_comparison=True)(" AND ".join(asked))
    # The plus keeps SQLite from asking the index once for each row of the table: it reads the index, then the rows.
    same = literal_column(f"{name}.pk") == literal_column(f"+{name}_words.rowid")
    return Match([condition], index, same, index.c.rowid)


def _match_tsvector(name: str, terms: Sequence[str], beginning: str) -> Match:
    asked = [f"'{term}'" for term in terms] + ([f"'{beginning}':*"] if beginning else [])
    words: Any = literal_column(f"{name}.words")
    project: Any = literal_column(f"{name}.project_pk::text")
    one: Any = literal_column("' '")
    numbered = func.ltrim(func.replace(func.rtrim(words), one, one.concat(project).concat(literal_column("'x'"))))
    vector = func.array_to_tsvector(func.string_to_array(numbered, one))
    return Match([vector.op("@@", is_comparison=True)(cast(literal(" & ".join(asked)), TSQUERY))])


_MATCHES = {"sqlite": _match_fts5, "postgresql": _match_tsvector}
