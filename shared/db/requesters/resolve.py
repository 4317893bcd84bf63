"""Which of the known requesters each person is, who is new, and what is new about whom. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.domain.identity import Identity, IdentityKind, e164, identities_of
from shared.domain.ids import Prefix, new_id
from shared.schemas.requester import MAX_CONTACTS, MAX_IDENTITIES

Person = Mapping[str, Any]

#: What a ticket's requester shows of a profile that was named by its id.
SHOWN = ("name", "email", "phone", "external_id", "contacts", "locale", "time_zone")


def new_row(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the row of a new requester of whom only `values` are known."""
    return {
        "id": new_id(Prefix.REQUESTER),
        "version": 1,
        "name": None,
        "email": None,
        "phone": None,
        "phone_e164": e164(values.get("phone")),
        "external_id": None,
        "contacts": [],
        "locale": None,
        "time_zone": None,
        "custom_fields": {},
        "merged_into": None,
        "erased_at": None,
        "created_at": now,
        "updated_at": now,
        **values,
    }


@dataclass(slots=True, eq=False)
class Profile:
    """A requester while a batch is resolved; `row` has what is known, as it will be written."""

    row: dict[str, Any]
    identities: int
    changed: bool = False


@dataclass(slots=True)
class Resolver:
    """Resolves people one after another, so that a later one of a batch finds an earlier one.

    `owners` says who has an address; `gained` collects the addresses that are new.
    """

    now: datetime
    owners: dict[Identity, Profile]
    gained: dict[Identity, Profile] = field(default_factory=dict)
    made: list[Profile] = field(default_factory=list)

    def resolve(self, person: Person, *, proven: bool = True) -> Profile:
        """Return who this is; where that is not `proven`, somebody known stays as they are.

        The strongest address that somebody has decides; the weaker ones of others stay on the
        ticket, and nobody is merged. Somebody who has another address of a stronger kind is not
        meant: a new e-mail address from a known telephone is a colleague in the same office.
        """
        identities = identities_of(person)
        profile = self.owner(identities)
        if profile is not None and not proven:
            # Else a stranger who knows an e-mail address could give its owner their own telephone,
            # and be taken for the owner when they call.
            return profile
        if profile is None:
            profile = self._make(person)
        for identity in identities:
            self._give(profile, identity, person)
        surely = any(
            self.owners.get(identity) is profile and identity.kind is not IdentityKind.PHONE
            for identity in identities
        )
        _refresh(profile, person, surely=surely)
        return profile

    def owner(self, identities: Iterable[Identity]) -> Profile | None:
        """Return whom these addresses mean, the strongest first, or None for somebody new."""
        unowned: list[IdentityKind] = []
        for identity in identities:
            owner = self.owners.get(identity)
            if owner is None:
                unowned.append(identity.kind)
            elif all(owner.row[kind.value] is None for kind in unowned):
                return owner
            else:
                return None
        return None

    def _make(self, person: Person) -> Profile:
        given = {name: person.get(name) for name in ("name", "locale", "time_zone")}
        row = new_row({**given, "contacts": list(person.get("contacts") or ())}, self.now)
        profile = Profile(row, 0)
        if not identities_of({"phone": person.get("phone")}):
            row["phone"] = person.get("phone")
        self.made.append(profile)
        return profile

    def _give(self, profile: Profile, identity: Identity, person: Person) -> None:
        """Give an address to a profile if it is nobody's, and show it if none is shown yet."""
        owner = self.owners.get(identity)
        if owner is None:
            if profile.identities >= MAX_IDENTITIES:
                return
            self.owners[identity] = self.gained[identity] = profile
            profile.identities += 1
        elif owner is not profile:
            return
        if profile.row[identity.kind.value] is None:
            profile.row[identity.kind.value] = person[identity.kind.value]
            if identity.kind is IdentityKind.PHONE:
                profile.row["phone_e164"] = e164(person["phone"])
            profile.changed = True


def _refresh(profile: Profile, person: Person, *, surely: bool) -> None:
    """Note what is new about somebody who is known; what they left out stays.

    Who was found by the telephone alone may be somebody else in the same house: then only what is
    missing is noted.
    """
    for name in ("name", "locale", "time_zone"):
        given, known = person.get(name), profile.row[name]
        if given and given != known and (surely or known is None):
            profile.row[name] = given
            profile.changed = True
    known_contacts = profile.row["contacts"]
    for contact in person.get("contacts") or ():
        if contact not in known_contacts and len(known_contacts) < MAX_CONTACTS:
            known_contacts = [*known_contacts, contact]
    if known_contacts != profile.row["contacts"]:
        profile.row["contacts"] = known_contacts
        profile.changed = True


def snapshot(person: Person, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the requester as a ticket keeps it: as it was sent, with the id.

    A requester who was named by the id alone is written out.
    """
    if "id" in person:
        return {"id": row["id"], **{name: row[name] for name in SHOWN if row[name]}}
    return {"id": row["id"], **person}
