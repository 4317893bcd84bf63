"""Indexes of what gave up, which metrics count every few seconds."""

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


def upgrade() -> None:
    for name, (table, columns, where) in INDEXES.items():
        op.create_index(
            name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
        )


def downgrade() -> None:
    for name, (table, _, __) in INDEXES.items():
        op.drop_index(name, table_name=table)
