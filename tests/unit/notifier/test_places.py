"""Who gets the places of a process: bounds that hold whatever comes and goes."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.places import PLACE_BYTES, Places, places_of
from shared.domain.delivery import BULK_RANK, FIRST_ATTEMPT_RANK, REPLAY_RANK, RETRY_RANK

steps = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.sampled_from([FIRST_ATTEMPT_RANK, RETRY_RANK, BULK_RANK, REPLAY_RANK]),
        st.sampled_from([1, 1, 1, 2, 17]),
        st.booleans(),
    ),
    max_size=300,
)


@given(limit=st.integers(1, 64), share=st.integers(1, 32), wanted=steps)
def test_no_bound_is_passed_and_everything_comes_back(
    limit: int, share: int, wanted: Sequence[tuple[str, int, int, bool]]
) -> None:
    places = Places(limit, share)
    held: list[tuple[str, int, int]] = []
    for receiver, rank, size, ends in wanted:
        if ends and held:
            places.give_back(*held.pop(0))
        if places.room(receiver) and (rank < RETRY_RANK or places.slow_free):
            places.take(receiver, rank, size)
            held.append((receiver, rank, size))
        busy: Counter[str] = Counter()
        for whose, _, taking in held:
            busy[whose] += taking
        # Only the last one may take more than are left.
        taken, largest = busy.total(), max((size for _, _, size in held), default=1)
        assert places.free == max(0, limit - taken)
        assert taken < limit + largest
        assert max(busy.values(), default=0) < share + largest
        slow = sum(size for _, rank, size in held if rank >= RETRY_RANK)
        assert slow < max(1, limit // 2) + largest
        assert set(places.full()) <= set(busy)
    for each in held:
        places.give_back(*each)
    assert (places.free, places.full()) == (limit, [])


def test_ten_receivers_that_hang_leave_places_to_an_eleventh() -> None:
    places = Places(512, 128)
    for number in range(10):
        while places.room(f"hanging {number}"):
            places.take(f"hanging {number}", FIRST_ATTEMPT_RANK)
    assert places.free >= 25
    assert places.room("healthy") >= 6


def test_a_place_stands_for_a_part_of_a_body() -> None:
    sizes = (0, 1, PLACE_BYTES, PLACE_BYTES + 1, 16 * PLACE_BYTES)
    assert [places_of(size) for size in sizes] == [1, 1, 1, 2, 16]


def test_a_claim_gives_away_a_copy() -> None:
    places = Places(8, 8)
    places.copy().take("a", FIRST_ATTEMPT_RANK)
    assert places.free == 8
