"""The whole system as a state machine: anything may happen next, and in the end all is well.

On SQLite, in one process that moves only when told. The broker is a list that loses, doubles and
reorders doorbells; steps die at failpoints; a notifier forgets what it has in hand, or says it when
its lease is long over. Meanwhile it is sound; in the end the same checker as of the fault suite
judges.
"""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete

from services.chaos.checker import Witness, violations
from services.chaos.facts import Told, read_facts
from services.chaos.receivers import SOME_EVENTS
from services.notifier import outbox
from services.notifier.channels.base import Delivered, TemporaryFailure
from services.notifier.endpoint_claims import EndpointClaims
from services.notifier.fan_out import FanOut
from services.notifier.job import Job
from services.notifier.places import Places
from services.notifier.repository import DeliveryRepository
from services.notifier.results import Results
from services.notifier.schedule import WEBHOOK_DELAYS_S
from services.router.match_agents import MatchAgents
from services.router.repository import RouterRepository
from services.router.route_tickets import RouteTickets
from services.router.wake_tickets import WakeTickets
from shared.db.models import ApiKey, AuditEntry, Base, ConfigurationVersion, Profile, Skill
from shared.db.models.base import table
from shared.domain.clock import rfc3339
from shared.domain.work import ListName
from shared.failpoints import FailpointError, arm
from tests.desk import ticket_body
from tests.fixtures.shops import Shop
from tests.promises import after_every_step

LEASE = timedelta(seconds=30)
BATCH, IN_FLIGHT, STEPS = 3, 4, 50
#: In the short form it is looked at after so many steps: a look takes longer than most steps.
SELDOM = 5
#: Rounds in which everything that is left is done, and the longest rest of a retry among them.
ROUNDS, REST = 1_000, timedelta(minutes=30)
TEAM = "second-line"
KEPT = (ApiKey, AuditEntry, ConfigurationVersion, Profile, Skill)
LISTS = (
    ListName.ROUTING,
    ListName.MATCHING,
    ListName.WAKING,
    ListName.EVENTS,
    ListName.WEBHOOK,
)
DEATHS = (
    *("router.claimed", "router.bound", "router.committed", "match.claimed", "match.bound"),
    *("match.committed", "fan_out.claimed", "fan_out.made", "fan_out.committed"),
    *("wake.committed", "deliver.settled", "database.writing", "database.committed"),
)

numbers = st.integers(0, 2**20)


class System(RuleBasedStateMachine):
    """A desk with two agents, a team and two subscribers; the test sets `shop`.

    It is looked at after every so many steps, `look_every`.
    """

    shop: Shop
    look_every: int

    def __init__(self) -> None:
        super().__init__()
        shop = self.shop
        self.desk, self.clock, self.database = shop.desk, shop.clock, shop.runtime.database
        forget_everything(shop)
        self.steps = 0
        self.bells: list[ListName] = []
        parts = (self.database, self.clock, self.bells.append)
        repository = RouterRepository()
        self.claims = EndpointClaims(self.database, LEASE)
        self.repository = DeliveryRepository(self.database, mail_enabled=False)
        self.results = Results(WEBHOOK_DELAYS_S, Random(0))
        self.handlers: dict[ListName, Callable[[], object]] = {
            ListName.ROUTING: RouteTickets(*parts, repository, BATCH),
            ListName.MATCHING: MatchAgents(*parts, repository, BATCH),
            ListName.WAKING: WakeTickets(*parts, BATCH),
            ListName.EVENTS: FanOut(*parts, BATCH, mail_enabled=False),
            ListName.WEBHOOK: self.lease,
            # Mail is off: whoever hears this finds nothing to do.
            ListName.EMAIL: lambda: None,
            ListName.LIFE: shop.advance,
            ListName.SLA: shop.run_clocks,
        }
        self.accepted: list[str] = []
        self.resolved: set[str] = set()
        self.arrived: list[Told] = []
        #: What a notifier has in hand, and whether it has sent it.
        self.in_hand: list[tuple[Job, bool]] = []
        self.desk.team(TEAM)
        self.agents = [self.desk.agent(2), self.desk.agent(1, teams=[TEAM])]
        wanted = {"first": (), "second": SOME_EVENTS}
        self.subscribed = {
            self.desk.webhook(f"https://127.0.0.1/{name}", *types)["id"]: frozenset(types)
            for name, types in wanted.items()
        }

    # People -----------------------------------------------------------------------------------

    @rule(again=st.booleans())
    def ask_for_help(self, *, again: bool) -> None:
        """A client posts a ticket, and once more if it did not hear the answer."""
        key = {"Idempotency-Key": f"key-{len(self.accepted)}"}
        answers = [
            self.desk.call("POST", "/v1/tickets", ticket_body(), headers=key)
            for _ in range(2 if again else 1)
        ]
        assert {answer.status_code for answer in answers} == {201}
        [ticket] = {answer.get_json()["id"] for answer in answers}
        self.accepted.append(ticket)
        self.bells.append(ListName.ROUTING)

    @precondition(lambda self: len(self.accepted) > len(self.resolved))
    @rule(number=numbers)
    def resolve(self, number: int) -> None:
        open_ = [ticket for ticket in self.accepted if ticket not in self.resolved]
        ticket = open_[number % len(open_)]
        self.desk.step(ticket, "resolve")
        self.resolved.add(ticket)
        self.bells += [ListName.MATCHING, ListName.EVENTS]

    @precondition(lambda self: self.resolved)
    @rule(number=numbers)
    def reopen(self, number: int) -> None:
        over = [ticket for ticket in self.accepted if ticket in self.resolved]
        ticket = over[number % len(over)]
        self.desk.step(ticket, "reopen")
        self.resolved.discard(ticket)
        self.bells += [ListName.ROUTING, ListName.EVENTS]

    @precondition(lambda self: self.accepted)
    @rule(number=numbers, until_s=st.sampled_from([None, 60]))
    def hold(self, number: int, until_s: int | None) -> None:
        """A ticket waits for somebody else, until a moment or until it is resumed."""
        until = until_s and rfc3339(self.clock.now() + timedelta(seconds=until_s))
        body = {"transition": "hold", "reason": "vendor", "until": until}
        self.may_refuse(number, "transitions", body)

    @precondition(lambda self: self.accepted)
    @rule(number=numbers)
    def resume(self, number: int) -> None:
        self.may_refuse(number, "transitions", {"transition": "resume"})

    @precondition(lambda self: self.accepted)
    @rule(number=numbers)
    def hand_over(self, number: int) -> None:
        self.may_refuse(number, "transfer", {"team": TEAM})

    def may_refuse(self, number: int, what: str, body: dict[str, Any]) -> None:
        """Ask for what a ticket may be in no state for; then it is refused."""
        path = f"/v1/tickets/{self.accepted[number % len(self.accepted)]}/{what}"
        answer = self.desk.call("POST", path, body)
        assert answer.status_code in (200, 409), answer.get_data(as_text=True)
        self.bells += [ListName.ROUTING, ListName.MATCHING, ListName.EVENTS]

    @rule(number=numbers, presence=st.sampled_from(["online", "online", "away"]))
    def come_or_go(self, number: int, presence: str) -> None:
        self.desk.presence(self.agents[number % len(self.agents)], presence)
        self.bells.append(ListName.MATCHING)

    # The broker -------------------------------------------------------------------------------

    @precondition(lambda self: self.bells)
    @rule(number=numbers)
    def a_doorbell_comes(self, number: int) -> None:
        """Any of them: the oldest, the newest, one in between."""
        self.handlers[self.bells.pop(number % len(self.bells))]()

    @precondition(lambda self: self.bells)
    @rule(number=numbers)
    def a_doorbell_comes_again(self, number: int) -> None:
        self.handlers[self.bells[number % len(self.bells)]]()

    @precondition(lambda self: self.bells)
    @rule(number=numbers)
    def a_doorbell_is_lost(self, number: int) -> None:
        self.bells.pop(number % len(self.bells))

    @rule()
    def the_broker_is_wiped(self) -> None:
        self.bells.clear()

    # Processes --------------------------------------------------------------------------------

    @rule(point=st.sampled_from(DEATHS), name=st.sampled_from(LISTS))
    def a_step_dies(self, point: str, name: ListName) -> None:
        """A worker dies at a failpoint, and with it the rings that it did not get to."""
        before = list(self.bells)
        arm(f"{point}=raise,times 1")
        try:
            self.handlers[name]()
        except FailpointError:
            self.bells[:] = before
            self.in_hand.clear()
        finally:
            arm("")

    @precondition(lambda self: self.in_hand)
    @rule(number=numbers, failed=st.booleans())
    def a_webhook_is_sent(self, number: int, *, failed: bool) -> None:
        """The receiver gets it; it may be that the answer is lost, or an error."""
        job, _ = self.in_hand.pop(number % len(self.in_hand))
        self.arrived.append((job.receiver, job.delivery["event_id"]))
        self.in_hand.append((job, not failed))

    @precondition(lambda self: any(sent for _, sent in self.in_hand))
    @rule()
    def what_was_sent_is_recorded(self) -> None:
        """Perhaps long after the lease was over."""
        self.record([(job, Delivered(200, "OK")) for job, sent in self.in_hand if sent])

    @precondition(lambda self: self.in_hand)
    @rule()
    def a_receiver_fails(self) -> None:
        job, _ = self.in_hand[0]
        self.record([(job, TemporaryFailure("HTTP 500", 500))])

    @precondition(lambda self: self.in_hand)
    @rule()
    def the_notifier_dies(self) -> None:
        self.in_hand.clear()

    @rule(seconds=st.sampled_from([1, 5, 31, 61]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    # What must be true ------------------------------------------------------------------------

    @invariant()
    def it_is_sound(self) -> None:
        self.steps += 1
        if self.steps % self.look_every == 0:
            self.look()

    def look(self) -> None:
        found = after_every_step(self.database)
        assert not found, "\n".join(found)

    def teardown(self) -> None:
        """Let the faults end; then everything that is left is found, without any doorbell."""
        self.bells.clear()
        self.in_hand.clear()
        self.look()
        for agent in self.agents:
            self.desk.presence(agent, "online")
        for _ in range(ROUNDS):
            for handle in self.handlers.values():
                handle()
            unsent = [job for job, sent in self.in_hand if not sent]
            self.arrived += [(job.receiver, job.delivery["event_id"]) for job in unsent]
            ended: list[tuple[Job, Any]] = [(job, Delivered(200, "OK")) for job, _ in self.in_hand]
            self.record(ended)
            if not read_facts(self.database, self.clock).unfinished:
                break
            if not ended:
                self.clock.advance(REST)
        accepted, resolved = frozenset(self.accepted), frozenset(self.resolved)
        witness = Witness(accepted, resolved, self.subscribed, self.arrived)
        broken = violations(read_facts(self.database, self.clock), witness)
        assert not broken, "\n".join(f"{each.rule}: {each.where}" for each in broken)

    def lease(self) -> None:
        """Have the notifier take what is due, beside what it has in hand."""
        claimed = self.claims.claim(self.clock.now(), Places(IN_FLIGHT, IN_FLIGHT))
        self.in_hand += [(job, False) for job in claimed.jobs]

    def record(self, ended: list[tuple[Job, Any]]) -> None:
        if ended:
            jobs = [job for job, _ in ended]
            self.in_hand = [each for each in self.in_hand if each[0] not in jobs]
            self.repository.record(self.results.finished(ended, self.clock.now()))


def forget_everything(shop: Shop) -> None:
    """Delete what an example made; versions of the configuration go on."""
    kept = {table(model).name for model in KEPT} | {"sla_policies", "sla_policy_versions"}
    with shop.runtime.database.transaction() as tx:
        for each in reversed(Base.metadata.sorted_tables):
            if each.name not in kept:
                tx.execute(delete(each))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_whatever_happens_in_whatever_order_all_is_well_in_the_end(shop: Shop) -> None:
    thorough = settings.get_current_profile_name() == "thorough"
    examples, look_every = (200, 1) if thorough else (10, SELDOM)
    explore(shop, examples=examples, look_every=look_every, phases=tuple(Phase))


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_the_model_notices_deliveries_that_are_forgotten(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = outbox.keep_deliveries
    monkeypatch.setattr(
        outbox, "keep_deliveries", lambda tx, done, new, now: stock(tx, done, new[1:], now)
    )
    noticed = "never became a delivery|did not reach the subscriber"
    with pytest.raises(AssertionError, match=noticed):
        explore(shop, examples=5, look_every=STEPS, phases=(Phase.generate,))


def explore(shop: Shop, *, examples: int, look_every: int, phases: tuple[Phase, ...]) -> None:
    """Play so many examples on this shop's database."""
    run_state_machine_as_test(
        type("SystemOfShop", (System,), {"shop": shop, "look_every": look_every}),
        settings=settings(
            max_examples=examples,
            phases=phases,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
        ),
    )
