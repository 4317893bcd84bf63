"""Reading, checking and replacing the rule set, for the API and for the command line."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import Connection

from services.intake import repository
from services.intake.reference import ReferenceData
from shared.db import ticket_changes
from shared.db.engine import Row, Transaction
from shared.domain.errors import FieldError, InvalidInput
from shared.schemas.refusal import refused_fields
from shared.schemas.rules import PutRulesSchema, RuleSetSchema

#: The rule set that every desk begins with.
EMPTY: Row = {"version": 0, "created_at": None, "time_zone": "UTC", "rules": []}

_schema, _whole = PutRulesSchema(), RuleSetSchema(exclude=["rules"])


def load_rule_set(document: Any) -> dict[str, Any]:
    """Return a rule set read from its wire form; raises InvalidInput with pointers."""
    try:
        return dict(_schema.load(document))
    except ValidationError as error:
        raise refused_fields(error.messages) from error


def written(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a loaded rule set in wire form, in which it is also stored: `10m` and not 600."""
    return dict(_schema.dump(content))


def require_names(reference: ReferenceData, content: Mapping[str, Any]) -> None:
    """Raise InvalidInput, with pointers, if rules name what does not exist."""
    errors: list[FieldError] = []
    for index, rule in enumerate(content["rules"]):
        try:
            reference.require(rule["then"])
        except InvalidInput as error:
            place = f"/rules/{index}/then"
            errors += [FieldError(place + found.pointer, found.detail) for found in error.errors]
    if errors:
        message = "The rules refer to what does not exist."
        raise InvalidInput(message, errors)


def replace_rule_set(
    tx: Transaction,
    content: Mapping[str, Any],
    now: datetime,
    check: Callable[[int], None],
) -> Row:
    """Put a loaded rule set in force and return it as stored.

    `check` is given the version in force, which nobody can change meanwhile, and may refuse.
    """
    stored = written(content)
    row = repository.put_rules(tx, stored["time_zone"], stored["rules"], now, check)
    ticket_changes.look_at_waiting(tx, now)
    return row


def read_rule_set(connection: Connection, version: int | None = None) -> Row:
    """Return a version of the rule set, the one in force unless told otherwise; raises NotFound."""
    if version == 0:
        return EMPTY
    return repository.rules(connection, version) or EMPTY


def rule_set_document(row: Row) -> dict[str, Any]:
    """Return a stored rule set as a document of `shared.schemas.rules.RuleSetSchema`."""
    return {**_whole.dump(row), "rules": row["rules"]}
