"""The audit log: every administrative act is in it with its effect, and nothing takes it back."""

import os
import pwd
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from services.intake import bootstrap as intake
from services.intake.api.audited import ACTS
from shared.db.audit import forget_audit, record
from shared.db.engine import Database
from shared.db.models import AuditEntry
from shared.db.models.base import table
from shared.domain.audit import Actor, AuditAction
from shared.domain.role import Role
from shared.runtime import Runtime
from shared.settings import Settings
from tests.api_keys import create_key
from tests.commands import run_command
from tests.desk import Desk
from tests.doctor import settings_of
from tests.fixtures.modes import Mode
from tests.integration.test_idempotency import WRITES, Things, filled, send, things
from tests.problems import assert_problem
from tests.rows import rows

__all__ = ["things"]

#: Acts that WRITES does not try, and those of the command line.
ELSEWHERE = {
    AuditAction.DELIVERY_REPLAYED,
    AuditAction.SUPPRESSION_LIFTED,
    AuditAction.REQUESTER_MERGED,
    AuditAction.REQUESTER_ERASED,
    AuditAction.KEY_CREATED,
    AuditAction.KEY_ROTATED,
    AuditAction.KEY_REVOKED,
    AuditAction.SIGNING_ROTATED,
    AuditAction.SECRETS_RESEALED,
    AuditAction.SECRETS_FORGOTTEN,
    AuditAction.JOB_CANCELLED,
    AuditAction.SUPPRESSION_MADE,
    AuditAction.WORK_RETRIED,
    AuditAction.WORK_DROPPED,
    AuditAction.REPAIRED,
}


def log(database: Database) -> list[dict[str, Any]]:
    return [row for row in rows(database, AuditEntry) if row["action"] != "key.created"]


def test_every_administrative_act_is_there_once_with_who_what_and_from_where(
    desk: Desk, things: Things, database: Database
) -> None:
    """Also where it is sent twice; and what is no such act leaves nothing."""
    [key_id] = [row["target"] for row in rows(database, AuditEntry)][:1]
    done = set()
    for number, (method, rule, given) in enumerate(WRITES):
        before = len(log(database))
        headers = {"Idempotency-Key": f"k{number}", "X-Request-Id": f"audit-{number}"}
        # What is disabled is neither tested nor sent again.
        still = {"description": "x"} if given == {"enabled": False} else given
        path, body = filled(rule, things), filled(still, things)
        answer = send(desk, method, path, body, headers)
        again = send(desk, method, path, body, headers)
        assert answer.status_code == again.status_code
        entries = log(database)[before:]
        with desk.app.test_request_context(path, method=method) as context:
            action = ACTS.get(context.request.endpoint or "")
        if action is None or answer.status_code >= 300:
            assert entries == []
            continue
        [entry] = entries
        assert (entry["action"], entry["actor"]) == (action, f"key:{key_id}")
        assert (entry["request_id"], entry["address"]) == (f"audit-{number}", "127.0.0.1")
        if isinstance(body, dict) and body:
            assert entry["details"]["fields"] == sorted(body)
        done.add(action)
    assert done | ELSEWHERE == set(AuditAction)


def test_what_is_refused_leaves_no_entry_and_no_secret_is_ever_in_one(
    desk: Desk, database: Database
) -> None:
    taken = {"name": "vpn"}
    desk.ok("POST", "/v1/skills", taken)
    assert_problem(desk.call("POST", "/v1/skills", taken), 409, "conflict")
    hook = {"url": "https://127.0.0.1/hook", "headers": {"X-Key": "very-secret"}}
    made = desk.ok("POST", "/v1/webhooks", hook)
    rotated = desk.ok("POST", f"/v1/webhooks/{made['id']}/rotate-secret", {})
    assert [row["action"] for row in log(database)] == [
        "skill.created",
        "subscription.created",
        "subscription.secret_rotated",
    ]
    text = str(log(database))
    for secret in (made["secret"], rotated["secret"], "very-secret"):
        assert secret not in text


def test_merging_and_erasing_requesters_and_lifting_a_block_are_acts(
    desk: Desk, database: Database
) -> None:
    one = desk.ok("POST", "/v1/requesters", {"name": "Bo", "email": "bo@example.com"})["id"]
    two = desk.ok("POST", "/v1/requesters", {"name": "Al", "email": "al@example.com"})["id"]
    desk.ok("POST", f"/v1/requesters/{one}/merge", {"into": two})
    desk.ok("POST", f"/v1/requesters/{two}/erase", {})
    found = log(database)
    assert [(row["action"], row["target"], row["details"]) for row in found] == [
        ("requester.merged", one, {"into": two}),
        ("requester.erased", two, {}),
    ]
    assert {row["address"] for row in found} == {"127.0.0.1"}
    assert "example.com" not in str(found)


def test_the_log_is_read_newest_first_page_by_page_and_narrowed(
    desk: Desk, database: Database
) -> None:
    names = [f"s{number}" for number in range(5)]
    for name in names:
        desk.ok("POST", "/v1/skills", {"name": name})
    path, seen = "/v1/audit?limit=2&action=skill.created", []
    following = ""
    while following is not None:
        page = desk.ok("GET", f"{path}&after={following}")
        seen += page["items"]
        following = page["next"]
    assert [item["target"] for item in seen] == names[::-1]
    assert list(seen[0]) == [
        "id", "at", "actor", "action", "target", "request_id", "address", "details",
    ]  # fmt: skip
    [third] = desk.ok("GET", "/v1/audit?target=s2")["items"]
    assert desk.ok("GET", f"/v1/audit?request_id={third['request_id']}")["items"] == [third]
    since = desk.ok("GET", f"/v1/audit?action=skill.created&since={third['at']}")["items"]
    until = desk.ok("GET", f"/v1/audit?action=skill.created&until={third['at']}")["items"]
    assert third in since
    assert sorted(item["target"] for item in since + until) == names
    assert desk.ok("GET", "/v1/audit?actor=nobody")["items"] == []
    assert_problem(desk.call("GET", "/v1/audit?action=x"), 422, "invalid-input")


def test_only_an_admin_with_the_scope_reads_it(desk: Desk, database: Database) -> None:
    lead = Desk(desk.app, create_key(database, "lead", ["*"], role=Role.LEAD))
    assert_problem(lead.call("GET", "/v1/audit"), 403, "forbidden")
    narrow = Desk(desk.app, create_key(database, "other", ["tickets:read"]))
    refused = assert_problem(narrow.call("GET", "/v1/audit"), 403, "forbidden")
    assert refused["scope"] == "audit:read"
    allowed = Desk(desk.app, create_key(database, "auditor", ["audit:read"]))
    assert allowed.ok("GET", "/v1/audit")["items"]


def test_the_command_line_is_audited_and_reads_the_log(
    desk: Desk, database: Database, mode: Mode, tmp_path: Any
) -> None:
    # Which anybody may set.
    environment = {**settings_of(mode, tmp_path), "LOGNAME": "somebody-else"}

    def patchbay(*arguments: str) -> Any:
        done = run_command(*arguments, environment=environment)
        assert done.returncode == 0, done.stderr
        return done

    patchbay("keys", "create", "--name", "x", "--scope", "*")
    key_id = rows(database, AuditEntry)[-1]["target"]
    patchbay("keys", "rotate", key_id)
    patchbay("keys", "revoke", key_id)
    patchbay("keys", "rotate-signing")
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: []\n")
    patchbay("rules", "apply", str(rules))
    found = log(database)
    assert [(row["action"], row["target"]) for row in found if row["target"] == key_id] == [
        ("key.rotated", key_id),
        ("key.revoked", key_id),
    ]
    assert [row["action"] for row in found[2:]] == ["signing_key.rotated", "rules.replaced"]
    # By whichever way the same rules come, they have the same digest.
    desk.ok("PUT", "/v1/routing/rules", {"rules": []})
    by_api = log(database)[-1]
    assert by_api["details"]["sha256"] == found[-1]["details"]["sha256"]
    assert (found[-1]["target"], by_api["target"]) == ("1", "2")
    user = pwd.getpwuid(os.getuid()).pw_name
    assert {row["actor"] for row in found} == {f"cli:{user}@{socket.gethostname()}"}
    assert {row["address"] for row in found} == {None}
    listed = patchbay("audit", "list", "--target", key_id)
    assert [line.split()[2] for line in listed.stdout.splitlines()] == [
        "key.revoked",
        "key.rotated",
        "key.created",
    ]
    assert '"items"' in patchbay("audit", "list", "--since", "1h", "--json").stdout


def test_the_database_refuses_to_change_an_entry_or_to_delete_a_new_one(
    desk: Desk, database: Database
) -> None:
    desk.ok("POST", "/v1/skills", {"name": "vpn"})
    log_table = table(AuditEntry)
    for statement in (update(log_table).values(actor="nobody"), delete(log_table)):
        with pytest.raises(IntegrityError, match="append-only"), database.transaction() as tx:
            tx.execute(statement)
    [entry] = rows(database, AuditEntry)[1:]
    past_the_rows = (
        ["TRUNCATE audit_log"]
        if database.engine.dialect.name == "postgresql"
        else [
            f"INSERT OR REPLACE INTO audit_log ({key}, at, actor, action, details) "
            f"SELECT {value}, at, 'nobody', action, details FROM audit_log"
            for key, value in (("id", "id"), ("rowid, id", "rowid, 'other'"))
        ]
    )
    for statement in past_the_rows:
        with pytest.raises(IntegrityError, match="append-only"), database.transaction() as tx:
            tx.connection.exec_driver_sql(statement)
    assert rows(database, AuditEntry)[1:] == [entry]
    assert entry["action"] == "skill.created"


def test_old_entries_are_forgotten_after_the_time_that_is_set(
    runtime: Runtime, settings: Settings, new_runtime: Callable[..., Runtime]
) -> None:
    now, actor = runtime.clock.now(), Actor("test")
    with runtime.database.transaction() as tx:
        for days in (100, 3, 0):
            at = now - timedelta(days=days)
            record(tx, actor, AuditAction.TEAM_CREATED, f"t{days}", at)
    assert forget_audit(runtime.database, now - timedelta(days=30)) == 1
    assert {row["target"] for row in log(runtime.database)} == {"t3", "t0"}
    assert "forget audit" in {job.name for job in intake.build_worker(runtime).jobs}
    for_ever = new_runtime(replace(settings, audit_retention_s=0))
    assert "forget audit" not in {job.name for job in intake.build_worker(for_ever).jobs}
