"""What a client of the API does, in few words; and the factories of what it sends."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from shared.db.engine import Database
from shared.domain.api_key import ROLE_SCOPES
from shared.domain.role import Role
from tests.api_keys import create_key

_numbers = itertools.count(1)


def ticket_body(**changed: Any) -> dict[str, Any]:
    """A request for a new ticket."""
    requester = {"name": "Mira Petrova", "email": "mira@example.com"}
    return {"subject": "VPN drops every ten minutes", "requester": requester, **changed}


class Desk:
    """Calls the API through the WSGI application. Each call makes its own client, so that any
    number of threads may share a desk.
    """

    def __init__(self, app: Flask, token: str) -> None:
        self.app = app
        self.token = token
        #: Sent with every request.
        self.headers: dict[str, str] = {}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> TestResponse:
        """Send a request; `body` goes as JSON. An empty header is left out.

        A ticket is changed whatever its version, unless the headers say otherwise.
        """
        given = {"Authorization": f"Bearer {self.token}", **self.headers}
        if method == "PATCH" and path.startswith("/v1/tickets/"):
            given["If-Match"] = "*"
        given = {name: value for name, value in {**given, **(headers or {})}.items() if value}
        if body is not None:
            more["json"] = body
        return self.app.test_client().open(path, method=method, headers=given, **more)

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request that must succeed; return its document."""
        response = self.call(method, path, body, **more)
        assert response.status_code < 300, response.get_data(as_text=True)
        return response.get_json()

    def as_requester(self, database: Database, ticket_id: str) -> "Desk":
        """Return the same API as called with a key of the ticket's requester."""
        requester = self.read(ticket_id)["requester"]["id"]
        allowed = list(ROLE_SCOPES[Role.REQUESTER])
        token = create_key(database, "app", allowed, role=Role.REQUESTER, requester_id=requester)
        return Desk(self.app, token)

    # Making things ------------------------------------------------------------------------------

    def team(self, name: str, **changed: Any) -> None:
        self.ok("POST", "/v1/teams", {"name": name, **changed})

    def skill(self, *names: str) -> None:
        for name in names:
            self.ok("POST", "/v1/skills", {"name": name})

    def agent(
        self,
        capacity: int = 10,
        *,
        skills: Mapping[str, int] | None = None,
        teams: Sequence[str] = (),
        presence: str = "online",
        **changed: Any,
    ) -> str:
        """Add an agent, online unless told otherwise; return the id."""
        number = next(_numbers)
        body = {
            "name": f"Agent {number}",
            "email": f"agent-{number}@example.com",
            "capacity": capacity,
            "skills": [{"skill": s, "level": level} for s, level in (skills or {}).items()],
            "teams": list(teams),
            "presence": presence,
            **changed,
        }
        return str(self.ok("POST", "/v1/agents", body)["id"])

    def ticket(self, **changed: Any) -> dict[str, Any]:
        return dict(self.ok("POST", "/v1/tickets", ticket_body(**changed)))

    def webhook(self, url: str, *event_types: str) -> dict[str, Any]:
        body = {"url": url, "event_types": list(event_types)}
        return dict(self.ok("POST", "/v1/webhooks", body))

    def sla_policy(self, name: str, resolution: str = "4h", **changed: Any) -> dict[str, Any]:
        """Put a policy with the same targets for every priority, except where told otherwise."""
        same = {"first_response": "1h", "next_response": "2h", "resolution": resolution}
        targets = {key: {**same} for key in ("critical", "high", "medium", "low")}
        body = {"targets": targets, **changed}
        return dict(self.ok("PUT", f"/v1/sla-policies/{name}", body))

    # Changing and reading them --------------------------------------------------------------------

    def read(self, ticket_id: str) -> dict[str, Any]:
        return dict(self.ok("GET", f"/v1/tickets/{ticket_id}"))

    def events(self, ticket_id: str) -> list[dict[str, Any]]:
        return list(self.ok("GET", f"/v1/tickets/{ticket_id}/events")["items"])

    def event_types(self, ticket_id: str) -> list[str]:
        return [event["type"] for event in self.events(ticket_id)]

    def sla(self, ticket_id: str) -> dict[str, Any]:
        """Read a ticket's clocks, which must follow from its events."""
        found = dict(self.ok("GET", f"/v1/tickets/{ticket_id}/sla"))
        assert found["recomputed"] == {"agrees": True, "differences": []}
        return found

    def decisions(self, ticket_id: str) -> list[dict[str, Any]]:
        return list(self.ok("GET", f"/v1/tickets/{ticket_id}/decisions")["items"])

    def step(self, ticket_id: str, transition: str, **more: Any) -> dict[str, Any]:
        body = {"transition": transition, **more}
        return dict(self.ok("POST", f"/v1/tickets/{ticket_id}/transitions", body))

    def say(self, ticket_id: str, body: str, **more: Any) -> dict[str, Any]:
        return dict(self.ok("POST", f"/v1/tickets/{ticket_id}/comments", {"body": body, **more}))

    def answer(self, ticket_id: str, body: str) -> dict[str, Any]:
        """The requester says something."""
        return self.say(ticket_id, body, author={"kind": "requester"})

    def comments(self, ticket_id: str) -> list[dict[str, Any]]:
        return list(self.ok("GET", f"/v1/tickets/{ticket_id}/comments")["items"])

    def link(self, ticket_id: str, kind: str, other: str) -> None:
        body = {"kind": kind, "ticket_id": other}
        response = self.call("POST", f"/v1/tickets/{ticket_id}/links", body)
        assert response.status_code == 204, response.get_data(as_text=True)

    def links(self, ticket_id: str) -> list[tuple[str, str]]:
        items = self.ok("GET", f"/v1/tickets/{ticket_id}/links")["items"]
        return [(item["role"], item["ticket_id"]) for item in items]

    def presence(self, agent_id: str, presence: str) -> None:
        self.ok("PUT", f"/v1/agents/{agent_id}/presence", {"presence": presence})

    def change_agent(self, agent_id: str, **changed: Any) -> dict[str, Any]:
        return dict(self.ok("PATCH", f"/v1/agents/{agent_id}", changed))

    def read_agent(self, agent_id: str) -> dict[str, Any]:
        return dict(self.ok("GET", f"/v1/agents/{agent_id}"))

    def assignee(self, ticket_id: str) -> str | None:
        found = self.read(ticket_id)["assignee"]
        return None if found is None else str(found["id"])
