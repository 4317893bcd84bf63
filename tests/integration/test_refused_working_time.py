"""Calendars, shifts and absences that break a rule are refused whole, by their place."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from shared.db.engine import Database
from shared.db.models import Absence, Agent, Calendar, ConfigurationVersion
from shared.settings import Settings
from tests.desk import Desk
from tests.problems import assert_problem
from tests.rows import rows

MODELS = (Calendar, Absence, Agent, ConfigurationVersion)
HOURS = {"monday": [{"start": "09:00", "end": "17:00"}]}
BERLIN = {"name": "berlin", "time_zone": "Europe/Berlin", "hours": HOURS}


@pytest.fixture(autouse=True)
def running(desk: Desk, database: Database) -> Iterator[str]:
    """A calendar and an agent with an absence; the test must leave everything as it is."""
    desk.ok("POST", "/v1/calendars", {**BERLIN, "holidays": [{"date": "2026-12-25"}]})
    agent_id = desk.agent(calendar="berlin")
    absence = {"starts_at": "2026-12-01T08:00Z", "ends_at": "2026-12-02T08:00Z"}
    desk.ok("POST", f"/v1/agents/{agent_id}/absences", absence)
    before = [rows(database, model) for model in MODELS]
    yield agent_id
    assert [rows(database, model) for model in MODELS] == before


def spans(*given: str) -> list[dict[str, str]]:
    return [dict(zip(("start", "end"), each.split("-"), strict=True)) for each in given]


REFUSED_HOURS = [
    pytest.param({"monday": spans("09:00-09:00")}, ["/monday/0/end"], id="start = end"),
    pytest.param({"monday": spans("09:00-25:00")}, ["/monday/0/end"], id="25:00"),
    pytest.param({"monday": spans("9-17")}, ["/monday/0/start", "/monday/0/end"], id="no minutes"),
    pytest.param({"monday": spans("24:00-09:00")}, ["/monday/0/start"], id="starts at 24:00"),
    pytest.param({"monday": [{"start": "09:00"}]}, ["/monday/0/end"], id="no end"),
    pytest.param({"monday": [{"start": 9, "end": 17}]}, ["/monday/0/start", "/monday/0/end"],
                 id="numbers"),
    pytest.param({"monday": spans("09:00-17:00", "16:59-18:00")}, ["/monday/1"], id="overlap"),
    pytest.param({"monday": spans("13:00-17:00", "09:00-13:01")}, ["/monday/0"],
                 id="overlap, not in order"),
    pytest.param({"monday": spans("22:00-06:00"), "tuesday": spans("05:00-09:00")}, ["/tuesday/0"],
                 id="overlap over midnight"),
    pytest.param({"sunday": spans("22:00-06:00"), "monday": spans("05:00-09:00")}, ["/monday/0"],
                 id="overlap over the week's end"),
    pytest.param({"monday": spans("00:00-24:00", "00:00-24:00")}, ["/monday/1"], id="twice"),
    pytest.param({"funday": spans("09:00-17:00")}, ["/funday"], id="no such day"),
    pytest.param({"monday": spans("09:00-09:01") * 25}, ["/monday"], id="too many"),
]  # fmt: skip


@pytest.mark.parametrize(("hours", "pointers"), REFUSED_HOURS)
def test_impossible_hours_are_refused_wherever_they_are_given(
    desk: Desk, running: str, hours: dict[str, Any], pointers: list[str]
) -> None:
    of_calendar = [f"/hours{pointer}" for pointer in pointers]
    of_agent = [f"/shifts/hours{pointer}" for pointer in pointers]
    new = {**BERLIN, "name": "other", "hours": hours}
    shifts = {"time_zone": "UTC", "hours": hours}
    agent = {"name": "Ann", "email": "ann@example.com", "shifts": shifts}
    for method, path, body, expected in (
        ("POST", "/v1/calendars", new, of_calendar),
        ("PATCH", "/v1/calendars/berlin", {"hours": hours}, of_calendar),
        ("POST", "/v1/agents", agent, of_agent),
        ("PATCH", f"/v1/agents/{running}", {"shifts": shifts}, of_agent),
    ):
        assert_problem(desk.call(method, path, body), 422, "invalid-input", expected)


def test_a_day_of_a_new_calendar_is_a_list(desk: Desk) -> None:
    new = {**BERLIN, "name": "other", "hours": {"monday": None}}
    response = desk.call("POST", "/v1/calendars", new)
    assert_problem(response, 422, "invalid-input", ["/hours/monday"])


@pytest.mark.parametrize(
    ("zone", "hint"),
    [("Europe/Berln", "Europe/Berlin"), ("kathmandu", "Asia/Kathmandu"), ("+02:00", "such as"),
     ("../../etc/passwd", "such as"), ("localtime", "such as"), ("", "such as")],
)  # fmt: skip
def test_an_unknown_time_zone_is_refused_with_the_nearest(
    desk: Desk, running: str, zone: str, hint: str
) -> None:
    new = {**BERLIN, "name": "other", "time_zone": zone}
    shifts = {"time_zone": zone, "hours": HOURS}
    for method, path, body, pointer in (
        ("POST", "/v1/calendars", new, "/time_zone"),
        ("PATCH", "/v1/calendars/berlin", {"time_zone": zone}, "/time_zone"),
        ("PATCH", f"/v1/agents/{running}", {"shifts": shifts}, "/shifts/time_zone"),
    ):
        response = desk.call(method, path, body)
        problem = assert_problem(response, 422, "invalid-input", [pointer])
        assert hint in problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("holidays", "pointer"),
    [
        ([{"date": "2026-02-30"}], "/holidays/0/date"),
        ([{"date": "25.12.2026"}], "/holidays/0/date"),
        ([{"date": 20261225}], "/holidays/0/date"),
        ([{"name": "Christmas"}], "/holidays/0/date"),
        ([{"date": "2026-12-25"}, {"date": "20261225"}], "/holidays/1/date"),
        ([{"date": "2026-12-25", "name": "a\x00"}], "/holidays/0/name"),
        ("2026-12-25", "/holidays"),
    ],
)
def test_impossible_holidays_are_refused(desk: Desk, holidays: Any, pointer: str) -> None:
    response = desk.call("PATCH", "/v1/calendars/berlin", {"holidays": holidays})
    assert_problem(response, 422, "invalid-input", [pointer])


def test_a_calendar_that_does_not_exist_is_refused(desk: Desk, running: str) -> None:
    agent = {"name": "Ann", "email": "ann@example.com", "calendar": "paris"}
    for method, path, body in (
        ("POST", "/v1/agents", agent),
        ("PATCH", f"/v1/agents/{running}", {"calendar": "paris"}),
        ("POST", "/v1/teams", {"name": "network", "calendar": "paris"}),
    ):
        assert_problem(desk.call(method, path, body), 422, "invalid-input", ["/calendar"])


def test_a_calendar_in_use_is_not_deleted(desk: Desk) -> None:
    problem = assert_problem(desk.call("DELETE", "/v1/calendars/berlin"), 409, "conflict")
    assert (problem["agents"], problem["teams"]) == (1, 0)


def test_a_calendar_keeps_its_name(desk: Desk) -> None:
    response = desk.call("PATCH", "/v1/calendars/berlin", {"name": "paris"})
    assert_problem(response, 422, "invalid-input", ["/name"])


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"starts_at": "2026-12-02T08:00Z", "ends_at": "2026-12-01T08:00Z"}, ["/ends_at"]),
        ({"starts_at": "2026-12-02T08:00Z", "ends_at": "2026-12-02T08:00Z"}, ["/ends_at"]),
        ({"starts_at": "2026-12-02T08:00Z"}, ["/ends_at"]),
        ({"starts_at": "2026-12-02", "ends_at": "2026-12-03T08:00:00"}, ["/starts_at", "/ends_at"]),
        ({"starts_at": "0001-01-01T00:00+14:00", "ends_at": "2026-12-03T08:00Z"}, ["/starts_at"]),
    ],
)
def test_an_impossible_absence_is_refused(
    desk: Desk, running: str, body: dict[str, Any], pointers: list[str]
) -> None:
    response = desk.call("POST", f"/v1/agents/{running}/absences", body)
    assert_problem(response, 422, "invalid-input", pointers)


def test_absences_of_nobody_are_404(desk: Desk) -> None:
    body = {"starts_at": "2026-12-01T08:00Z", "ends_at": "2026-12-02T08:00Z"}
    url = "/v1/agents/agt_1/absences"
    assert_problem(desk.call("POST", url, body), 404, "not-found")
    empty = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
    for path in (url, "/v1/calendars/paris/holidays"):
        response = desk.call("PUT", path, data=empty, content_type="text/calendar")
        assert_problem(response, 404, "not-found")


@pytest.fixture(params=["absences", "holidays"])
def imported(request: pytest.FixtureRequest, running: str) -> str:
    """Where an iCalendar file can be sent."""
    if request.param == "absences":
        return f"/v1/agents/{running}/absences"
    return "/v1/calendars/berlin/holidays"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("", 1, id="nothing"),
        pytest.param("garbage", 1, id="no iCalendar"),
        pytest.param("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", 3, id="not closed"),
        pytest.param(
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261201\r\nEND:VEVENT\r\n"
            "BEGIN:VEVENT\r\nDTSTART:20261301\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            6,
            id="one good event and one bad",
        ),
        pytest.param(
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261201\r\nRRULE:FREQ=SECONDLY\r\n"
            "END:VEVENT\r\nEND:VCALENDAR\r\n",
            4,
            id="every second",
        ),
    ],
)
def test_an_icalendar_file_with_garbage_is_refused_by_its_line(
    desk: Desk, imported: str, text: str, line: int
) -> None:
    response = desk.call("PUT", imported, data=text, content_type="text/calendar")
    assert_problem(response, 422, "invalid-input", [f"/line/{line}"])


def test_an_import_that_is_no_utf_8_is_400(desk: Desk, imported: str) -> None:
    response = desk.call("PUT", imported, data=b"\xff\xfe", content_type="text/calendar")
    assert_problem(response, 400, "malformed-request")


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
def test_an_import_of_another_media_type_is_415(desk: Desk, imported: str, media_type: str) -> None:
    response = desk.call("PUT", imported, data="{}", content_type=media_type)
    problem = assert_problem(response, 415, "unsupported-media-type")
    assert "text/calendar" in problem["detail"]


def test_icalendar_is_taken_nowhere_else(desk: Desk, running: str) -> None:
    for method, path in (("POST", f"/v1/agents/{running}/absences"), ("POST", "/v1/tickets")):
        response = desk.call(method, path, data="{}", content_type="text/calendar")
        assert_problem(response, 415, "unsupported-media-type")


def test_an_import_beyond_the_limit_is_413(
    settings: Settings, new_desk: Callable[..., Desk], imported: str
) -> None:
    desk = new_desk(replace(settings, max_body_bytes=1000))
    response = desk.call("PUT", imported, data="x" * 2000, content_type="text/calendar")
    assert "1000" in assert_problem(response, 413, "too-large")["detail"]
