"""The demo's receiver, against the reference implementation's signatures."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
import pytest
from standardwebhooks import Webhook

from services.demo.ledger import Ledger
from services.demo.receiver import TOLERANCE_S, Receiver, is_genuine

SECRET = "whsec_" + "Q" * 44
EVENT = {
    "id": "evt_1",
    "type": "ticket.created",
    "sequence": 1,
    "timestamp": "2026-01-02T03:04:05Z",
    "data": {"ticket": {"id": "tkt_1"}},
}
BODY = orjson.dumps(EVENT)


def headers(age: timedelta = timedelta(0), secret: str = SECRET) -> dict[str, str]:
    moment = datetime.now(UTC) - age
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign("evt_1", moment, BODY.decode()),
    }


def test_a_message_of_the_reference_implementation_is_genuine() -> None:
    assert is_genuine(SECRET, headers(), BODY, time.time())


def test_one_of_several_signatures_is_enough() -> None:
    signed = headers()
    signed["webhook-signature"] = "v1,AAAA " + signed["webhook-signature"]
    assert is_genuine(SECRET, signed, BODY, time.time())


@pytest.mark.parametrize(
    ("signed", "body"),
    [
        (headers(), BODY + b" "),
        (headers() | {"webhook-id": "evt_2"}, BODY),
        (headers() | {"webhook-timestamp": "soon"}, BODY),
        (headers(secret="whsec_" + "R" * 44), BODY),
        (headers(age=timedelta(seconds=2 * TOLERANCE_S)), BODY),
        ({}, BODY),
    ],
    ids=["body", "id", "timestamp", "secret", "age", "unsigned"],
)
def test_anything_else_is_forged(signed: dict[str, str], body: bytes) -> None:
    assert not is_genuine(SECRET, signed, body, time.time())


def test_a_new_event_is_passed_on_once_and_a_forged_one_never() -> None:
    ledger, seen = Ledger(), list[Any]()

    async def send() -> list[int]:
        async with Receiver(ledger, seen.append) as receiver, aiohttp.ClientSession() as http:
            receiver.trust(SECRET)
            statuses = []
            for signed in (headers(), headers(), headers() | {"webhook-id": "evt_2"}):
                async with http.post(receiver.url, data=BODY, headers=signed) as answer:
                    statuses.append(answer.status)
            return statuses

    assert asyncio.run(send()) == [204, 204, 401]
    assert seen == [EVENT]
    assert (len(ledger.events), ledger.duplicates, ledger.forged) == (1, 1, 1)
