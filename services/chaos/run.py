"""One proof: traffic and strikes on a desk of its own, and what was seen."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from time import monotonic

from services.chaos.bodies import bodies
from services.chaos.checker import Rule, Violation, violations
from services.chaos.configuration import Configuration
from services.chaos.copied_desk import CopiedDesk, furnished_desk
from services.chaos.errors import BrokenPromise, ChaosError
from services.chaos.guard import Guard
from services.chaos.nemeses import NEMESES
from services.chaos.place import Place
from services.chaos.receiver import Receiver
from services.chaos.receivers import SOME_EVENTS, Receivers
from services.chaos.record import Arrived, Record, Seen, Struck
from services.chaos.schedule import Planned, plan
from services.chaos.traffic import Traffic
from shared.domain.clock import SystemClock, rfc3339
from shared.waiting import rest, wait_until

#: Threads that post, and how often one of them does, in seconds.
POSTERS, INTERVAL_S = 4, 0.05
#: Longer than the lease of a webhook whose sender was killed.
REST_DEADLINE_S = 100.0
RECOVERY_DEADLINE_S = 60.0
#: What is broken at rest is looked at again after this: perhaps time has just moved something.
LOOK_AGAIN_S = 2.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Terms:
    """What was asked for."""

    seed: int
    length_s: float


@dataclass(frozen=True, slots=True)
class _Stage:
    """What a run works with; times of the record count from `began`, on `time.monotonic`."""

    place: Place
    desk: CopiedDesk
    receivers: Receivers[Receiver]
    traffic: Traffic
    terms: Terms
    tell: Tell
    began: float
    struck: list[Struck] = field(default_factory=list)
    broken: list[Violation] = field(default_factory=list)

    def wait(self, fact: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for a fact, and no longer once somebody who posts has given up: raises that."""
        failures = self.traffic.failures
        came = wait_until(lambda: bool(failures) or fact(), timeout_s)
        if failures:
            raise failures[0]
        return came

    def rest(self, seconds: float) -> None:
        """Let time pass, as long as everybody posts."""
        self.wait(lambda: False, seconds)


def prove(
    place: Place,
    configuration: Configuration,
    terms: Terms,
    tell: Tell,
    hold: Callable[[], object] = lambda: None,
) -> Record:
    """Run the proof at a place; return what happened. Raises ChaosError.

    A broken promise that ends it early is in the record. `hold` is called when nothing but cleaning
    up remains; what fails of that is told, and costs no record.
    """
    record = None
    try:
        with Guard() as guard:
            desk = furnished_desk(place, configuration, guard)
            tell(f"Starting {', '.join(desk.processes)} on {place.name} …")
            receivers = Receivers(Receiver(), Receiver(SOME_EVENTS))
            with desk.running(receivers):
                try:
                    record = _run(place, desk, receivers, configuration, terms, tell)
                finally:
                    hold()
    except (ChaosError, OSError, subprocess.TimeoutExpired) as error:
        if record is None:
            raise
        tell(f"Warning: {error}")
    return record


def _run(
    place: Place,
    desk: CopiedDesk,
    receivers: Receivers[Receiver],
    configuration: Configuration,
    terms: Terms,
    tell: Tell,
) -> Record:
    about = {
        "patchbay": version("patchbay"),
        "at": rfc3339(SystemClock().now()),
        "seed": terms.seed,
        "length_s": terms.length_s,
        "mode": "distributed" if place.distributed else "embedded",
        "configuration": configuration.counts,
    }
    receivers.subscribe(desk.client())
    traffic = Traffic(desk, terms.seed, bodies(configuration))
    stage = _Stage(place, desk, receivers, traffic, terms, tell, monotonic())
    try:
        with traffic.going_on(INTERVAL_S, POSTERS):
            try:
                _strike(stage)
                stage.rest(stage.began + terms.length_s - monotonic())
            except BrokenPromise:
                # Those who post come to their own end: what they are answered yet counts.
                if not desk.answers:
                    desk.hang_up()
                raise
            except BaseException:
                # Clients would go on asking processes that are dead or stand still.
                desk.abandon()
                raise
    except BrokenPromise as error:
        ended_by = [error, *(each for each in traffic.failures if each is not error)]
        stage.broken.extend(each.violation for each in ended_by if isinstance(each, BrokenPromise))
        tell(f"Ended early: {error}")
    tell("Waiting until nothing is left to do …")
    return _settled(stage, about)


def _strike(stage: _Stage) -> None:
    terms = stage.terms
    planned = plan(terms.seed, terms.length_s, [*stage.desk.processes], [*NEMESES])
    for number, each in enumerate(planned, 1):
        stage.rest(stage.began + each.at_s - monotonic())
        at = monotonic()
        strike = NEMESES[each.nemesis](stage.desk, each.process)
        strike.begin()
        recovered_s = None
        try:
            try:
                strike.mend()
            except ChaosError as error:
                raise BrokenPromise(Rule.NOT_BACK, f"{each.name}: {error}") from error
            recovered_s = _recovery(stage, at)
        finally:
            stage.struck.append(Struck(each.name, round(at - stage.began, 3), recovered_s))
        accepted = len(stage.traffic.accepted)
        stage.tell(f"[{number}/{len(planned)}] {_progress(each, recovered_s, accepted)}")


def _progress(each: Planned, recovered_s: float | None, accepted: int) -> str:
    took = "no recovery seen" if recovered_s is None else f"recovered in {recovered_s:.1f} s"
    return f"{each.name}: {took}; {accepted} tickets accepted"


def _recovery(stage: _Stage, struck_at: float) -> float | None:
    """Wait until a ticket that was accepted after the fault was mended is told of; how long since.

    Seconds since the strike; None if that was not seen within RECOVERY_DEADLINE_S.
    """
    mended_at, seen = monotonic(), len(stage.receivers.first.arrivals)

    def told() -> bool:
        nonlocal seen
        arrivals = stage.receivers.first.arrivals[seen:]
        answers = (stage.traffic.accepted.get(arrival.ticket) for arrival in arrivals)
        # A webhook may be quicker than the 201: what has no answer yet is looked at again.
        while (answer := next(answers, None)) is not None:
            seen += 1
            if answer.at > mended_at:
                return True
        return False

    if not stage.wait(told, RECOVERY_DEADLINE_S):
        return None
    return round(monotonic() - struck_at, 3)


def _settled(stage: _Stage, about: Mapping[str, object]) -> Record:
    """Wait for rest, and look until nothing is broken or what is broken stays so."""
    ended, before = monotonic(), None
    # Who does not come back brings nothing to rest.
    whole = not any(process.ended for process in stage.desk.processes.values())
    patience_s = REST_DEADLINE_S if whole else 0.0
    wait_until(lambda: not stage.desk.left(), patience_s)
    rested_s = monotonic() - ended
    while True:
        record = _record(stage, about, rested_s)
        broken = violations(record.facts, record.witness)
        late = monotonic() - ended > patience_s
        if not broken or late or (before == broken and not record.facts.unfinished):
            return record
        before = broken
        rest(LOOK_AGAIN_S)


def _record(stage: _Stage, about: Mapping[str, object], rested_s: float) -> Record:
    # First the tables: what arrives meanwhile arrives too early, and nothing too late.
    facts, traffic, receivers = stage.desk.facts(), stage.traffic, stage.receivers

    def after(at: float) -> float:
        return round(at - stage.began, 3)

    return Record(
        about=about,
        struck=[*stage.struck],
        accepted=[Seen(ticket, after(answer.at)) for ticket, answer in traffic.accepted.items()],
        resolved=sorted(traffic.resolved),
        subscribed=receivers.subscribed,
        arrived=[
            Arrived(receiver.subscription, arrival.event_id, after(arrival.at))
            for receiver in receivers
            for arrival in [*receiver.arrivals]
        ],
        mailed=sorted(path.stem for path in stage.place.outbox.glob("*.eml")),
        refused=receivers.refused,
        crashes=dict(stage.desk.crashes()),
        rest_s=round(rested_s, 3),
        facts=facts,
        broken=tuple(stage.broken),
    )
