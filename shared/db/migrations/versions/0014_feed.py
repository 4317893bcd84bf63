"""The event feed: a place for each event that no later commit can come before."""

import sqlalchemy as sa
from alembic import op

from shared.db.dialects.postgresql import feed_offset

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

#: The event before one event of a ticket is committed or of this same transaction, and this
#: transaction may have got its number before that one: see docs/adr/0020.
FUNCTION = """
CREATE FUNCTION ticket_events_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT greatest(NEW.feed_key, max(feed_key)) INTO NEW.feed_key FROM ticket_events
    WHERE ticket_id = NEW.ticket_id AND sequence = NEW.sequence - 1;
    RETURN NEW;
END
$$
"""
TRIGGER = """
CREATE TRIGGER ticket_events_follow BEFORE INSERT ON ticket_events
FOR EACH ROW WHEN (NEW.sequence > 1) EXECUTE FUNCTION ticket_events_follow()
"""


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    # The events there are get 0: before all others, in the order of their tickets.
    op.add_column(
        "ticket_events",
        sa.Column("feed_key", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.create_index(
        "ix_ticket_events_feed",
        "ticket_events",
        ["feed_key", "ticket_id", "sequence"],
        sqlite_where=sa.text("feed_key > 0"),
    )
    if postgresql:
        op.execute(feed_offset(0))
        op.execute(
            "ALTER TABLE ticket_events ALTER COLUMN feed_key "
            "SET DEFAULT ((pg_current_xact_id()::text)::bigint + feed_offset())"
        )
        op.execute(FUNCTION)
        op.execute(TRIGGER)


def downgrade() -> None:
    op.drop_index("ix_ticket_events_feed", table_name="ticket_events")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER ticket_events_follow ON ticket_events")
        op.execute("DROP FUNCTION ticket_events_follow()")
    with op.batch_alter_table("ticket_events") as batch:
        batch.drop_column("feed_key")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION feed_offset()")
