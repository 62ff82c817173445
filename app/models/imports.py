"""Imports: CSV files on their way to contacts, with their progress and report."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InProject


class Import(InProject, Base):
    """One CSV file: uploaded, mapped, tried out, run. The file itself lies in the store under `file_key`.

    `status`: uploaded, mapped (tried out), running, finished, failed. `cursor` is the number of rows that are done,
    so that a run goes on where it stopped; each row is all or nothing.
    """

    __tablename__ = "imports"
    __table_args__ = (UniqueConstraint("project_pk", "id"),)

    file_name: Mapped[str] = mapped_column(String(255))
    file_key: Mapped[str] = mapped_column(String(255))
    file_size: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(16))
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)  # encoding, delimiter, column mapping, topics
    rows_total: Mapped[int] = mapped_column(Integer, default=0)
    cursor: Mapped[int] = mapped_column(Integer, default=0)
    created_total: Mapped[int] = mapped_column(Integer, default=0)
    updated_total: Mapped[int] = mapped_column(Integer, default=0)
    unchanged_total: Mapped[int] = mapped_column(Integer, default=0)
    rejected_total: Mapped[int] = mapped_column(Integer, default=0)
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)  # first errors, cell by cell
    author_name: Mapped[str] = mapped_column(String(320), default="")
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(String(512), default="")
