"""Ids: a prefix and a UUIDv7 that rises."""

import multiprocessing
import uuid

from shared.domain.ids import Prefix, is_id, new_id
from tests.waiting import in_threads


def test_ids_rise_within_a_process_whatever_the_number_of_threads() -> None:
    made = [new_id(Prefix.TICKET) for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    threads = in_threads(8, lambda _: [new_id(Prefix.EVENT) for _ in range(2000)])
    assert all(each == sorted(each) for each in threads)
    assert len({id_ for each in threads for id_ in each}) == 16_000


def test_an_id_is_a_version_7_uuid_behind_its_prefix() -> None:
    prefix, _, digits = new_id(Prefix.AGENT).partition("_")
    value = uuid.UUID(hex=digits)
    assert prefix == "agt"
    assert (value.version, value.variant) == (7, uuid.RFC_4122)


def test_a_forked_process_does_not_share_its_chance_with_the_others() -> None:
    """Random bytes are fetched ahead, and a fork copies what was fetched."""
    new_id(Prefix.TICKET)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        theirs = [made.get()[-16:] for made in [pool.apply_async(new_id, ("tkt",)) for _ in "12"]]
    assert len({new_id(Prefix.TICKET)[-16:], *theirs}) == 3


def test_an_id_is_told_from_everything_else() -> None:
    good = new_id(Prefix.TICKET)
    assert is_id(good, Prefix.TICKET)
    for bad in ("", "tkt_", good[:-1], good + "0", good.upper(), good + "\n", f" {good}"):
        assert not is_id(bad, Prefix.TICKET)
    assert not is_id(good, Prefix.AGENT)
    assert len({prefix.value for prefix in Prefix}) == len(Prefix)
