"""Alert rules, the dashboard and the manual name what exists; rules fire when they should."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

from shared.observability import metrics
from tests.monitoring import (
    ALERTS,
    ALERTS_FILE,
    DASHBOARD,
    DOCS,
    ROOT,
    expressions,
    metrics_of_the_code,
    named_in,
    panels,
)

TESTED = re.findall(r"- name: (\w+)", ALERTS_FILE.with_name("alerts.test.yml").read_text())


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_happened_how_bad_it_is_and_what_to_do(alert: dict[str, dict]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    notes = alert["annotations"]
    assert notes["summary"].endswith(".")
    assert notes["description"]
    name = str(alert["alert"])
    assert notes["runbook_url"] == f"docs/operations.md#{name.lower()}"
    assert f"\n### {name}\n\n" in DOCS
    assert name in TESTED


def test_the_manual_says_how_runbooks_get_addresses(tmp_path: Path) -> None:
    [command] = re.findall(r"^sed .*alerts\.yml$", DOCS, re.MULTILINE)
    rules = tmp_path / ALERTS_FILE.relative_to(ROOT)
    rules.parent.mkdir(parents=True)
    rules.write_text(ALERTS_FILE.read_text())
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    urls = re.findall(r"runbook_url: (\S+)", rules.read_text())
    assert len(urls) == len(ALERTS)
    for url in urls:
        assert re.fullmatch(r"https://\S+/docs/operations\.md#patchbay\w+", url)


def test_waits_are_told_apart_up_to_hours() -> None:
    known = metrics.delivery_wait_seconds.labels("webhook")._upper_bounds
    assert {60, 300, 1800, 3600} < set(known)


def test_every_runbook_is_that_of_an_alert() -> None:
    assert set(re.findall(r"### (Patchbay\w+)", DOCS)) == {alert["alert"] for alert in ALERTS}


def test_every_metric_that_a_rule_a_panel_or_the_manual_names_exists() -> None:
    named = named_in(" ".join(alert["expr"] for alert in ALERTS))
    named |= named_in(" ".join(expressions().values()))
    assert named - metrics_of_the_code() == set()
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in metrics_of_the_code()}
    assert named_in(DOCS) - families - metrics_of_the_code() == set()


def test_the_dashboard_shows_every_metric() -> None:
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in metrics_of_the_code()}
    shown = named_in(" ".join(expressions().values()))
    assert families - {re.sub("_(bucket|count|sum)$", "", name) for name in shown} == set()


def test_the_manual_names_every_metric() -> None:
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in metrics_of_the_code()}
    assert families - named_in(DOCS) == set()


def test_rules_fire_when_they_should_and_only_then(promtool: str) -> None:
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]):
        done = subprocess.run(
            [promtool, *command],
            cwd=ALERTS_FILE.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_one_that_grafana_takes(promtool: str, tmp_path: Path) -> None:
    assert DASHBOARD["title"] == "Patchbay"
    assert DASHBOARD["schemaVersion"] >= 36
    every = {panel["id"]: panel for panel in [*panels(), *DASHBOARD["panels"]]}.values()
    assert max(Counter(panel["id"] for panel in DASHBOARD["panels"]).values()) == 1
    taken: Counter[tuple[int, int]] = Counter()
    for panel in every:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        columns = range(place["x"], place["x"] + place["w"])
        lines = range(place["y"], place["y"] + place["h"])
        taken.update((x, y) for x in columns for y in lines)
    assert max(taken.values()) == 1
    for panel in panels():
        assert panel["description"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(expressions().values())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
