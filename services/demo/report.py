"""The summary as a table for people."""

from rich.table import Table

from services.demo.summary import Summary, Timing


def table(summary: Summary) -> Table:
    """Return the table; what is lost, and what exactly, stands at its end."""
    made = Table(title="What became of the tickets", show_header=False, title_justify="left")
    made.add_column(style="bold", no_wrap=True)
    made.add_column(justify="right", no_wrap=True)
    made.add_column(style="dim")
    rate = summary.accepted / summary.posting_seconds
    made.add_row("accepted", f"{summary.accepted:,}", f"{rate:,.0f} tickets/s")
    made.add_row("assigned", f"{summary.assigned:,}", "by team and skill")
    made.add_row("resolved", f"{summary.resolved:,}", "by their agents")
    made.add_row("still waiting", f"{sum(summary.waiting.values()):,}", "")
    for reason, count in summary.waiting.items():
        made.add_row("", f"{count:,}", reason)
    made.add_section()
    rate = summary.events / summary.seconds
    made.add_row("events", f"{summary.events:,}", f"{rate:,.0f} events/s")
    delivered = f"{summary.webhooks_delivered:,} / {summary.webhooks_expected:,}"
    made.add_row("webhooks", delivered, f"{summary.webhooks_repeated:,} came again")
    made.add_row("e-mails", f"{summary.emails:,}", "written as files")
    made.add_section()
    _timing(made, "201 to assigned", summary.to_assigned, "at once")
    _timing(made, "201 to webhook", summary.to_webhook, "of these")
    _timing(made, "waited for an agent", summary.waited, "")
    made.add_row("the whole run", f"{summary.seconds:,.1f} s", "")
    made.add_section()
    made.add_row("lost", f"{summary.lost:,}", "" if summary.lost else "nothing")
    for finding in summary.findings:
        example = f", such as {finding.example}" if finding.example else ""
        made.add_row("", f"{finding.count:,}", f"{finding.what}{example}", style="red")
    return made


def _timing(made: Table, name: str, timed: Timing, remark: str) -> None:
    if timed.p50_ms is None or timed.p99_ms is None:
        made.add_row(name, "none", "")
    else:
        figures = f"p50 {timed.p50_ms:,.0f} ms, p99 {timed.p99_ms:,.0f} ms"
        made.add_row(name, figures, f"{timed.cases:,} tickets {remark}")
