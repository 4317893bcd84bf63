"""The sample of the log and what is chosen from it."""

from datetime import timedelta
from itertools import pairwise
from random import Random

from services.demo.incident import choose, load_incidents


def test_the_sample_is_a_piece_of_the_log_in_its_order() -> None:
    incidents = load_incidents()
    assert len(incidents) >= 2500
    assert len({incident.id for incident in incidents}) == len(incidents)
    for earlier, later in pairwise(incidents):
        assert timedelta(0) <= later.opened_at - earlier.opened_at < timedelta(days=1)


def test_chosen_incidents_follow_each_other_in_the_log() -> None:
    incidents = load_incidents()
    chosen = choose(incidents, 100, Random(7))
    start = incidents.index(chosen[0])
    assert chosen == incidents[start : start + 100]


def test_the_same_seed_chooses_the_same_incidents() -> None:
    incidents = load_incidents()
    assert choose(incidents, 100, Random(7)) == choose(incidents, 100, Random(7))
    assert choose(incidents, 100, Random(7)) != choose(incidents, 100, Random(8))


def test_more_than_there_are_begin_again() -> None:
    incidents = load_incidents()
    assert choose(incidents, len(incidents) + 2, Random(7))[-2:] == incidents[:2]
