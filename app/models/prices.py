"""What text messages cost: the customer's own contract with a provider, country by country."""

from datetime import date

from sqlalchemy import BigInteger, Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, InProject


class Price(InProject, Base):
    """What one segment to a country costs through a provider, from a day on (a day of the project's calendar).

    `country` is ISO 3166, or empty for every country that has no price of its own. `micros` are millionths of one unit
    of `currency` (ISO 4217): whole numbers, so that nothing is ever rounded on its way.
    """

    __tablename__ = "prices"
    __table_args__ = (UniqueConstraint("project_pk", "id"), UniqueConstraint("provider_pk", "country", "valid_from"))

    provider_pk: Mapped[int] = mapped_column(BigId, ForeignKey("providers.pk", ondelete="CASCADE"))
    country: Mapped[str] = mapped_column(String(2), default="")
    micros: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    valid_from: Mapped[date] = mapped_column(Date)
