"""What attempts say about an endpoint as a whole: pure rules, applied to every finished attempt."""

from services.notifier.health.observe import News, NewsKind, observe
from services.notifier.health.report import Report, Verdict

__all__ = ["News", "NewsKind", "Report", "Verdict", "observe"]
