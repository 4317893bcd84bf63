"""/v1/mail/replays: sending many mails again."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from services.intake import delivery_ledger
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.deliveries import due_until, require_few, spread
from services.intake.api.http import blueprint, body, parts
from shared.domain.delivery import DeliveryChannel
from shared.domain.work import ListName
from shared.schemas.delivery import MAX_REPLAYS, MailReplaySchema, ReplayAnswerSchema

blp = blueprint("mail-replays", "Sending many mails again.")


@blp.route("/mail/replays", methods=["POST"])
@requires("deliveries:write", problems=(400, 401, 403, 413, 415, 422, 503))
@body(MailReplaySchema())
@blp.response(202, ReplayAnswerSchema())
def replay_mails(content: Mapping[str, Any]) -> Response:
    """Send many mails again, the oldest first, so many in a second; or count them.

    What speaks against a mail is looked up when it is sent: an address that bounced gets none, and
    digests and quiet hours hold it. Mails to erased addresses are left out.
    """
    now = parts().now()
    states = delivery_ledger.UNDELIVERED_MAILS
    filters = {"states": states, **content, "channel": DeliveryChannel.EMAIL}
    with change() as unit:
        if content["dry_run"]:
            count = delivery_ledger.count_to_replay(unit.tx.connection, filters)
        else:
            known = delivery_ledger.to_replay(unit.tx, filters, MAX_REPLAYS + 1)
            count = len(known)
            require_few(count)
            due = spread(count, content["rate_per_s"], now)
            delivery_ledger.replay(unit.tx, dict(zip(known, due, strict=True)))
            unit.ring(ListName.EMAIL)
        document = {
            "count": count,
            "due_until": due_until(count, content["rate_per_s"], now),
            "dry_run": content["dry_run"],
        }
        return unit.answer(document, 202)
