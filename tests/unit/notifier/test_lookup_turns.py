"""Names get threads by how they behaved."""

import pytest

from services.notifier.channels.lookup_turns import Standing, Turns

THREADS = 32


def begun(turns: Turns, standing: Standing) -> int:
    """Begin look-ups of names of a standing until no more may; return how many began."""
    count = 0
    while turns.may_begin(standing):
        turns.begin(standing)
        count += 1
    return count


def test_slow_names_get_a_quarter_and_unknown_ones_never_the_last_quarter() -> None:
    turns = Turns(THREADS)
    assert begun(turns, Standing.SLOW) == 8
    assert begun(turns, Standing.NEW) == 16
    assert begun(turns, Standing.PROMPT) == 8
    assert not any(turns.may_begin(each) for each in Standing)


def test_prompt_names_may_have_every_thread() -> None:
    assert begun(Turns(THREADS), Standing.PROMPT) == THREADS


def test_unknown_names_that_turn_out_slow_count_as_slow_ones() -> None:
    turns = Turns(THREADS)
    for _ in range(begun(turns, Standing.NEW)):
        turns.move(Standing.NEW, Standing.SLOW)
    assert not turns.may_begin(Standing.SLOW)
    assert not turns.may_begin(Standing.NEW)
    assert begun(turns, Standing.PROMPT) == 8
    for _ in range(17):
        turns.end(Standing.SLOW)
    assert turns.may_begin(Standing.NEW)


@pytest.mark.parametrize("standing", list(Standing))
def test_one_thread_is_enough_for_any_name_in_its_turn(standing: Standing) -> None:
    turns = Turns(1)
    assert begun(turns, standing) == 1
    turns.end(standing)
    assert turns.may_begin(Standing.SLOW)
