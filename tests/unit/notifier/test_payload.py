"""What is sent in each style, read by those who will read it."""

import json
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from services.notifier.payload import payload
from shared.domain.subscription import PayloadStyle

GOLDEN = sorted((Path(__file__).parents[2] / "contract" / "golden").glob("*.json"))
PUBLIC_URL = "https://desk.example.com"

events = pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)


def test_full_is_the_stored_text_byte_for_byte() -> None:
    text = '{"b":1, "a":{"z":null,"y":"\u00e9"}}'
    sent = payload(text, PayloadStyle.FULL, PUBLIC_URL)
    assert sent.body == text.encode()
    assert sent.content_type == "application/json"


@events
def test_thin_has_the_envelope_and_no_word_of_the_ticket(path: Path) -> None:
    event = json.loads(path.read_text())
    sent = payload(path.read_text(), PayloadStyle.THIN, PUBLIC_URL)
    found = json.loads(sent.body)
    ticket = event["data"]["ticket"]
    assert found["data"] == {"ticket": {key: ticket[key] for key in ("id", "number", "version")}}
    assert {**found, "data": None} == {**event, "data": None}
    assert found["sequence"] == event["sequence"]


@events
def test_the_sdk_of_cloudevents_reads_every_event(path: Path) -> None:
    event = json.loads(path.read_text())
    sent = payload(path.read_text(), PayloadStyle.CLOUDEVENTS, PUBLIC_URL)
    message = HTTPMessage(headers={"content-type": sent.content_type}, body=sent.body)
    found = from_structured_event(message)
    assert found.get_id() == event["id"]
    assert found.get_type() == event["type"]
    assert found.get_specversion() == "1.0"
    assert found.get_source() == f"{PUBLIC_URL}/v1/tickets/{event['data']['ticket']['id']}"
    assert found.get_datacontenttype() == "application/json"
    assert int(found.get_extension("sequence")) == event["sequence"]
    assert found.get_data() == event["data"]


def test_sequences_of_cloudevents_compare_as_text() -> None:
    def sequence(number: int) -> str:
        event = {**json.loads(GOLDEN[0].read_text()), "sequence": number}
        sent = payload(json.dumps(event), PayloadStyle.CLOUDEVENTS, PUBLIC_URL)
        return str(json.loads(sent.body)["sequence"])

    assert sequence(9) < sequence(10) < sequence(2_000_000_000)


@pytest.mark.parametrize("style", list(PayloadStyle))
def test_an_event_that_no_ticket_has_goes_in_every_style(style: PayloadStyle) -> None:
    event: dict[str, Any] = {
        "id": "evt_1",
        "type": "webhook.test",
        "version": 1,
        "timestamp": "2026-03-01T12:00:00.000000Z",
        "sequence": 0,
        "correlation_id": "req_1",
        "data": {"subscription_id": "whk_1"},
    }
    sent = payload(json.dumps(event), style, PUBLIC_URL)
    assert json.loads(sent.body)["data"] == {"subscription_id": "whk_1"}


def test_the_same_text_gives_the_same_bytes() -> None:
    for style in PayloadStyle:
        text = GOLDEN[0].read_text()
        assert payload(text, style, PUBLIC_URL) == payload(text, style, PUBLIC_URL)
