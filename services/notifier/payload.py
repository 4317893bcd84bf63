"""What is sent of an event, by the style that a subscription chose. Pure.

The bytes follow from the event's stored text alone, so that every attempt sends the same ones.
"""

from dataclasses import dataclass
from typing import Any

from shared.db.types import dump_json, load_json
from shared.domain.subscription import PayloadStyle

JSON = "application/json"
#: The structured content mode of the CloudEvents HTTP binding 1.0.2 §3.2. Not the binary one, whose
#: attributes are headers, which the signature of Standard Webhooks does not cover.
CLOUDEVENTS = "application/cloudevents+json; charset=utf-8"

#: Digits of the attribute `sequence`, which is compared as text.
_SEQUENCE_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Payload:
    """A body and its media type."""

    body: bytes
    content_type: str


def payload(text: str, style: PayloadStyle, public_url: str) -> Payload:
    """Return what is sent of an event's stored text.

    `public_url` is where this installation is reached, without a slash at its end.
    """
    if style == PayloadStyle.THIN:
        return Payload(dump_json(thin(load_json(text))).encode(), JSON)
    if style == PayloadStyle.CLOUDEVENTS:
        return Payload(dump_json(cloudevent(load_json(text), public_url)).encode(), CLOUDEVENTS)
    return Payload(text.encode(), JSON)


def thin(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without what it is about but the ids, to be read with a key that may.

    An event that no ticket has is small, and stays as it is.
    """
    ticket = event["data"].get("ticket")
    if ticket is None:
        return event
    reference = {name: ticket[name] for name in ("id", "number", "version")}
    return {**event, "data": {"ticket": reference}}


def cloudevent(event: dict[str, Any], public_url: str) -> dict[str, Any]:
    """Return an event as CloudEvents 1.0 has it (github.com/cloudevents/spec, v1.0.2).

    The source is the ticket, because that is what `sequence` counts in (extensions/sequence.md).
    """
    ticket = event["data"].get("ticket")
    place = f"/v1/tickets/{ticket['id']}" if ticket else "/v1/webhooks"
    return {
        "specversion": "1.0",
        "id": event["id"],
        "source": public_url + place,
        "type": event["type"],
        "time": event["timestamp"],
        "datacontenttype": JSON,
        "sequence": str(event["sequence"]).zfill(_SEQUENCE_DIGITS),
        "correlationid": event["correlation_id"],
        "dataversion": event["version"],
        "data": event["data"],
    }
