"""The API may grow; what clients were built against stays. The check finds planted breaks."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.contract.openapi_breaks import breaks
from tests.contract.write_openapi import OPENAPI, written

Document = dict[str, Any]

TICKETS = "/v1/tickets"


@pytest.fixture(scope="module")
def known() -> Document:
    return dict(json.loads(OPENAPI.read_text()))


@pytest.fixture(scope="module")
def now() -> str:
    return written()


def test_nothing_that_clients_use_is_gone(known: Document, now: str) -> None:
    assert breaks(known, json.loads(now)) == []


def test_the_file_describes_the_api_as_it_is(now: str) -> None:
    hint = "python -m tests.contract.write_openapi brings it up to date"
    assert OPENAPI.read_text() == now, hint


def body(document: Document, path: str = TICKETS, method: str = "post") -> Document:
    content = document["paths"][path][method]["requestBody"]["content"]
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return dict(document["components"]["schemas"])[name]


def ticket(document: Document) -> Document:
    return dict(document["components"]["schemas"])["Ticket"]


PLANTED: dict[str, Callable[[Document], Any]] = {
    "an operation is gone": lambda d: d["paths"][TICKETS].pop("post"),
    "a path is gone": lambda d: d["paths"].pop(TICKETS),
    "a field of an answer is gone": lambda d: ticket(d)["properties"].pop("subject"),
    "a field of an answer is not sure any more": lambda d: ticket(d)["required"].remove("status"),
    "a field of an answer has another type": lambda d: ticket(d)["properties"]["number"].update(
        type="string"
    ),
    "a field of a request is required": lambda d: body(d)["required"].append("category"),
    "a field of a request is gone": lambda d: body(d)["properties"].pop("tags"),
    "a field of a request is shorter": lambda d: body(d)["properties"]["subject"].update(
        maxLength=10
    ),
    "a word of a request is gone": lambda d: body(d)["properties"]["type"]["enum"].pop(),
    "a status of an answer is another": lambda d: d["paths"][TICKETS]["post"]["responses"].update(
        {"200": d["paths"][TICKETS]["post"]["responses"].pop("201")}
    ),
    "a parameter is required": lambda d: d["paths"][TICKETS]["get"]["parameters"].append(
        {"in": "query", "name": "tenant", "required": True, "schema": {"type": "string"}}
    ),
    "a parameter is gone": lambda d: d["paths"][TICKETS]["get"]["parameters"].clear(),
    "a webhook is gone": lambda d: d["webhooks"].pop("ticket.created"),
}

GROWN: dict[str, Callable[[Document], Any]] = {
    "a new operation": lambda d: d["paths"].update({"/v1/new": d["paths"][TICKETS]}),
    "a new field of an answer": lambda d: ticket(d)["properties"].update(new={"type": "string"}),
    "a new field of a request": lambda d: body(d)["properties"].update(new={"type": "string"}),
    "a longer field": lambda d: body(d)["properties"]["subject"].update(maxLength=10_000),
    "a field that need not be sent": lambda d: body(d)["required"].remove("subject"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_break_is_found(known: Document, what: str) -> None:
    changed = deepcopy(known)
    PLANTED[what](changed)
    assert breaks(known, changed) != []


@pytest.mark.parametrize("what", GROWN)
def test_growing_breaks_nobody(known: Document, what: str) -> None:
    changed = deepcopy(known)
    GROWN[what](changed)
    assert breaks(known, changed) == []
