"""Calendars, shifts and absences."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.types import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)
MOMENT = UTCDateTime()


def upgrade() -> None:
    op.create_table(
        "calendars",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("hours", DOCUMENT, nullable=False),
        sa.Column("holidays", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_calendars")),
    )
    # Added in place, on SQLite with the key inside, where it has no name: copying the table, the
    # other way there, would drop one that other tables refer to.
    inside = op.get_bind().dialect.name == "sqlite"
    for table in ("agents", "teams"):
        name = op.f(f"fk_{table}_calendar_calendars")
        key = sa.ForeignKey("calendars.name", name=name)
        column = sa.Column("calendar", sa.Text(), key, nullable=True)
        op.add_column(table, column, inline_references=inside)
    op.add_column("agents", sa.Column("shifts", DOCUMENT, nullable=True))
    op.create_table(
        "absences",
        sa.Column("id", ID, nullable=False),
        sa.Column("agent_id", ID, nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_absences_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_absences_agent_id_agents")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    op.create_index("ix_absences_agent", "absences", ["agent_id", "ends_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_absences_agent", table_name="absences")
    op.drop_table("absences")
    for table, columns in (("agents", ("shifts", "calendar")), ("teams", ("calendar",))):
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column)
    op.drop_table("calendars")
