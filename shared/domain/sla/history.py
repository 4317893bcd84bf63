"""The clocks of a ticket from its events alone, and whether what is stored says the same.

Facts are read from the pictures of the ticket that its events carry, and from the policy and
version that `start` and `set` name; nothing else of the metric events is believed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.domain.sla.documents import clocks_document, event_document
from shared.domain.sla.engine import recompute
from shared.domain.sla.fact import Fact, said_before, said_in
from shared.domain.sla.policy import Policy
from shared.domain.ticket import Priority

Event = Mapping[str, Any]
#: A name and a version of a policy.
PolicyKey = tuple[str, int]


def metric_events(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return what a ticket's events, in order, tell of its clocks."""
    return [each for event in events for each in event["data"].get("sla", ())]


def policies_named(events: Sequence[Event]) -> set[PolicyKey]:
    """Return every version of a policy that a ticket's clocks were set by."""
    return {_key(each) for each in metric_events(events) if "policy" in each}


def facts_of(events: Sequence[Event], policies: Mapping[PolicyKey, Policy]) -> Iterator[Fact]:
    """Yield the facts in a ticket's events, in order, from the one on that started its clocks.

    A ticket older than clocks got them late, but from when it came in: its first fact is how it
    stood then. Raises KeyError for a version of a policy that is not known.
    """
    policy: Policy | None = None
    before: Event = {}
    for event in events:
        ticket, told = event["data"]["ticket"], event["data"].get("sla", ())
        at = datetime.fromisoformat(event["timestamp"])
        named = [policies[_key(each)] for each in told if "policy" in each]
        if policy is None and named:
            began = datetime.fromisoformat(told[0]["at"])
            if began < at:
                yield _fact(began, before or ticket, named[-1])
        policy = named[-1] if named else policy
        if policy is not None:
            yield _fact(at, ticket, policy, event)
            for said in said_before(event["data"]):
                yield Fact(at, ticket["status"], Priority(ticket["priority"]), policy, said)
        before = ticket


def differences(
    stored: Mapping[str, Any] | None,
    events: Sequence[Event],
    policies: Mapping[PolicyKey, Policy],
) -> list[str]:
    """Return where stored clocks and told metric events differ from those recomputed."""
    unknown = sorted(policies_named(events) - policies.keys())
    if unknown:
        return [f"policy {name!r} version {version}: not known" for name, version in unknown]
    facts = list(facts_of(events, policies))
    if not facts:
        return [] if stored is None else ["clocks: stored, but no event started them"]
    clocks, moves = recompute(facts)
    found = []
    if stored != clocks_document(clocks):
        found.append(f"clocks: stored {stored}, recomputed {clocks_document(clocks)}")
    told = sorted(metric_events(events), key=_order)
    recomputed = sorted((event_document(event) for event in moves), key=_order)
    if told != recomputed:
        found += [
            f"event {index}: told {a}, recomputed {b}"
            for index, (a, b) in enumerate(zip(told, recomputed, strict=False))
            if a != b
        ] or [f"events: told {len(told)}, recomputed {len(recomputed)}"]
    return found


def _order(metric_event: Mapping[str, Any]) -> tuple[str, str, str]:
    """Sort by moment: a breach that a change noticed in passing is told after the change."""
    return metric_event["at"], metric_event["metric"], metric_event["type"]


def _key(metric_event: Mapping[str, Any]) -> PolicyKey:
    return metric_event["policy"], metric_event["policy_version"]


def _fact(at: datetime, ticket: Event, policy: Policy, event: Event | None = None) -> Fact:
    said = None if event is None else said_in(event["type"], event["data"])
    return Fact(at, ticket["status"], Priority(ticket["priority"]), policy, said)
