"""/v1/mail: bounces, addresses that are not written to, and what people want of mails."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import RAISE, Schema

from services.intake import repository, requester_repository
from services.intake.api.audited import tell_of_act
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import (
    PageQuerySchema,
    answer,
    blueprint,
    body,
    message_body,
    page,
    parts,
)
from shared.db.mail_bounces import take_report
from shared.db.mail_wishes import keep_wishes, wishes_of
from shared.db.suppressions import forgive, suppressed
from shared.domain.audit import ADDRESS_PURPOSE, target_of_address
from shared.domain.errors import NotFound
from shared.domain.mail_report import read_report
from shared.mail_tokens import MailTokens
from shared.schemas.mail import (
    AgentMailPreferencesSchema,
    BounceTakenSchema,
    RequesterMailPreferencesSchema,
    SuppressionPageSchema,
    SuppressionSchema,
)

blp = blueprint(
    "mail", "Bounces, addresses that are not written to, and what people want of mails."
)

_schema = SuppressionSchema(unknown="exclude")
_taken = BounceTakenSchema()
_of_agents, _of_requesters = AgentMailPreferencesSchema(), RequesterMailPreferencesSchema()


@blp.route("/mail/bounces", methods=["POST"])
@requires("mail:write", problems=(400, 401, 403, 413, 415, 503))
@message_body
@blp.response(200, BounceTakenSchema())
def take_bounce(content: bytes) -> Response:
    """Take a bounce (RFC 3464) or a complaint (RFC 5965) as it came, headers and all.

    It counts only if it brings back a signed address or Message-ID of a mail of ours; whatever it
    is otherwise is answered by `delivery_id: null` and changes nothing.
    """
    app = parts()
    report = read_report(content)
    delivery_id = MailTokens(app.signing).delivery_of(report.addressed_to, report.message_ids)
    with change() as unit:
        taken = take_report(unit.tx, delivery_id, report, app.now())
        document = {
            "delivery_id": taken.delivery_id,
            "address": taken.address,
            "suppressed": taken.suppressed,
            "detail": taken.detail,
        }
        return unit.answer(_taken.dump(document))


@blp.route("/mail/suppressions", methods=["GET"])
@requires("mail:read", problems=(401, 403, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, SuppressionPageSchema())
def list_suppressions(query: Mapping[str, Any]) -> Response:
    """List the addresses that no mail is sent to, in their order."""
    app = parts()
    with app.database.reading() as connection:
        rows = suppressed(connection, query["after"], query["limit"] + 1, app.now())
    return page(_schema, rows, "address", query["limit"])


@blp.route("/mail/suppressions/<address>", methods=["DELETE"])
@requires("mail:write", problems=(401, 403, 404, 503))
@blp.response(204)
def delete_suppression(address: str) -> Response:
    """Write to an address again, and forget what it did."""
    # Before the transaction, for the first MAC of all makes a signing key in one of its own.
    mac = parts().signing.mac(ADDRESS_PURPOSE, address.strip().lower())
    tell_of_act(target_of_address(mac))
    with change() as unit:
        if not forgive(unit.tx, address):
            message = f"Nothing is known against {address!r}."
            raise NotFound(message)
        return unit.answer(None, 204)


@blp.route("/agents/<agent_id>/mail-preferences", methods=["GET"])
@requires("agents:read", problems=(401, 403, 404, 503))
@blp.response(200, AgentMailPreferencesSchema())
def get_agent_preferences(agent_id: str) -> Response:
    """Read what an agent wants of mails."""
    with parts().database.reading() as connection:
        repository.one(connection, repository.AGENTS, agent_id, "agent")
        return answer(_whole(_of_agents, wishes_of(connection, agent_id)))


@blp.route("/agents/<agent_id>/mail-preferences", methods=["PUT"])
@requires("agents:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@body(AgentMailPreferencesSchema())
@blp.response(200, AgentMailPreferencesSchema())
def put_agent_preferences(content: Mapping[str, Any], agent_id: str) -> Response:
    """Say what an agent wants of mails; what is left out is as by default."""
    with change() as unit:
        repository.one(unit.tx.flushed(), repository.AGENTS, agent_id, "agent")
        document = _of_agents.dump(content)
        keep_wishes(unit.tx, agent_id, document, parts().now())
        return unit.answer(document)


@blp.route("/requesters/<requester_id>/mail-preferences", methods=["GET"])
@requires("requesters:read", problems=(401, 403, 404, 503))
@blp.response(200, RequesterMailPreferencesSchema())
def get_requester_preferences(requester_id: str) -> Response:
    """Read what a requester wants of mails."""
    with parts().database.reading() as connection:
        requester = requester_repository.current(connection, requester_id)
        return answer(_whole(_of_requesters, wishes_of(connection, requester["id"])))


@blp.route("/requesters/<requester_id>/mail-preferences", methods=["PUT"])
@requires("requesters:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@body(RequesterMailPreferencesSchema())
@blp.response(200, RequesterMailPreferencesSchema())
def put_requester_preferences(content: Mapping[str, Any], requester_id: str) -> Response:
    """Say what a requester wants of mails; what is left out is as by default."""
    with change() as unit:
        requester = requester_repository.current(unit.tx.flushed(), requester_id)
        document = _of_requesters.dump(content)
        keep_wishes(unit.tx, requester["id"], document, parts().now())
        return unit.answer(document)


def _whole(schema: Schema, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with its defaults; what another release wrote besides is left out."""
    known = {name: value for name, value in document.items() if name in schema.fields}
    return dict(schema.dump(schema.load(known)))
