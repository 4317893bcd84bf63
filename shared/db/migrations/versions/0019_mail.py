"""Mail: addresses that are not written to, what people want, digests, and what was sent lately."""

import sqlalchemy as sa
from alembic import op

from shared.db.types import Document, UTCDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MAILS = sa.text("channel = 'email'")


def upgrade() -> None:
    op.create_table(
        "mail_suppressions",
        sa.Column("address", sa.Text(), primary_key=True),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("strikes", sa.SmallInteger(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=True),
        sa.Column("until", UTCDateTime(), nullable=True),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "mail_preferences",
        sa.Column("id", ID, primary_key=True),
        sa.Column("document", Document, nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "mail_digest_entries",
        sa.Column("id", ID, primary_key=True),
        sa.Column("digest_id", ID, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
    )
    op.create_index("ix_mail_digest_entries_digest_id", "mail_digest_entries", ["digest_id"])
    op.create_index(
        "ix_deliveries_mailed",
        "deliveries",
        ["receiver", "finished_at"],
        postgresql_where=MAILS,
        sqlite_where=MAILS,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_mailed", table_name="deliveries")
    for name in ("mail_digest_entries", "mail_preferences", "mail_suppressions"):
        op.drop_table(name)
