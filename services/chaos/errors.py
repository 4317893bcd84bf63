"""What can keep the proof from being made, and what ends it early."""

from services.chaos.checker import Rule, Violation


class ChaosError(Exception):
    """The proof cannot be made, or not to its end; the text is one line and the way out."""


class BrokenPromise(ChaosError):
    """The desk did what no strike excuses: the run ends at once, and its verdict says so."""

    def __init__(self, rule: Rule, where: str) -> None:
        super().__init__(f"{rule.value}: {where}")
        self.violation = Violation(rule, where)
