"""Ratios of a run: what was measured over its baseline in the same run."""

from collections.abc import Mapping
from typing import Any

_PAIRS = {
    "intake_64_vs_commit_per_request": ("intake_64_per_s", "baseline_http_64_per_s"),
    "intake_64_vs_helpdesk": ("intake_64_per_s", "helpdesk_per_s"),
    "pipeline_vs_dramatiq_chain": ("pipeline_per_s", "dramatiq_chain_per_s"),
    "pipeline_vs_unconfirmed_chain": ("pipeline_per_s", "unconfirmed_chain_per_s"),
    "pipeline_vs_celery_chain": ("pipeline_per_s", "celery_chain_per_s"),
    "decisions_10000_vs_100_agents": ("decisions_10000_per_s", "decisions_100_per_s"),
    "refill_many_vs_few": ("refill_many_p50_ms", "refill_few_p50_ms"),
    "bulk_vs_single_commit": ("bulk_per_s", "single_commit_per_s"),
    "live_posts_beside_bulk": ("live_beside_bulk_per_s", "live_alone_per_s"),
    "posts_beside_a_million": ("growth_full_posts_per_s", "growth_empty_posts_per_s"),
    "deliveries_vs_bare_loop_http": ("deliveries_http_per_s", "bare_http_per_s"),
    "deliveries_vs_bare_loop_https": ("deliveries_https_per_s", "bare_https_per_s"),
    "mail_vs_bare_loop": ("mail_per_s", "mail_bare_per_s"),
    "backlog_vs_dramatiq_chain": ("backlog_per_s", "dramatiq_chain_per_s"),
    "two_of_each_vs_one": ("workers_all_2_per_s", "workers_one_per_s"),
    "four_of_each_vs_one": ("workers_all_4_per_s", "workers_one_per_s"),
}


def ratios(figures: Mapping[str, Any], runs: Mapping[str, str]) -> dict[str, float]:
    """Return the ratios of which both sides were measured in one run; `runs` tells each's."""
    return {
        name: figures[above] / figures[below]
        for name, (above, below) in _PAIRS.items()
        if figures.get(below) and above in figures and runs[above] == runs[below]
    }
