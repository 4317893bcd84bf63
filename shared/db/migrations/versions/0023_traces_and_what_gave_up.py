"""Traces of tickets and events; indexes of what gave up, which metrics count all the time."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

DEAD = "work_state = 'dead'"
INDEXES = {
    "ix_tickets_dead": ("tickets", ["available_at"], DEAD),
    "ix_attachments_dead": ("attachments", ["available_at"], DEAD),
    "ix_bulk_chunks_dead": ("bulk_chunks", ["available_at"], DEAD),
}
TRACED = ("tickets", "ticket_events")


def upgrade() -> None:
    for table in TRACED:
        op.add_column(table, sa.Column("traceparent", sa.Text(), nullable=True))
    op.add_column(
        "subscriptions",
        sa.Column("trace_context", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    for name, (table, columns, where) in INDEXES.items():
        op.create_index(
            name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
        )


def downgrade() -> None:
    for name, (table, _, __) in INDEXES.items():
        op.drop_index(name, table_name=table)
    op.drop_column("subscriptions", "trace_context")
    for table in TRACED:
        op.drop_column(table, "traceparent")
