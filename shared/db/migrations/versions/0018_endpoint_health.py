"""How endpoints have been, and indexes of ready deliveries for each channel.

A notifier of the release before asks by indexes that are gone; it works, slowly, until it is
replaced.
"""

import sqlalchemy as sa
from alembic import op

from shared.db.types import UTCDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
READY = "work_state = 'ready'"
BEFORE = {
    "ix_deliveries_ready": ["channel", "receiver", "rank", "available_at"],
    "ix_deliveries_urgent": ["channel", "rank", "available_at"],
    "ix_deliveries_due": ["channel", "available_at"],
}
BY_CHANNEL = {
    "ix_deliveries_webhook_urgent": ("webhook", ["receiver", "rank", "available_at"]),
    "ix_deliveries_webhook_oldest": ("webhook", ["receiver", "available_at"]),
    "ix_deliveries_email_urgent": ("email", ["rank", "available_at"]),
    "ix_deliveries_email_due": ("email", ["available_at"]),
}

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
    for name, (channel, columns) in BY_CHANNEL.items():
        _create_index(name, columns, f"{READY} AND channel = '{channel}'")
    for name in BEFORE:
        op.drop_index(name, table_name="deliveries")


def downgrade() -> None:
    for name, columns in BEFORE.items():
        _create_index(name, columns, READY)
    for name in BY_CHANNEL:
        op.drop_index(name, table_name="deliveries")
    op.drop_table("endpoint_health")


def _create_index(name: str, columns: list[str], where: str) -> None:
    only = sa.text(where)
    op.create_index(name, "deliveries", columns, postgresql_where=only, sqlite_where=only)
