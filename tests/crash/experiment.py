"""One run: a stack under load, kills as planned, then everything that is left of it as evidence."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Final

import httpx
from kafka import TopicPartition
from support.log import group_positions, produce

from crash import facts
from crash.books import Violations, violations
from crash.bystanders import bystanders, held_back
from crash.evidence import Evidence, committed_log
from crash.load import Load
from crash.schedule import WORKERS, Plan
from crash.takeover import GroupWatch, Killed, Takeover, held_partitions, takeovers
from reftrail.contracts.topics import CAMPAIGNS, CODES, DEAD_LETTERS, PUBLIC_TOPICS, REWARDS
from reftrail.local.drain import wait_until_drained
from reftrail.local.hosts import Place
from reftrail.local.stack import Ports, Stack, StackSettings, all_hosts
from reftrail.local.supervisor import Host
from reftrail.simulator import Simulation

PARTITIONS: Final = 4
_ENDS: Final = 1_760_000_000_000
"""When the simulated programme ends: the same in each run, as everything in a seed's load."""
_DRAINED_WITHIN: Final = 180.0
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
    hosts: Callable[[Place, Ports], Sequence[Host]] = all_hosts
    workers: int = WORKERS
    began: float = 0.0
    kills: list[Killed] = field(default_factory=list)

    def run(self) -> Evidence:
        """Everything from the first start to the last reading; nothing is left running."""
        plan, clickhouse = self.plan, self.directory / "clickhouse"
        self.say(f"seed {plan.seed}: {plan.events} events in {plan.seconds:.0f} s")
        facts.prepare(clickhouse)
        simulation = Simulation(plan.seed, plan.events, _ENDS)
        load = Load(simulation, plan.seconds)
        settings = StackSettings(self.directory, workers=self.workers, partitions=PARTITIONS)
        with Stack(settings, self.say, self.hosts) as stack:
            installation, group = stack.installation, stack.ready.group
            campaigns = simulation.programme.campaigns.values()
            produce(installation, CAMPAIGNS, map(held_back, campaigns))
            produce(installation, CODES, simulation.programme.codes.values())
            with GroupWatch(installation, group) as watch:
                with bystanders(installation):
                    self._play(stack, load)
                self.say("all sent; waiting until everything is decided on and stored")
                _wait_until_drained(stack)
        # Nobody writes any more, not even ticks; and what is there has outlived a restart.
        with Stack(settings, self.say, hosts=lambda _place, _ports: []) as stack:
            evidence = Evidence(
                partitions=PARTITIONS,
                acknowledged=frozenset(load.acknowledged),
                log=committed_log(stack.installation),
                positions=group_positions(stack.installation, group),
                takeovers=takeovers(self.kills, watch.samples),
            )
        stored = facts.read(clickhouse)
        return evidence.with_facts({topic: stored[topic.name] for topic in PUBLIC_TOPICS})

    def _play(self, stack: Stack, load: Load) -> None:
        ready = stack.ready
        with load.playing(ready.collector_url, ready.secret_key) as wait:
            self.began = time.monotonic()
            for kill in self.plan.schedule():
                time.sleep(max(0.0, self.began + kill.at - time.monotonic()))
                self._kill(stack, kill.host)
            wait()

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


def _wait_until_drained(stack: Stack) -> None:
    stack.wait_until_ready()
    ready = stack.ready
    url = f"{ready.reports_url}/v1/positions"
    wait_until_drained(stack.installation, ready.group, url, ready.secret_key, _DRAINED_WITHIN)


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
