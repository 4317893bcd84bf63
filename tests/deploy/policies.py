"""What network policies let through, as Kubernetes reads them.

A connection that no policy of its pod's end allows is refused, once a policy selects that pod.
https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COMPONENT = "app.kubernetes.io/component"
NAMESPACE_NAME = "kubernetes.io/metadata.name"

Documents = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Pod:
    """Somebody else's pod: the name of its namespace, and its labels."""

    namespace: str
    labels: Mapping[str, str]


#: A pod, or an address outside of the cluster.
Peer = Pod | str


def reaching(documents: Documents, peer: Peer, port: int, protocol: str = "TCP") -> set[str]:
    """Return our components whose pods may connect to a peer."""
    return {
        labels[COMPONENT]
        for labels in _pods(documents)
        if _lets(documents, labels, "Egress", peer, port, protocol)
    }


def reached(documents: Documents, peer: Peer, port: int | str) -> set[str]:
    """Return our components to whose pods a peer may connect; a port may go by its name."""
    return {
        labels[COMPONENT]
        for labels in _pods(documents)
        if _lets(documents, labels, "Ingress", peer, port, "TCP")
    }


def _pods(documents: Documents) -> Iterator[Mapping[str, str]]:
    for each in documents:
        if each["kind"] in ("Deployment", "Job"):
            yield each["spec"]["template"]["metadata"]["labels"]


def _lets(
    documents: Documents,
    labels: Mapping[str, str],
    way: str,
    peer: Peer,
    port: int | str,
    protocol: str,
) -> bool:
    policies = [
        each["spec"]
        for each in documents
        if each["kind"] == "NetworkPolicy"
        and way in each["spec"]["policyTypes"]
        and _selects(each["spec"]["podSelector"], labels)
    ]
    side = "to" if way == "Egress" else "from"
    return not policies or any(
        any(_is(each, peer) for each in rule[side]) and _at(rule, port, protocol)
        for policy in policies
        for rule in policy.get(way.lower(), [])
    )


def _is(named: Mapping[str, Any], peer: Peer) -> bool:
    if isinstance(peer, str):
        return "ipBlock" in named and _holds(named["ipBlock"], peer)
    # A peer without the selector of a namespace is a pod of ours.
    return (
        "namespaceSelector" in named
        and _selects(named["namespaceSelector"], {NAMESPACE_NAME: peer.namespace})
        and _selects(named.get("podSelector", {}), peer.labels)
    )


def _holds(block: Mapping[str, Any], address: str) -> bool:
    given = ipaddress.ip_address(address)
    excepted = any(given in ipaddress.ip_network(each) for each in block.get("except", []))
    return given in ipaddress.ip_network(block["cidr"]) and not excepted


def _at(rule: Mapping[str, Any], port: int | str, protocol: str) -> bool:
    given = {"port": port, "protocol": protocol}
    return "ports" not in rule or given in rule["ports"]


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector fits labels. Of operators only `In`, which is all that ours use."""
    fits = all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items())
    for each in selector.get("matchExpressions", []):
        assert each["operator"] == "In", each
        fits = fits and labels.get(each["key"]) in each["values"]
    return fits
