"""What a statement of a migration does to processes of the release before, which are still there.

Pure: PostgreSQL's statements as they were sent go in, sentences come out.
"""

import re
from collections.abc import Iterator, Sequence

_NAME = r'"?([a-z_][a-z0-9_]*)"?'
_CREATED = re.compile(rf"\s*CREATE TABLE (?:IF NOT EXISTS )?{_NAME}", re.IGNORECASE)
_INDEX = re.compile(
    rf"\s*CREATE (?P<unique>UNIQUE )?INDEX (?P<online>CONCURRENTLY )?.*? ON {_NAME}", re.IGNORECASE
)
_ALTERED = re.compile(
    rf"\s*ALTER TABLE (?:ONLY )?{_NAME} (?P<change>.*)", re.IGNORECASE | re.DOTALL
)
_DROPPED = re.compile(rf"\s*DROP TABLE (?:IF EXISTS )?{_NAME}", re.IGNORECASE)

#: What a change of a table takes from who knew it before.
_TAKEN = {
    r"\bDROP COLUMN\b": "drops a column",
    r"\bRENAME\b": "renames",
    r"\bALTER COLUMN \S+ (SET DATA )?TYPE\b": "changes a type, and writes the table anew",
    r"\bSET NOT NULL\b": "refuses rows that were written without",
    r"\bDROP DEFAULT\b": "refuses rows that were written without",
    r"\bADD COLUMN\b(?=.*\bNOT NULL\b)(?!.*\bDEFAULT\b)": "refuses rows that are written without",
    r"\bADD (CONSTRAINT|UNIQUE|CHECK|PRIMARY|FOREIGN)\b(?!.*\bNOT VALID\b)": (
        "refuses what was allowed, and reads the table under a lock"
    ),
}


def breaks(statements: Sequence[str]) -> list[str]:
    """Return what breaks the release before: a reason and the statement."""
    return [f"{why}: {_short(each)}" for each, why in _found(statements)]


def blocks(statements: Sequence[str]) -> list[str]:
    """Return what stops writers for as long as a table is large: indexes not built concurrently."""
    new = _created(statements)
    found = ((each, _INDEX.match(each)) for each in statements)
    return [
        f"stops who writes: {_short(each)}"
        for each, index in found
        if index and not index["online"] and index[3] not in new
    ]


def mixed(statements: Sequence[str]) -> bool:
    """Tell whether an index built concurrently shares its migration with what is not one.

    It commits; the rest would be done again when the migration is broken off there and run again.
    """
    changes = [each for each in statements if re.match(r"\s*(CREATE|ALTER|DROP|UPDATE)", each)]
    indexes = [each for each in changes if re.match(r"\s*(CREATE|DROP) .*CONCURRENTLY", each)]
    own = [each for each in changes if "alembic_version" in each]
    return bool(indexes) and len(indexes) + len(own) < len(changes)


def _found(statements: Sequence[str]) -> Iterator[tuple[str, str]]:
    new = {*_created(statements), "alembic_version"}
    for each in statements:
        if (dropped := _DROPPED.match(each)) and dropped[1] not in new:
            yield each, "drops a table"
        index = _INDEX.match(each)
        if index and index["unique"] and index[3] not in new:
            yield each, "refuses what was allowed"
        altered = _ALTERED.match(each)
        if altered is None or altered[1] in new:
            continue
        for pattern, why in _TAKEN.items():
            if re.search(pattern, altered["change"], re.IGNORECASE | re.DOTALL):
                yield each, why


def _created(statements: Sequence[str]) -> set[str]:
    return {created[1] for each in statements if (created := _CREATED.match(each))}


def _short(statement: str) -> str:
    return " ".join(statement.split())[:120]
