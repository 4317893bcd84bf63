"""One endpoint's finished attempts in, its new health and the news for its owner out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.notifier.health import breaker, pause, streak
from services.notifier.health.report import Report, Verdict
from shared.domain.endpoint_health import Health


class NewsKind(StrEnum):
    """What the owner of an endpoint is told."""

    FAILING = "failing"
    DISABLED = "disabled"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class News:
    """Something to tell: since when it was failing, how often it did, and what was said last."""

    kind: NewsKind
    at: datetime
    since: datetime
    failures: int
    reason: str

    @property
    def disabled_reason(self) -> str:
        """Why the subscription is disabled, for its owner."""
        if self.since == self.at:
            return self.reason
        return f"nothing got through since {self.since:%Y-%m-%d %H:%M} UTC: {self.reason}"


def observe(health: Health, reports: Iterable[Report]) -> tuple[Health, tuple[News, ...]]:
    """Return the health after these attempts, in the order in which they ended, and what is new."""
    news: list[News] = []
    for report in reports:
        before = health
        health = streak.after(pause.after(breaker.after(health, report), report), report)
        kind = _kind(before, health, report)
        if kind is None:
            continue
        told = before if kind is NewsKind.RECOVERED else health
        news.append(_news(kind, told, report))
        if kind is NewsKind.FAILING:
            health = replace(health, warned=streak.warnings_due(health))
        elif kind is NewsKind.DISABLED:
            # Told once: should it go on failing after it was enabled again, days pass first.
            health = Health(last_error=health.last_error, stale=True)
    return replace(health, blocked_until=blocked_until(health)), tuple(news)


def blocked_until(health: Health) -> datetime | None:
    """Return the moment before which nothing is sent there."""
    moments = (health.paused_until, health.open_until, health.rate_until)
    return max((moment for moment in moments if moment is not None), default=None)


def _kind(before: Health, health: Health, report: Report) -> NewsKind | None:
    if report.verdict is Verdict.DELIVERED:
        return NewsKind.RECOVERED if before.warned else None
    if streak.exhausted(health):
        return NewsKind.DISABLED
    return NewsKind.FAILING if streak.warnings_due(health) > health.warned else None


def _news(kind: NewsKind, health: Health, report: Report) -> News:
    since = health.failing_since or report.ended_at
    return News(kind, report.ended_at, since, health.failures, health.last_error or "")
