"""What routing remembers: the ways that tries have opened, and who was given how much of what is shared."""

from sqlalchemy import Float, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId


class Detour(Base):
    """The way of deliveries that may not go where they wished; a delivery names it as `wish_pk` below zero.

    `wish_pk` is what they wished (0: nothing). `avoids` are the numbers of the providers that they were tried at in
    this round, ascending, with commas; `unfit` the marks
    (`engine.capacity`) of those that cannot carry them in any. `only_pk` is the one provider that
    may try them again (0: any).
    """

    __tablename__ = "detours"
    __table_args__ = (UniqueConstraint("project_pk", "wish_pk", "avoids", "unfit", "only_pk"),)

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId)
    wish_pk: Mapped[int] = mapped_column(BigId)
    avoids: Mapped[str] = mapped_column(Text, default="")
    unfit: Mapped[str] = mapped_column(Text, default="", server_default="")
    only_pk: Mapped[int] = mapped_column(BigId, default=0)


class Turn(Base):
    """How many deliveries a provider was given beyond its share; below zero when it is owed some."""

    __tablename__ = "turns"

    provider_pk: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    project_pk: Mapped[int] = mapped_column(BigId)
    balance: Mapped[float] = mapped_column(Float(53), default=0.0)
