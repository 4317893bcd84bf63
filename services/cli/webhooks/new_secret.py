"""patchbay webhooks new-secret: a secret of one's own, or a pair of keys to probe with."""

import click

from services.cli.webhooks.desk_command import print_fields, print_json
from shared.domain.subscription import SigningScheme
from shared.domain.webhook_signature import new_key_pair
from shared.domain.webhook_signature import new_secret as made


@click.command("new-secret")
@click.option(
    "--signing",
    type=click.Choice([each.value for each in SigningScheme]),
    default=SigningScheme.V1.value,
    show_default=True,
)
@click.option("--json", "as_json", is_flag=True)
def new_secret(signing: str, *, as_json: bool) -> None:
    """Print a shared secret for v1, or a pair of keys for v1a; it is kept nowhere.

    The secret can be brought to `create` and `rotate`; the pair is for `probe` alone, because a
    desk makes its own.
    """
    if signing == SigningScheme.V1:
        document = {"secret": made()}
    else:
        private, public = new_key_pair()
        document = {"private_key": private, "public_key": public}
    if as_json:
        print_json(document)
    else:
        print_fields(document)
