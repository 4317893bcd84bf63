"""Idempotency keys of every operation, external ids by source, limits of API keys."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
LIMITS = ("read_limit", "write_limit", "bulk_limit")


def upgrade() -> None:
    _keys_of_every_operation()
    with op.batch_alter_table("tickets") as batch:
        batch.add_column(sa.Column("source", sa.Text(), nullable=False, server_default="api"))
        batch.drop_constraint("uq_tickets_external_id", type_="unique")
        batch.create_unique_constraint(
            op.f("uq_tickets_external_id_source"), ["external_id", "source"]
        )
    with op.batch_alter_table("tickets") as batch:
        batch.alter_column("source", existing_type=sa.Text(), server_default=None)
    for name in LIMITS:
        op.add_column("api_keys", sa.Column(name, sa.Integer(), nullable=True))


def _keys_of_every_operation() -> None:
    """Only new tickets had keys so far; their answers told the version, which was 1."""
    with op.batch_alter_table("idempotency_keys") as batch:
        batch.add_column(
            sa.Column("operation", ID, nullable=False, server_default="POST /v1/tickets")
        )
        batch.add_column(
            sa.Column("status", sa.SmallInteger(), nullable=False, server_default="201")
        )
        batch.add_column(sa.Column("headers", sa.Text(), nullable=False, server_default="{}"))
    op.execute(
        "UPDATE idempotency_keys SET headers = "
        "'{\"Location\":\"/v1/tickets/' || ticket_id || '\",\"ETag\":\"\\\"1\\\"\"}'"
    )
    op.drop_index("ix_idempotency_keys_ticket_id", table_name="idempotency_keys")
    with op.batch_alter_table("idempotency_keys") as batch:
        batch.drop_constraint("pk_idempotency_keys", type_="primary")
        batch.create_primary_key(
            op.f("pk_idempotency_keys"), ["api_key_id", "operation", "key"]
        )
        batch.alter_column(
            "ticket_id", new_column_name="subject_id", existing_type=ID, nullable=True
        )
        for name, kind in (
            ("operation", ID),
            ("status", sa.SmallInteger()),
            ("headers", sa.Text()),
        ):
            batch.alter_column(name, existing_type=kind, server_default=None)
    op.create_index("ix_idempotency_keys_subject_id", "idempotency_keys", ["subject_id"])


def downgrade() -> None:
    for name in LIMITS:
        op.drop_column("api_keys", name)
    # Two sources may have used one id; the later ticket keeps its own as text of both.
    op.execute(
        "UPDATE tickets SET external_id = source || '/' || external_id "
        "WHERE source <> 'api' AND external_id IS NOT NULL"
    )
    with op.batch_alter_table("tickets") as batch:
        batch.drop_constraint("uq_tickets_external_id_source", type_="unique")
        batch.create_unique_constraint(op.f("uq_tickets_external_id"), ["external_id"])
        batch.drop_column("source")
    op.execute("DELETE FROM idempotency_keys")
    op.drop_index("ix_idempotency_keys_subject_id", table_name="idempotency_keys")
    with op.batch_alter_table("idempotency_keys") as batch:
        batch.drop_constraint("pk_idempotency_keys", type_="primary")
        batch.create_primary_key(op.f("pk_idempotency_keys"), ["api_key_id", "key"])
        batch.alter_column(
            "subject_id", new_column_name="ticket_id", existing_type=ID, nullable=False
        )
        for name in ("operation", "status", "headers"):
            batch.drop_column(name)
    op.create_index("ix_idempotency_keys_ticket_id", "idempotency_keys", ["ticket_id"])
