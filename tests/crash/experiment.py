"""One run: a stack under load, kills as planned, then everything that is left of it as evidence."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Final

import httpx
from kafka import TopicPartition
from support.log import group_positions, produce

from crash import facts, reviewer
from crash.books import Violations, violations
from crash.cast import whole_cast
from crash.customers import Customers
from crash.evidence import Evidence, committed_log
from crash.load import Load
from crash.outcomes import reached
from crash.rest import wait_until_at_rest
from crash.schedule import WORKERS, Plan
from crash.takeover import GroupWatch, Killed, Takeover, held_partitions, takeovers
from crash.terms import customers_campaigns, customers_codes, with_terms
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import CAMPAIGNS, CODES, DEAD_LETTERS, REWARDS
from reftrail.local.hosts import StackConfig, url_of
from reftrail.local.stack import Ports, Stack, StackSettings
from reftrail.local.supervisor import Host
from reftrail.simulator import Simulation

PARTITIONS: Final = 4
_ENDS: Final = 1_760_000_000_000
"""When the simulated programme ends: the same in each run, as everything in a seed's load."""
_EVENTS_A_CUSTOMER: Final = 32
_AFTERWARDS: Final = 1.0
_SHOWN: Final = 8


@dataclass
class Experiment:
    """A plan carried out in a directory of its own; hosts other than the usual may be given.

    say is told what happens. kills are those that took place, with the seconds since the load
    began in at - began.
    """

    plan: Plan
    directory: Path
    say: Callable[[str], None]
    hosts: Callable[[StackConfig, Ports], Sequence[Host]] = whole_cast
    workers: int = WORKERS
    began: float = 0.0
    kills: list[Killed] = field(default_factory=list)
    _partners_url: str = ""
    _prepared: Future[None] = field(default_factory=Future)

    def run(self) -> Evidence:
        """Everything from the first start to the last reading; nothing is left running."""
        plan, clickhouse = self.plan, self.directory / "clickhouse"
        self.say(f"seed {plan.seed}: {plan.events} events in {plan.seconds:.0f} s")
        simulation = Simulation(plan.seed, plan.events, _ENDS)
        load = Load(simulation, plan.seconds)
        customers = Customers(plan.events // _EVENTS_A_CUSTOMER, 0.8 * plan.seconds)
        settings = StackSettings(
            self.directory, workers=self.workers, partitions=PARTITIONS, fulfilment=True
        )
        with ThreadPoolExecutor(1) as aside:  # for what can be done while the broker starts
            self._prepared = aside.submit(facts.prepare, clickhouse)
            with Stack(settings, self.say, self._hosts) as stack:
                group = stack.ready.group
                _set_terms(stack.installation, simulation, customers.count)
                with GroupWatch(stack.installation, group) as watch:
                    self._play(stack, load, customers)
                    self.say("all sent; waiting until everything is decided on, given and stored")
                    wait_until_at_rest(stack)
                given = httpx.get(f"{self._partners_url}/v1/books").json()["done"]
            stored = aside.submit(facts.read, clickhouse)
            # Nobody writes any more, not even ticks; and what is there has outlived a restart.
            with Stack(settings, self.say, hosts=lambda _place, _ports: []) as stack:
                evidence = Evidence(
                    partitions=PARTITIONS,
                    acknowledged=frozenset(load.acknowledged | customers.acknowledged),
                    reviewed=reviewer.acknowledged(self.directory),
                    given=given,
                    log=committed_log(stack.installation),
                    positions=group_positions(stack.installation, group),
                    takeovers=takeovers(self.kills, watch.samples),
                )
            return evidence.with_facts(stored.result())

    def _hosts(self, place: StackConfig, ports: Ports) -> Sequence[Host]:
        self._prepared.result()
        assert ports.fulfilment is not None
        self._partners_url = url_of(ports.fulfilment[1])
        return self.hosts(place, ports)

    def _play(self, stack: Stack, load: Load, customers: Customers) -> None:
        """Everybody is busy for the time planned, and a little longer with what came of it."""
        ready = stack.ready
        at = ready.collector_url, ready.secret_key
        with customers.shopping(stack.installation, *at), load.playing(*at) as wait:
            self.began = time.monotonic()
            for kill in self.plan.schedule():
                time.sleep(max(0.0, self.began + kill.at - time.monotonic()))
                self._kill(stack, kill.host)
            wait()
            time.sleep(_AFTERWARDS)
        reviewer.close(self.directory)

    def _kill(self, stack: Stack, host: str) -> None:
        """Kill a host as soon as it runs."""
        while stack.failure is None:
            with suppress(LookupError):
                held = _held(stack, host)
                stack.kill(host)
                self.kills.append(Killed(time.monotonic(), host, held))
                self.say(f"killed {host} at {self.kills[-1].at - self.began:.1f} s")
                return
            time.sleep(0.05)
        raise stack.failure


def _held(stack: Stack, host: str) -> frozenset[TopicPartition]:
    """The partitions that a worker holds at this moment, by its own account."""
    kind, _, number = host.partition("-")
    if kind != "worker":
        return frozenset()
    with suppress(httpx.HTTPError):
        answer = httpx.get(f"{stack.ready.worker_urls[int(number) - 1]}/readyz", timeout=1.0)
        return held_partitions(stack.installation, answer.json()["partitions"])
    return frozenset()


def _set_terms(installation: Installation, simulation: Simulation, customers: int) -> None:
    programme = simulation.programme
    at = programme.begins
    simulated = map(with_terms, programme.campaigns.values())
    produce(installation, CAMPAIGNS, [*simulated, *customers_campaigns(at, customers)])
    produce(installation, CODES, [*programme.codes.values(), *customers_codes(at)])


@dataclass(frozen=True)
class Report:
    """What a person wants to know of a run."""

    experiment: Experiment
    evidence: Evidence
    wrong: Violations

    def __str__(self) -> str:
        """Several lines; the seed is in the first."""
        experiment, evidence = self.experiment, self.evidence
        kills = ", ".join(f"{k.host} {k.at - experiment.began:.1f} s" for k in experiment.kills)
        records = sum(map(len, evidence.log.values()))
        wrong = [line for name, found in self.wrong.items() for line in _shown(name, found)]
        return "\n".join(
            [
                f"seed          {experiment.plan.seed}",
                f"kills         {len(experiment.kills)}: {kills}",
                f"acknowledged  {len(evidence.acknowledged)} events",
                f"checked       {records} committed records, {len(evidence.facts)} tables",
                f"ledger        {_statuses(evidence)}",
                f"full          {', '.join(sorted(reached(evidence))) or 'no limit'}",
                f"takeover      {_longest(evidence.takeovers, others_died=False)}",
                f"none left     {_longest(evidence.takeovers, others_died=True)}",
                *(["violations"] if wrong else ["violations    none"]),
                *wrong,
            ]
        )


def _statuses(evidence: Evidence) -> str:
    """How many entries there are of each status, and how many commands were refused."""
    ledger: list[Any] = evidence.records(REWARDS)
    counts = Counter(entry.status for entry in ledger)
    refused = len(evidence.records(DEAD_LETTERS))
    return ", ".join([*(f"{n} {status}" for status, n in counts.items()), f"{refused} refused"])


def _shown(name: str, found: Sequence[str]) -> list[str]:
    more = len(found) - _SHOWN
    return [
        *(f"  {name}: {one}" for one in found[:_SHOWN]),
        *([f"  {name}: and {more} more like these"] if more > 0 else []),
    ]


def _longest(found: Sequence[Takeover], *, others_died: bool) -> str:
    seconds = [
        inf if one.seconds is None else one.seconds
        for one in found
        if one.others_died == others_died
    ]
    return f"longest {max(seconds):.1f} s of {len(seconds)} partitions" if seconds else "none seen"


def carried_out(experiment: Experiment) -> Report:
    """Run an experiment and check what it left."""
    evidence = experiment.run()
    return Report(experiment, evidence, violations(evidence))
