"""Routing: profiles, offers, relaxation, overflow, shadow decisions, dry runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.types import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)
MOMENT = UTCDateTime()
EPOCH = "2020-01-01 00:00:00+00:00"
DEFAULT_SCORERS = {"least_loaded": 1.0, "skill_fit": 0.5, "longest_idle": 0.25}


def upgrade() -> None:
    _make_tables()
    _carry_teams_over()
    _extend_tables()


def _make_tables() -> None:
    op.create_table(
        "profiles",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_profiles")),
    )
    op.create_table(
        "agent_performance",
        sa.Column("agent_id", ID, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("tickets", sa.Integer(), nullable=False),
        sa.Column("handling_s", sa.Float(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("counted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "category", name=op.f("pk_agent_performance")),
    )
    op.create_table(
        "dry_runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("question", DOCUMENT, nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("work_state", sa.String(32), nullable=False),
        sa.Column("available_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dry_runs")),
    )
    op.create_index(op.f("ix_dry_runs_created_at"), "dry_runs", ["created_at"])
    op.create_index(
        "ix_dry_runs_ready",
        "dry_runs",
        ["available_at"],
        postgresql_where=sa.text("work_state = 'ready'"),
        sqlite_where=sa.text("work_state = 'ready'"),
    )
    op.create_table(
        "shadow_decisions",
        sa.Column("decision_id", ID, nullable=False),
        sa.Column("ticket_id", ID, nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("live_profile", sa.Text(), nullable=False),
        sa.Column("shadow_profile", sa.Text(), nullable=False),
        sa.Column("live_agent_id", ID, nullable=True),
        sa.Column("shadow_agent_id", ID, nullable=True),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("live_load_share", sa.Float(), nullable=True),
        sa.Column("shadow_load_share", sa.Float(), nullable=True),
        sa.Column("live_score", sa.Float(), nullable=True),
        sa.Column("shadow_score", sa.Float(), nullable=True),
        sa.Column("live_urgency", sa.Float(), nullable=True),
        sa.Column("shadow_urgency", sa.Float(), nullable=True),
        sa.Column("live_balance", sa.Float(), nullable=True),
        sa.Column("shadow_balance", sa.Float(), nullable=True),
        sa.Column("faults", sa.SmallInteger(), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_shadow_decisions")),
    )
    op.create_index(
        op.f("ix_shadow_decisions_team_decided_at"), "shadow_decisions", ["team", "decided_at"]
    )
    op.create_index(op.f("ix_shadow_decisions_decided_at"), "shadow_decisions", ["decided_at"])


def _carry_teams_over() -> None:
    """A team's weights become a profile of the team's name."""
    profiles = sa.table(
        "profiles",
        sa.column("name"),
        sa.column("version"),
        sa.column("document", DOCUMENT),
        sa.column("created_at", MOMENT),
        sa.column("updated_at", MOMENT),
    )
    teams = sa.table(
        "teams",
        sa.column("name"),
        sa.column("weights", DOCUMENT),
        sa.column("return_untouched", sa.Boolean()),
        sa.column("profile"),
        sa.column("offline_grace_s"),
        sa.column("created_at", MOMENT),
    )
    now = sa.literal_column(f"'{EPOCH}'")
    if op.get_bind().dialect.name == "postgresql":
        now = sa.func.now()
    default = {"name": "default", "version": 1, "document": {}, "created_at": now}
    op.execute(profiles.insert().values(**default, updated_at=now))
    with op.batch_alter_table("teams") as batch:
        batch.add_column(sa.Column("profile", sa.Text(), nullable=True))
        batch.add_column(sa.Column("shadow_profile", sa.Text(), nullable=True))
        batch.add_column(sa.Column("trial_profile", sa.Text(), nullable=True))
        batch.add_column(
            sa.Column("trial_percent", sa.SmallInteger(), nullable=False, server_default="0")
        )
        batch.add_column(sa.Column("overflow", DOCUMENT, nullable=False, server_default="[]"))
        batch.add_column(sa.Column("offline_grace_s", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("away_grace_s", sa.Integer(), nullable=True))
    connection = op.get_bind()
    for team in connection.execute(sa.select(teams)).mappings().all():
        profile = "default"
        if team["weights"]:
            profile = team["name"] if team["name"] != "default" else "default-team"
            document = {"scorers": {**DEFAULT_SCORERS, **team["weights"]}}
            connection.execute(
                profiles.insert().values(
                    name=profile,
                    version=1,
                    document=document,
                    created_at=team["created_at"],
                    updated_at=team["created_at"],
                )
            )
        grace = 0 if team["return_untouched"] else None
        connection.execute(
            teams.update()
            .where(teams.c.name == team["name"])
            .values(profile=profile, offline_grace_s=grace)
        )
    with op.batch_alter_table("teams") as batch:
        batch.alter_column("profile", existing_type=sa.Text(), nullable=False)
        batch.alter_column(
            "trial_percent", existing_type=sa.SmallInteger(), existing_nullable=False,
            server_default=None,
        )
        batch.alter_column(
            "overflow", existing_type=DOCUMENT, existing_nullable=False, server_default=None
        )
        batch.drop_column("weights")
        batch.drop_column("return_untouched")
        for name in ("profile", "shadow_profile", "trial_profile"):
            batch.create_foreign_key(
                op.f(f"fk_teams_{name}_profiles"), "profiles", [name], ["name"]
            )


def _columns() -> dict[str, list[tuple[sa.Column, str | None]]]:
    """Return new columns with the value that existing rows get; None leaves them null."""
    return {
        "decisions": [
            (sa.Column("profile", sa.Text(), nullable=True), None),
            (sa.Column("load_share", sa.Float(), nullable=True), None),
        ],
        "agents": [
            (sa.Column("assigned_at", MOMENT, nullable=True), None),
            (sa.Column("presence_since", MOMENT, nullable=True), "idle_since"),
            (sa.Column("languages", DOCUMENT, nullable=True), "'[]'"),
            (sa.Column("conflicts", DOCUMENT, nullable=True), "'[]'"),
            (sa.Column("revision", sa.BigInteger(), nullable=True), "0"),
        ],
        "assignments": [
            (sa.Column("offered_until", MOMENT, nullable=True), None),
            (sa.Column("accepted_at", MOMENT, nullable=True), "started_at"),
        ],
        "tickets": [
            (sa.Column("preferred_skills", DOCUMENT, nullable=True), "'[]'"),
            (sa.Column("language", sa.Text(), nullable=True), None),
            (sa.Column("requester_key", sa.Text(), nullable=True), None),
            (sa.Column("queued_at", MOMENT, nullable=True), "created_at"),
            (sa.Column("declined_by", DOCUMENT, nullable=True), "'[]'"),
            (sa.Column("former_agent_id", ID, nullable=True), None),
            (sa.Column("offered_to", ID, nullable=True), None),
            (sa.Column("asked", DOCUMENT, nullable=True), None),
            (sa.Column("rule_fields", DOCUMENT, nullable=True), "'[]'"),
            (sa.Column("sla_policy", sa.Text(), nullable=True), None),
        ],
    }


STAY_NULL = {"assigned_at", "offered_until", "accepted_at", "language", "former_agent_id", "offered_to", "requester_key", "asked"} | {
    "sla_policy",
    "profile",
    "load_share",
}


def _extend_tables() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    for table, columns in _columns().items():
        with op.batch_alter_table(table) as batch:
            for column, _ in columns:
                batch.add_column(column)
        for column, value in columns:
            if value is not None:
                cast = "::jsonb" if postgres and value == "'[]'" else ""
                op.execute(f"UPDATE {table} SET {column.name} = {value}{cast}")
        with op.batch_alter_table(table) as batch:
            for column, _ in columns:
                if column.name not in STAY_NULL:
                    batch.alter_column(column.name, existing_type=column.type, nullable=False)
    op.create_index("ix_agents_revision", "agents", ["revision"])
    op.create_index(
        "ix_tickets_changing",
        "tickets",
        ["available_at"],
        postgresql_where=sa.text("work_state = 'waiting'"),
        sqlite_where=sa.text("work_state = 'waiting'"),
    )
    op.create_index(
        "ix_tickets_requester",
        "tickets",
        ["requester_key", "number"],
        postgresql_where=sa.text("assignee_id IS NOT NULL"),
        sqlite_where=sa.text("assignee_id IS NOT NULL"),
    )
    _index_waiting(["signature", "rank", "expected_resolution_at"])
    # What waits is routed again, under needs as they are written now.
    op.execute("UPDATE tickets SET work_state = 'ready', signature = NULL WHERE work_state = 'waiting'")
    op.execute("DELETE FROM requirements")
    with op.batch_alter_table("requirements") as batch:
        batch.drop_column("team")
        batch.drop_column("skills")
        batch.add_column(sa.Column("need", DOCUMENT, nullable=False))


def _index_waiting(columns: list[str]) -> None:
    op.drop_index("ix_tickets_waiting", table_name="tickets")
    op.create_index(
        "ix_tickets_waiting",
        "tickets",
        columns,
        postgresql_where=sa.text("work_state = 'waiting'"),
        sqlite_where=sa.text("work_state = 'waiting'"),
    )


def downgrade() -> None:
    op.execute("UPDATE tickets SET work_state = 'ready', signature = NULL WHERE work_state = 'waiting'")
    op.execute("DELETE FROM requirements")
    with op.batch_alter_table("requirements") as batch:
        batch.drop_column("need")
        batch.add_column(sa.Column("team", sa.Text(), nullable=True))
        batch.add_column(sa.Column("skills", DOCUMENT, nullable=False))
    _index_waiting(["signature", "rank", "created_at"])
    op.drop_index("ix_tickets_requester", table_name="tickets")
    op.drop_index("ix_tickets_changing", table_name="tickets")
    op.drop_index("ix_agents_revision", table_name="agents")
    for table, columns in _columns().items():
        with op.batch_alter_table(table) as batch:
            for column, _ in columns:
                batch.drop_column(column.name)
    with op.batch_alter_table("teams") as batch:
        for name in ("profile", "shadow_profile", "trial_profile"):
            batch.drop_constraint(op.f(f"fk_teams_{name}_profiles"), type_="foreignkey")
        batch.add_column(
            sa.Column("weights", DOCUMENT, nullable=False, server_default="{}")
        )
        batch.add_column(
            sa.Column("return_untouched", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        for name in (
            "profile",
            "shadow_profile",
            "trial_profile",
            "trial_percent",
            "overflow",
            "offline_grace_s",
            "away_grace_s",
        ):
            batch.drop_column(name)
    with op.batch_alter_table("teams") as batch:
        batch.alter_column("weights", existing_type=DOCUMENT, server_default=None)
        batch.alter_column("return_untouched", existing_type=sa.Boolean(), server_default=None)
    for table in ("shadow_decisions", "dry_runs", "agent_performance", "profiles"):
        op.drop_table(table)
