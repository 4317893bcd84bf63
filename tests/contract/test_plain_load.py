"""Reading fast is reading the same: `plain_load` against `schema.load`, result and errors."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validates_schema

from shared.schemas.base import StrictSchema
from shared.schemas.bulk import BulkTicketSchema
from shared.schemas.import_ticket import ImportTicketSchema
from shared.schemas.plain_load import plain_load
from shared.schemas.ticket import CreateTicketSchema

SCHEMAS = (CreateTicketSchema(), BulkTicketSchema(), ImportTicketSchema())

texts = st.one_of(
    st.sampled_from(["", "x", "a\x00b", "VPN drops", "x" * 256, "network", "Bad Slug"]),
    st.text(max_size=20),
)
words = st.sampled_from(
    ["high", "low", "critical", "task", "complaint", "api", "email", "bulk", "live", "open",
     "resolved", "closed", "new", "on_hold", "merged", "nothing", "vendor"]
)  # fmt: skip
times = st.sampled_from(
    ["2024-01-31T09:30:00Z", "2025-02-01T00:00:00+02:00", "2023-01-01T00:00:00", "yesterday", ""]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
requesters = st.fixed_dictionaries(
    {},
    optional={
        "name": texts | st.none(),
        "email": st.sampled_from(["mira@example.com", "no address", None]),
        "phone": st.sampled_from(["+44 20 7946 0000", "1", None]),
        "contacts": st.lists(st.fixed_dictionaries({"type": texts, "value": texts}), max_size=2),
        "locale": st.sampled_from(["en", "x", None]),
        "nonsense": texts,
    },
)
comments = st.fixed_dictionaries(
    {"body": texts, "created_at": times},
    optional={
        "author": st.fixed_dictionaries({"kind": st.sampled_from(["agent", "requester", "bot"])}),
        "time_spent_s": st.integers(-1, 10) | st.just("5"),
        "visibility": st.sampled_from(["public", "internal", "secret"]),
    },
)
PLAUSIBLE: dict[str, st.SearchStrategy[Any]] = {
    "subject": texts,
    "description": texts,
    "requester": requesters,
    "type": words,
    "category": texts | st.none(),
    "severity": words | st.none(),
    "impact": words | st.none(),
    "priority": words,
    "lane": words,
    "channel": words,
    "error_messages": st.lists(texts, max_size=3),
    "impact_details": st.none() | st.dictionaries(st.sampled_from(["delays", "costs", "x"]), texts),
    "tags": st.lists(texts, max_size=3),
    "custom_fields": st.dictionaries(texts, anything, max_size=3),
    "required_skills": st.lists(
        st.fixed_dictionaries({"skill": texts}, optional={"level": st.integers(0, 6) | texts}),
        max_size=3,
    ),
    "external_id": texts | st.none(),
    "idempotency_key": texts | st.none(),
    "created_at": times,
    "resolved_at": times,
    "closed_at": times,
    "status": words,
    "assignee": texts,
    "number": st.integers(-1, 2**41) | texts,
    "comments": st.lists(comments, max_size=2),
    "nonsense": texts,
}


def near(required: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Documents that have what is required, and some of the rest, right or wrong."""
    optional = {name: each | anything for name, each in PLAUSIBLE.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


documents = st.one_of(
    anything,
    near({"subject": texts, "requester": requesters}),
    near(
        {
            "subject": st.just("VPN"),
            "requester": st.just({"name": "Mira"}),
            "created_at": st.just("2024-01-31T09:30:00Z"),
        }
    ),
)


def outcome(load: Any, document: Any) -> tuple[str, Any]:
    try:
        return "loaded", load(document)
    except ValidationError as error:
        return "refused", error.messages


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: type(schema).__name__)
@given(document=documents)
def test_it_gives_what_the_schema_gives(schema: Schema, document: Any) -> None:
    assert outcome(plain_load(schema), document) == outcome(schema.load, document)


def test_defaults_are_made_anew_for_each_document() -> None:
    load = plain_load(CreateTicketSchema())
    first, second = (load({"subject": "x", "requester": {"name": "M"}}) for _ in range(2))
    first["tags"].append("changed")
    assert second["tags"] == []


class Hooked(StrictSchema):
    name = fields.String()

    @pre_load
    def _lower(self, data: Any, **_: Any) -> Any:
        return {key.lower(): value for key, value in data.items()}

    @post_load
    def _wrap(self, data: Any, **_: Any) -> Any:
        return {"wrapped": data}


class Original(StrictSchema):
    name = fields.String()

    @validates_schema(pass_original=True)
    def _check(self, data: Any, original: Any, **_: Any) -> None:
        if original.get("name") == "bad":
            raise ValidationError("bad")


class Lenient(Schema):
    name = fields.String()
    inner = fields.Nested(Hooked)


@pytest.mark.parametrize(
    "schema", [Hooked(), Original(), Lenient()], ids=lambda s: type(s).__name__
)
@pytest.mark.parametrize(
    "document", [{"name": "x"}, {"NAME": "x"}, {"name": "bad"}, {"inner": {"NAME": "y"}}]
)
def test_what_it_does_not_know_marshmallow_does(schema: Schema, document: Any) -> None:
    assert outcome(plain_load(schema), document) == outcome(schema.load, document)
