"""The command and its parts."""

import click

from services.cli.webhooks.deliveries import deliveries, delivery, replay
from services.cli.webhooks.new_secret import new_secret
from services.cli.webhooks.probe import probe
from services.cli.webhooks.subscriptions import (
    create,
    delete,
    list_,
    rotate,
    show,
    test,
    update,
)


@click.group()
def webhooks() -> None:
    """Subscribe URLs to events, see what was sent, send it again, probe receivers.

    All but `probe` and `new-secret` call the API: --url (PATCHBAY_API_URL) and --key
    (PATCHBAY_API_KEY), a key with the scopes webhooks:read, webhooks:write, deliveries:read,
    deliveries:write.

    \b
    Example:
        patchbay webhooks create https://example.com/hooks --event ticket.* --owner me@example.com
        patchbay webhooks test whk_…
        patchbay webhooks deliveries whk_… --state failed
        patchbay webhooks replay whk_… --dry-run
        patchbay webhooks probe http://127.0.0.1:9000/hooks --secret whsec_…
    """  # noqa: D301 -- \b is for click


_SUBSCRIPTIONS = (list_, show, create, update, delete, rotate, test)

for each in (*_SUBSCRIPTIONS, deliveries, delivery, replay, new_secret, probe):
    webhooks.add_command(each)
