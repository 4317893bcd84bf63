"""What a desk says of priorities, and how it derives them."""

from copy import deepcopy
from typing import Any

import pytest

from shared.domain.ticket import PRIORITY_MATRIX, Priority
from shared.schemas.priority import DEFAULT_PRIORITIES
from tests.api_keys import create_key
from tests.desk import Desk
from tests.fixtures.shops import Shop


def test_each_level_says_when_to_use_it_and_what_it_promises(desk: Desk) -> None:
    found = desk.ok("GET", "/v1/priorities")
    assert [level["key"] for level in found["levels"]] == ["critical", "high", "medium", "low"]
    assert [level["label"]["ru"] for level in found["levels"]] == [
        "Критический",
        "Высокий",
        "Средний",
        "Низкий",
    ]
    promised = {level["key"]: level["targets"]["resolution"] for level in found["levels"]}
    assert promised == {"critical": "1h", "high": "4h", "medium": "2d", "low": "10d"}
    for level in found["levels"]:
        assert len(level["when_to_use"]["en"]) > 50
        assert len(level["when_to_use"]["ru"]) > 50
    assert {key: found[key] for key in ("matrix", "severity")} == DEFAULT_PRIORITIES
    for (impact, urgency), priority in PRIORITY_MATRIX.items():
        assert found["matrix"][impact][urgency] == priority


def test_any_key_may_read_them_and_few_may_change_them(shop: Shop) -> None:
    form = create_key(shop.runtime.database, "form", ["tickets:write"])
    headers = {"Authorization": f"Bearer {form}"}
    assert shop.desk.call("GET", "/v1/priorities", headers=headers).status_code == 200
    path = "/v1/priorities/matrix"
    refused = shop.desk.call("PUT", path, DEFAULT_PRIORITIES, headers=headers)
    assert refused.status_code == 403
    nobody = shop.desk.call("GET", "/v1/priorities", headers={"Authorization": ""})
    assert nobody.status_code == 401


def test_what_is_promised_follows_the_default_policy(desk: Desk) -> None:
    desk.sla_policy("default", "3h")
    levels = desk.ok("GET", "/v1/priorities")["levels"]
    assert {level["targets"]["resolution"] for level in levels} == {"3h"}


def test_another_matrix_holds_from_the_next_ticket_and_edit_on(desk: Desk) -> None:
    before = desk.ticket(impact="high", urgency="high")
    assert before["priority"] == "critical"
    document = deepcopy(DEFAULT_PRIORITIES)
    document["matrix"]["high"]["high"] = "high"
    document["severity"]["low"] = "medium"
    found = desk.ok("PUT", "/v1/priorities/matrix", document)
    assert found["matrix"]["high"]["high"] == "high"
    assert desk.ticket(impact="high", urgency="high")["priority"] == "high"
    assert desk.ticket(severity="low")["priority"] == "medium"
    assert desk.read(before["id"])["priority"] == "critical"
    changed = desk.ok("PATCH", f"/v1/tickets/{before['id']}", {"severity": "low"})
    assert changed["priority"] == "high"


def test_severities_left_out_mean_the_same_words(desk: Desk) -> None:
    found = desk.ok("PUT", "/v1/priorities/matrix", {"matrix": DEFAULT_PRIORITIES["matrix"]})
    assert found["severity"] == {priority.value: priority.value for priority in Priority}


@pytest.mark.parametrize(
    ("what", "change", "pointer"),
    [
        ("no matrix", lambda d: d.pop("matrix"), "/matrix"),
        ("no row", lambda d: d["matrix"].pop("low"), "/matrix/low"),
        ("no cell", lambda d: d["matrix"]["low"].pop("high"), "/matrix/low/high"),
        ("no priority", lambda d: d["matrix"]["low"].update(high="urgent"), "/matrix/low/high"),
        ("another row", lambda d: d["matrix"].update(extreme={}), "/matrix/extreme"),
        ("no severity", lambda d: d["severity"].pop("low"), "/severity/low"),
        ("a number", lambda d: d["severity"].update(low=3), "/severity/low"),
    ],
)
@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_matrix_with_holes_is_refused(desk: Desk, what: str, change: Any, pointer: str) -> None:
    document = deepcopy(DEFAULT_PRIORITIES)
    change(document)
    refused = desk.call("PUT", "/v1/priorities/matrix", document)
    assert [error["pointer"] for error in refused.get_json()["errors"]] == [pointer]
    assert desk.ok("GET", "/v1/priorities")["matrix"] == DEFAULT_PRIORITIES["matrix"]
