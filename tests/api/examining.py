"""Examines the API by schemathesis: every check, in every phase, for one group of operations."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import Status, events, from_schema
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.schemas import OpenApiSchema
from schemathesis.transport.wsgi import WSGITransport

from tests.api.beyond_schemas import is_excused

#: What may answer what the description allows: the state of things may still forbid it.
ACCEPTED = ("2xx", "3xx", 401, 403, 404, 409)

# Lines of JSON are text to it, and so is a mail.
schemathesis.serializer.alias("message/rfc822", "text/plain")
schemathesis.serializer.alias("application/x-ndjson", "text/plain")
schemathesis.serializer.alias("application/jsonl", "text/plain")

#: What schemathesis calls a group of operations none of which leads to another.
ALONE = "Missing Open API links"


@dataclass(slots=True)
class Findings:
    """What came out: how many cases were made, how they were answered, what was wrong.

    A probe is a request that a check makes besides, such as the same one without a key; it is no
    case.
    """

    phases: Counter[str] = field(default_factory=Counter)
    probes: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    excused: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        """How many cases there were besides those of the stateful run."""
        return self.phases.total() - self.phases["stateful"]

    def add(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.NonFatalError) and event.info.title != ALONE:
            self.failures[f"{event.label}: {event.info.title}"] = event.info.format()
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.ScenarioFinished):
            self._scenario(event)

    def _scenario(self, event: events.ScenarioFinished) -> None:
        for case_id, interaction in event.recorder.interactions.items():
            node = event.recorder.cases[case_id]
            if node.parent_id is None or node.transition is not None:
                self.phases[event.phase.value] += 1
            else:
                self.probes += 1
            if interaction.response is not None:
                self.statuses[interaction.response.status_code] += 1
            for check in event.recorder.checks.get(case_id, ()):
                if check.status is Status.FAILURE and check.failure_info is not None:
                    self._failure(event, check.name, check.failure_info, case_id)

    def _failure(self, event: events.ScenarioFinished, name: str, info: Any, case_id: str) -> None:
        failure = info.failure
        node = event.recorder.cases[case_id]
        operation = node.value.operation.label
        response = event.recorder.interactions[case_id].response
        led = event.recorder.interactions.get(node.parent_id or "")
        before = None if led is None else led.response
        if response is not None and is_excused(name, response, failure.message, before):
            self.excused += 1
            return
        answer = "" if response is None else f"{response.status_code} {response.text[:600]}"
        key = f"{operation}: {name}: {failure.title}"
        self.failures.setdefault(key, f"{failure.message}\n{answer}\n{info.code_sample}")


def description(app: Flask, config: Mapping[str, Any]) -> OpenApiSchema:
    """Read the API's description from the application itself."""
    load_all_checks()
    chosen = SchemathesisConfig.from_dict(dict(config))
    return schemathesis.openapi.from_wsgi("/openapi.json", app, config=chosen)


def configuration(
    token: str, known: Mapping[str, Sequence[str]], operations: int, cases: int, turn: int = 0
) -> dict[str, Any]:
    """Return the settings of a run over a group of so many operations.

    `known` are values of parameters that exist, such as ids; a request takes one of them mostly.
    With 0 `cases`, a glance: no rule is gone through, and little is tried. After the first turn
    only what another seed makes different is done again.
    """
    each = -(-cases // operations) if cases else 1
    chains = max(cases // 20, 2)
    return {
        "seed": turn,
        "dictionaries": {name.replace(".", "_"): {"values": list(v)} for name, v in known.items()},
        "parameters": {
            name: {"dictionary": name.replace(".", "_"), "probability": 0.8} for name in known
        },
        "auth": {"openapi": {"key": {"bearer": token}}},
        "generation": {
            "max-examples": each,
            "deterministic": not cases,
            "database": "none",
            "no-shrink": True,
        },
        "continue-on-failure": True,
        "checks": {
            # 412: the version is another one; 413 and 415: the content is not what it was called.
            "positive_data_acceptance": {"expected-statuses": [*ACCEPTED, 412, 415]},
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
            # RFC 6585 §3.
            "missing_required_header": {"expected-statuses": [428, 401, 406]},
        },
        "phases": {
            "examples": {"enabled": not turn},
            "coverage": {"enabled": cases > 0 and not turn},
            "stateful": {
                "enabled": not turn,
                "generation": {"max-examples": chains},
                "max-steps": 8,
            },
        },
        # A group of one operation leads nowhere.
        "warnings": False,
    }


def examine(schema: OpenApiSchema, group: str | None, findings: Findings) -> None:
    """Run every phase over the operations of a group, or over all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WSGITransport, "send", _send)
        chosen = schema if group is None else schema.include(tag=group)
        for event in from_schema(chosen).execute():
            findings.add(event)


def _send(transport: WSGITransport, case: Case, **kwargs: Any) -> Response:
    """Send a request without the settings of sockets.

    schemathesis 4.32 leaves them out itself, but not in the probes of `ignored_auth`.
    """
    for name in ("max_redirects", "verify", "cert", "proxies"):
        kwargs.pop(name, None)
    # Reads and closes the answer; what is open holds its place in the server.
    kwargs["buffered"] = True
    return _SEND(transport, case, **kwargs)


_SEND = WSGITransport.send
