"""Searching tickets: the same answers from both databases."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from shared.db.engine import Database
from shared.db.models import Comment
from shared.db.models.base import table
from shared.db.search.indexer import SearchIndexer
from shared.domain.clock import SystemClock
from shared.domain.role import Role
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.api_keys import create_key
from tests.desk import Desk
from tests.feed import settled
from tests.problems import assert_problem
from tests.waiting import eventually

#: subject, description, more
TICKETS: dict[str, dict[str, Any]] = {
    "vpn": {
        "subject": "VPN drops every ten minutes",
        "description": "The client disconnects and connecting again fails with 0x80070005.",
        "tags": ["vpn", "remote"],
        "priority": "high",
        "error_messages": ["ERR_TUNNEL_LOST: peer gone"],
    },
    "printer": {
        "subject": "Printer prints blank pages",
        "description": "Since Monday. Ten minutes of cleaning changed nothing.",
        "category": "Hardware: printers",
        "requester": {"name": "Oleg Sidorov", "email": "oleg@example.com"},
    },
    "russian": {
        "subject": "Не работает принтер",
        "description": "Принтеры в бухгалтерии печатают пустые страницы, ёмкость полная.",
        "tags": ["printer"],
        "channel": "phone",
    },
}


class Searcher:
    """A desk with an index that is brought up to date before each question."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.database: Database = desk.app.extensions["patchbay"].database
        self.indexer = SearchIndexer(self.database, SystemClock())
        self.names: dict[str, str] = {}

    def add(self, name: str, **content: Any) -> str:
        ticket = str(self.desk.ticket(**content)["id"])
        self.names[ticket] = name
        return ticket

    def page(self, q: str = "", **query: Any) -> dict[str, Any]:
        settled(self.database)
        while self.indexer():
            pass
        given = {"q": q, **query}
        return dict(self.desk.ok("GET", "/v1/search/tickets", query_string=given))

    def found(self, q: str = "", **query: Any) -> list[str]:
        items = self.page(q, **query)["items"]
        return [self.names[item["ticket"]["id"]] for item in items]


@pytest.fixture
def searcher(desk: Desk) -> Searcher:
    return Searcher(desk)


@pytest.fixture
def three(searcher: Searcher) -> Searcher:
    for name, content in TICKETS.items():
        searcher.add(name, **content)
    return searcher


def test_words_are_found_in_any_inflection_in_both_languages(three: Searcher) -> None:
    for q, expected in {
        "vpn": {"vpn"},
        "VPN": {"vpn"},
        "drop": {"vpn"},
        "connect": {"vpn"},
        "disconnecting": {"vpn"},
        "printing": {"printer"},
        "принтерами": {"russian"},
        "ПЕЧАТАЕТ": {"russian"},
        "емкость": {"russian"},
        "0x80070005": {"vpn"},
        "err_tunnel_lost": {"vpn"},
        "minutes": {"vpn", "printer"},
        "minutes printer": {"printer"},
        "nothing-like-it": set(),
        "sidorov": {"printer"},
        "oleg@example.com": {"printer"},
        "the printer": {"printer"},
    }.items():
        assert set(three.found(q)) == expected, q


def test_phrases_stand_together_and_excluded_words_nowhere(three: Searcher) -> None:
    assert set(three.found('"ten minutes"')) == {"vpn", "printer"}
    assert three.found('"every ten minutes"') == ["vpn"]
    assert three.found('"minutes ten"') == []
    # Not across the end of one text and the beginning of the next.
    assert three.found('"ten minutes the client"') == []
    assert three.found('minutes -"every ten"') == ["printer"]
    assert three.found("minutes -vpn") == ["printer"]
    assert set(three.found("-vpn")) == {"printer", "russian"}


def test_fields_narrow_a_search_inside_of_it_and_beside_it(three: Searcher) -> None:
    for q, expected in {
        "tag:vpn": {"vpn"},
        "tag:vpn,printer": {"vpn", "russian"},
        "tag:vpn tag:printer": set(),
        "tag:vpn tag:remote": {"vpn"},
        "-tag:vpn": {"printer", "russian"},
        "priority:high": {"vpn"},
        "status:new": {"vpn", "printer", "russian"},
        "status:open,closed": set(),
        "channel:phone": {"russian"},
        'category:"hardware: printers"': {"printer"},
        "requester:OLEG@example.com": {"printer"},
        "minutes requester:mira@example.com": {"vpn"},
        "created:>2020-01-01": {"vpn", "printer", "russian"},
        "created:<2020-01-01": set(),
        "created:<2020-01-01T00:00:00+02:00": set(),
        "minutes created:>=2020-01-01 created:<2999-01-01": {"vpn", "printer"},
    }.items():
        assert set(three.found(q)) == expected, q
    assert three.found("minutes", priority="high,low") == ["vpn"]
    assert three.found("minutes", tag="vpn") == ["vpn"]
    assert three.found("", created_before="2020-01-01T00:00:00Z") == []
    assert len(three.found("", created_after="2020-01-01T00:00:00Z")) == 3


def test_a_ticket_is_found_by_its_number_first(searcher: Searcher) -> None:
    first = searcher.add("first")
    number = searcher.desk.read(first)["number"]
    searcher.add("second", subject=f"As I said in {number}, {number}, {number}")
    assert searcher.found(str(number)) == ["first", "second"]
    assert searcher.found(f"#{number}") == ["first", "second"]
    assert searcher.found(f"number:{number}") == ["first"]


def test_where_a_word_stands_decides_the_order(searcher: Searcher) -> None:
    searcher.add("in a comment", subject="Something else")
    ticket = next(iter(searcher.names))
    searcher.desk.say(ticket, "Perhaps the gateway?")
    searcher.add("in the text", subject="Something else", description="It is the gateway.")
    searcher.add("in the subject", subject="Gateway")
    assert searcher.found("gateway") == ["in the subject", "in the text", "in a comment"]


def test_changes_are_found_and_what_is_gone_is_not(searcher: Searcher) -> None:
    ticket = searcher.add("one")
    assert searcher.found("status:new vpn") == ["one"]
    searcher.desk.ok("PATCH", f"/v1/tickets/{ticket}", {"subject": "Wifi is slow"})
    searcher.desk.step(ticket, "cancel")
    assert searcher.found("vpn") == []
    assert searcher.found("wifi status:cancelled") == ["one"]


def test_what_is_erased_cannot_be_found_once_an_event_tells_of_it(
    searcher: Searcher, database: Database
) -> None:
    ticket = searcher.add("one")
    searcher.desk.say(ticket, "My password is Tr0ub4dor")
    assert searcher.found("Tr0ub4dor") == ["one"]
    comments = table(Comment)
    with database.transaction() as tx:
        tx.execute(update(comments).values(body="[erased]"))
    searcher.desk.say(ticket, "Erased.")
    assert searcher.found("Tr0ub4dor") == []


def test_an_erased_requester_cannot_be_found(searcher: Searcher) -> None:
    requester = {"name": "Oleg Sidorov", "email": "oleg@example.com"}
    ticket = searcher.add("one", requester=requester, description="I am Sidorov.")
    searcher.desk.answer(ticket, "Sidorov again.")
    assert searcher.found("sidorov") == ["one"]
    assert searcher.found("requester:oleg@example.com") == ["one"]
    requester_id = searcher.desk.read(ticket)["requester"]["id"]
    searcher.desk.ok("POST", f"/v1/requesters/{requester_id}/erase", {})
    assert searcher.found("sidorov") == []
    assert searcher.found("requester:oleg@example.com") == []
    assert searcher.found("oleg") == []
    assert searcher.found("") == ["one"]


def test_internal_comments_are_for_staff(searcher: Searcher, database: Database) -> None:
    ticket = searcher.add("one")
    searcher.desk.say(ticket, "The customer is quite difficult.", visibility="internal")
    searcher.desk.say(ticket, "We look into the concentrator.")
    assert searcher.found("difficult") == ["one"]
    assert searcher.found("difficult concentrator") == ["one"]
    highlights = searcher.page("difficult")["items"][0]["highlights"]
    assert [each["field"] for each in highlights] == ["comment"]
    searcher.desk.token = searcher.desk.as_requester(database, ticket).token
    assert searcher.found("difficult") == []
    assert searcher.found("vpn -difficult") == ["one"]
    assert searcher.found("concentrator") == ["one"]


def test_a_requester_finds_their_own_and_who_hands_in_finds_nothing(
    searcher: Searcher, database: Database
) -> None:
    mine = searcher.add("mine")
    searcher.add("theirs", requester={"name": "Tom Berg", "email": "tom@example.com"})
    assert set(searcher.found("vpn")) == {"mine", "theirs"}
    searcher.desk.token = searcher.desk.as_requester(database, mine).token
    for question in ("vpn", "", "requester:tom@example.com", "number:2", "-number:1"):
        assert "theirs" not in searcher.found(question)
    assert searcher.found("vpn") == ["mine"]
    searcher.desk.token = create_key(database, "form", ["*"], role=Role.INGEST)
    assert searcher.desk.call("GET", "/v1/search/tickets?q=vpn").status_code == 403


def test_highlights_show_the_words_as_they_stand_without_markup(searcher: Searcher) -> None:
    text = "<script>alert(1)</script> " + "lorem " * 50 + "the Gateways restarted & failed"
    ticket = searcher.add("one", subject="Gateway trouble", description=text)
    comment = searcher.desk.say(ticket, "Ни один шлюз не gateway.")
    [item] = searcher.page("gateway")["items"]
    assert item["ticket"] | {"requester": None} == {
        name: searcher.desk.read(ticket)[name] for name in item["ticket"] if name != "assignee_id"
    } | {"requester": None, "assignee_id": None}
    shown = {each["field"]: each for each in item["highlights"]}
    assert set(shown) == {"subject", "description", "comment"}
    assert shown["subject"]["pieces"] == [
        {"text": "Gateway", "match": True},
        {"text": " trouble", "match": False},
    ]
    assert [p["text"] for p in shown["description"]["pieces"] if p["match"]] == ["Gateways"]
    assert shown["description"]["pieces"][0]["text"] == "…"
    assert shown["comment"]["comment_id"] == comment["id"]


@pytest.mark.parametrize("sort", ["relevance", "newest"])
def test_pages_show_every_ticket_once(searcher: Searcher, sort: str) -> None:
    expected = [searcher.add(f"{n}", subject="Gateway " * (n % 3 + 1)) for n in range(7)]
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = searcher.page("gateway", sort=sort, limit=3, after=after)
        found += [item["ticket"]["id"] for item in page["items"]]
        after = page["next"]
        assert page["complete"] == (sort == "relevance" or after is None)
    assert sorted(found) == sorted(expected)
    if sort == "newest":
        assert found == expected[::-1]


BAD = {
    '"open': ("/query/q", "character 1"),
    "vpn staus:open": ("/query/q", "did you mean status:"),
    "status:broken": ("/query/q", "pending_customer"),
    "created:>yesterday": ("/query/q", "2026-01-31"),
    "created:2026-01-31T00:00:00": ("/query/q", "is no time"),
    "priority:>low": ("/query/q", "no comparison"),
    "-created:2026-01-31": ("/query/q", "cannot be excluded"),
    "x" * 513: ("/query/q", "513 characters"),
    "a b " * 17: ("/query/q", "34 words"),
    '"' + "b " * 17 + '"': ("/query/q", "17 words"),
    "tag:" + ",".join("x" * 21): ("/query/q", "21 values"),
    "tag:a,,b": ("/query/q", "a value is missing"),
}


@pytest.mark.parametrize("q", list(BAD))
@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_question_that_cannot_be_understood_is_refused_with_the_way_out(
    desk: Desk, q: str
) -> None:
    response = desk.call("GET", "/v1/search/tickets", query_string={"q": q})
    [error] = assert_problem(response, 422, "invalid-input")["errors"]
    pointer, words = BAD[q]
    assert error["pointer"] == pointer
    assert words in error["detail"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"status": "broken"}, "/query/status"),
        ({"created_after": "yesterday"}, "/query/created_after"),
        ({"sort": "best"}, "/query/sort"),
        ({"limit": "51"}, "/query/limit"),
        ({"after": "xx"}, "/query/after"),
        ({"after": "xx", "sort": "newest"}, "/query/after"),
        ({"query": "vpn"}, "/query/query"),
        ({"q": "\x00"}, "/query/q"),
    ],
)
@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_wrong_parameter_is_refused_with_its_place(
    desk: Desk, query: dict[str, str], pointer: str
) -> None:
    response = desk.call("GET", "/v1/search/tickets", query_string=query)
    [error] = assert_problem(response, 422, "invalid-input")["errors"]
    assert error["pointer"] == pointer


#: Syntax of tsquery, FTS5, SQL and our own; letters that grow or part when they are folded.
_ODD_TEXT = """' \\ '|' a:b&!c () NEAR( * ^x {a}:b tag:"'" 😀 ½ % _ tag:%27 İ ß - -- team:☃"""
ODD = _ODD_TEXT.split()


def test_signs_that_mean_something_to_a_database_mean_nothing_here(
    three: Searcher, subtests: pytest.Subtests
) -> None:
    for q in ODD:
        with subtests.test(q=q):
            three.page(q)
            three.add("odd", subject=f"x {q} y", tags=["odd"], category=q)
            three.page(q, category=q)


def test_very_long_texts_can_be_stored_and_found_by_their_beginning(searcher: Searcher) -> None:
    many = " ".join(f"w{n}" for n in range(14_000))
    searcher.add("long", subject="Gateway", description=f"first {many}"[:100_000])
    searcher.add("hashes", subject="Gateway", description="ж" * 90_000)
    assert set(searcher.found("gateway")) == {"long", "hashes"}
    assert searcher.found("first w0 w1") == ["long"]


def test_the_index_can_be_made_anew_while_it_is_followed(three: Searcher) -> None:
    assert three.found("vpn") == ["vpn"]
    progress = list(three.indexer.rebuild())
    assert progress[-1][0] == progress[-1][1]
    assert three.found("vpn") == ["vpn"]
    assert set(three.found("minutes")) == {"vpn", "printer"}


def test_a_running_desk_indexes_by_itself(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    start_host(runtime)
    ticket = desk.ticket(subject="Gateway")["id"]

    def found() -> bool:
        items = desk.ok("GET", "/v1/search/tickets", query_string={"q": "gateway"})["items"]
        return [item["ticket"]["id"] for item in items] == [ticket]

    eventually(found, 5)
