"""Requesters and their addresses; tickets point to them. The next revision fills them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.types import UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)
MOMENT = UTCDateTime()
SERVED = sa.text("assignee_id IS NOT NULL")
MERGED = sa.text("merged_into IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "requesters",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_e164", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("contacts", DOCUMENT, nullable=False),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("custom_fields", DOCUMENT, nullable=False),
        sa.Column("merged_into", ID, nullable=True),
        sa.Column("erased_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requesters")),
    )
    op.create_index(
        "ix_requesters_merged",
        "requesters",
        ["merged_into"],
        postgresql_where=MERGED,
        sqlite_where=MERGED,
    )
    op.create_table(
        "requester_identities",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("value", ID, nullable=False),
        sa.Column("requester_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_requester_identities")),
    )
    op.create_index("ix_requester_identities_requester", "requester_identities", ["requester_id"])
    op.add_column("tickets", sa.Column("requester_id", ID, nullable=True))
    op.drop_index("ix_tickets_requester", table_name="tickets")
    op.create_index("ix_tickets_requester", "tickets", ["requester_id", "number"])
    op.create_index(
        "ix_tickets_served",
        "tickets",
        ["requester_id", "number"],
        postgresql_where=SERVED,
        sqlite_where=SERVED,
    )
    op.create_index("ix_idempotency_keys_ticket_id", "idempotency_keys", ["ticket_id"])


def downgrade() -> None:
    op.drop_index("ix_idempotency_keys_ticket_id", table_name="idempotency_keys")
    op.drop_index("ix_tickets_served", table_name="tickets")
    op.drop_index("ix_tickets_requester", table_name="tickets")
    op.drop_column("tickets", "requester_id")
    op.create_index(
        "ix_tickets_requester",
        "tickets",
        ["requester_key", "number"],
        postgresql_where=SERVED,
        sqlite_where=SERVED,
    )
    op.drop_index("ix_requester_identities_requester", table_name="requester_identities")
    op.drop_table("requester_identities")
    op.drop_index("ix_requesters_merged", table_name="requesters")
    op.drop_table("requesters")
