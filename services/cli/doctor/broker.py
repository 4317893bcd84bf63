"""The broker: whether it answers, what its user may do, and who listens on its queues."""

from collections.abc import Iterator, Sequence
from shlex import quote

from services.cli.doctor.finding import Finding, error, note, ok, warning
from shared.domain.work import ListName
from shared.messaging.broker_look import BrokerLook, look_at
from shared.settings import Settings

OLDEST = (3, 10)
#: Doorbells in a queue, above which nobody can be listening well.
MANY = 1000
#: Of names that a right is missing to, how many are told.
SHOWN = 3


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield findings about the broker; raises Unavailable for one that does not answer."""
    if settings.broker_url.startswith("memory:"):
        yield ok("the broker is inside the process of patchbay serve")
        return
    look = look_at(settings.broker_url, settings.queue_prefix)
    yield _version(look)
    if look.alarm:
        yield error(
            "the broker has an alarm of memory or disk, and takes nothing",
            "workers are not woken and find their work by looking, up to a second later",
            "rabbitmq-diagnostics alarms; give it room",
        )
    if look.missing:
        # Who listens is no matter yet: a process that is started would not be let in either.
        yield _rights(look)
        return
    if not look.alarm:
        yield ok(f"the user {look.user} has the rights to declare, ring and hear every doorbell")
    yield from _queues(look, settings)


def _version(look: BrokerLook) -> Finding:
    what = f"{look.product} {look.version} answers in {look.connect_ms:.0f} ms"
    numbers = tuple(int(part) for part in look.version.split(".")[:2] if part.isdecimal())
    if look.product == "RabbitMQ" and numbers < OLDEST:
        return warning(what, "nobody has tried it with one before 3.10", "upgrade RabbitMQ")
    return ok(what)


def _rights(look: BrokerLook) -> Finding:
    missing = ", ".join(f"{right} {_some(names)}" for right, names in look.missing.items())
    return error(
        f"the user {look.user} may not {missing}",
        "workers are not woken and find their work by looking, up to a second later",
        f"rabbitmqctl set_permissions -p {quote(look.vhost)} {quote(look.user)} '.*' '.*' '.*'; "
        "deploy/rabbitmq/definitions.json has the narrowest that are enough",
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(sorted(names)[:SHOWN]) + more


def _queues(look: BrokerLook, settings: Settings) -> Iterator[Finding]:
    unused = {ListName.EMAIL} if settings.email_url.startswith("off") else set()
    absent = [name for name, queue in look.queues.items() if queue is None]
    silent = [name for name, queue in look.queues.items() if queue and not queue.consumers]
    full = {n: q.messages for n, q in look.queues.items() if q and q.messages > MANY}
    lonely = [name for name in (*absent, *silent) if name not in unused]
    if lonely:
        yield warning(
            f"nobody listens for {', '.join(sorted(lonely))}",
            "no process handles these lists, or none that is connected to this broker",
            "start patchbay router and patchbay notifier, and intake for bulk and scanning",
        )
    else:
        consumers = sum(queue.consumers for queue in look.queues.values() if queue)
        yield ok(f"{consumers} consumers listen on {len(look.queues) - len(absent)} queues")
    for name, messages in full.items():
        yield note(
            f"{messages} doorbells wait for {name}",
            "they do no harm: each only says that there is work",
            f"see that workers run; rabbitmqctl purge_queue {name} loses nothing",
        )
