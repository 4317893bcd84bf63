"""One word of one person through every door, and after the erasure in no table and no file."""

import json
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, text

from shared.db.engine import Database
from shared.db.models import DryRun
from shared.db.models.base import table
from shared.db.search.indexer import SearchIndexer
from shared.domain.clock import SystemClock
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState
from shared.runtime import Runtime
from shared.settings import Settings
from tests import bulk
from tests.attaching import attached, put
from tests.desk import Desk, ticket_body
from tests.feed import settled
from tests.invariants import assert_sound

WORD = "zyxomarker"
DIGITS = "79460958"
WHO = {
    "name": f"Mira {WORD}",
    "email": f"{WORD}@example.com",
    "phone": f"+44 20 {DIGITS[:4]} {DIGITS[4:]}",
    "external_id": f"crm-{WORD}",
    "contacts": [{"type": "telegram", "value": f"@{WORD}"}],
}
TOM = {"name": "Tom Berg", "email": "tom@example.com"}
SAID = {
    "subject": f"About {WORD}",
    "description": WORD,
    "steps_to_reproduce": WORD,
    "error_messages": [WORD],
    "custom_fields": {"nested": [WORD]},
    "impact_details": {"delays": WORD},
}


#: FTS5's own: deleted words stay in its segments until these are merged, as deleted rows stay in
#: the pages of any database; nothing finds them.
_SEGMENTS = "search_words_data"


def texts(settings: Settings, database: Database) -> Iterator[tuple[str, str]]:
    """Every value of every column of every table there is, and every stored file, as text."""
    with database.engine.connect() as connection:
        for name in inspect(connection).get_table_names():
            if name == _SEGMENTS:
                continue
            for row in connection.execute(text(f'SELECT * FROM "{name}"')).mappings():
                for column, value in row.items():
                    yield f"{name}.{column}", _plain(value)
    for path in settings.data_dir.joinpath("attachments").rglob("*"):
        if path.is_file():
            yield f"file {path.name}", path.read_bytes().decode(errors="replace")


def _plain(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        packed = bytes(value)
        try:
            return zlib.decompress(packed).decode()
        except zlib.error:
            return packed.decode(errors="replace")
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def found(settings: Settings, database: Database) -> dict[str, str]:
    return {
        place: value
        for place, value in texts(settings, database)
        if WORD in value.lower() or DIGITS in value.replace(" ", "")
    }


def declared(desk: Desk, content: bytes | None) -> str:
    """Declare a file under an Idempotency-Key, send it if it has a content; return the id."""
    size = len(content or b"1")
    made = desk.ok(
        "POST",
        "/v1/uploads",
        {"name": f"{WORD}-{size}.txt", "size": size},
        headers={"Idempotency-Key": f"upload-{size}"},
    )
    if content is not None:
        assert put(desk, made["url"], content).status_code < 300
    return str(made["id"])


def keyed(desk: Desk, method: str, path: str, body: dict[str, Any]) -> Any:
    return desk.ok(method, path, body, headers={"Idempotency-Key": f"{method} {path}"})


def tell_everything(desk: Desk, runtime: Runtime) -> str:
    """Send the word through every door; return the requester."""
    about = {**WHO, "about": WORD, "organization": WORD}
    file = declared(desk, f"{WORD} by the desk".encode())
    made = keyed(
        desk,
        "POST",
        "/v1/tickets",
        ticket_body(requester=about, external_id=WORD, attachments=[file], **SAID),
    )
    requester, path = str(made["requester"]["id"]), f"/v1/tickets/{made['id']}"
    theirs = desk.as_requester(runtime.database, made["id"])
    attached(desk, made["id"], (f"{WORD}.txt", WORD.encode()))
    link = {"kind": "link", "url": f"https://files.example.com/{WORD}", "name": WORD}
    keyed(desk, "POST", f"{path}/attachments", link)
    keyed(desk, "POST", f"{path}/comments", {"body": f"Said {WORD}", "visibility": "internal"})
    own = declared(theirs, f"{WORD} of their own".encode())
    keyed(theirs, "POST", f"{path}/comments", {"body": WORD, "attachments": [own]})
    keyed(desk, "PATCH", path, {"subject": f"Again {WORD}"})
    keyed(desk, "POST", f"{path}/transitions", {"transition": "ask", "note": WORD})
    words = dict.fromkeys(("summary", "cause", "steps_taken", "lessons_learned"), WORD)
    desk.step(made["id"], "resolve", resolution=words)
    keyed(theirs, "PUT", f"{path}/satisfaction", {"score": 1, "comment": WORD})
    tested = {"method": "test", "by": WORD, "what": WORD}
    keyed(desk, "PUT", f"{path}/verification", tested)
    keyed(theirs, "POST", f"{path}/follow-ups", {"description": WORD})
    declared(theirs, f"{WORD} finished and not taken".encode())
    declared(theirs, None)
    keyed(desk, "PATCH", f"/v1/requesters/{requester}", {"custom_fields": {"note": WORD}})
    return requester


def merge_elsewhere(desk: Desk) -> str:
    """Merge a ticket of theirs into one of Tom's, and that into another; return the last."""
    first, second = (desk.ticket(requester=TOM)["id"] for _ in range(2))
    mine = desk.ticket(requester={"email": WHO["email"]}, **SAID)["id"]
    desk.answer(mine, WORD)
    attached(desk, mine, (f"{WORD}.txt", WORD.encode()))
    keyed(desk, "POST", f"/v1/tickets/{mine}/merge", {"into": first})
    keyed(desk, "POST", f"/v1/tickets/{first}/merge", {"into": second})
    desk.answer(second, "Tom's own.")
    return str(second)


def send_in_bulk(desk: Desk, runtime: Runtime) -> str:
    """One job is done and quotes them, one is to come; return the id of the second."""
    taken = ticket_body(requester=TOM, external_id=WORD)
    nobody = ticket_body(requester=TOM, team=f"team-{WORD}")
    bulk.send_job(desk, [taken, nobody, ticket_body(requester=WHO, **SAID)])
    while bulk.work_off(runtime):
        pass
    phone = {"phone": f"+44 20{DIGITS}"}
    lines = [ticket_body(requester=each) for each in (WHO, TOM, {**phone, "name": "M."})]
    return str(bulk.send_job(desk, lines)["id"])


def ask_the_router(database: Database) -> None:
    now = SystemClock().now()
    row = {
        "id": new_id(Prefix.DRY_RUN),
        "question": {"ticket": {**SAID, "requester": {"phone": WHO["phone"]}}},
        "answer": None,
        "created_at": now,
        "work_state": WorkState.READY,
        "available_at": now + timedelta(days=1),
        "attempts": 0,
        "last_error": None,
    }
    with database.transaction() as tx:
        tx.insert(table(DryRun), [row])


@pytest.fixture
def index(database: Database) -> Callable[[], None]:
    def run() -> None:
        settled(database)
        indexer = SearchIndexer(database, SystemClock())
        while indexer():
            pass

    return run


def test_what_was_said_through_any_door_is_in_no_table_and_no_file_after_an_erasure(
    desk: Desk,
    runtime: Runtime,
    database: Database,
    settings: Settings,
    index: Callable[[], None],
) -> None:
    requester = tell_everything(desk, runtime)
    host_ticket = merge_elsewhere(desk)
    job = send_in_bulk(desk, runtime)
    ask_the_router(database)
    index()
    before = {place.partition(".")[0].partition(" ")[0] for place in found(settings, database)}
    assert before >= {
        *("tickets", "ticket_events", "comments", "attachments", "uploads", "requesters"),
        *("requester_identities", "idempotency_keys", "bulk_chunks", "dry_runs", "file"),
    }
    assert any(name.startswith("search") for name in before)

    desk.ok("POST", f"/v1/requesters/{requester}/erase", {})
    index()
    assert found(settings, database) == {}

    assert [c["body"] for c in desk.comments(host_ticket)][-1] == "Tom's own."
    while bulk.work_off(runtime):
        pass
    told = bulk.results(desk, job)
    assert [each["status"] for each in told] == [422, 201, 422]
    assert [each["pointer"] for each in told[0]["problem"]["errors"]] == ["/requester/id"]
    assert found(settings, database) == {}
    assert_sound(database)
