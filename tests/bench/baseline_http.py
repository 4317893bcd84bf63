"""The baseline of intake: the same rows, stored by Flask and SQLAlchemy with a commit a request.

What one would write first: a session for each request, the ticket and its event through the ORM.
No validation, no keys, no idempotency: it does less than intake does.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import Flask, Response, jsonify, request
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from shared.db.models import OutboxEntry, Ticket, TicketEvent
from shared.db.types import dump_json, load_json
from shared.domain.event import EventType
from shared.domain.ticket import Channel, Priority, TicketStatus, TicketType
from shared.domain.work import WorkState
from shared.settings import load_settings


def build() -> Flask:
    """Return the baseline's application, for a server that never closes it."""
    return build_with_close()[0]


def build_with_close() -> tuple[Flask, Callable[[], None]]:
    """Return the baseline's application, and what closes its connections."""
    engine = create_engine(
        load_settings().database_url,
        pool_size=64,
        json_serializer=dump_json,
        json_deserializer=load_json,
    )
    session_factory = sessionmaker(engine)
    app = Flask("baseline")
    app.json.sort_keys = False  # type: ignore[attr-defined]

    @app.post("/v1/tickets")
    def create() -> tuple[Response, int]:
        content = request.get_json()
        now = datetime.now(UTC)
        ticket_id, event_id = f"tkt_{uuid.uuid4().hex}", f"evt_{uuid.uuid4().hex}"
        with session_factory() as session:
            number = session.execute(text("SELECT nextval('ticket_numbers')")).scalar_one()
            session.add(
                Ticket(
                    id=ticket_id,
                    number=number,
                    version=1,
                    source="api",
                    channel=Channel.API,
                    subject=content["subject"],
                    description=content["description"],
                    requester=content["requester"],
                    type=TicketType(content["type"]),
                    category=content.get("category"),
                    priority=Priority.MEDIUM,
                    error_messages=[],
                    tags=[],
                    custom_fields={},
                    required_skills=[],
                    preferred_skills=[],
                    declined_by=[],
                    rule_fields=[],
                    status=TicketStatus.NEW,
                    expected_resolution_at=now + timedelta(days=2),
                    rank=2,
                    queued_at=now,
                    correlation_id=uuid.uuid4().hex,
                    created_at=now,
                    updated_at=now,
                    work_state=WorkState.DONE,
                    available_at=now,
                    attempts=0,
                )
            )
            session.flush()
            body = {"id": ticket_id, "number": number, **content}
            session.add(
                TicketEvent(
                    id=event_id,
                    ticket_id=ticket_id,
                    sequence=1,
                    type=EventType.TICKET_CREATED,
                    occurred_at=now,
                    actor="baseline",
                    correlation_id="",
                    body=dump_json(body),
                )
            )
            session.add(
                OutboxEntry(
                    id=event_id,
                    ticket_id=ticket_id,
                    sequence=1,
                    rank=2,
                    work_state=WorkState.DONE,
                    available_at=now,
                    attempts=0,
                )
            )
            session.commit()
        return jsonify(body), 201

    return app, engine.dispose
