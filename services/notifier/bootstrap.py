"""Puts the notifier together from a runtime; the same for every host and the tests."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from random import SystemRandom

from services.notifier.channels.base import MailChannel
from services.notifier.channels.eml_folder import EmlFolderChannel
from services.notifier.channels.smtp import SmtpChannel
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.deliver import DeliveryEngine
from services.notifier.endpoint_claims import EndpointClaims
from services.notifier.fan_out import FanOut
from services.notifier.job import Job
from services.notifier.mail.bootstrap import mail_tools, post_rules
from services.notifier.mail.post import Post
from services.notifier.mail.sender import MailSender
from services.notifier.mail.together import Together
from services.notifier.mail_claims import MailClaims
from services.notifier.owner_mails.message import OwnerMails
from services.notifier.owner_mails.sender import OwnerMailSender
from services.notifier.repository import DeliveryRepository
from services.notifier.results import Results
from services.notifier.schedule import EMAIL_DELAYS_S, WEBHOOK_DELAYS_S
from services.notifier.senders import WebhookSender
from services.notifier.streak_watch import StreakWatch
from shared.db.delivery_retention import forget_deliveries
from shared.db.search.indexer import SearchIndexer
from shared.db.subscription_end import cancel_due_of_deleted
from shared.db.work_lists import EVENTS_TO_FAN_OUT
from shared.domain.address_guard import AddressGuard
from shared.domain.work import ListName
from shared.failpoints import failpoint
from shared.messaging.feed_follower import FeedFollower
from shared.messaging.list_runner import ListRunner
from shared.messaging.timers import PeriodicJob
from shared.messaging.worker_host import Bound, Service
from shared.runtime import Runtime
from shared.settings import Settings, public_url

#: Longer than the slowest exchange and its record, so that no lease ends under a living sender.
WEBHOOK_LEASE_MARGIN = timedelta(seconds=10)
EMAIL_LEASE = timedelta(minutes=3)
#: The lease from the start of DATA on, whose answer may take ten minutes (RFC 5321 §4.5.3.2.6).
DATA_LEASE = timedelta(minutes=11)

FORGET_EVERY = timedelta(minutes=10)
CANCEL_EVERY = timedelta(minutes=1)
#: How late a warning may be; it asks one question, of the endpoints alone.
LOOK_AT_STREAKS_EVERY = timedelta(seconds=30)

#: Mails leased for each connection that sends them, so that none waits for the database.
MAILS_AHEAD = 8


def _smtp(settings: Settings) -> MailChannel:
    return SmtpChannel(settings.email_url, connections=settings.email_concurrency)


#: Where mail goes, by the scheme of PATCHBAY_EMAIL_URL; `off` sends none.
_MAIL_CHANNELS: dict[str, Callable[[Settings], MailChannel]] = {
    "file": lambda settings: EmlFolderChannel(Path(settings.email_url.partition(":")[2])),
    "smtp": _smtp,
    "smtps": _smtp,
}


class LeaseLost(Exception):
    """Somebody else is sending this mail, or has; ours ends before it does harm."""


def build(runtime: Runtime) -> Service:
    """Return the notifier as a service."""
    settings = runtime.settings
    mail_channel = _MAIL_CHANNELS.get(settings.email_url.partition(":")[0])
    engines = {ListName.WEBHOOK: _webhooks(runtime)}
    if mail_channel is not None:
        engines[ListName.EMAIL] = _mails(runtime, mail_channel(settings))

    def ring(name: ListName) -> None:
        # What is fanned out here is delivered from here, without a way round by the broker; an
        # engine that is full calls the others.
        if name in engines:
            engines[name].poke()

    fan_out = ListRunner(
        ListName.EVENTS,
        FanOut(
            runtime.database,
            runtime.clock,
            ring,
            settings.batch_size,
            mail_enabled=mail_channel is not None,
            alerts_to=settings.email_alerts_to,
        ),
        full_batch=settings.batch_size,
        ring=runtime.ring,
    )
    return Service(
        "notifier",
        [
            Bound(fan_out, EVENTS_TO_FAN_OUT.has_ready, EVENTS_TO_FAN_OUT.next_due),
            *(_bound(runtime, name, engine) for name, engine in engines.items()),
        ],
        jobs=_jobs(runtime),
        engines=[*engines.values(), _search_indexing(runtime)],
    )


def _jobs(runtime: Runtime) -> list[PeriodicJob]:
    database = runtime.database
    jobs = [
        PeriodicJob(
            "cancel deliveries of deleted subscriptions",
            CANCEL_EVERY,
            lambda now: cancel_due_of_deleted(database, now),
        ),
        PeriodicJob(
            "look at endpoints that fail",
            LOOK_AT_STREAKS_EVERY,
            StreakWatch(database, runtime.ring, mail_enabled=_mail_enabled(runtime.settings)),
        ),
    ]
    kept_s = runtime.settings.delivery_retention_s
    if kept_s:
        kept = timedelta(seconds=kept_s)
        jobs.append(
            PeriodicJob(
                "forget deliveries",
                FORGET_EVERY,
                lambda now: forget_deliveries(database, now - kept),
            )
        )
    return jobs


def _search_indexing(runtime: Runtime) -> FeedFollower:
    """Return what tells the search index: one more who wants to know of every event."""
    indexer = SearchIndexer(runtime.database, runtime.clock)
    return FeedFollower(runtime.database, runtime.clock, "search", runtime.holder, indexer)


def _bound(runtime: Runtime, name: ListName, engine: DeliveryEngine) -> Bound:
    runner = ListRunner(name, engine.ring, full_batch=1, ring=runtime.ring, measured=False)
    return Bound(runner, engine.claims.has_ready, engine.claims.next_due)


def _webhooks(runtime: Runtime) -> DeliveryEngine:
    settings = runtime.settings
    guard = AddressGuard(settings.webhook_allowed_networks, allow_http=settings.webhook_allow_http)
    channel = WebhookChannel(
        guard, runtime.clock, version=version("patchbay"), timeout_s=settings.webhook_timeout_s
    )
    lease = timedelta(seconds=settings.webhook_timeout_s) + WEBHOOK_LEASE_MARGIN
    return DeliveryEngine(
        "webhook",
        EndpointClaims(runtime.database, lease),
        DeliveryRepository(runtime.database, mail_enabled=_mail_enabled(settings)),
        lambda _: WebhookSender(
            channel, runtime.clock, public_url(settings), runtime.database.keyring
        ),
        _results(WEBHOOK_DELAYS_S),
        runtime.clock,
        limit=settings.webhook_concurrency,
        share=settings.webhook_endpoint_concurrency,
        call_others=lambda: runtime.ring(ListName.WEBHOOK),
    )


def _mail_enabled(settings: Settings) -> bool:
    return settings.email_url.partition(":")[0] in _MAIL_CHANNELS


def _mails(runtime: Runtime, channel: MailChannel) -> DeliveryEngine:
    settings = runtime.settings
    tools = mail_tools(settings, runtime.database, runtime.clock, runtime.storage)
    limit = settings.email_concurrency * MAILS_AHEAD
    rules, owner_mails = post_rules(settings, tools), OwnerMails(tools.renderer)

    def sender(engine: DeliveryEngine) -> OwnerMailSender:
        async def note_data_started(jobs: Sequence[Job]) -> list[bool]:
            now = runtime.clock.now()
            ours = await engine.in_thread(
                lambda: engine.repository.record_data_started(jobs, now, now + DATA_LEASE)
            )
            failpoint("mail.data_noted")
            return [job.delivery["id"] in ours for job in jobs]

        # Of connections that are at DATA in the same moment, one transaction serves all.
        data_started = Together(note_data_started)

        async def record_data_started(job: Job) -> None:
            if not await data_started.ask(job):
                message = f"the lease of {job.delivery['id']} was lost before DATA"
                raise LeaseLost(message)

        post = Post(rules, channel, engine, record_data_started)
        others = MailSender(tools, post, engine)
        return OwnerMailSender(owner_mails, tools, post, engine, others)

    return DeliveryEngine(
        "email",
        MailClaims(runtime.database, EMAIL_LEASE),
        DeliveryRepository(runtime.database, mail_enabled=True),
        sender,
        _results(EMAIL_DELAYS_S),
        runtime.clock,
        limit=limit,
        share=limit,
        # Half of them at once: what is asked of the database for one is asked for all.
        least=limit // 2,
        call_others=lambda: runtime.ring(ListName.EMAIL),
    )


def _results(delays_s: Sequence[int]) -> Results:
    return Results(delays_s, SystemRandom())
