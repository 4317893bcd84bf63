"""Asks whether locked packages have known vulnerabilities, and says so if nobody answered.

    python -m deploy.build.audit [--strict]

pip-audit ends well and says "No known vulnerabilities" also where the index it asked knows of none
of the packages, as a mirror does; so its findings are read one by one. Without `--strict` what
could not be audited is one line and no failure: a check must work without a network, and must not
pass for an audit either. A vulnerability that is known is a failure in any case.
"""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
#: The last answer, for as long as the lock is the same and it is no older than a day; that nobody
#: knew is asked again after ten minutes, for it may be the network that has come back.
REMEMBERED = ROOT / "var" / "audit.json"
REMEMBER_S, REMEMBER_NO_ANSWER_S = 86_400.0, 600.0
TIMEOUT_S = 120.0

VULNERABLE, NOT_AUDITED = 1, 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of the packages of a lock."""

    audited: int
    not_audited: int
    #: A line for each vulnerability.
    vulnerabilities: tuple[str, ...]
    #: Why some or all packages were not audited; empty if all were.
    reason: str = ""

    @property
    def line(self) -> str:
        """What there is to say."""
        total = self.audited + self.not_audited
        if self.vulnerabilities:
            return f"{len(self.vulnerabilities)} known vulnerabilities in locked packages."
        if self.not_audited or self.reason or not total:
            which = f"{self.not_audited} of {total} packages" if total else "the packages"
            return f"NOT AUDITED: {which}: {self.reason}. With a network: make audit."
        return f"Audited: {total} packages, no known vulnerability."

    def status(self, *, strict: bool) -> int:
        """Return what the command ends with."""
        if self.vulnerabilities:
            return VULNERABLE
        return NOT_AUDITED if strict and not self.complete else 0

    @property
    def complete(self) -> bool:
        """Whether every package was asked for, and somebody knew it."""
        return self.audited > 0 and not self.not_audited and not self.reason


def judge(document: Mapping[str, Any]) -> Verdict:
    """Return the verdict of a report of pip-audit (`--format json`)."""
    found = document["dependencies"]
    skipped = [each["skip_reason"] for each in found if "skip_reason" in each]
    lines = tuple(
        f"{each['name']} {each['version']}: {vuln['id']}{_fixed(vuln['fix_versions'])}"
        for each in found
        for vuln in each.get("vulns", ())
    )
    reason = skipped[0].partition(":")[0].rstrip(".") if skipped else ""
    return Verdict(len(found) - len(skipped), len(skipped), lines, reason)


def _fixed(versions: list[str]) -> str:
    return f", fixed in {', '.join(versions)}" if versions else ", not fixed yet"


def ask() -> Verdict:
    """Run pip-audit over the lock."""
    program = Path(sys.executable).parent / "pip-audit"
    command: list[str | Path] = [
        program,
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--disable-pip",
    ]
    command += ["--require-hashes", "--requirement", LOCK]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
        return judge(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        return Verdict(0, 0, (), f"no answer within {TIMEOUT_S:g} s")
    except FileNotFoundError:
        return Verdict(0, 0, (), "pip-audit is not installed")
    except (ValueError, KeyError):
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        return Verdict(0, 0, (), f"pip-audit could not ask ({last[:120]})")


def remember(lock: str, verdict: Verdict) -> None:
    """Keep an answer about a lock."""
    REMEMBERED.parent.mkdir(exist_ok=True)
    REMEMBERED.write_text(json.dumps({"lock": lock, **asdict(verdict)}))


def remembered(lock: str) -> Verdict | None:
    """Return the last answer about the same lock, if it is young enough."""
    try:
        age_s = time.time() - REMEMBERED.stat().st_mtime
        document = json.loads(REMEMBERED.read_text())
        if document.pop("lock") != lock:
            return None
        document["vulnerabilities"] = tuple(document["vulnerabilities"])
        verdict = Verdict(**document)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return verdict if age_s <= _good_for_s(verdict) else None


def _good_for_s(verdict: Verdict) -> float:
    return REMEMBER_S if verdict.complete or verdict.vulnerabilities else REMEMBER_NO_ANSWER_S


def main(arguments: list[str]) -> int:
    """Audit; `--strict` asks anew and fails where nobody answers."""
    strict = "--strict" in arguments
    lock = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    verdict = None if strict else remembered(lock)
    if verdict is None:
        verdict = ask()
        remember(lock, verdict)
    for line in (*verdict.vulnerabilities, verdict.line):
        sys.stdout.write(f"{line}\n")
    return verdict.status(strict=strict)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
