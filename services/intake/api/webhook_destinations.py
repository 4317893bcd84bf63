"""Whether a webhook may go to a URL: an early word, for whoever subscribes it.

Every connection is vetted again when it is made, so nothing rests on this look; a name that nobody
knows yet is let pass. The system's resolver cannot be interrupted, so a name is looked up in a
thread of its own, for which a request waits for seconds and no longer; and only so many requests
wait at a time, lest names whose servers are silent hold all threads that answer.
"""

import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.intake.api.transfers import Slots
from shared.domain.address_guard import AddressGuard, ForbiddenAddress
from shared.domain.errors import FieldError, InvalidInput

#: How long a request waits for the answer of a name server, in seconds.
BUDGET_S = 3.0
#: Requests that wait for one at a time, and look-ups under way: one that nobody waits for any more
#: goes on until the resolver gives up.
MAX_WAITING, MAX_LOOKUPS = 8, 16

REFUSED = "The URL cannot be subscribed."


@dataclass(slots=True)
class _Lookup:
    addresses: Sequence[str] = ()
    done: threading.Event = field(default_factory=threading.Event)


class WebhookDestinations:
    """Vets URLs that somebody subscribes."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._waiting = Slots(MAX_WAITING, "look-ups of host names")
        self._lookups = Slots(MAX_LOOKUPS, "look-ups of host names")
        self._lock = threading.Lock()
        self._under_way: dict[str, _Lookup] = {}

    def require(self, url: str) -> None:
        """Let a URL pass, or raise.

        InvalidInput if webhooks must not go there or its name servers are silent, Unavailable if
        too many names are looked up already.
        """
        try:
            destination = self._guard.vet_url(url)
            if destination.address is None:
                for address in self._addresses(destination.host):
                    self._guard.vet(address)
        except ForbiddenAddress as error:
            raise _refused(error.public_reason) from error

    def _addresses(self, host: str) -> Sequence[str]:
        with self._waiting.taken():
            lookup = self._of(host)
            if not lookup.done.wait(BUDGET_S):
                detail = f"No answer from the name servers of this host within {BUDGET_S:g} s."
                raise _refused(detail)
            return lookup.addresses

    def _of(self, host: str) -> _Lookup:
        """Return the look-up of a name that is under way, or begin one."""
        with self._lock:
            lookup = self._under_way.get(host)
            if lookup is None:
                give_back = self._lookups.take()
                lookup = self._under_way[host] = _Lookup()

                def look_up(lookup: _Lookup = lookup) -> None:
                    try:
                        lookup.addresses = _resolve(host)
                    finally:
                        with self._lock:
                            del self._under_way[host]
                        give_back()
                        lookup.done.set()

                threading.Thread(target=look_up, name="look-up", daemon=True).start()
            return lookup


def _resolve(host: str) -> Sequence[str]:
    """Look a name up; one that is not known yet has no addresses, and is vetted when it has."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return [str(address[0]) for *_, address in found]


def _refused(detail: str) -> InvalidInput:
    return InvalidInput(REFUSED, [FieldError("/url", detail)])
