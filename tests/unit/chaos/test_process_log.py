"""What a process said last before it gave up is what its failure is told by."""

import json

from services.chaos.service_process import last_error


def line(level: str, event: str, **more: object) -> str:
    return json.dumps({"level": level, "event": event, **more})


def test_the_last_error_counts_and_not_what_was_said_after_it() -> None:
    log = [
        line("info", "worker.started"),
        line("error", "worker.crashed", exception="Traceback …\nValueError: no such list"),
        line("info", "worker.stopped"),
    ]
    assert last_error("\n".join(log)) == "worker.crashed: ValueError: no such list"


def test_a_line_that_is_not_structured_is_what_a_command_says_at_its_end() -> None:
    log = f"{line('error', 'earlier.failed')}\nError: Cannot listen on 127.0.0.1:8080.\n\n"
    assert last_error(log) == "Error: Cannot listen on 127.0.0.1:8080."


def test_without_an_error_the_last_line_is_told_and_without_any_that_there_is_none() -> None:
    started = line("info", "worker.started")
    assert last_error(started) == started
    assert last_error("") == "it has said nothing"
