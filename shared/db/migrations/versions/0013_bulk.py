"""Bulk jobs, their lines, and the keys of lines."""

import sqlalchemy as sa
from alembic import op

from shared.db.types import UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = UTCDateTime()


def upgrade() -> None:
    op.create_table(
        "bulk_jobs",
        sa.Column("id", ID, nullable=False),
        sa.Column("api_key_id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(32), nullable=False),
        sa.Column("lane", sa.String(32), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("received_at", MOMENT, nullable=True),
        sa.Column("cancelled_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_jobs")),
        sa.UniqueConstraint("api_key_id", "key", name=op.f("uq_bulk_jobs_api_key_id_key")),
    )
    op.create_index(op.f("ix_bulk_jobs_expires_at"), "bulk_jobs", ["expires_at"])
    op.create_table(
        "bulk_chunks",
        sa.Column("id", ID, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("first_line", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("results", sa.LargeBinary(), nullable=True),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("work_state", sa.String(32), nullable=False),
        sa.Column("available_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["bulk_jobs.id"],
            name=op.f("fk_bulk_chunks_job_id_bulk_jobs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_chunks")),
        sa.UniqueConstraint("job_id", "ordinal", name=op.f("uq_bulk_chunks_job_id_ordinal")),
    )
    op.create_index(
        "ix_bulk_chunks_ready",
        "bulk_chunks",
        ["ordinal", "available_at"],
        postgresql_where=sa.text("work_state = 'ready'"),
        sqlite_where=sa.text("work_state = 'ready'"),
    )
    op.create_table(
        "bulk_keys",
        sa.Column("api_key_id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("ticket_id", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("api_key_id", "key", name=op.f("pk_bulk_keys")),
    )
    op.create_index(op.f("ix_bulk_keys_expires_at"), "bulk_keys", ["expires_at"])


def downgrade() -> None:
    for table in ("bulk_keys", "bulk_chunks", "bulk_jobs"):
        op.drop_table(table)
