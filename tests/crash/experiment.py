"""One run: a stack under load, kills as planned, then everything that is left of it as evidence."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event
from typing import Final

from support import local_http, log_files
from support.log import group_positions, produce

from crash import cut_short, facts, reviewer
from crash.chaos import Chaos
from crash.customers import Customers
from crash.evidence import Evidence, committed_log, decoded, places_of
from crash.load import Load
from crash.processes import all_processes
from crash.rest import wait_until_at_rest
from crash.schedule import WORKERS, Act, Plan
from crash.stalls import stalls
from crash.takeover import GroupWatch, Killed, Sample, takeovers
from crash.terms import customers_campaigns, customers_codes, with_terms
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS
from reftrail.fulfilment.reports import STAGE as FULFILMENT_STAGE
from reftrail.local.hosts import BROKER, WAREHOUSE, StackConfig, url_of
from reftrail.local.stack import Ports, Stack, StackSettings
from reftrail.local.supervisor import Host
from reftrail.simulator import Simulation, people
from reftrail.simulator.plots import PLOTS
from reftrail.warehouse.dead_letters import STAGE as WAREHOUSE_STAGE

PARTITIONS: Final = 4
_ENDS: Final = 1_760_000_000_000
"""The end of the simulated programme: the same in each run, as everything in a seed's load."""
_PLOTS: Final = {
    **{plot: share for plot, share in PLOTS.items() if plot is not people.clicks_on_another_device},
    people.merges_accounts: 40,
}
"""Not those of people with several devices: whether a late touch corrects an attribution depends on
what may have been earned when it arrives (ADR 16), so that no oracle can know whose they are.
"""
_EVENTS_A_CUSTOMER: Final = 32
_AFTERWARDS: Final = 1.0
_ENCORE: Final = 40


@dataclass
class Experiment:
    """A plan carried out in a directory of its own; hosts other than the usual may be given.

    say receives a line for each thing that happens. kills are those that took place, with the
    seconds since the load began in at - began; disturbances are they, and workers that were
    stopped, went on, came or went. wrong is what can't be seen from the evidence: how hosts refused
    a log cut short.
    """

    plan: Plan
    directory: Path
    say: Callable[[str], None]
    hosts: Callable[[StackConfig, Ports], Sequence[Host]] = all_processes
    workers: int = WORKERS
    began: float = 0.0
    kills: list[Killed] = field(default_factory=list)
    disturbances: list[Killed] = field(default_factory=list)
    guests: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _partners_url: str = ""
    _prepared: Future[None] = field(default_factory=Future)

    def run(self) -> Evidence:
        """Everything from the first start to the last reading; nothing is left running."""
        plan, clickhouse = self.plan, self.directory / "clickhouse"
        self.say(f"seed {plan.seed}: {plan.events} events in {plan.seconds:.0f} s")
        simulation = Simulation(plan.seed, plan.events, _ENDS, plots=_PLOTS)
        load = Load(simulation, plan.seconds)
        customers = Customers(plan.events // _EVENTS_A_CUSTOMER, 0.8 * plan.seconds)
        settings = StackSettings(
            self.directory, workers=self.workers, partitions=PARTITIONS, fulfilment=True
        )
        with ThreadPoolExecutor(1) as aside:  # for what can be done while the broker starts
            self._prepared = aside.submit(facts.prepare, clickhouse)
            with Stack(settings, self.say, self._hosts) as stack:
                chaos = self._chaos(stack)
                _set_terms(stack.installation, simulation, customers.count)
                samples = self._disturb(stack, chaos, load, customers)
                given = self._given()
            if plan.cut_short:
                given += self._cut_short(settings, stack, customers)
            stored = aside.submit(facts.read, clickhouse)
            # Nobody writes any more, not even ticks; and what is there has outlived a restart.
            with Stack(settings, self.say, hosts=lambda _place, _ports: []) as stack:
                log = committed_log(stack.installation, chaos.removed)
                evidence = Evidence(
                    partitions=PARTITIONS,
                    acknowledged=frozenset(load.acknowledged | customers.acknowledged),
                    reviewed=reviewer.acknowledged(self.directory),
                    adjusted=reviewer.adjusted(self.directory),
                    given=given,
                    log=decoded(log),
                    positions=group_positions(stack.installation, stack.ready.group),
                    takeovers=takeovers(self.disturbances, samples),
                    poison=places_of(chaos.poison, log),
                    stalls=stalls(samples, self.disturbances),
                    longest_takeover=plan.longest_takeover,
                    repeats=self._repeats(),
                )
            return evidence.with_facts(stored.result())

    def _hosts(self, place: StackConfig, ports: Ports) -> Sequence[Host]:
        self._prepared.result()
        assert ports.fulfilment is not None
        self._partners_url = url_of(ports.fulfilment[1])
        return self.hosts(place, ports)

    def _chaos(self, stack: Stack) -> Chaos:
        return Chaos(
            stack, self.say, self.directory, self.disturbances.append, Random(self.plan.seed)
        )

    def _given(self) -> Counter[str]:
        """The number of times that partners have given each reward since they were started."""
        done: dict[str, int] = local_http.get(f"{self._partners_url}/v1/books").json()["done"]
        return Counter(done)

    def _repeats(self) -> Mapping[str, int]:
        return {
            WAREHOUSE_STAGE: sum(kill.host in {WAREHOUSE, BROKER} for kill in self.kills),
            FULFILMENT_STAGE: self.plan.acts.count(Act.FULFILMENT_GROUP),
        }

    def _disturb(
        self, stack: Stack, chaos: Chaos, load: Load, customers: Customers
    ) -> Sequence[Sample]:
        """Play the load with all that is planned meanwhile, and wait until it is decided on."""
        with GroupWatch(stack.installation, stack.ready.group) as watch:
            with self._acting(chaos) as finish:
                self._play(stack, chaos, load, customers)
                finish()
            self.guests = chaos.guests
            self._wait_until_at_rest(stack)
        return watch.samples

    def _play(self, stack: Stack, chaos: Chaos, load: Load, customers: Customers) -> None:
        """Everybody is busy for the time planned, and a little longer with what came of it."""
        ready = stack.ready
        at = ready.collector_url, ready.secret_key
        with customers.shopping(stack.installation, *at), load.playing(*at) as wait:
            self.began = time.monotonic()
            for kill in self.plan.schedule():
                time.sleep(max(0.0, self.began + kill.at - time.monotonic()))
                self._kill(stack, chaos, kill.host)
            wait()
            time.sleep(_AFTERWARDS)

    @contextmanager
    def _acting(self, chaos: Chaos) -> Iterator[Callable[[], None]]:
        """Perform the acts in the background; what is handed out waits for them, and raises."""
        ended, began = Event(), time.monotonic()

        def perform(acts: Sequence[tuple[float, Act]]) -> None:
            for at, act in acts:
                if ended.wait(max(0.0, began + at - time.monotonic())):
                    return
                chaos.perform(act)

        with ThreadPoolExecutor(2) as pool:
            performing = [
                pool.submit(perform, self.plan.acts_of(brief=brief)) for brief in (True, False)
            ]
            try:
                yield lambda: _results(performing)
            finally:
                ended.set()

    def _wait_until_at_rest(self, stack: Stack) -> None:
        self.say("all sent; waiting until everything is decided on, given and stored")
        wait_until_at_rest(stack, self.directory)

    def _cut_short(
        self, settings: StackSettings, before: Stack, customers: Customers
    ) -> Counter[str]:
        """Have hosts refuse a log that lost its end, repair it, and go on; what partners gave."""
        logs = self.directory / "broker" / "log"
        name = before.installation.name_of(EVENTS)
        backup = log_files.cut_short(logs, name, self.directory / "backup")
        self.say(f"{backup.name} was cut short; hosts must refuse it")

        def start() -> None:
            with Stack(settings, self.say, self._hosts):
                pass

        self.wrong += cut_short.refusals(self.directory / "logs", start)
        log_files.restore(logs, backup)
        self.say(f"{backup.name} was restored; hosts must go on")
        with Stack(settings, self.say, self._hosts) as stack:
            customers.shop_on(stack.ready.collector_url, stack.ready.secret_key, _ENCORE)
            self._wait_until_at_rest(stack)
            return self._given()

    def _kill(self, stack: Stack, chaos: Chaos, host: str) -> None:
        """Kill a host as soon as it runs."""
        while stack.failure is None:
            with suppress(LookupError):
                held = chaos.held(host)
                stack.kill(host)
                self.kills.append(Killed(time.monotonic(), host, held))
                self.disturbances.append(self.kills[-1])
                self.say(f"killed {host} at {self.kills[-1].at - self.began:.1f} s")
                return
            time.sleep(0.05)
        raise stack.failure


def _results(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        future.result()


def _set_terms(installation: Installation, simulation: Simulation, customers: int) -> None:
    programme = simulation.programme
    at = programme.begins
    simulated = map(with_terms, programme.campaigns.values())
    produce(installation, CAMPAIGNS, [*simulated, *customers_campaigns(at, customers)])
    produce(installation, CODES, [*programme.codes.values(), *customers_codes(at)])
