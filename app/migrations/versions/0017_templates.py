"""Templates with their versions, and which of them a message was made from.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_KEY = sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")
_MADE = sa.text("template_pk IS NOT NULL")


def upgrade() -> None:
    """Two tables; messages that were made from no template enter no index and pay nothing."""
    op.create_table(
        "templates",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("name_key", _KEY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("author_name", sa.String(320), nullable=False),
        sa.Column("editor_name", sa.String(320), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_templates_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_templates")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_templates_project_pk_id")),
        sa.UniqueConstraint("project_pk", "channel", "name_key", name=op.f("uq_templates_project_pk_channel_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_templates_project_pk_pk"), "templates", ["project_pk", "pk"])
    op.create_index(
        op.f("ix_templates_project_pk_channel_updated_at_pk"),
        "templates",
        ["project_pk", "channel", "updated_at", "pk"],
    )
    op.create_table(
        "template_versions",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("template_pk", _ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", _JSON, nullable=False),
        sa.Column("note", sa.String(256), nullable=False),
        sa.Column("author_name", sa.String(320), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_template_versions_project_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["template_pk"], ["templates.pk"], name=op.f("fk_template_versions_template_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_template_versions")),
        sa.UniqueConstraint("template_pk", "number", name=op.f("uq_template_versions_template_pk_number")),
    )
    op.add_column("messages", sa.Column("template_pk", _ID, nullable=True))
    op.add_column("messages", sa.Column("template_version", sa.Integer(), nullable=True))
    op.create_index(
        "ix_messages_template", "messages", ["template_pk", "pk"], sqlite_where=_MADE, postgresql_where=_MADE
    )


def downgrade() -> None:
    """Templates are gone; messages keep what they say."""
    op.drop_index("ix_messages_template", "messages")
    op.drop_column("messages", "template_version")
    op.drop_column("messages", "template_pk")
    op.drop_table("template_versions")
    op.drop_table("templates")
