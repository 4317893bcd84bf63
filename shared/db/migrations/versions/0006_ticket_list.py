"""Indexes for the list of tickets, a filter each; they end in the number, the list's order."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ALWAYS = ("status", "priority", "type", "channel", "team", "assignee_id")
SOMETIMES = ("severity", "category", "product", "sla_policy")


def upgrade() -> None:
    for name in ALWAYS:
        op.create_index(f"ix_tickets_{name}_number", "tickets", [name, "number"])
    for name in SOMETIMES:
        given = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_tickets_{name}_number",
            "tickets",
            [name, "number"],
            postgresql_where=given,
            sqlite_where=given,
        )
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_tickets_tags",
            "tickets",
            ["tags"],
            postgresql_using="gin",
            postgresql_ops={"tags": "jsonb_path_ops"},
            postgresql_where=sa.text("tags <> '[]'::jsonb"),
        )
    for name in ("updated_at", "created_at"):
        op.create_index(f"ix_tickets_{name}", "tickets", [name, "id"])
    alive = sa.text("resolved_at IS NULL AND closed_at IS NULL")
    op.create_index(
        "ix_tickets_due",
        "tickets",
        ["expected_resolution_at", "id"],
        postgresql_where=alive,
        sqlite_where=alive,
    )


def downgrade() -> None:
    for name in (*ALWAYS, *SOMETIMES):
        op.drop_index(f"ix_tickets_{name}_number", table_name="tickets")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_tickets_tags", table_name="tickets")
    for name in ("updated_at", "created_at", "due"):
        op.drop_index(f"ix_tickets_{name}", table_name="tickets")
