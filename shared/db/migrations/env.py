"""Runs migrations on the connection that `shared.db.migrating` hands over."""

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo

from shared.db.compatibility import write_floor
from shared.db.models import Base

_say = context.config.attributes.get("say")


def _applied(
    ctx: MigrationContext,
    step: MigrationInfo,
    heads: Collection[Any],
    run_args: Mapping[str, Any],  # noqa: ARG001 -- Alembic passes it by name
) -> None:
    """Write the floor within the step's transaction, and tell of the step."""
    assert ctx.connection is not None  # noqa: S101 -- migrations are not run offline
    write_floor(ctx.connection, context.script, next(iter(heads), None))
    if _say is not None and step.is_upgrade:
        script: Any = step.up_revision
        _say(f"{script.revision}: {script.doc}")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    # Locks are held for one migration, and what is done stays done when the next has to wait.
    transaction_per_migration=True,
    on_version_apply=_applied,
)
with context.begin_transaction():
    context.run_migrations()
