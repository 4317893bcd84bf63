"""What the key of a requester sees, may ask by, and may set: each field is declared here, once.

After what Zendesk shows and takes of end users' *requests* and ServiceNow of self-service callers:
the words that passed between the two sides, where the ticket stands and when it will be done. What
the desk notes for itself, how it routes, whom it measures and how others call the ticket stay
inside; so do free documents (custom fields, tags), of which nobody can say for whom they are.
`tests/unit/schemas/test_requester_view.py` refuses a field that is declared nowhere.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema

from shared.domain.comment import AuthorKind
from shared.domain.ticket import TicketStatus
from shared.schemas.attachment import AttachmentSchema
from shared.schemas.base import StrictSchema
from shared.schemas.comment import CommentSchema
from shared.schemas.search import FoundTicketSchema
from shared.schemas.ticket import TicketSchema


@dataclass(frozen=True, slots=True)
class View:
    """What is left of a schema's documents: public fields, and of some only these members."""

    of: type[Schema]
    public: frozenset[str]
    withheld: frozenset[str]
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __call__(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document in wire form, or a part of one, without what is withheld."""
        return {
            name: _only(value, self.members.get(name))
            for name, value in document.items()
            if name in self.public
        }

    def schema(self) -> type[Schema]:
        """Return the schema of what is left, for the description of the API."""
        kept = {n: deepcopy(f) for n, f in self.of().fields.items() if n in self.public}
        return StrictSchema.from_dict(kept, name="Requester" + self.of.__name__)


def _only(value: Any, members: frozenset[str] | None) -> Any:
    if members is None or not isinstance(value, Mapping):
        return value
    return {name: inner for name, inner in value.items() if name in members}


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Of the person: not what others know of them, nor by which name.
_PERSON = _names("id name email phone contacts locale time_zone organization erased")

TICKET = View(
    TicketSchema,
    public=_names(
        "id number version channel subject description requester type category product impact "
        "urgency priority error_messages steps_to_reproduce impact_details status assignee hold "
        "resolution verification satisfaction merged_into_id expected_resolution_at created_at "
        "updated_at resolved_at closed_at"
    ),
    withheld=_names(
        "source external_id severity tags custom_fields required_skills preferred_skills language "
        "sla_policy team offered_to reopen_count time_spent_s"
    ),
    members={
        "requester": _PERSON,
        "assignee": _names("name"),
        "hold": _names("note until"),
        "resolution": _names("summary steps_taken"),
        "verification": _names("method passed at on_behalf"),
        "satisfaction": _names("score comment rated_at changed_at on_behalf"),
    },
)

FOUND_TICKET = View(
    FoundTicketSchema,
    public=_names("id number subject status priority type requester created_at updated_at"),
    withheld=_names("team assignee_id tags"),
    members={"requester": _PERSON},
)

ATTACHMENT = View(
    AttachmentSchema,
    public=_names("id ticket_id comment_id kind name media_type size sha256 state url created_at"),
    withheld=_names("created_by"),
)

COMMENT = View(
    CommentSchema,
    public=_names("id ticket_id author visibility body attachments created_at"),
    withheld=_names("time_spent_s merged_from_id"),
    members={"author": _names("kind name")},
)

VIEWS = (TICKET, FOUND_TICKET, ATTACHMENT, COMMENT)

#: What a requester says of a new ticket. `requester` is read over: it is theirs, whoever it names.
SETTABLE = _names(
    "subject description requester type category product impact urgency error_messages "
    "steps_to_reproduce impact_details attachments"
)
#: What is the desk's to say, or follows from what the requester said, as the priority does.
NOT_SETTABLE = _names(
    "priority severity team lane channel source external_id tags custom_fields required_skills"
)

#: What lists and searches of a requester may be narrowed by. By a withheld field they would tell
#: what it holds.
FILTERS = _names(
    "status priority type channel category product number requester created_after created_before "
    "updated_after updated_before due_before"
)
NO_FILTERS = _names("severity team assignee tag sla_policy external_id")


def ticket_view(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a requester sees of a ticket in wire form, whole or some of its fields.

    The note of a pause is for the requester when it is they who are waited for, and for the desk
    otherwise.
    """
    seen = TICKET(document)
    waits_for_them = document.get("status") == TicketStatus.PENDING_CUSTOMER
    if seen.get("hold") and not waits_for_them:
        seen["hold"] = {"until": seen["hold"].get("until")}
    return seen


def comment_view(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a requester sees of a public comment in wire form; programs have no name."""
    seen = COMMENT(document)
    if seen["author"]["kind"] == AuthorKind.API:
        seen["author"]["name"] = None
    seen["attachments"] = [ATTACHMENT(each) for each in document["attachments"]]
    return seen
