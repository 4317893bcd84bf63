"""Secrets at rest: whether they are sealed, by which keys, and whether those are here."""

from collections.abc import Iterator

from services.cli.doctor.finding import Finding, error, note, ok, warning
from shared.db.engine import Database
from shared.db.sealed_places import keys_in_use, missing_keys, outdated
from shared.settings import Settings

_REENCRYPT = "run: patchbay keys reencrypt"


def examine(settings: Settings, database: Database) -> Iterator[Finding]:
    """Yield what is to be said of the secrets in a database with the schema of this release."""
    keyring = database.keyring
    with database.reading() as connection:
        found = keys_in_use(connection)
    missing = sorted(missing_keys(found, keyring))
    if missing:
        yield error(
            f"secrets are sealed by the key {', '.join(missing)}, which is not here",
            "no process starts: webhooks could not be signed, nor links read",
            "add the key to PATCHBAY_SECRET_KEYS, or bring the key file back from a backup",
        )
        return
    newest, left = keyring.sealing_id, outdated(found, keyring)
    if newest is None and keyring.plain:
        yield note(
            f"secrets in the database are not sealed, as the settings say ({left} are yet)",
            "whoever gets a copy of the database signs webhooks and links as this desk",
            "put a key in the place of plain in PATCHBAY_SECRET_KEYS, then " + _REENCRYPT,
        )
    elif newest is None and settings.database_url.startswith("postgresql"):
        yield warning(
            "secrets in the database are not sealed",
            "whoever gets a copy of the database signs webhooks and links as this desk",
            "set PATCHBAY_SECRET_KEYS in every process, then " + _REENCRYPT,
        )
    elif newest is None and left:
        yield note(
            f"{left} secrets are not sealed yet",
            "whoever gets a copy of the database signs webhooks and links as this desk",
            _REENCRYPT,
        )
    elif newest is None:
        yield ok("there are no secrets in the database yet")
    elif left:
        yield note(
            f"{left} secrets are not sealed by the newest key {newest}",
            "older keys must stay in the settings, and what was never sealed can be read",
            _REENCRYPT,
        )
    else:
        yield ok(f"secrets in the database are sealed by the key {newest}")
