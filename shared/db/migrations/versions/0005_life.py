"""The whole life of a ticket: pauses, comments, links, verification, satisfaction; roles."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.types import UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)
MOMENT = UTCDateTime()


def upgrade() -> None:
    _extend_tables()
    _make_tables()


def _extend_tables() -> None:
    with op.batch_alter_table("tickets") as batch:
        for name in ("impact_details", "verification", "satisfaction", "hold"):
            batch.add_column(sa.Column(name, DOCUMENT, nullable=True))
        batch.add_column(sa.Column("life_due_at", MOMENT, nullable=True))
        batch.add_column(sa.Column("merged_into_id", ID, nullable=True))
        for name in ("reopen_count", "time_spent_s"):
            batch.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.create_index(
        "ix_tickets_life",
        "tickets",
        ["life_due_at"],
        postgresql_where=sa.text("life_due_at IS NOT NULL"),
        sqlite_where=sa.text("life_due_at IS NOT NULL"),
    )
    with op.batch_alter_table("agent_performance") as batch:
        for column in (sa.Column("rated", sa.Integer()), sa.Column("satisfaction", sa.Float())):
            column.nullable, column.server_default = False, sa.DefaultClause(sa.text("0"))
            batch.add_column(column)
    with op.batch_alter_table("api_keys") as batch:
        # Until now every key was as good as any other; scopes say what it may do.
        batch.add_column(sa.Column("role", sa.String(32), nullable=False, server_default=sa.text("'admin'")))


def _make_tables() -> None:
    op.create_table(
        "comments",
        sa.Column("id", ID, nullable=False),
        sa.Column("ticket_id", ID, nullable=False),
        sa.Column("author_kind", sa.String(32), nullable=False),
        sa.Column("author_id", ID, nullable=True),
        sa.Column("author_name", sa.Text(), nullable=True),
        sa.Column("visibility", sa.String(32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("time_spent_s", sa.Integer(), nullable=False),
        sa.Column("merged_from_id", ID, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_comments_ticket_id_tickets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index("ix_comments_ticket", "comments", ["ticket_id", "id"])
    op.create_table(
        "ticket_links",
        sa.Column("ticket_id", ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("other_id", ID, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_links_ticket_id_tickets")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["tickets.id"], name=op.f("fk_ticket_links_other_id_tickets")
        ),
        sa.PrimaryKeyConstraint("ticket_id", "kind", "other_id", name=op.f("pk_ticket_links")),
    )
    op.create_index("ix_ticket_links_other", "ticket_links", ["other_id", "kind"])
    op.create_index(
        "uq_ticket_links_one_parent",
        "ticket_links",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'parent'"),
        sqlite_where=sa.text("kind = 'parent'"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", ID, nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("retires_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )


def downgrade() -> None:
    for table in ("signing_keys", "ticket_links", "comments"):
        op.drop_table(table)
    with op.batch_alter_table("agent_performance") as batch:
        batch.drop_column("rated")
        batch.drop_column("satisfaction")
    with op.batch_alter_table("api_keys") as batch:
        batch.drop_column("role")
    op.drop_index("ix_tickets_life", table_name="tickets")
    with op.batch_alter_table("tickets") as batch:
        for name in (
            "impact_details",
            "verification",
            "satisfaction",
            "hold",
            "life_due_at",
            "merged_into_id",
            "reopen_count",
            "time_spent_s",
        ):
            batch.drop_column(name)
