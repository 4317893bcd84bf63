"""Puts intake together from a runtime; the same for every host and the tests."""

from datetime import timedelta

from flask import Flask
from flask_smorest import Api

from services.intake.api import (
    absences,
    agents,
    assignment,
    calendars,
    comments,
    docs,
    explain,
    health,
    life,
    links,
    problems,
    profiles,
    requesters,
    requests,
    routing_rules,
    shadow,
    teams,
    tickets,
    webhooks,
)
from services.intake.api.auth import Authenticator
from services.intake.api.http import Parts
from services.intake.group_commit import GroupCommitter
from services.intake.pages import assets, public_api, status, support
from services.intake.pages.site import build_site
from services.intake.reference import ReferenceData
from shared.db.signing_keys import SigningKeys
from shared.domain.address_guard import AddressGuard
from shared.runtime import Runtime
from shared.settings import life_rules


def build(runtime: Runtime) -> Flask:
    """Return the WSGI application. Opens nothing; threads begin with the first request."""
    settings = runtime.settings
    signing = SigningKeys(runtime.database, runtime.clock)
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
            runtime.ring,
            timedelta(seconds=settings.idempotency_ttl_s),
        ),
        authenticator=Authenticator(runtime.database, runtime.clock),
        reference=ReferenceData(runtime.database),
        guard=AddressGuard(
            settings.webhook_allowed_networks, allow_http=settings.webhook_allow_http
        ),
        rules=life_rules(settings),
        signing=signing,
    )
    app.extensions["patchbay.pages"] = build_site(settings, signing, runtime.clock)
    requests.register(app)
    problems.register(app)
    api = Api(app)
    for module in (
        tickets,
        life,
        comments,
        links,
        requesters,
        assignment,
        agents,
        absences,
        calendars,
        teams,
        routing_rules,
        profiles,
        explain,
        shadow,
        webhooks,
        public_api,
    ):
        api.register_blueprint(module.blp)
    docs.describe(api.spec)
    app.extensions["patchbay.spec"] = api.spec
    app.register_blueprint(docs.blp)
    app.register_blueprint(health.blp)
    for pages in (support, status, assets):
        app.register_blueprint(pages.blp)
    # smorest answers errors in its own format unless told otherwise.
    problems.register(app)
    return app


def close(app: Flask) -> None:
    """Commit what requests are waiting for and stop."""
    found: Parts = app.extensions["patchbay"]
    found.committer.close()
