"""Orders to route all waiting tickets anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.types import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)


def upgrade() -> None:
    op.create_table(
        "waiting_looks",
        sa.Column("id", ID, nullable=False),
        sa.Column("barrier", sa.BigInteger(), nullable=True),
        sa.Column("after", DOCUMENT, nullable=True),
        sa.Column("work_state", sa.String(32), nullable=False),
        sa.Column("available_at", UTCDateTime(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_looks")),
    )
    op.create_index(
        "ix_waiting_looks_ready",
        "waiting_looks",
        ["available_at"],
        postgresql_where=sa.text("work_state = 'ready'"),
        sqlite_where=sa.text("work_state = 'ready'"),
    )


def downgrade() -> None:
    op.drop_table("waiting_looks")
