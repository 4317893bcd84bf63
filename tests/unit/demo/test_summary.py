"""The figures of a run, and the table that shows them."""

import io

from rich.console import Console

from services.demo.audit import Finding
from services.demo.report import table
from services.demo.summary import Summary, Timing, timing

SUMMARY = Summary(
    accepted=10,
    assigned=8,
    waiting={"is at capacity": 2},
    resolved=7,
    events=30,
    webhooks_expected=30,
    webhooks_delivered=30,
    webhooks_repeated=1,
    emails=25,
    seconds=2.0,
    posting_seconds=0.5,
    to_assigned=Timing(8, 1.0, 2.0),
    to_webhook=Timing(8, 3.0, 4.0),
    waited=Timing(0, None, None),
    findings=[Finding("tickets assigned twice at once", 2, "tkt_1")],
)


def test_percentiles_are_those_of_the_nearest_rank() -> None:
    assert timing([value / 1000 for value in range(100, 0, -1)]) == Timing(100, 50.0, 99.0)
    assert timing([0.25]) == Timing(1, 250.0, 250.0)


def test_what_was_done_before_the_answer_came_took_no_time() -> None:
    assert timing([-0.002]) == Timing(1, 0.0, 0.0)


def test_no_case_has_no_percentile() -> None:
    assert timing([]) == Timing(0, None, None)


def test_the_document_has_every_figure() -> None:
    document = SUMMARY.document()
    assert document["waiting"] == 2
    assert document["lost"] == 2
    assert document["tickets_per_s"] == 20.0
    assert document["to_webhook_ms"] == {"tickets": 8, "p50": 3.0, "p99": 4.0}


def test_the_table_names_what_waits_and_what_is_lost() -> None:
    printed = io.StringIO()
    Console(file=printed, width=80).print(table(SUMMARY))
    text = printed.getvalue()
    assert "is at capacity" in text
    assert "tickets assigned twice" in text
    assert "30 / 30" in text
