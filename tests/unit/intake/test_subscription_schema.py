"""What subscribers may ask for, before anything is stored."""

from typing import Any

import pytest
from marshmallow import ValidationError

from shared.schemas.refusal import refused_fields
from shared.schemas.subscription import CreateSubscriptionSchema


@pytest.mark.parametrize(
    ("field", "value", "pointer", "reason"),
    [
        ("filter", "event.tpye == 'x'", "/filter", "Line 1, column 6: there is no 'event.tpye'"),
        ("filter", "event.sequence > 1 &&", "/filter", "Line 1, column 22"),
        ("filter", "event.sequence", "/filter", "true or false"),
        ("filter", "x" * 5000, "/filter", "characters"),
        ("event_types", ["ticket.cretaed"], "/event_types/0", "Must be one of"),
        ("event_types", ["*", "*"], "/event_types/1", "more than once"),
        ("headers", {"Host": "evil.example"}, "/headers/Host", "reserved"),
        ("headers", {"Webhook-Id": "1"}, "/headers/Webhook-Id", "reserved"),
        ("headers", {"X-A": "a\r\nX-B: b"}, "/headers/X-A", "printable"),
        ("headers", {"X/A": "a"}, "/headers/X~1A", "letters"),
        ("headers", {"X-A": "a", "x-a": "b"}, "/headers/x-a", "more than once"),
        ("headers", {f"X-{i}": "a" for i in range(21)}, "/headers", "20"),
        ("headers", {"X-A": 5}, "/headers/X-A/value", "string"),
        ("rate_limit_per_s", 0, "/rate_limit_per_s", "1"),
        ("concurrency", 1000, "/concurrency", "128"),
        ("payload_style", "fat", "/payload_style", "full"),
        ("ordering", "global", "/ordering", "ticket"),
        ("owner_email", "nobody", "/owner_email", "email"),
        ("signing", "v2", "/signing", "v1a"),
    ],
)
def test_a_choice_that_is_none_is_refused_with_its_place(
    field: str, value: Any, pointer: str, reason: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        CreateSubscriptionSchema().load({"url": "https://example.com/", field: value})
    [error] = refused_fields(refusal.value.messages).errors
    assert error.pointer == pointer
    assert reason in error.detail


def test_an_empty_filter_has_one_complaint() -> None:
    with pytest.raises(ValidationError) as refusal:
        CreateSubscriptionSchema().load({"url": "https://example.com/", "filter": ""})
    assert len(refused_fields(refusal.value.messages).errors) == 1
