"""A desk on a copy of an installation's configuration."""

from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta

from sqlalchemy import update

from services.chaos.configuration import Configuration, write_configuration
from services.chaos.desk import ProvenDesk
from services.chaos.guard import Guard
from services.chaos.place import OWN_POOL_SIZE, Place, require_own
from services.chaos.service_process import ServiceProcess
from shared.db import schema
from shared.db.api_keys import create_key
from shared.db.engine import Database
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.domain.api_key import ALL
from shared.domain.audit import Actor
from shared.domain.clock import SystemClock
from shared.domain.delivery import DeliveryChannel

#: Of what time itself makes due, only that counts as left which nobody did for so long: an
#: installation's service levels may make something due at any moment.
OVERDUE = timedelta(seconds=-5)
#: The processes that send mail.
SENDERS = frozenset({"serve", "notifier"})
_WORKER = ("--health-port", "0")


class CopiedDesk(ProvenDesk[ServiceProcess]):
    """The processes of one mode, at a place of their own."""

    def restart(self, name: str) -> None:
        """Start a killed process again; of mails that it had in hand the lease ends at once.

        As time would end it, in three minutes: nobody else sends mail here.
        """
        if name in SENDERS:
            now, leased = SystemClock().now(), table(Delivery)
            held = leased.c.lease_token.is_not(None), leased.c.available_at > now
            mails = leased.c.channel == DeliveryChannel.EMAIL
            with self._database.transaction() as tx:
                tx.execute(update(leased).where(mails, *held).values(available_at=now))
        super().restart(name)


def furnished_desk(
    place: Place, configuration: Configuration, guard: Guard | None = None
) -> CopiedDesk:
    """Make schema, configuration and a key at a place; return a desk there, not started.

    Raises ChaosError, and has written nothing, if it is led to the database of somebody else.
    """
    with closing(Database(place.database_url, OWN_POOL_SIZE)) as database:
        require_own(database, place.name)
        schema.migrate(database)
        write_configuration(database, configuration, SystemClock().now())
        token = create_key(database, "chaos", [ALL], actor=Actor("chaos"))
    kinds: Mapping[str, tuple[str, ...]] = {"serve": ()}
    if place.distributed:
        kinds = {"intake": (), "router": _WORKER, "notifier": _WORKER}
    processes = {
        name: ServiceProcess(name, arguments, place.environment, place.folder, guard)
        for name, arguments in kinds.items()
    }
    return CopiedDesk(place.database_url, place.port, token, processes, OVERDUE, OWN_POOL_SIZE)
