"""What the code, the alert rules, the dashboard and the documents say of metrics."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import REGISTRY

import shared.observability.metrics  # noqa: F401 -- registers them

ROOT = Path(__file__).parents[1]
DOCS = (ROOT / "docs/operations.md").read_text()
ALERTS_FILE = ROOT / "deploy/prometheus/alerts.yml"
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS_FILE.read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/patchbay.json").read_text())

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def metrics_of_the_code() -> set[str]:
    """The names of all series of ours, as expressions name them."""
    return {
        family.name + suffix
        for collector in REGISTRY._collector_to_names
        for family in getattr(collector, "describe", list)()
        if family.name.startswith("patchbay_")
        for suffix in _SUFFIXES[family.type]
    }


def named_in(text: str) -> set[str]:
    """The metrics that a text names."""
    return set(re.findall(r"\bpatchbay_[a-z0-9_]*[a-z0-9]\b", text))


def panels() -> Iterator[dict[str, Any]]:
    """The dashboard's panels that show something."""
    for panel in DASHBOARD["panels"]:
        yield from panel.get("panels", [])
        if panel["type"] != "row":
            yield panel


def expressions() -> dict[str, str]:
    """Each expression of the dashboard, by panel and place, with its variables filled in."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in panels()
        for target in panel["targets"]
    }
