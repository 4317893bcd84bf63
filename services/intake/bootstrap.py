"""Puts intake together from a runtime; the same for every host and the tests."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask

from services.intake.api import health, problems, requests
from services.intake.api.auth import Authenticator
from services.intake.api.files import Files
from services.intake.api.http import Parts
from services.intake.api.quick_rule import QuickRule
from services.intake.api.transfers import Slots
from services.intake.api.webhook_destinations import WebhookDestinations
from services.intake.attachments.clamd import Clamd
from services.intake.attachments.receiving import Receiving
from services.intake.attachments.scanning import BATCH, ScanAttachments
from services.intake.attachments.tidying import tidy_up
from services.intake.bulk import desk as bulk_desk
from services.intake.bulk.pacing import Pacing
from services.intake.bulk.process_chunks import CHUNKS_AT_ONCE, ProcessChunks
from services.intake.bulk.reading import LineReader
from services.intake.bulk.store import LineStore
from services.intake.content.inspection import ContentPolicy
from services.intake.group_commit import GroupCommitter
from services.intake.openapi import docs
from services.intake.openapi.blueprints import API
from services.intake.pages import assets, downloads, status, support, unsubscribe
from services.intake.pages.site import build_site
from services.intake.rate_limits import RateLimits
from services.intake.reference import ReferenceData
from services.intake.slow_bodies import SlowBodies
from services.intake.stream_hub import StreamHub
from shared.db.audit import forget_audit
from shared.db.housekeeping import forget_bulk_jobs, forget_bulk_keys
from shared.db.signing_keys import SigningKeys
from shared.db.work_lists import ATTACHMENTS_TO_SCAN, BULK_CHUNKS
from shared.domain.address_guard import AddressGuard
from shared.domain.attachment import AttachmentRules
from shared.domain.rate import RateClass
from shared.domain.work import ListName
from shared.messaging.list_runner import ListRunner
from shared.messaging.timers import PeriodicJob
from shared.messaging.worker_host import Bound, Service
from shared.observability import metrics
from shared.runtime import Runtime
from shared.settings import Settings, bulk_limits, life_rules, stream_limit

#: Chunks under way at once in a process: one is prepared while the database stores the other.
BULK_WIDTH = 2
FORGET_BULK_EVERY = timedelta(minutes=10)
TIDY_EVERY = timedelta(hours=1)
FORGET_AUDIT_EVERY = timedelta(hours=1)


def build(runtime: Runtime) -> Flask:
    """Return the WSGI application. Opens nothing; threads begin with the first request."""
    settings = runtime.settings
    signing = SigningKeys(runtime.database, runtime.clock)
    rules = _attachment_rules(settings)
    idempotency_ttl = timedelta(seconds=settings.idempotency_ttl_s)
    reference = ReferenceData(runtime.database)
    app = Flask("patchbay", static_folder=None)
    metrics.http_threads.set(settings.http_threads)
    app.url_rule_class = QuickRule
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["patchbay"] = Parts(
        database=runtime.database,
        clock=runtime.clock,
        ring=runtime.ring,
        committer=GroupCommitter(
            runtime.database,
            runtime.clock,
            _noting(runtime),
            idempotency_ttl,
            rules,
        ),
        authenticator=Authenticator(runtime.database, runtime.clock),
        reference=reference,
        destinations=WebhookDestinations(
            AddressGuard(settings.webhook_allowed_networks, allow_http=settings.webhook_allow_http)
        ),
        rules=life_rules(settings),
        streams=StreamHub(runtime.database, stream_limit(settings)),
        stream_max_s=settings.stream_max_s,
        signing=signing,
        files=_files(runtime, rules),
        slow_bodies=SlowBodies(settings.body_timeout_s),
        rate_limits=RateLimits(
            {
                RateClass.READ: settings.read_limit_per_minute,
                RateClass.WRITE: settings.write_limit_per_minute,
                RateClass.BULK: settings.bulk_limit_per_minute,
            }
        ),
        idempotency_ttl=idempotency_ttl,
        delivery_retention=timedelta(seconds=settings.delivery_retention_s) or None,
        bulk=bulk_desk.build(
            runtime.database,
            runtime.clock,
            reference,
            bulk_limits(settings),
            life_rules(settings),
            rules,
        ),
        trusted_proxies=settings.trusted_proxies,
    )
    app.extensions["patchbay.pages"] = build_site(settings, signing, runtime.clock)
    requests.register(app)
    problems.register(app)
    for blp in (
        *API,
        docs.blp,
        health.blp,
        support.blp,
        status.blp,
        downloads.blp,
        unsubscribe.blp,
        assets.blp,
    ):
        app.register_blueprint(blp)
    return app


def begin_stop(app: Flask) -> None:
    """End what would hold up the end of the process: event streams. Requests still get answers."""
    found: Parts = app.extensions["patchbay"]
    found.streams.close()


def build_worker(runtime: Runtime) -> Service:
    """Return what intake does beside answering: files to scan and to tidy up, bulk jobs."""
    settings = runtime.settings
    clamd = None
    if _attachment_rules(settings).scan:
        clamd = Clamd(settings.clamd_url, settings.clamd_timeout_s)
    scan = ListRunner(
        ListName.SCANNING,
        ScanAttachments(runtime.database, runtime.clock, runtime.storage, clamd),
        full_batch=BATCH,
        ring=runtime.ring,
    )
    return Service(
        "intake",
        [
            Bound(scan, ATTACHMENTS_TO_SCAN.has_ready, ATTACHMENTS_TO_SCAN.next_due),
            Bound(_bulk_runner(runtime), BULK_CHUNKS.has_ready, BULK_CHUNKS.next_due),
        ],
        jobs=[
            PeriodicJob(
                "tidy up attachments",
                TIDY_EVERY,
                lambda now: tidy_up(runtime.database, runtime.storage, now),
            ),
            PeriodicJob(
                "forget bulk jobs",
                FORGET_BULK_EVERY,
                lambda now: forget_bulk_jobs(runtime.database, now),
            ),
            PeriodicJob(
                "forget bulk keys",
                FORGET_BULK_EVERY,
                lambda now: forget_bulk_keys(runtime.database, now),
            ),
            *_forget_audit(runtime),
        ],
    )


def _forget_audit(runtime: Runtime) -> list[PeriodicJob]:
    """Return the job that forgets old entries of the audit log, if they are ever to be."""
    kept = timedelta(seconds=runtime.settings.audit_retention_s)
    if not kept:
        return []
    return [
        PeriodicJob(
            "forget audit",
            FORGET_AUDIT_EVERY,
            lambda now: forget_audit(runtime.database, now - kept),
        )
    ]


def _bulk_runner(runtime: Runtime) -> ListRunner:
    limits = bulk_limits(runtime.settings)
    process = ProcessChunks(
        runtime.database,
        runtime.clock,
        runtime.ring,
        LineReader(ReferenceData(runtime.database), limits),
        LineStore(life_rules(runtime.settings), limits.kept, _attachment_rules(runtime.settings)),
        Pacing(lambda: runtime.live_commits),
    )
    return ListRunner(
        ListName.BULK, process, full_batch=CHUNKS_AT_ONCE, ring=runtime.ring, width=BULK_WIDTH
    )


def _noting(runtime: Runtime) -> Callable[[ListName], None]:
    """Return a ring that notes that live tickets were committed: bulk work makes room for them."""

    def ring(name: ListName) -> None:
        runtime.live_commits += 1
        runtime.ring(name)

    return ring


def _files(runtime: Runtime, rules: AttachmentRules) -> Files:
    settings = runtime.settings
    policy = ContentPolicy(settings.attachment_types, settings.attachment_allow_encrypted)
    return Files(
        receiving=Receiving(runtime.storage, rules, policy),
        uploads=Slots(settings.transfer_concurrency, "uploads"),
        downloads=Slots(settings.transfer_concurrency, "downloads"),
        timeout_s=settings.upload_timeout_s,
        upload_ttl=timedelta(seconds=settings.upload_ttl_s),
    )


def _attachment_rules(settings: Settings) -> AttachmentRules:
    return AttachmentRules(
        max_bytes=settings.attachment_max_bytes,
        max_count=settings.attachment_max_count,
        max_total_bytes=settings.attachment_max_total_bytes,
        scan=settings.clamd_url != "off",
    )


def close(app: Flask) -> None:
    """Commit what requests are waiting for and stop."""
    begin_stop(app)
    found: Parts = app.extensions["patchbay"]
    found.committer.close()
    found.slow_bodies.close()
