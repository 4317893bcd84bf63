"""How endpoints have been, and an index that finds the oldest that is due of each."""

import sqlalchemy as sa
from alembic import op

from shared.db.types import UTCDateTime

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
READY = sa.text("work_state = 'ready'")

MOMENTS = ("blocked_until", "paused_until", "open_until", "rate_until", "opened_at")
COUNTS = ("opens", "failures_in_row", "window_attempts", "window_failures", "failures", "warned")
STREAK = ("window_began_at", "failing_since", "last_failure_at", "last_success_at", "tokens_at")


def upgrade() -> None:
    op.create_table(
        "endpoint_health",
        sa.Column("subscription_id", ID, nullable=False),
        *(sa.Column(name, UTCDateTime(), nullable=True) for name in (*MOMENTS, *STREAK)),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_endpoint_health")),
    )
    op.create_index(
        "ix_deliveries_oldest",
        "deliveries",
        ["channel", "receiver", "available_at"],
        postgresql_where=READY,
        sqlite_where=READY,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_oldest", table_name="deliveries")
    op.drop_table("endpoint_health")
