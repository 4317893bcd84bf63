"""Deliveries that did not arrive are found without going through those that did."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None

NOT_ARRIVED = sa.text("work_state IN ('dead', 'unknown', 'bounced')")


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_not_arrived",
        "deliveries",
        ["work_state", "id"],
        postgresql_where=NOT_ARRIVED,
        sqlite_where=NOT_ARRIVED,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_not_arrived", table_name="deliveries")
