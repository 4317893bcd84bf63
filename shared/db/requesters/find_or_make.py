"""Finding the requesters of a batch of tickets, and making those who are not known yet."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.db.engine import Row, Transaction
from shared.db.models import Requester, RequesterIdentity
from shared.db.models.base import table
from shared.db.requesters.lookup import BY_ID, Key, look_up
from shared.db.requesters.resolve import Person, Profile, Resolver, snapshot
from shared.domain.errors import FieldError, InvalidInput
from shared.domain.identity import Identity, IdentityKind, identities_of

_REQUESTERS, _IDENTITIES = table(Requester), table(RequesterIdentity)

#: What a ticket may change of a requester who is known.
_REFRESHED = (
    "name",
    "email",
    "phone",
    "phone_e164",
    "external_id",
    "contacts",
    "locale",
    "time_zone",
)


def find_or_make(
    tx: Transaction, people: Sequence[Person], now: datetime, strangers: Container[int] = ()
) -> list[dict[str, Any] | InvalidInput]:
    """Return for each person the requester as its ticket keeps it, with `id`.

    One round trip for the whole batch; what is written goes with the transaction's other writes,
    and nothing is where nothing is new. An id that is nobody's gives InvalidInput in its place.

    Those at the places of `strangers` only say who they are: they find the requester and change
    nothing about one who is known.

    An address that another transaction gives away in this moment makes the commit fail with
    IntegrityError: the caller begins again and finds it.
    """
    keys = _keys(people)
    known = look_up(tx, keys, lock=True)
    # A requester who was merged while we waited for the lock is found by the second look.
    known |= look_up(tx, [key for key in keys if key[0] == BY_ID and key not in known], lock=True)
    profiles, resolver = _prepare(known, now)
    answers: list[dict[str, Any] | InvalidInput] = []
    for place, person in enumerate(people):
        if "id" in person:
            named = known.get((BY_ID, person["id"]))
            answers.append(_nobody(person) if named is None else snapshot(person, named))
        else:
            found = resolver.resolve(person, proven=place not in strangers)
            answers.append(snapshot(person, found.row))
    _write(tx, [*profiles.values()], resolver, now)
    return answers


def find(tx: Transaction, person: Person, now: datetime) -> dict[str, Any]:
    """Return a person as a ticket would keep it, without making anybody: `id` may be missing."""
    known = look_up(tx, _keys([person]), lock=False)
    if "id" in person:
        named = known.get((BY_ID, person["id"]))
        return dict(person) if named is None else snapshot(person, named)
    _, resolver = _prepare(known, now)
    profile = resolver.owner(identities_of(person))
    return dict(person) if profile is None else snapshot(person, profile.row)


def _prepare(known: Mapping[Key, Row], now: datetime) -> tuple[dict[str, Profile], Resolver]:
    """Return the profiles that were found, by id, and what resolves people to them."""
    profiles: dict[str, Profile] = {}
    for row in known.values():
        if row["id"] not in profiles:
            profiles[row["id"]] = Profile(row, row["identities"])
    owners = {
        Identity(IdentityKind(kind), value): profiles[row["id"]]
        for (kind, value), row in known.items()
        if kind != BY_ID
    }
    return profiles, Resolver(now, owners)


def _keys(people: Sequence[Person]) -> list[Key]:
    keys: dict[Key, None] = {}
    for person in people:
        if "id" in person:
            keys[BY_ID, person["id"]] = None
        for identity in identities_of(person):
            keys[identity.kind.value, identity.value] = None
    return list(keys)


def _nobody(person: Person) -> InvalidInput:
    detail = f"There is no requester {person['id']!r}, or they were erased."
    return InvalidInput(
        "The ticket's requester is not known.", [FieldError("/requester/id", detail)]
    )


def _write(tx: Transaction, known: Sequence[Profile], resolver: Resolver, now: datetime) -> None:
    """Write in the order in which everybody locks: requesters by id, then addresses."""
    changed = sorted((p.row for p in known if p.changed), key=lambda row: str(row["id"]))
    rows = [
        {
            "id": row["id"],
            "version": row["version"],
            **{name: row[name] for name in _REFRESHED},
            "updated_at": now,
        }
        for row in changed
    ]
    # Where somebody else was quicker the version differs, and theirs stands; the next ticket tells
    # what is new once more.
    tx.update(_REQUESTERS, rows, key=("id", "version"), raised="version")
    tx.insert(_REQUESTERS, [profile.row for profile in resolver.made])
    tx.insert(
        _IDENTITIES,
        [
            {"kind": each.kind.value, "value": each.value, "requester_id": profile.row["id"]}
            for each, profile in sorted(resolver.gained.items(), key=lambda item: item[0])
        ],
    )
