"""What every table is made of: the base, its types and the columns all share."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, ForeignKey, Integer, MetaData, String, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def to_milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 in UTC, as every table keeps its moments."""
    return (moment - EPOCH) // MILLISECOND


def from_milliseconds(number: int) -> datetime:
    """The aware moment in UTC."""
    return EPOCH + number * MILLISECOND


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC, kept as milliseconds since 1970: the same bytes and the same order on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """A naive moment is a bug and raises."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment needs its time zone.")
        return to_milliseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Aware, in UTC."""
        return _moment(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:  # noqa: ARG002
        """The same without the steps between that a TypeDecorator would put there for every value."""
        return _moment


@lru_cache(maxsize=4096)  # lists show the same few moments again and again
def _moment(value: int | None) -> datetime | None:
    return None if value is None else from_milliseconds(value)


Json = JSON().with_variant(JSONB(), "postgresql")
BigId = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows itself only for INTEGER PRIMARY KEY


def key_text(length: int) -> String:
    """Text that is compared sign by sign on every database, so that a range of an index finds what begins alike."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Base(DeclarativeBase):
    """The base of all tables; names of constraints are made by one rule so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: Json, list[str]: Json}  # noqa: RUF012


class Row:
    """A row with a number of its own (`pk`, never shown) and the dates of its making and its last change."""

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class InProject(Row):
    """A row of one project, with the id that people and programs use; unique within the project."""

    id: Mapped[str] = mapped_column(String(36))

    @declared_attr
    def project_pk(cls) -> Mapped[int]:  # noqa: N805 - declared_attr hands in the class
        """The project it belongs to; deleted with it."""
        return mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))


class Searched:
    """A row that lists are searched for by its `words` (`services.word_index` makes them); not loaded with the row."""

    words: Mapped[str] = mapped_column(Text, default="", server_default="", deferred=True)
