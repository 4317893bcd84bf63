"""Calendars, shifts and absences over the API, up to the schedule that follows from the rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from shared.db.engine import Database
from shared.db.models import Absence, Agent, Calendar, ConfigurationVersion
from shared.db.models.base import table
from shared.domain import working_time
from shared.domain.work import WorkState
from shared.domain.working_time import WEEKDAYS, Schedule, schedule_of
from tests.desk import Desk
from tests.rows import rows

OFFICE = {day: [{"start": "09:00", "end": "17:00"}] for day in WEEKDAYS[:5]}
NIGHTS = {day: [{"start": "22:00", "end": "06:00"}] for day in WEEKDAYS[:5]}
YEAR = datetime.now(UTC).year + 1


def berlin(desk: Desk, **changed: Any) -> dict[str, Any]:
    body = {"name": "berlin", "time_zone": "Europe/Berlin", "hours": OFFICE, **changed}
    return dict(desk.ok("POST", "/v1/calendars", body))


def ical(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR", ""])


def event(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])


def put_ical(desk: Desk, path: str, text: str) -> dict[str, Any]:
    response = desk.call("PUT", path, data=text, content_type="text/calendar; charset=utf-8")
    assert response.status_code == 200, response.get_data(as_text=True)
    return dict(response.get_json())


def schedule(database: Database, agent_id: str, start: datetime) -> Schedule | None:
    [agent] = [row for row in rows(database, Agent) if row["id"] == agent_id]
    calendars = {row["name"]: row for row in rows(database, Calendar)}
    away = [
        working_time.Absence(row["starts_at"], row["ends_at"])
        for row in rows(database, Absence)
        if row["agent_id"] == agent_id
    ]
    calendar = calendars.get(agent["calendar"])
    return schedule_of(calendar, agent["shifts"], away, start, start + timedelta(days=30))


def version(database: Database) -> int:
    return int(rows(database, ConfigurationVersion)[0]["version"])


def ready(database: Database) -> set[str]:
    return {row["id"] for row in rows(database, Agent) if row["work_state"] is WorkState.READY}


def nobody_is_ready(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(update(table(Agent)).values(work_state=WorkState.IDLE))


def test_a_calendar_is_made_read_listed_changed_and_deleted(desk: Desk) -> None:
    holidays = [{"date": "2026-12-25", "name": "Christmas Day"}, {"date": "2026-12-26"}]
    made = berlin(desk, title="Berlin office", holidays=holidays)
    assert made["hours"] == OFFICE
    assert made["holidays"] == [holidays[0], {"date": "2026-12-26", "name": ""}]
    assert desk.ok("GET", "/v1/calendars/berlin") == made
    assert desk.ok("GET", "/v1/calendars") == {"items": [made], "next": None}
    changed = desk.ok("PATCH", "/v1/calendars/berlin", {"hours": NIGHTS, "holidays": []})
    assert changed["hours"] == NIGHTS
    assert changed["holidays"] == []
    assert changed["title"] == "Berlin office"
    assert desk.call("DELETE", "/v1/calendars/berlin").status_code == 204
    assert desk.ok("GET", "/v1/calendars")["items"] == []


def test_an_agent_works_by_the_calendar_or_by_own_shifts(desk: Desk, database: Database) -> None:
    monday = datetime(2026, 12, 21, tzinfo=UTC)
    berlin(desk, holidays=[{"date": "2026-12-25"}])
    agent_id = desk.agent()
    assert schedule(database, agent_id, monday) is None

    assert desk.change_agent(agent_id, calendar="berlin")["calendar"] == "berlin"
    by_calendar = schedule(database, agent_id, monday)
    assert by_calendar is not None
    assert by_calendar.next_start(monday) == monday + timedelta(hours=8)
    assert not by_calendar.on(datetime(2026, 12, 25, 12, tzinfo=UTC))

    shifts = {"time_zone": "Asia/Kathmandu", "hours": NIGHTS}
    assert desk.change_agent(agent_id, shifts=shifts)["shifts"] == shifts
    by_shifts = schedule(database, agent_id, monday)
    assert by_shifts is not None
    assert by_shifts.next_start(monday) == monday + timedelta(hours=16, minutes=15)
    assert not by_shifts.on(datetime(2026, 12, 24, 19, tzinfo=UTC))

    agent = desk.change_agent(agent_id, shifts=None, calendar=None)
    assert (agent["shifts"], agent["calendar"]) == (None, None)
    assert schedule(database, agent_id, monday) is None


def test_an_agent_and_a_team_can_be_made_with_a_calendar(desk: Desk) -> None:
    berlin(desk)
    shifts = {"time_zone": "UTC", "hours": NIGHTS}
    agent = desk.read_agent(desk.agent(calendar="berlin", shifts=shifts))
    assert (agent["calendar"], agent["shifts"]) == ("berlin", shifts)
    desk.team("network", calendar="berlin")
    assert desk.ok("GET", "/v1/teams/network")["calendar"] == "berlin"
    assert desk.ok("PATCH", "/v1/teams/network", {"calendar": None})["calendar"] is None


def test_holidays_are_imported_in_the_place_of_those_before(desk: Desk) -> None:
    berlin(desk, holidays=[{"date": f"{YEAR}-06-01"}])
    text = ical(
        event(f"DTSTART;VALUE=DATE:{YEAR}1225", f"DTEND;VALUE=DATE:{YEAR}1227", "SUMMARY:Yule")
    )
    found = put_ical(desk, "/v1/calendars/berlin/holidays", text)
    assert found["holidays"] == [
        {"date": f"{YEAR}-12-25", "name": "Yule"},
        {"date": f"{YEAR}-12-26", "name": "Yule"},
    ]
    assert desk.ok("GET", "/v1/calendars/berlin") == found
    assert put_ical(desk, "/v1/calendars/berlin/holidays", ical())["holidays"] == []


def test_absences_are_typed_in_listed_by_pages_and_deleted(desk: Desk, database: Database) -> None:
    agent_id, other = desk.agent(), desk.agent()
    url = f"/v1/agents/{agent_id}/absences"
    body = {"starts_at": "2026-12-01T09:00:00+01:00", "ends_at": "2026-12-01T12:00:00Z"}
    first = desk.ok("POST", url, {**body, "reason": "dentist"})
    assert first["id"].startswith("abs_")
    assert first["starts_at"] == "2026-12-01T08:00:00.000000Z"
    assert (first["reason"], first["source"], first["agent_id"]) == ("dentist", "manual", agent_id)
    second = desk.ok("POST", url, body)
    page = desk.ok("GET", f"{url}?limit=1")
    assert page["items"] == [first]
    assert desk.ok("GET", f"{url}?limit=1&after={page['next']}")["items"] == [second]
    assert desk.ok("GET", f"/v1/agents/{other}/absences")["items"] == []

    assert desk.call("DELETE", f"/v1/agents/{other}/absences/{first['id']}").status_code == 404
    assert desk.call("DELETE", f"{url}/{first['id']}").status_code == 204
    assert desk.call("DELETE", f"{url}/{first['id']}").status_code == 404
    assert desk.ok("GET", url)["items"] == [second]
    away = schedule(database, agent_id, datetime(2026, 12, 1, tzinfo=UTC))
    assert away is not None
    assert away.left(datetime(2026, 12, 1, tzinfo=UTC)) == timedelta(hours=8)


def test_an_import_replaces_the_imported_absences_and_no_others(desk: Desk) -> None:
    berlin(desk)
    agent_id = desk.agent(calendar="berlin")
    url = f"/v1/agents/{agent_id}/absences"
    typed = desk.ok("POST", url, {"starts_at": "2026-12-01T08:00Z", "ends_at": "2026-12-02T08:00Z"})
    weekly = event(
        f"DTSTART:{YEAR}0301T090000", "DURATION:PT2H", "RRULE:FREQ=DAILY;COUNT=2", "SUMMARY:Course"
    )
    day = event(f"DTSTART;VALUE=DATE:{YEAR}0701", "SUMMARY:Leave")
    done = put_ical(desk, url, ical(weekly, day))
    assert (done["imported"], done["replaced"]) == (3, 0)
    assert done["expanded_until"] > f"{YEAR + 1}"
    found = desk.ok("GET", url)["items"]
    assert [(each["source"], each["reason"], each["starts_at"]) for each in found] == [
        ("manual", "", "2026-12-01T08:00:00.000000Z"),
        ("ical", "Course", f"{YEAR}-03-01T08:00:00.000000Z"),
        ("ical", "Course", f"{YEAR}-03-02T08:00:00.000000Z"),
        ("ical", "Leave", f"{YEAR}-06-30T22:00:00.000000Z"),
    ]
    done = put_ical(desk, url, ical(day))
    assert (done["imported"], done["replaced"]) == (1, 3)
    assert len(desk.ok("GET", url)["items"]) == 2
    put_ical(desk, url, ical())
    assert desk.ok("GET", url)["items"] == [typed]


def test_days_without_a_zone_are_the_agents_own(desk: Desk) -> None:
    day = ical(event(f"DTSTART;VALUE=DATE:{YEAR}0701"))
    shifts = {"time_zone": "Asia/Kathmandu", "hours": OFFICE}
    for agent_id, start in (
        (desk.agent(), f"{YEAR}-07-01T00:00"),
        (desk.agent(shifts=shifts), f"{YEAR}-06-30T18:15"),
    ):
        put_ical(desk, f"/v1/agents/{agent_id}/absences", day)
        [found] = desk.ok("GET", f"/v1/agents/{agent_id}/absences")["items"]
        assert found["starts_at"].startswith(start)


def test_every_change_tells_the_routers(desk: Desk, database: Database) -> None:
    berlin(desk)
    agent_id = desk.agent(calendar="berlin")
    url = f"/v1/agents/{agent_id}/absences"
    absence = {"starts_at": "2026-12-01T08:00Z", "ends_at": "2026-12-02T08:00Z"}
    before = version(database)
    absence_id = desk.ok("POST", url, absence)["id"]
    put_ical(desk, url, ical())
    desk.call("DELETE", f"{url}/{absence_id}")
    desk.ok("PATCH", "/v1/calendars/berlin", {"title": "Berlin"})
    put_ical(desk, "/v1/calendars/berlin/holidays", ical())
    desk.change_agent(agent_id, calendar=None)
    desk.call("DELETE", "/v1/calendars/berlin")
    assert version(database) == before + 6


def test_who_may_have_got_free_is_on_the_matching_list(desk: Desk, database: Database) -> None:
    berlin(desk)
    desk.team("network", calendar="berlin")
    by_calendar, by_team = desk.agent(calendar="berlin"), desk.agent(teams=["network"])
    away, other = desk.agent(), desk.agent()
    absence = {"starts_at": "2026-12-01T08:00Z", "ends_at": "2026-12-02T08:00Z"}
    url = f"/v1/agents/{away}/absences"
    absence_id = desk.ok("POST", url, absence)["id"]
    changes: list[tuple[Any, set[str]]] = [
        (lambda: desk.ok("POST", url, absence), {away}),
        (lambda: put_ical(desk, url, ical()), {away}),
        (lambda: desk.call("DELETE", f"{url}/{absence_id}"), {away}),
        (lambda: desk.ok("PATCH", "/v1/calendars/berlin", {"hours": NIGHTS}),
         {by_calendar, by_team}),
        (lambda: put_ical(desk, "/v1/calendars/berlin/holidays", ical()), {by_calendar, by_team}),
        (lambda: desk.ok("PATCH", "/v1/teams/network", {"title": "Network"}), set()),
        (lambda: desk.ok("PATCH", "/v1/teams/network", {"calendar": None}), {by_team}),
        (lambda: desk.change_agent(other, shifts={"time_zone": "UTC", "hours": OFFICE}), {other}),
    ]  # fmt: skip
    for change, expected in changes:
        nobody_is_ready(database)
        change()
        assert ready(database) == expected


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_openapi_says_which_operations_take_icalendar(desk: Desk) -> None:
    paths = desk.ok("GET", "/openapi.json")["paths"]
    taking = {
        (method, path)
        for path, item in paths.items()
        for method, operation in item.items()
        if method in ("post", "put", "patch")
        and set(operation["requestBody"]["content"]) == {"text/calendar"}
    }
    assert taking == {
        ("put", "/v1/calendars/{name}/holidays"),
        ("put", "/v1/agents/{agent_id}/absences"),
    }
