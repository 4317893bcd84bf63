"""patchbay audit: who changed what of the desk itself."""

import json
from datetime import datetime

import click

from services.cli.dead.options import Since, opened
from shared.db.audit import listing
from shared.domain.audit import AuditAction
from shared.schemas.audit import AuditEntrySchema

#: Of the details, in a line; `--json` has all of them.
_MAX_DETAILS = 100


@click.group()
def audit() -> None:
    """See administrative acts: who, what, when, from where."""


@audit.command("list")
@click.option("--since", type=Since(), help="Only since then: RFC 3339, 90m or 2d.")
@click.option("--until", type=Since(), help="Only before then.")
@click.option("--actor", metavar="NAME", help="Only of key:KEY_ID or cli:USER@HOST.")
@click.option("--action", type=click.Choice([each.value for each in AuditAction]))
@click.option("--target", metavar="ID", help="Only about the thing of this id or name.")
@click.option("--request-id", metavar="ID", help="Only of this request.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def list_(
    *,
    since: datetime | None,
    until: datetime | None,
    actor: str | None,
    action: str | None,
    target: str | None,
    request_id: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List administrative acts, the newest first.

    Ends with 0, also when there are none.

    \b
    Example: patchbay audit list --since 7d --action rules.replaced
    """  # noqa: D301 -- \b is for click
    filters = {
        "since": since,
        "until": until,
        "actor": actor,
        "action": action,
        "target": target,
        "request_id": request_id,
    }
    with opened() as database, database.snapshot() as connection:
        found = listing(connection, filters, None, limit)
    if as_json:
        items = AuditEntrySchema().dump(found, many=True)
        click.echo(json.dumps({"items": items}, indent=2, ensure_ascii=False))
        return
    for row in found:
        details = json.dumps(row["details"], ensure_ascii=False)[:_MAX_DETAILS]
        shown = "" if row["details"] == {} else f"  {details}"
        where = f" from {row['address']}" if row["address"] else ""
        click.echo(
            f"{row['at']:%Y-%m-%d %H:%M:%S}  {row['action']:<27}  {row['target'] or '-'}  "
            f"by {row['actor']}{where}{shown}"
        )
