"""An audit that asked nobody is told as such, and the bill of materials has what images have."""

import json
import os
import re
import time

import pytest

from deploy.build import audit, sbom
from deploy.build.audit import NOT_AUDITED, VULNERABLE, Verdict, judge
from deploy.build.locked import TARGETS, requirements

SKIPPED = {
    "name": "flask",
    "skip_reason": "Dependency not found on PyPI and could not be audited: flask (3.1.3)",
}
FINE = {"name": "click", "version": "8.5.1", "vulns": []}
BAD = {
    "name": "jinja2",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2021-66", "fix_versions": ["2.11.3"], "aliases": []}],
}


@pytest.mark.parametrize(
    ("dependencies", "line", "status", "strict"),
    [
        ([FINE, FINE], "Audited: 2 packages, no known vulnerability.", 0, 0),
        ([SKIPPED, SKIPPED], "NOT AUDITED: 2 of 2 packages: ", 0, NOT_AUDITED),
        ([FINE, SKIPPED], "NOT AUDITED: 1 of 2 packages: ", 0, NOT_AUDITED),
        ([BAD, SKIPPED], "1 known vulnerabilities in locked packages.", VULNERABLE, VULNERABLE),
        ([], "NOT AUDITED: the packages: ", 0, NOT_AUDITED),
    ],
)
def test_a_report_is_an_audit_only_of_what_somebody_knew(dependencies, line, status, strict):
    verdict = judge({"dependencies": dependencies})

    assert verdict.line.startswith(line)
    assert (verdict.status(strict=False), verdict.status(strict=True)) == (status, strict)


def test_a_vulnerability_names_the_package_and_what_mends_it():
    assert judge({"dependencies": [BAD]}).vulnerabilities == (
        "jinja2 2.0: PYSEC-2021-66, fixed in 2.11.3",
    )


def test_no_answer_at_all_is_no_audit():
    verdict = Verdict(0, 0, (), "no answer within 120 s")

    assert verdict.line == (
        "NOT AUDITED: the packages: no answer within 120 s. With a network: make audit."
    )
    assert verdict.status(strict=True) == NOT_AUDITED


@pytest.mark.parametrize(
    ("dependencies", "good_for_s"),
    [([FINE], 86_400), ([BAD, SKIPPED], 86_400), ([FINE, SKIPPED], 600), ([], 600)],
)
def test_that_nobody_knew_is_not_remembered_for_long(
    dependencies, good_for_s, tmp_path, monkeypatch
):
    monkeypatch.setattr(audit, "REMEMBERED", tmp_path / "audit.json")
    verdict = judge({"dependencies": dependencies})
    audit.remember("lock", verdict)

    assert audit.remembered("lock") == verdict
    assert audit.remembered("another") is None
    old = time.time() - good_for_s
    os.utime(tmp_path / "audit.json", (old + 60, old + 60))
    assert audit.remembered("lock") == verdict
    os.utime(tmp_path / "audit.json", (old - 60, old - 60))
    assert audit.remembered("lock") is None


def test_the_bill_of_materials_is_valid_and_names_what_the_lock_pins(tmp_path, monkeypatch):
    """The tool validates against the schema of CycloneDX before it writes."""
    monkeypatch.setattr(sbom, "TARGETS", {"migrate": TARGETS["migrate"]})
    [path] = sbom.write(tmp_path)
    document = json.loads(path.read_text())
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", requirements("migrate"), re.MULTILINE))

    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["name"] == "patchbay"
    assert {each["name"] for each in document["components"]} == pinned
    assert all(
        source["hashes"] for each in document["components"] for source in each["externalReferences"]
    )
