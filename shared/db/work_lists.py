"""The catalogue of work lists that are claimed by key; deliveries have their own claim."""

from shared.db.models import (
    Agent,
    Attachment,
    BulkChunk,
    Delivery,
    DryRun,
    OutboxEntry,
    Requirement,
    Ticket,
    WaitingLook,
)
from shared.db.models.base import table
from shared.db.work_list import WorkList
from shared.domain.work import ListName

TICKETS_TO_ROUTE = WorkList(ListName.ROUTING, table(Ticket), "id", ("rank", "available_at", "id"))
AGENTS_TO_MATCH = WorkList(ListName.MATCHING, table(Agent), "id", ("available_at",))
REQUIREMENTS_TO_MATCH = WorkList(
    ListName.MATCHING, table(Requirement), "signature", ("available_at",)
)
EVENTS_TO_FAN_OUT = WorkList(
    ListName.EVENTS, table(OutboxEntry), "id", ("rank", "available_at", "id")
)
WAITING_LOOKS = WorkList(ListName.WAKING, table(WaitingLook), "id", ("available_at",))
QUESTIONS = WorkList(ListName.QUESTIONS, table(DryRun), "id", ("available_at",))
ATTACHMENTS_TO_SCAN = WorkList(ListName.SCANNING, table(Attachment), "id", ("available_at",))
#: The chunk that its job has least before it comes first, so that a small job need not wait until a
#: large one is done.
BULK_CHUNKS = WorkList(ListName.BULK, table(BulkChunk), "id", ("ordinal", "available_at", "id"))
DELIVERIES_DUE = WorkList(ListName.WEBHOOK, table(Delivery), "id", ("rank", "available_at"))
