"""Searches lists by words: through the full-text index, or row by row where almost every row holds the words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true

from app.domain.words import Search
from app.infra import full_text
from app.infra.full_text import Match
from app.services.work import Work

_PROBED, _COMMON = 250, 20  # rows looked at on either end of a list, and how many of them make a word a common one


def narrow(
    work: Work, table: Any, conditions: Sequence[ColumnElement[bool]], fixed: Mapping[str, ColumnElement[bool]],
    search: Search,
) -> Match:  # fmt: skip
    """How rows of `table` (within `conditions`) that hold all words of `search` are found.

    Words of `fixed` stand in other columns: a row holds them when its condition is true, too. A common word is
    looked up row by row, which fills a page or the 5,000 of a total at once, while the index would have to be read
    as a whole. Any other word is looked up in the index, if the table has one.
    """
    name = table.__tablename__
    known, rest = _split(table, fixed, search)
    held = [*known, *full_text.holds(table.words, rest)]
    if name not in full_text.INDEXED or rest.is_empty:
        return Match(held)
    beginning = Search(beginning=rest.beginning)
    is_common, begins_often = _hold_often(work, table, conditions, (rest, beginning))
    if is_common:
        return Match(held)
    # Whole words cost the index little, however many rows hold them; of a beginning it must read all.
    is_left_out = begins_often and rest != beginning
    found = full_text.match(work.session, name, work.project_pk, replace(rest, beginning="") if is_left_out else rest)
    checked = replace(rest, words=(), beginning=rest.beginning if is_left_out else "")
    return replace(found, conditions=[*found.conditions, *known, *full_text.holds(table.words, checked)])


def _split(
    table: Any, fixed: Mapping[str, ColumnElement[bool]], search: Search
) -> tuple[list[ColumnElement[bool]], Search]:
    """Conditions for the words that `fixed` knows (or that one of it begins with), and the words that are left."""
    known = [
        or_(fixed[word], *full_text.holds(table.words, Search(words=(word,)))) for word in search.words if word in fixed
    ]
    rest = replace(search, words=tuple(word for word in search.words if word not in fixed))
    begun = [condition for word, condition in fixed.items() if search.beginning and word.startswith(search.beginning)]
    if begun:
        known.append(or_(*begun, *full_text.holds(table.words, Search(beginning=search.beginning))))
        rest = replace(rest, beginning="")
    return known, rest


def _hold_often(
    work: Work, table: Any, conditions: Sequence[ColumnElement[bool]], searches: Sequence[Search]
) -> list[bool]:
    """Whether each is held by a good part of the rows, at the beginning of the list and at its end."""
    answers = [True] * len(searches)
    for first in (table.pk.asc(), table.pk.desc()):
        some = select(table.words).where(*conditions).order_by(first).limit(_PROBED).subquery()
        held = [and_(true(), *full_text.holds(some.c.words, each)) for each in searches]
        hits = work.session.execute(select(*(func.sum(case((each, 1), else_=0)) for each in held))).one()
        answers = [answer and (found or 0) >= _COMMON for answer, found in zip(answers, hits, strict=True)]
    return answers
