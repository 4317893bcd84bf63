"""Service levels: policies with versions, the clocks of tickets, priorities that can be edited."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.types import UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)
MOMENT = UTCDateTime()
EPOCH = "2020-01-01 00:00:00+00:00"
DEFAULT = {
    "title": "Default",
    "calendar": None,
    "warn_share": 0.75,
    "targets": {
        "critical": {"first_response": "15m", "next_response": "30m", "resolution": "1h"},
        "high": {"first_response": "1h", "next_response": "2h", "resolution": "4h"},
        "medium": {"first_response": "8h", "next_response": "8h", "resolution": "2d"},
        "low": {"first_response": "1d", "next_response": "2d", "resolution": "10d"},
    },
    "pauses": {
        "first_response": [],
        "next_response": ["on_hold", "pending_customer"],
        "resolution": ["on_hold", "pending_customer"],
    },
}


def upgrade() -> None:
    policies = op.create_table(
        "sla_policies",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("calendar", sa.Text(), nullable=True),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar"], ["calendars.name"], name=op.f("fk_sla_policies_calendar_calendars")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sla_policies")),
    )
    versions = op.create_table(
        "sla_policy_versions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.Column("calendar", DOCUMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_sla_policy_versions")),
    )
    _seed(policies, versions)
    with op.batch_alter_table("teams") as batch:
        batch.add_column(sa.Column("sla_policy", sa.Text(), nullable=True))
        batch.create_foreign_key(
            op.f("fk_teams_sla_policy_sla_policies"), "sla_policies", ["sla_policy"], ["name"]
        )
    with op.batch_alter_table("configuration_versions") as batch:
        batch.add_column(sa.Column("priorities", DOCUMENT, nullable=True))
    with op.batch_alter_table("tickets") as batch:
        batch.add_column(sa.Column("sla", DOCUMENT, nullable=True))
        batch.add_column(sa.Column("sla_due_at", MOMENT, nullable=True))
    # Whoever looks at what is due starts the clocks of tickets that came before there were any.
    op.execute("UPDATE tickets SET sla_due_at = created_at WHERE status IN ('new', 'open')")
    op.create_index(
        "ix_tickets_sla_due_at",
        "tickets",
        ["sla_due_at"],
        postgresql_where=sa.text("sla_due_at IS NOT NULL"),
        sqlite_where=sa.text("sla_due_at IS NOT NULL"),
    )


def _seed(policies: sa.Table, versions: sa.Table) -> None:
    now = sa.literal_column(f"'{EPOCH}'")
    if op.get_bind().dialect.name == "postgresql":
        now = sa.func.now()
    row = {"name": "default", "version": 1, "document": DEFAULT, "created_at": now}
    op.execute(policies.insert().values(**row, updated_at=now))
    op.execute(versions.insert().values(**row))


def downgrade() -> None:
    op.drop_index("ix_tickets_sla_due_at", table_name="tickets")
    with op.batch_alter_table("tickets") as batch:
        batch.drop_column("sla_due_at")
        batch.drop_column("sla")
    with op.batch_alter_table("configuration_versions") as batch:
        batch.drop_column("priorities")
    with op.batch_alter_table("teams") as batch:
        batch.drop_constraint(op.f("fk_teams_sla_policy_sla_policies"), type_="foreignkey")
        batch.drop_column("sla_policy")
    op.drop_table("sla_policy_versions")
    op.drop_table("sla_policies")
