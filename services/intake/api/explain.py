"""/v1/routing/explain: what would happen to a ticket now, changing nothing."""

import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any

from flask import Response, g

from services.intake import repository
from services.intake.api.auth import requires
from services.intake.api.http import Parts, answer, blueprint, body, parts
from services.intake.questions import ask
from shared.db.types import load_json
from shared.domain.errors import Unavailable
from shared.domain.work import ListName
from shared.schemas.explain import ExplainedSchema, ExplainSchema

#: How long to wait for a router, and how often to look, in seconds.
PATIENCE_S = 5.0
LOOK_EVERY_S = 0.01
LOOK_AT_LEAST_EVERY_S = 0.25

blp = blueprint("explain", "What routing would do, without doing it.")


@blp.route("/routing/explain", methods=["POST"])
@requires("routing:read", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@body(ExplainSchema(), replays=False)
@blp.response(200, ExplainedSchema())
def explain(content: Mapping[str, Any]) -> Response:
    """Ask the router what it would do with a ticket at this moment; nothing is changed.

    Send a ticket as for `POST /v1/tickets`, or the id of one. Answers 503 if no router replies.
    """
    app = parts()
    if "ticket" in content:
        app.reference.require(content["ticket"])
        question = {"ticket": g.body["ticket"]}
    else:
        with app.database.reading() as connection:
            repository.ticket(connection, content["ticket_id"])
        question = {"ticket_id": content["ticket_id"]}
    question_id = ask(app.database, question, app.now())
    app.ring(ListName.QUESTIONS)
    return answer(_answer(app, question_id))


def _answer(app: Parts, question_id: str) -> Any:
    deadline, pause, rest_s = monotonic() + PATIENCE_S, threading.Event(), LOOK_EVERY_S
    while True:
        with app.database.reading() as connection:
            found = repository.one(connection, repository.DRY_RUNS, question_id, "question")
        if found["answer"] is not None:
            return load_json(found["answer"])
        if found["attempts"]:
            raise Unavailable(f"The router could not answer: {found['last_error']}")
        if monotonic() > deadline:
            raise Unavailable(f"No router answered within {PATIENCE_S:g} seconds.")
        pause.wait(rest_s)
        rest_s = min(rest_s * 1.5, LOOK_AT_LEAST_EVERY_S)
