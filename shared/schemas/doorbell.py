"""The one kind of message on the broker: “this work list has rows”.

A doorbell names no ticket, because handlers claim whatever is ready; so a lost, doubled, late or
reordered one does no harm, and its size never depends on the load.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, fields

from shared.domain.work import ListName

#: In the message, so that a later release can tell an older one's doorbells apart.
VERSION = 1

ACTORS: dict[ListName, str] = {
    ListName.ROUTING: "router.route_tickets",
    ListName.MATCHING: "router.match_agents",
    ListName.WAKING: "router.wake_tickets",
    ListName.LIFE: "router.advance_tickets",
    ListName.QUESTIONS: "router.answer_questions",
    ListName.SLA: "router.run_clocks",
    ListName.EVENTS: "notifier.fan_out",
    ListName.WEBHOOK: "notifier.deliver_webhooks",
    ListName.EMAIL: "notifier.deliver_emails",
    ListName.SCANNING: "intake.scan_attachments",
    ListName.BULK: "intake.process_bulk",
}


@dataclass(frozen=True, slots=True)
class Doorbell:
    """A ring: which list, how many rings were merged into it, when (Unix milliseconds)."""

    list: ListName
    merged: int
    rung_at_ms: int
    version: int = VERSION


class DoorbellSchema(Schema):
    """The keyword arguments of the Dramatiq message. Fields of a newer release are let pass."""

    class Meta:
        unknown = EXCLUDE

    list = fields.Enum(ListName, by_value=True, required=True)
    merged = fields.Integer(required=True)
    rung_at_ms = fields.Integer(required=True)
    version = fields.Integer(required=True)


_SCHEMA = DoorbellSchema()


def load_doorbell(payload: Mapping[str, Any]) -> Doorbell:
    """Read a message's arguments; raises marshmallow.ValidationError on anything else."""
    return Doorbell(**_SCHEMA.load(payload))


def dump_doorbell(doorbell: Doorbell) -> dict[str, Any]:
    """Return the arguments of the message."""
    return dict(_SCHEMA.dump(doorbell))
