"""Who gets the places of one process, when there are more deliveries than places. Pure.

A receiver may hold as many places as a quarter of those that are free: the dynamic threshold of
A. Choudhury and E. Hahne, "Dynamic queue length thresholds for shared-memory packet switches"
(IEEE/ACM Transactions on Networking 6(2), 1998). The more receivers hang, the less each of them
holds, and some places always stay free for one that does not. Retries, bulk and replays together
hold at most half, so what happens now does not wait for what happened before.

A place stands for a bounded part of a body, so places bound the memory of what is under way, too: a
delivery that is larger takes several. The last one may take more than are left.
"""

from collections import Counter

from shared.domain.delivery import RETRY_RANK

#: A receiver holds at most this part of the free places, the slow lanes this part of all.
RECEIVERS_PART, SLOW_PART = 4, 2

#: What of a body one place stands for, in bytes.
PLACE_BYTES = 64 * 1024


def places_of(octets: int) -> int:
    """Return how many places a delivery takes whose body has so many bytes."""
    return max(1, -(-octets // PLACE_BYTES))


class Places:
    """The places of one channel: `limit` in all, `share` for one receiver at most."""

    def __init__(self, limit: int, share: int) -> None:
        self._limit = limit
        self._share = share
        self._busy: Counter[str] = Counter()
        self._held = 0
        self._slow = 0

    def copy(self) -> "Places":
        """Return the places as they are now, for a claim to give away."""
        twin = Places(self._limit, self._share)
        twin._busy, twin._held, twin._slow = self._busy.copy(), self._held, self._slow
        return twin

    @property
    def free(self) -> int:
        """How many places nobody holds."""
        return max(0, self._limit - self._held)

    @property
    def slow_free(self) -> int:
        """How many more the slow lanes may take."""
        return max(0, min(self.free, max(1, self._limit // SLOW_PART) - self._slow))

    def room(self, receiver: str) -> int:
        """Return how many more this receiver may take now."""
        threshold = max(1, self.free // RECEIVERS_PART)
        return max(0, min(min(self._share, threshold) - self._busy[receiver], self.free))

    def full(self) -> list[str]:
        """Return the receivers that hold places and may take no more."""
        return [receiver for receiver in list(self._busy) if not self.room(receiver)]

    def take(self, receiver: str, rank: int, places: int = 1) -> None:
        """Give places to one delivery."""
        self._busy[receiver] += places
        self._held += places
        self._slow += places * is_slow(rank)

    def give_back(self, receiver: str, rank: int, places: int = 1) -> None:
        """Take the places of one delivery back."""
        self._busy[receiver] -= places
        self._held -= places
        self._slow -= places * is_slow(rank)
        if not self._busy[receiver]:
            del self._busy[receiver]


def is_slow(rank: int) -> bool:
    """Tell whether a delivery is none of the live first attempts."""
    return rank >= RETRY_RANK
