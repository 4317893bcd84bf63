"""mail_preferences: reading and writing what people want of mails."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from shared.db.engine import Transaction, first
from shared.db.models import MailPreference, MailSuppression
from shared.db.models.base import table

_PREFERENCES, _SUPPRESSIONS = table(MailPreference), table(MailSuppression)


def wishes_of(connection: Connection, person_id: str) -> dict[str, Any]:
    """Return the document of an agent or requester, empty if they never said anything."""
    query = select(_PREFERENCES.c.document).where(_PREFERENCES.c.id == person_id)
    found = first(connection, query)
    return dict(found["document"]) if found else {}


def keep_wishes(
    tx: Transaction, person_id: str, document: Mapping[str, Any], now: datetime
) -> None:
    """Store the document of a person in place of the one before."""
    row = {"id": person_id, "document": dict(document), "updated_at": now}
    tx.execute(tx.dialect.upsert(_PREFERENCES, ("id",), ("document", "updated_at")), row)


def switch_off(tx: Transaction, person_id: str, mail: str, now: datetime) -> None:
    """Send a person no mails of a kind any more; once more is no harm."""
    query = select(_PREFERENCES).where(_PREFERENCES.c.id == person_id).with_for_update()
    found = tx.first(query)
    document = dict(found["document"]) if found else {}
    off = sorted({*document.get("off", ()), mail})
    keep_wishes(tx, person_id, {**document, "off": off}, now)


def erase_wishes(tx: Transaction, person_ids: Sequence[str], addresses: Sequence[str]) -> None:
    """Delete what erased people wanted, and what is known of their addresses."""
    tx.execute(delete(_PREFERENCES).where(_PREFERENCES.c.id.in_(person_ids)))
    known = [address.strip().lower() for address in addresses]
    tx.execute(delete(_SUPPRESSIONS).where(_SUPPRESSIONS.c.address.in_(known)))
