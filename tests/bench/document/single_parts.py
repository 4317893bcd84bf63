"""Sections about single parts: routing, bulk, search, deliveries, mail; and other desks."""

from tests.bench.document.model import Figure, Matrix, Section, at_least, below

ROUTING = Section(
    title="Routing by itself, by agents",
    part="routing",
    measured=(
        "Tickets routed and committed by one router, in batches of 200, and one decision in "
        "memory. Agents are in teams of twenty and have three of 200 skills."
    ),
    figures=(Figure("decisions_10000_vs_100_agents", "committed with 10,000 agents over 100"),),
    matrix=Matrix(
        head="agents",
        rows={"100": "100", "1000": "1,000", "10000": "10,000"},
        columns={
            "decisions_{row}_per_s": "decisions committed, /s",
            "decision_{row}_p50_ms": "one in memory, p50, ms",
            "decision_{row}_p99_ms": "p99",
        },
    ),
    limits=(
        "Python: a decision is sets and sums in memory; the batch's SQL is a part that does not "
        "grow with agents."
    ),
)

REFILL = Section(
    title="Routing by itself, by backlog",
    part="routing",
    measured=(
        "An agent resolves a ticket while many wait: the time until that agent has the next one, "
        "with 100 agents."
    ),
    figures=(Figure("refill_many_vs_few", "p50 with the most over the fewest"),),
    matrix=Matrix(
        head="backlog",
        rows={"few": "few", "more": "more", "many": "most"},
        columns={
            "refill_{row}_waiting": "tickets that wait",
            "refill_{row}_p50_ms": "p50, ms",
            "refill_{row}_p99_ms": "p99",
        },
    ),
    limits=(
        "One transaction with its round trips and its commit: the best ticket of each need is "
        "found by an index."
    ),
)

BULK = Section(
    title="Bulk",
    part="bulk",
    measured=(
        "A body of JSON lines to `POST /v1/tickets/bulk`, from its first byte to the last ticket "
        "stored, by one intake with two processes. The baseline stores the same tickets by the "
        "same code, a commit each and without HTTP. Beside such a body, with one process: live "
        "tickets of 64 connections, and the time to an agent of 50 live tickets a second."
    ),
    figures=(
        Figure("bulk_per_s", "stored, tickets/s", at_least(8000)),
        Figure("bulk_received_per_s", "… of it, until the 202, lines/s"),
        Figure("single_commit_per_s", "baseline: a commit a ticket, tickets/s"),
        Figure("bulk_vs_single_commit", "ratio to the baseline"),
        Figure("bulk_memory_lines", "lines of the body whose memory is measured"),
        Figure("bulk_memory_idle_mb", "… intake's memory before, MiB"),
        Figure("bulk_memory_peak_mb", "… at its peak, MiB"),
        Figure("live_alone_per_s", "live tickets alone, 64 connections, /s"),
        Figure("live_beside_bulk_per_s", "… beside a bulk body, /s"),
        Figure("live_posts_beside_bulk", "… ratio"),
        Figure("live_routing_alone_p99_ms", "created to assigned at 50/s alone, p99, ms"),
        Figure("live_routing_beside_bulk_p99_ms", "… beside a bulk body, p99, ms"),
    ),
    by_process=(Figure("bulk_cpu_ms", "CPU ms a bulk ticket"),),
    limits=(
        "The processors, which intake's processes and PostgreSQL share: the sum of their times a "
        "ticket, not a queue. The figures beside a body use the assignment's `started_at`, the "
        "router's clock before its commit."
    ),
)

SEARCH = Section(
    title="Search",
    part="search",
    measured=(
        "Twelve kinds of questions (common and rare words, phrases, fields, spans of time, nothing "
        "such) on words of Zipf's distribution. A part of the tickets is indexed by the indexer, "
        "the rest are copies."
    ),
    figures=(
        Figure("search_tickets", "tickets searched"),
        Figure("search_p50_ms", "answer over all kinds of questions, p50, ms"),
        Figure("search_p99_ms", "answer over all kinds of questions, p99, ms", below(150)),
        Figure("search_indexed_per_s", "taken up by one indexer, tickets/s"),
    ),
    limits="Common words that hardly meet: bands of tickets are looked at until a page is full.",
)

DELIVERIES = Section(
    title="Deliveries",
    part="deliveries",
    measured=(
        "Signed webhooks to 100 endpoints in one process, all due at the start: sent, answered and "
        "recorded with their attempts by one notifier. The baseline is a bare aiohttp loop that "
        "posts the same bytes with 128 under way; it signs nothing, vets no address and records "
        "nothing. By turns, three times each: medians. Then as many by HTTP to few and many "
        "endpoints (once each), many due at once, and one event to 1,000 subscribers."
    ),
    figures=(
        Figure("deliveries_http_per_s", "delivered by HTTP, /s"),
        Figure("deliveries_http_per_s_least", "… the lowest of the three"),
        Figure("deliveries_http_per_s_most", "… the highest"),
        Figure("deliveries_http_cpu_ms", "… CPU of the notifier for each, ms"),
        Figure("bare_http_per_s", "baseline by HTTP, /s"),
        Figure("bare_http_per_s_least", "… the lowest of the three"),
        Figure("bare_http_per_s_most", "… the highest"),
        Figure("deliveries_vs_bare_loop_http", "ratio by HTTP", at_least(0.35)),
        Figure("deliveries_https_per_s", "delivered by HTTPS, /s"),
        Figure("deliveries_https_per_s_least", "… the lowest of the three"),
        Figure("deliveries_https_per_s_most", "… the highest"),
        Figure("deliveries_https_cpu_ms", "… CPU of the notifier for each, ms"),
        Figure("bare_https_per_s", "baseline by HTTPS, /s"),
        Figure("bare_https_per_s_least", "… the lowest of the three"),
        Figure("bare_https_per_s_most", "… the highest"),
        Figure("deliveries_vs_bare_loop_https", "ratio by HTTPS"),
        Figure("due_at_once", "deliveries due at once"),
        Figure("due_at_once_per_s", "… drained, /s"),
        Figure("due_at_once_idle_mb", "… the notifier's memory before, MiB"),
        Figure("due_at_once_peak_mb", "… at its peak, MiB"),
        Figure("wide_first_s", "one event to 1,000 subscribers, the first time, s"),
        Figure("wide_s", "… the slowest of the others, s"),
    ),
    matrix=Matrix(
        head="endpoints",
        rows={"1": "1", "10": "10", "100": "100", "1000": "1,000"},
        columns={
            "deliveries_to_{row}_per_s": "delivered, /s",
            "deliveries_to_{row}_cpu_ms": "CPU of the notifier for each, ms",
        },
    ),
    limits=(
        "The notifier's Python thread; PostgreSQL takes the other processor. One endpoint gets at "
        "most 128 at a time (`PATCHBAY_WEBHOOK_ENDPOINT_CONCURRENCY`)."
    ),
)

NOISY = Section(
    title="Noisy neighbours",
    part="noisy",
    measured=(
        "100 endpoints get half of what they can take, once all of them healthy, once ten that "
        "never answer and ten that answer 500. The age of an event when a healthy endpoint has it."
    ),
    figures=(
        Figure("noisy_offered_per_s", "deliveries offered, /s"),
        Figure("noisy_quiet_p50_ms", "all healthy, p50, ms"),
        Figure("noisy_quiet_p99_ms", "… p99, ms"),
        Figure("noisy_sick_p50_ms", "healthy ones beside sick ones, p50, ms"),
        Figure("noisy_sick_p99_ms", "healthy ones beside sick ones, p99, ms", below(1000)),
        Figure("noisy_sick_worst_ms", "… the worst, ms"),
    ),
    limits="The first two seconds, in which connections are opened.",
    plot="noisy",
)

MAIL = Section(
    title="Mail",
    part="mail",
    measured=(
        "Receipts to as many requesters over four connections to a local mail server that takes "
        "everything: looked up, rendered, sent and recorded. The baseline is a bare aiosmtplib "
        "loop that sends one mail's bytes."
    ),
    figures=(
        Figure("mail_per_s", "mails, /s", at_least(200)),
        Figure("mail_cpu_ms", "… CPU of the notifier for each, ms"),
        Figure("mail_bare_per_s", "baseline, /s"),
        Figure("mail_vs_bare_loop", "ratio to the baseline"),
    ),
    limits="The notifier's Python thread; a third of it renders text, HTML and headers.",
)

PEERS = Section(
    title="Other desks",
    part="peers",
    measured=(
        "Tickets created by HTTP, 64 connections, on the same PostgreSQL. django-helpdesk is "
        "installed from PyPI into an environment of its own and served by gunicorn (two processes, "
        "32 threads each, connections kept); its REST API, a token, mail to nowhere. Request "
        "Tracker is the one that RT_URL and RT_TOKEN name, with the database it has. No peer does "
        "the same work: django-helpdesk renders the mails of a new ticket and routes nothing. Read "
        "it as an order of size."
    ),
    figures=(
        Figure("helpdesk_per_s", "django-helpdesk, tickets/s"),
        Figure("helpdesk_p50_ms", "… median answer, ms"),
        Figure("helpdesk_p99_ms", "… p99, ms"),
        Figure("intake_64_vs_helpdesk", "Patchbay's accepted tickets/s over it"),
        Figure("request_tracker_per_s", "Request Tracker, tickets/s"),
        Figure("request_tracker_p50_ms", "… median answer, ms"),
        Figure("request_tracker_p99_ms", "… p99, ms"),
    ),
    reasons=("helpdesk_reason", "request_tracker_reason"),
)

SINGLE_PARTS = (ROUTING, REFILL, BULK, SEARCH, DELIVERIES, NOISY, MAIL, PEERS)
