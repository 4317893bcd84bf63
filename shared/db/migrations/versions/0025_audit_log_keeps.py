"""The audit log refuses what goes past its rows too: TRUNCATE, and INSERT OR REPLACE.

Neither is a DELETE that the triggers of 0024 see: TRUNCATE has triggers of its own, and SQLite
fires none for a row that is replaced unless recursive triggers are on.
https://sqlite.org/lang_conflict.html
"""

from alembic import op

revision = "0025"
down_revision = "0024"
compatible_with = "0023"
branch_labels = None
depends_on = None

POSTGRESQL = (
    """
    CREATE FUNCTION audit_log_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_log_keeps BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_keeps()
    """,
)
SQLITE = (
    """
    CREATE TRIGGER audit_log_adds BEFORE INSERT ON audit_log
    WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id OR rowid = NEW.rowid)
    BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END
    """,
)


def upgrade() -> None:
    connection = op.get_bind()
    for statement in POSTGRESQL if connection.dialect.name == "postgresql" else SQLITE:
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_log_keeps ON audit_log")
        op.execute("DROP FUNCTION audit_log_keeps()")
    else:
        op.execute("DROP TRIGGER audit_log_adds")
