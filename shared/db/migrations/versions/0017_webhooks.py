"""Webhooks: filters, styles, headers, several secrets, limits; events that no ticket has."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.types import UTCDateTime
from shared.domain.ids import Prefix, new_id
from shared.domain.webhook_signature import new_secret

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
)
WORD = sa.String(32)

_SUBSCRIPTIONS = sa.table(
    "subscriptions",
    sa.column("id", sa.Text()),
    sa.column("secret", sa.Text()),
    sa.column("secrets", JSON),
    sa.column("headers", JSON),
    sa.column("payload_style", WORD),
    sa.column("ordering", WORD),
    sa.column("after_outage", WORD),
    sa.column("created_at", UTCDateTime()),
)

#: Columns that every row has once the rows there are have been filled in.
FILLED = {
    "payload_style": WORD,
    "headers": JSON,
    "secrets": JSON,
    "ordering": WORD,
    "after_outage": WORD,
}
OPTIONAL = {
    "filter": sa.Text(),
    "rate_limit_per_s": sa.Integer(),
    "concurrency": sa.Integer(),
    "owner_email": sa.Text(),
    "disabled_at": UTCDateTime(),
}


def upgrade() -> None:
    with op.batch_alter_table("subscriptions") as batch:
        for name, kind in {**FILLED, **OPTIONAL}.items():
            batch.add_column(sa.Column(name, kind, nullable=True))
    _fill()
    with op.batch_alter_table("subscriptions") as batch:
        for name, kind in FILLED.items():
            batch.alter_column(name, existing_type=kind, nullable=False)
        # A secret that no longer signs has no business in the database.
        batch.drop_column("secret")
    op.add_column("deliveries", sa.Column("payload", sa.Text(), nullable=True))
    op.add_column("delivery_attempts", sa.Column("operator_detail", sa.Text(), nullable=True))
    op.create_index("ix_deliveries_receiver", "deliveries", ["receiver", "created_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_deliveries_receiver", table_name="deliveries")
    op.execute("DELETE FROM deliveries WHERE payload IS NOT NULL")
    with op.batch_alter_table("delivery_attempts") as batch:
        batch.drop_column("operator_detail")
    with op.batch_alter_table("deliveries") as batch:
        batch.drop_column("payload")
    with op.batch_alter_table("subscriptions") as batch:
        batch.add_column(sa.Column("secret", sa.Text(), nullable=True))
    _restore()
    with op.batch_alter_table("subscriptions") as batch:
        batch.alter_column("secret", existing_type=sa.Text(), nullable=False)
        for name in reversed([*FILLED, *OPTIONAL]):
            batch.drop_column(name)


def _fill() -> None:
    connection, columns = op.get_bind(), _SUBSCRIPTIONS.c
    found = sa.select(columns.id, columns.secret, columns.created_at)
    for row in connection.execute(found).mappings().all():
        secret = {
            "id": new_id(Prefix.ENDPOINT_SECRET),
            "scheme": "v1",
            "secret": row["secret"],
            "public_key": None,
            "created_at": row["created_at"].isoformat(),
            "expires_at": None,
        }
        values: dict[str, Any] = {
            "payload_style": "full",
            "headers": {},
            "secrets": [secret],
            "ordering": "ticket",
            "after_outage": "all",
        }
        connection.execute(
            sa.update(_SUBSCRIPTIONS).where(columns.id == row["id"]).values(**values)
        )


def _restore() -> None:
    """Put the newest shared secret back; who had none gets one that nobody knows yet."""
    connection, columns = op.get_bind(), _SUBSCRIPTIONS.c
    for row in connection.execute(sa.select(columns.id, columns.secrets)).mappings().all():
        shared = [each["secret"] for each in row["secrets"] if each["scheme"] == "v1"]
        secret = shared[0] if shared else new_secret()
        connection.execute(
            sa.update(_SUBSCRIPTIONS).where(columns.id == row["id"]).values(secret=secret)
        )
