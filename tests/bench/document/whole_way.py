"""Sections about the whole way of a ticket: accepted, routed, told; growing, scaling, embedded."""

from tests.bench.document.model import Figure, Matrix, Section, at_least, below

ACCEPTING = Section(
    title="Accepting tickets",
    part="http",
    measured=(
        "`POST /v1/tickets` to one intake process, from one connection and from 64, each of which "
        "sends the next request when the last is answered. The baseline is what one would write "
        "first: Flask and SQLAlchemy behind the same server with the same number of threads, a "
        "commit a request; it validates nothing and knows no keys. By turns, three times each: "
        "medians."
    ),
    figures=(
        Figure("intake_64_per_s", "accepted, 64 connections, tickets/s"),
        Figure("intake_64_per_s_least", "… the lowest of the three"),
        Figure("intake_64_per_s_most", "… the highest"),
        Figure("intake_64_p99_ms", "… p99 of the answer, ms"),
        Figure("intake_1_per_s", "accepted, 1 connection, tickets/s"),
        Figure("intake_1_p50_ms", "… median answer, ms"),
        Figure("baseline_http_64_per_s", "baseline, 64 connections, tickets/s"),
        Figure("baseline_http_64_per_s_least", "… the lowest of the three"),
        Figure("baseline_http_64_per_s_most", "… the highest"),
        Figure("baseline_http_64_p99_ms", "… p99 of the answer, ms"),
        Figure("intake_64_vs_commit_per_request", "ratio to the baseline", at_least(2.5)),
    ),
    by_process=(Figure("intake_64_cpu_ms", "CPU ms a ticket"),),
    limits=(
        "One Python thread at a time runs in intake; requests that arrive while a commit is under "
        "way share the next one, so the disk's `fsync` limits one connection and hardly 64."
    ),
    plot="rates",
)

PIPELINE = Section(
    title="The whole way, as fast as it goes",
    part="pipeline",
    measured=(
        "From the first POST to the last signed webhook received: one process each of intake, "
        "router and notifier, 20 agents, 64 connections. The baselines carry as many messages "
        "through three empty tasks in a row over the same RabbitMQ with two worker processes: "
        "Dramatiq (8 threads each, its default) with publisher confirms, which is how Patchbay "
        "rings, and without; Celery (two forked processes, `acks_late`, `confirm_publish`, results "
        "off, everything else as it comes). The whole way and the chain with confirms by turns, "
        "three times each: medians; the other chains once."
    ),
    figures=(
        Figure("pipeline_per_s", "POST to received webhook, tickets/s"),
        Figure("pipeline_per_s_least", "… the lowest of the three"),
        Figure("pipeline_per_s_most", "… the highest"),
        Figure("pipeline_p50_ms", "… created to webhook at full load, p50, ms"),
        Figure("pipeline_p99_ms", "… p99, ms"),
        Figure("dramatiq_chain_per_s", "baseline: Dramatiq with confirms, chains/s"),
        Figure("dramatiq_chain_per_s_least", "… the lowest of the three"),
        Figure("dramatiq_chain_per_s_most", "… the highest"),
        Figure("unconfirmed_chain_per_s", "baseline: Dramatiq without confirms, chains/s"),
        Figure("unconfirmed_chain_lost", "… messages that it lost"),
        Figure("celery_chain_per_s", "baseline: Celery with acks_late and confirms, chains/s"),
        Figure("pipeline_vs_dramatiq_chain", "ratio to Dramatiq with confirms", at_least(0.8)),
        Figure("pipeline_vs_unconfirmed_chain", "ratio to Dramatiq without confirms"),
        Figure("pipeline_vs_celery_chain", "ratio to Celery"),
    ),
    by_process=(
        Figure("pipeline_cpu_ms", "CPU ms a ticket"),
        Figure("memory_mb", "memory, MiB"),
    ),
    limits=(
        "The processors: the processes above, the load and the receiver share them. A chain of "
        "empty tasks does no work and stores nothing; a ticket is validated, stored, routed, "
        "explained, told and signed."
    ),
)

LATENCY = Section(
    title="Latency at a share of the maximum",
    part="pipeline",
    measured=(
        "Tickets come at 25, 50, 75 and 100 % of the rate measured just before, on the dot and not "
        "when the one before is answered (no coordinated omission), three times: medians, of each "
        "percentile too. *Created* is the ticket's "
        "`created_at`, intake's clock before it stores the ticket. *Assigned* is the commit of "
        "`ticket.assigned`, by PostgreSQL's `track_commit_timestamp`; *webhook* is the arrival at "
        "the receiver. All three are the clock of the one machine. What a client waits for the "
        "201, from the moment its request was due, stands beside them."
    ),
    figures=(
        Figure("at_50_assigned_p99_ms", "created to assigned at 50 %, p99, ms", below(100)),
        Figure("at_50_webhook_p99_ms", "created to webhook at 50 %, p99, ms", below(250)),
    ),
    matrix=Matrix(
        head="share",
        rows={str(share): f"{share} %" for share in (25, 50, 75, 100)},
        columns={
            "at_{row}_offered_per_s": "tickets/s",
            "at_{row}_assigned_p50_ms": "assigned p50, ms",
            "at_{row}_assigned_p99_ms": "p99",
            "at_{row}_webhook_p50_ms": "webhook p50, ms",
            "at_{row}_webhook_p99_ms": "p99",
            "at_{row}_post_p50_ms": "201 p50, ms",
            "at_{row}_post_p99_ms": "p99",
        },
    ),
    limits=(
        "The processors, and turns of them. Every stage takes what is ready as one batch, so the "
        "fewer tickets come, the smaller the batches and the dearer a ticket: on two cores both "
        "are nearly busy long before half of the rate (docs/adr/0031 has figures). There a stage "
        "waits longer for a processor that another one has than for the disk, and a machine that "
        "is slower for a minute shows in the 99th percentile first: four whole runs of 2026-11-23 "
        "had created to assigned at 86, 125, 111 and 72 ms, with 507, 413, 426 and 416 tickets a "
        "second, while Dramatiq with confirms did 1,072, 920, 879 and 911 chains. The last is the "
        "one above; the code of the way was the same from the second on. At the full rate a queue "
        "stands before the slowest stage; it is finite only because the run is."
    ),
    plot="latency",
)

_SIZES = {"small": "few", "middle": "more", "large": "most"}

GROWTH = Section(
    title="Growth",
    part="growth",
    measured=(
        "One database that grows: tickets are posted to it, and the rest are their twins, made "
        "inside the database, with fields drawn anew, five years of dates and an ended assignment "
        "each. At each size: tickets accepted by 64 connections, created to assigned at "
        "50 tickets/s, and pages of lists by every order and filter (a common value, a rare one, "
        "none at all, two at once, a month long ago), each with the page after it. At the end "
        "tickets are posted by turns to this desk and to one whose database was empty, five times "
        "each: medians of these."
    ),
    figures=(
        Figure("growth_large_list_p99_ms", "pages at the largest size, p99, ms", below(50)),
        Figure("growth_empty_posts_per_s", "accepted/s by an empty database …"),
        Figure("growth_full_posts_per_s", "… and at the largest size, by turns"),
        Figure(
            "posts_beside_a_million",
            "accepted at the largest size over an empty database",
            at_least(0.9),
        ),
    ),
    matrix=Matrix(
        head="size",
        rows=_SIZES,
        columns={
            "growth_{row}_tickets": "tickets stored",
            "growth_{row}_posts_per_s": "accepted/s",
            "growth_{row}_assigned_p50_ms": "assigned p50, ms",
            "growth_{row}_assigned_p99_ms": "p99",
            "growth_{row}_list_p50_ms": "list p50, ms",
            "growth_{row}_list_p99_ms": "p99",
        },
    ),
    limits=(
        "Lists are pages by a key, never an offset. What grows is the depth of the indexes and "
        "what no longer fits into `shared_buffers` (128 MB). Twins have no events, deliveries or "
        "decisions, so those tables, the feed and the search index stay small here."
    ),
    plot="growth",
)

SCALING = Section(
    title="More processes",
    part="scaling",
    measured=(
        "POST to received webhook with 1, 2 and 4 processes of each kind (`--processes`), and of "
        "one kind while the others have one; 64 connections."
    ),
    figures=(
        Figure("workers_one_per_s", "one of each, tickets/s"),
        Figure("two_of_each_vs_one", "two of each over one of each"),
        Figure("four_of_each_vs_one", "four of each over one of each"),
    ),
    matrix=Matrix(
        head="kind",
        rows={"all": "all three", "intake": "intake", "router": "router", "notifier": "notifier"},
        columns={
            "workers_{row}_2_per_s": "2 processes, tickets/s",
            "workers_{row}_2_busy": "processors busy",
            "workers_{row}_4_per_s": "4 processes, tickets/s",
            "workers_{row}_4_busy": "processors busy",
        },
    ),
    limits=(
        "The number of processors, where one of each keeps them busy: *busy* is their share of "
        "time that was not idle. At 1.00 more processes only share what there is, in smaller "
        "batches, which cost more a ticket; PostgreSQL, RabbitMQ, the load and the receiver want "
        "their part too. On more processors, or with the servers on machines of their own, the "
        "same command says what more processes bring there."
    ),
    plot="scaling",
)

EMBEDDED = Section(
    title="Embedded: SQLite, one process",
    part="embedded",
    measured=(
        "`patchbay serve` with SQLite and the broker in memory: HTTP, router, notifier and timers "
        "in one process. Tickets are accepted by 64 connections and routed and told meanwhile, so "
        "the first rate is what clients see while the rest goes on beside it."
    ),
    figures=(
        Figure("embedded_posts_per_s", "accepted, 64 connections, tickets/s"),
        Figure("embedded_post_p99_ms", "… p99 of the answer, ms"),
        Figure("embedded_pipeline_per_s", "POST to received webhook, tickets/s"),
        Figure("embedded_at_half_webhook_p50_ms", "created to webhook at half of it, p50, ms"),
        Figure("embedded_at_half_webhook_p99_ms", "… p99, ms"),
    ),
    by_process=(
        Figure("embedded_cpu_ms", "CPU ms a ticket"),
        Figure("embedded_memory_mb", "memory, MiB"),
    ),
    limits="One Python process, and SQLite's one writer at a time: all stages share both.",
)

BACKLOG = Section(
    title="A backlog",
    part="backlog",
    measured=(
        "Tickets that waited while no router ran, routed and delivered. The baseline is the chain "
        "of empty tasks."
    ),
    figures=(
        Figure("backlog_tickets", "tickets that waited"),
        Figure("backlog_per_s", "routed and delivered, tickets/s"),
        Figure("backlog_vs_dramatiq_chain", "ratio to three empty Dramatiq tasks with confirms"),
        Figure("backlog_routed_flatness", "slowest over fastest tenth, routing"),
        Figure("backlog_delivered_flatness", "slowest over fastest tenth, webhooks"),
    ),
    by_tenth=(
        Figure("backlog_routed_by_slice", "routed"),
        Figure("backlog_delivered_by_slice", "webhooks received"),
    ),
    limits="The notifier's Python thread: routing is ahead of it and takes processor time from it.",
)

WHOLE_WAY = (ACCEPTING, PIPELINE, LATENCY, GROWTH, SCALING, EMBEDDED, BACKLOG)
