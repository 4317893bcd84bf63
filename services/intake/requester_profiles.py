"""Making and changing the profile of a requester."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.intake import requester_repository as repository
from shared.db import requesters
from shared.db.engine import Row, Transaction
from shared.domain.errors import FieldError, InvalidInput
from shared.domain.identity import Identity, IdentityKind, e164, identities_of, identity_of
from shared.schemas.requester import MAX_IDENTITIES


def create(tx: Transaction, content: Mapping[str, Any], now: datetime) -> Row:
    """Store a new requester; raises Conflict with the id of who has one of the addresses.

    The commit fails with IntegrityError if somebody takes an address in this moment; once more,
    its owner is seen.
    """
    values = {name: value for name, value in content.items() if name != "identities"}
    row = requesters.new_row(values, now)
    wanted = {*identities_of(row), *_listed(content)}
    _require_few(wanted, 0)
    tx.insert(repository.REQUESTERS, [row])
    repository.give_identities(tx, row["id"], wanted)
    return row


def change(
    tx: Transaction,
    requester_id: str,
    content: Mapping[str, Any],
    now: datetime,
    check: Callable[[Row], None],
) -> None:
    """Change a requester; `check` may refuse the row that is there.

    Raises NotFound, and Conflict if they were erased or somebody else has one of the addresses.
    The commit may fail as that of `create` does.
    """
    values = {name: value for name, value in content.items() if name != "identities"}
    if "phone" in values:
        values["phone_e164"] = e164(values["phone"])
    row = repository.locked_current(tx, requester_id)
    check(row)
    known = repository.identities(tx, row["id"])
    wanted = _wanted(row, content, known)
    _require_few(wanted, len(known))
    changed = {name: value for name, value in values.items() if row[name] != value}
    if not changed and wanted == known:
        return
    repository.take_identities(tx, known - wanted)
    repository.give_identities(tx, row["id"], wanted - known)
    version = {"version": row["version"] + 1, "updated_at": now}
    tx.update(repository.REQUESTERS, [{"id": row["id"], **changed, **version}])


def _wanted(row: Row, content: Mapping[str, Any], known: set[Identity]) -> set[Identity]:
    """Return the addresses afterwards: those listed, or else those known but for what is null."""
    if "identities" in content:
        kept = _listed(content)
    else:
        gone = {
            identity_of(kind, row[kind.value])
            for kind in IdentityKind
            if content.get(kind.value, "") is None
        }
        kept = known - gone
    return {*kept, *identities_of({**row, **content})}


def _listed(content: Mapping[str, Any]) -> set[Identity]:
    found = (identity_of(each["kind"], each["value"]) for each in content.get("identities") or ())
    return {identity for identity in found if identity is not None}


def _require_few(wanted: set[Identity], before: int) -> None:
    """Refuse too many addresses; a merge may have left more, and they may stay."""
    if len(wanted) > max(MAX_IDENTITIES, before):
        detail = f"A requester has at most {MAX_IDENTITIES} addresses, not {len(wanted)}."
        raise InvalidInput(detail, [FieldError("/identities", detail)])
