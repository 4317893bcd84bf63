"""API keys: whose they are, when they were used, and the token before the last rotation."""

import sqlalchemy as sa
from alembic import op

from shared.db.types import UTCDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
OWNED = sa.text("requester_id IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("api_keys") as batch:
        batch.add_column(sa.Column("requester_id", ID, nullable=True))
        batch.add_column(sa.Column("last_used_at", UTCDateTime(), nullable=True))
        batch.add_column(sa.Column("previous_digest", sa.Text(), nullable=True))
        batch.add_column(sa.Column("previous_until", UTCDateTime(), nullable=True))
        batch.create_unique_constraint(op.f("uq_api_keys_previous_digest"), ["previous_digest"])
    op.create_index(
        "ix_api_keys_requester",
        "api_keys",
        ["requester_id"],
        postgresql_where=OWNED,
        sqlite_where=OWNED,
    )


def downgrade() -> None:
    op.drop_index("ix_api_keys_requester", table_name="api_keys")
    with op.batch_alter_table("api_keys") as batch:
        batch.drop_constraint(op.f("uq_api_keys_previous_digest"), type_="unique")
        for name in ("previous_until", "previous_digest", "last_used_at", "requester_id"):
            batch.drop_column(name)
