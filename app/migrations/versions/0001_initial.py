"""Every table of the first release.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def key_text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


TABLES = (
    "attempts",
    "batches",
    "deliveries",
    "members",
    "message_events",
    "projects",
    "tallies",
    "api_keys",
    "audit_entries",
    "contacts",
    "imports",
    "invitations",
    "kept_answers",
    "member_sessions",
    "memberships",
    "messages",
    "providers",
    "suppressions",
    "topics",
    "targets",
    "subscribers",
)


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("pk", ID, nullable=False),
        sa.Column("delivery_pk", ID, nullable=False),
        sa.Column("message_pk", ID, nullable=False),
        sa.Column("provider_pk", ID, nullable=True),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=512), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_delivery_pk_pk"), "attempts", ["delivery_pk", "pk"], unique=False)
    op.create_index(op.f("ix_attempts_message_pk"), "attempts", ["message_pk"], unique=False)
    op.create_index(op.f("ix_attempts_provider_pk_ended_at"), "attempts", ["provider_pk", "ended_at"], unique=False)

    op.create_table(
        "batches",
        sa.Column("pk", ID, nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("message_pk", ID, nullable=False),
        sa.Column("provider_pk", ID, nullable=True),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_batches")),
    )
    op.create_index(op.f("ix_batches_message_pk"), "batches", ["message_pk"], unique=False)
    op.create_index(
        "ix_batches_open",
        "batches",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )

    op.create_table(
        "deliveries",
        sa.Column("pk", ID, nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("message_pk", ID, nullable=False),
        sa.Column("target_pk", ID, nullable=True),
        sa.Column("contact_pk", ID, nullable=True),
        sa.Column("address", key_text(2048), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("provider_pk", ID, nullable=True),
        sa.Column("batch_pk", ID, nullable=True),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("first_tried_at", sa.BigInteger(), nullable=True),
        sa.Column("was_uncertain", sa.Boolean(), nullable=False),
        sa.Column("provider_message_id", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("message_pk", "address", name=op.f("uq_deliveries_message_pk_address")),
    )
    op.create_index(op.f("ix_deliveries_batch_pk"), "deliveries", ["batch_pk"], unique=False)
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["message_pk", "next_attempt_at", "pk"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        op.f("ix_deliveries_message_pk_state_pk"), "deliveries", ["message_pk", "state", "pk"], unique=False
    )
    op.create_index(
        op.f("ix_deliveries_project_pk_address_pk"), "deliveries", ["project_pk", "address", "pk"], unique=False
    )
    op.create_index(op.f("ix_deliveries_project_pk_pk"), "deliveries", ["project_pk", "pk"], unique=False)
    op.create_index(
        "ix_deliveries_reasons",
        "deliveries",
        ["message_pk", "reason", "pk", "state"],
        unique=False,
        sqlite_where=sa.text("state IN ('failed', 'bounced', 'skipped', 'uncertain')"),
        postgresql_where=sa.text("state IN ('failed', 'bounced', 'skipped', 'uncertain')"),
    )

    op.create_table(
        "members",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("signed_in_at", sa.BigInteger(), nullable=True),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_members")),
        sa.UniqueConstraint("email", name=op.f("uq_members_email")),
        sa.UniqueConstraint("id", name=op.f("uq_members_id")),
    )
    op.create_table(
        "message_events",
        sa.Column("pk", ID, nullable=False),
        sa.Column("message_pk", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("actor_name", sa.String(length=320), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_message_events")),
    )
    op.create_index(op.f("ix_message_events_message_pk_pk"), "message_events", ["message_pk", "pk"], unique=False)

    op.create_table(
        "projects",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_projects")),
        sa.UniqueConstraint("id", name=op.f("uq_projects_id")),
    )
    op.create_table(
        "tallies",
        sa.Column("message_pk", ID, autoincrement=False, nullable=False),
        sa.Column("audience", sa.Integer(), nullable=False),
        sa.Column("queued", sa.Integer(), nullable=False),
        sa.Column("sending", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("bounced", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("uncertain", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_pk", name=op.f("pk_tallies")),
    )
    op.create_table(
        "api_keys",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("secret_ending", sa.String(length=8), nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_api_keys_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_api_keys_project_pk_id")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_keys_secret_hash")),
    )
    op.create_table(
        "kept_answers",
        sa.Column("pk", ID, nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("caller_pk", ID, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_kept_answers_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_kept_answers")),
        sa.UniqueConstraint("project_pk", "caller_pk", "key", name=op.f("uq_kept_answers_project_pk_caller_pk_key")),
    )
    op.create_index(op.f("ix_kept_answers_at"), "kept_answers", ["at"], unique=False)
    op.create_table(
        "audit_entries",
        sa.Column("pk", ID, nullable=False),
        sa.Column("project_pk", ID, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=160), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_pk", ID, nullable=True),
        sa.Column("actor_name", sa.String(length=320), nullable=False),
        sa.Column("ip", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=512), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_audit_entries_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_project_pk_pk"), "audit_entries", ["project_pk", "pk"], unique=False)
    op.create_index(
        op.f("ix_audit_entries_project_pk_resource_pk"), "audit_entries", ["project_pk", "resource", "pk"], unique=False
    )

    op.create_table(
        "contacts",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("name_key", key_text(128), nullable=False),
        sa.Column("attributes", JSON, nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_contacts_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_contacts")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_contacts_project_pk_id")),
    )
    op.create_index(
        op.f("ix_contacts_project_pk_name_key_pk"), "contacts", ["project_pk", "name_key", "pk"], unique=False
    )
    op.create_index(op.f("ix_contacts_project_pk_pk"), "contacts", ["project_pk", "pk"], unique=False)

    op.create_table(
        "imports",
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("file_key", sa.String(length=255), nullable=False),
        sa.Column("file_size", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.Column("created_total", sa.Integer(), nullable=False),
        sa.Column("updated_total", sa.Integer(), nullable=False),
        sa.Column("unchanged_total", sa.Integer(), nullable=False),
        sa.Column("rejected_total", sa.Integer(), nullable=False),
        sa.Column("report", JSON, nullable=False),
        sa.Column("author_name", sa.String(length=320), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.String(length=512), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_imports_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_imports")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_imports_project_pk_id")),
    )
    op.create_table(
        "invitations",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("project_pk", ID, nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_invitations_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_table(
        "member_sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("member_pk", ID, nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ip", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=512), nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_pk"], ["members.pk"], name=op.f("fk_member_sessions_member_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_member_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_member_sessions_token_hash")),
    )
    op.create_index(op.f("ix_member_sessions_member_pk"), "member_sessions", ["member_pk"], unique=False)

    op.create_table(
        "memberships",
        sa.Column("member_pk", ID, nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_pk"], ["members.pk"], name=op.f("fk_memberships_member_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_memberships_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_memberships")),
        sa.UniqueConstraint("member_pk", "project_pk", "role", name=op.f("uq_memberships_member_pk_project_pk_role")),
    )
    op.create_index(op.f("ix_memberships_project_pk"), "memberships", ["project_pk"], unique=False)

    op.create_table(
        "messages",
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("title", sa.String(length=998), nullable=False),
        sa.Column("title_key", key_text(998), nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.Column("audience", JSON, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("provider_pk", ID, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("author_pk", ID, nullable=True),
        sa.Column("author_name", sa.String(length=320), nullable=False),
        sa.Column("editor_name", sa.String(length=320), nullable=False),
        sa.Column("scheduled_at", sa.BigInteger(), nullable=True),
        sa.Column("scheduled_wall", sa.String(length=32), nullable=False),
        sa.Column("scheduled_zone", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("fan_out_cursor", ID, nullable=False),
        sa.Column("fanned_out_at", sa.BigInteger(), nullable=True),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("waiting_reason", sa.String(length=512), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_messages_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_messages")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_messages_project_pk_id")),
    )
    op.create_index(op.f("ix_messages_project_pk_pk"), "messages", ["project_pk", "pk"], unique=False)
    op.create_index(
        op.f("ix_messages_project_pk_scheduled_at"), "messages", ["project_pk", "scheduled_at"], unique=False
    )
    op.create_index(op.f("ix_messages_project_pk_started_at"), "messages", ["project_pk", "started_at"], unique=False)
    op.create_index(op.f("ix_messages_status_scheduled_at"), "messages", ["status", "scheduled_at"], unique=False)

    op.create_table(
        "providers",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("is_emulated", sa.Boolean(), nullable=False),
        sa.Column("credentials", sa.Text(), nullable=False),
        sa.Column("secret_notes", JSON, nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("uncertain_policy", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verified_at", sa.BigInteger(), nullable=True),
        sa.Column("blocked_at", sa.BigInteger(), nullable=True),
        sa.Column("blocked_reason", sa.String(length=32), nullable=False),
        sa.Column("blocked_detail", sa.String(length=512), nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=True),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_providers_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_providers")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_providers_project_pk_id")),
    )
    op.create_index(
        op.f("ix_providers_project_pk_channel_rank"), "providers", ["project_pk", "channel", "rank"], unique=False
    )

    op.create_table(
        "suppressions",
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("address_key", key_text(2048), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_suppressions_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_suppressions")),
        sa.UniqueConstraint(
            "project_pk", "channel", "address_key", name=op.f("uq_suppressions_project_pk_channel_address_key")
        ),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_suppressions_project_pk_id")),
    )
    op.create_index(op.f("ix_suppressions_project_pk_pk"), "suppressions", ["project_pk", "pk"], unique=False)

    op.create_table(
        "topics",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("description", sa.String(length=2048), nullable=False),
        sa.Column("subscribe", JSON, nullable=False),
        sa.Column("email_total", sa.Integer(), nullable=False),
        sa.Column("sms_total", sa.Integer(), nullable=False),
        sa.Column("push_total", sa.Integer(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_pk"], ["projects.pk"], name=op.f("fk_topics_project_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_topics")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_topics_project_pk_id")),
    )
    op.create_index(op.f("ix_topics_project_pk_name"), "topics", ["project_pk", "name"], unique=False)

    op.create_table(
        "targets",
        sa.Column("contact_pk", ID, nullable=False),
        sa.Column("provider_pk", ID, nullable=True),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("address", sa.String(length=2048), nullable=False),
        sa.Column("address_key", key_text(2048), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("expired_at", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_pk"], ["contacts.pk"], name=op.f("fk_targets_contact_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_targets_project_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["provider_pk"], ["providers.pk"], name=op.f("fk_targets_provider_pk"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_targets")),
        sa.UniqueConstraint(
            "project_pk", "channel", "address_key", name=op.f("uq_targets_project_pk_channel_address_key")
        ),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_targets_project_pk_id")),
    )
    op.create_index(op.f("ix_targets_contact_pk_channel"), "targets", ["contact_pk", "channel"], unique=False)
    op.create_index(
        "ix_targets_expired",
        "targets",
        ["project_pk", "channel", "pk"],
        unique=False,
        sqlite_where=sa.text("expired_at IS NOT NULL"),
        postgresql_where=sa.text("expired_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_targets_project_pk_channel_contact_pk"),
        "targets",
        ["project_pk", "channel", "contact_pk"],
        unique=False,
    )

    op.create_table(
        "subscribers",
        sa.Column("topic_pk", ID, nullable=False),
        sa.Column("target_pk", ID, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_subscribers_project_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["target_pk"], ["targets.pk"], name=op.f("fk_subscribers_target_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["topic_pk"], ["topics.pk"], name=op.f("fk_subscribers_topic_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("project_pk", "topic_pk", "id", name=op.f("uq_subscribers_project_pk_topic_pk_id")),
        sa.UniqueConstraint("topic_pk", "target_pk", name=op.f("uq_subscribers_topic_pk_target_pk")),
    )
    op.create_index(op.f("ix_subscribers_target_pk"), "subscribers", ["target_pk"], unique=False)
    op.create_index(op.f("ix_subscribers_topic_pk_pk"), "subscribers", ["topic_pk", "pk"], unique=False)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
