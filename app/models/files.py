"""Buckets, the files in them, and what is on its way in or out of the file store."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, InProject, Searched, key_text


class Bucket(Searched, InProject, Base):
    """A container of files with the rules that its files keep.

    `permissions` are REST permission strings; `antivirus` is kept and shown, nothing is scanned.
    """

    __tablename__ = "buckets"
    # Numbers are never used twice: they name folders of the file store that are emptied after a row is gone.
    __table_args__ = (
        UniqueConstraint("project_pk", "id"), Index(None, "project_pk", "name"), {"sqlite_autoincrement": True},
    )  # fmt: skip

    name: Mapped[str] = mapped_column(String(128))
    description: Mapped[str] = mapped_column(String(2048), default="")
    permissions: Mapped[list[str]]
    file_security: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)
    maximum_file_size: Mapped[int] = mapped_column(BigInteger)
    allowed_extensions: Mapped[list[str]]
    compression: Mapped[str] = mapped_column(String(8), default="none")
    encryption: Mapped[bool] = mapped_column(default=True)
    antivirus: Mapped[bool] = mapped_column(default=True)
    transformations: Mapped[bool] = mapped_column(default=True)
    strip_metadata: Mapped[bool] = mapped_column(default=False)
    is_demo: Mapped[bool] = mapped_column(default=False, server_default=false())


class File(Searched, InProject, Base):
    """One file of a bucket; its bytes lie in the file store under `store_key`, which is empty until all have come.

    `name` is a label and no path. `folder` ends with a slash, or is empty. Once whole, the bytes never change.
    `compression` and `encryption` say how these bytes lie there; `sealed_key` is their key, sealed by the vault.
    `author` is who may go on with a pending upload. `assembled_until` is the lease of whoever joins its chunks.
    `kind` is one of `domain.file_kinds`, and empty as long as `store_key` is; `name_key` is by what names are ordered.
    """

    __tablename__ = "files"
    __table_args__ = (
        UniqueConstraint("bucket_pk", "id"),
        Index(None, "bucket_pk", "pk"),
        Index(None, "bucket_pk", "folder"),
        Index(None, "bucket_pk", "size_actual"),
        Index(None, "bucket_pk", "created_at", "pk"),
        Index(None, "bucket_pk", "updated_at", "pk"),
        Index(None, "bucket_pk", "name", "pk"),
        Index(None, "bucket_pk", "kind", "pk"),
        Index(None, "bucket_pk", "kind", "name_key", "pk"),
        Index(None, "bucket_pk", "kind", "size_original", "pk"),
        Index(None, "store_key", "updated_at"),
        {"sqlite_autoincrement": True},
    )

    bucket_pk: Mapped[int] = mapped_column(BigId, ForeignKey("buckets.pk", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(key_text(512), default="", server_default="")
    kind: Mapped[str] = mapped_column(String(8), default="", server_default="")
    folder: Mapped[str] = mapped_column(key_text(2048), default="")
    permissions: Mapped[list[str]]
    signature: Mapped[str] = mapped_column(String(32), default="")
    mime_type: Mapped[str] = mapped_column(String(127), default="")
    size_original: Mapped[int] = mapped_column(BigInteger)
    size_actual: Mapped[int] = mapped_column(BigInteger, default=0)
    chunks_total: Mapped[int] = mapped_column(Integer, default=1)
    chunks_uploaded: Mapped[int] = mapped_column(Integer, default=0)
    encryption: Mapped[bool] = mapped_column(default=False)
    compression: Mapped[str] = mapped_column(String(8), default="none")
    store_key: Mapped[str] = mapped_column(String(255), default="")
    sealed_key: Mapped[str] = mapped_column(String(255), default="")
    author: Mapped[str] = mapped_column(String(64), default="")
    assembled_until: Mapped[datetime | None]


class FileReader(Base):
    """A role that may read a file, out of the file's permissions, so that lists can ask for it."""

    __tablename__ = "file_readers"

    file_pk: Mapped[int] = mapped_column(BigId, ForeignKey("files.pk", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(160), primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))


class FileUse(Base):
    """That a message, or the newest version of a template, needs a file; the ids are those its content names.

    The file may be gone, or never have been there. `services.use_index` keeps these in step with the contents.
    """

    __tablename__ = "file_uses"
    __table_args__ = (
        Index(None, "project_pk", "bucket_id", "file_id", "message_pk"),
        Index(None, "message_pk"),
        Index(None, "template_pk"),
    )

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))
    bucket_id: Mapped[str] = mapped_column(String(36))
    file_id: Mapped[str] = mapped_column(String(36))
    message_pk: Mapped[int | None] = mapped_column(BigId, ForeignKey("messages.pk", ondelete="CASCADE"))
    template_pk: Mapped[int | None] = mapped_column(BigId, ForeignKey("templates.pk", ondelete="CASCADE"))


class FileChunk(Base):
    """A chunk of a pending file that has come, and where it lies; the first of its number stays."""

    __tablename__ = "file_chunks"

    file_pk: Mapped[int] = mapped_column(BigId, ForeignKey("files.pk", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))
    store_key: Mapped[str] = mapped_column(String(255))


class Leftover(Base):
    """A folder of the file store whose rows are gone; written with their deletion, so that no object is forgotten.

    The project may be gone too, so its number is kept without a reference.
    """

    __tablename__ = "leftovers"

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId)
    folder: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime]
