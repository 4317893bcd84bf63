"""What operators dropped from work lists, and why."""

import sqlalchemy as sa
from alembic import op

from shared.db.types import UTCDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "dropped_work",
        sa.Column("list", sa.Text(), primary_key=True),
        sa.Column("key", ID, primary_key=True),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("dropped_at", UTCDateTime(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("dropped_work")
