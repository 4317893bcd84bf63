"""Puts intake together from a runtime; the same for every host and the tests."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask_smorest import Api

from services.intake.api import (
    absences,
    agents,
    assignment,
    bulk,
    calendars,
    comments,
    docs,
    explain,
    health,
    jobs,
    life,
    links,
    problems,
    profiles,
    requests,
    routing_rules,
    shadow,
    teams,
    tickets,
    webhooks,
)
from services.intake.api.auth import Authenticator
from services.intake.api.http import Parts
from services.intake.bulk import desk as bulk_desk
from services.intake.bulk.pacing import Pacing
from services.intake.bulk.process_chunks import CHUNKS_AT_ONCE, ProcessChunks
from services.intake.bulk.reading import LineReader
from services.intake.bulk.store import LineStore
from services.intake.group_commit import GroupCommitter
from services.intake.reference import ReferenceData
from shared.db.housekeeping import forget_bulk_jobs, forget_bulk_keys
from shared.db.work_lists import BULK_CHUNKS
from shared.domain.address_guard import AddressGuard
from shared.domain.work import ListName
from shared.messaging.list_runner import ListRunner
from shared.messaging.timers import PeriodicJob
from shared.messaging.worker_host import Bound, Service
from shared.runtime import Runtime
from shared.settings import bulk_limits, life_rules

#: Chunks under way at once in a process: one is prepared while the database stores the other.
BULK_WIDTH = 2
FORGET_BULK_EVERY = timedelta(minutes=10)


def build(runtime: Runtime) -> Flask:
    """Return the WSGI application. Opens nothing; threads begin with the first request."""
    settings = runtime.settings
    reference = ReferenceData(runtime.database)
    app = Flask("patchbay", static_folder=None)
    app.config.update(docs.SPEC_CONFIG)
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
            timedelta(seconds=settings.idempotency_ttl_s),
        ),
        authenticator=Authenticator(runtime.database, runtime.clock),
        reference=reference,
        guard=AddressGuard(
            settings.webhook_allowed_networks, allow_http=settings.webhook_allow_http
        ),
        rules=life_rules(settings),
        bulk=bulk_desk.build(
            runtime.database,
            runtime.clock,
            reference,
            bulk_limits(settings),
            life_rules(settings),
        ),
    )
    requests.register(app)
    problems.register(app)
    api = Api(app)
    for module in (
        tickets,
        life,
        comments,
        links,
        assignment,
        bulk,
        jobs,
        agents,
        absences,
        calendars,
        teams,
        routing_rules,
        profiles,
        explain,
        shadow,
        webhooks,
    ):
        api.register_blueprint(module.blp)
    docs.describe(api.spec)
    app.extensions["patchbay.spec"] = api.spec
    app.register_blueprint(docs.blp)
    app.register_blueprint(health.blp)
    # smorest answers errors in its own format unless told otherwise.
    problems.register(app)
    return app


def build_worker(runtime: Runtime) -> Service:
    """Return what intake does beside answering: bulk jobs."""
    limits = bulk_limits(runtime.settings)
    process = ProcessChunks(
        runtime.database,
        runtime.clock,
        runtime.ring,
        LineReader(ReferenceData(runtime.database), limits),
        LineStore(life_rules(runtime.settings), limits.kept),
        Pacing(lambda: runtime.live_commits),
    )
    bulk_chunks = ListRunner(
        ListName.BULK, process, full_batch=CHUNKS_AT_ONCE, ring=runtime.ring, width=BULK_WIDTH
    )
    return Service(
        "intake",
        [Bound(bulk_chunks, BULK_CHUNKS.has_ready, BULK_CHUNKS.next_due)],
        jobs=[
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
        ],
    )


def _noting(runtime: Runtime) -> Callable[[ListName], None]:
    """Return a ring that notes that live tickets were committed: bulk work makes room for them."""

    def ring(name: ListName) -> None:
        runtime.live_commits += 1
        runtime.ring(name)

    return ring


def close(app: Flask) -> None:
    """Commit what requests are waiting for and stop."""
    found: Parts = app.extensions["patchbay"]
    found.committer.close()
