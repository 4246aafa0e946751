"""An experiment and what the checks make of it, for a person to read."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from crash.evidence import Evidence
from crash.experiment import Experiment
from crash.invariants import Violations, violations
from crash.outcomes import reached
from crash.poison import REASONS
from crash.takeover import Takeover
from reftrail.contracts.topics import DEAD_LETTERS, REWARDS

_SHOWN: Final = 8


@dataclass(frozen=True)
class Report:
    """The report of a run, for people."""

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
                f"without owner {_longest_stall(evidence)}",
                f"poison        {_poison(evidence)}",
                f"guests        {_guests(experiment.guests)}",
                *(["violations"] if wrong else ["violations    none"]),
                *wrong,
            ]
        )


def _statuses(evidence: Evidence) -> str:
    """The numbers of entries of each status, and of refused commands."""
    ledger: list[Any] = evidence.records(REWARDS)
    counts = Counter(entry.status for entry in ledger)
    refused = len(evidence.records(DEAD_LETTERS))
    return ", ".join([*(f"{n} {status}" for status, n in counts.items()), f"{refused} refused"])


def _shown(name: str, found: Sequence[str]) -> list[str]:
    more = len(found) - _SHOWN
    return [
        *(f"  {name}: {violation}" for violation in found[:_SHOWN]),
        *([f"  {name}: and {more} more like these"] if more > 0 else []),
    ]


def _longest(found: Sequence[Takeover], *, others_died: bool) -> str:
    seconds = [
        inf if takeover.seconds is None else takeover.seconds
        for takeover in found
        if takeover.others_died == others_died
    ]
    return f"longest {max(seconds):.1f} s of {len(seconds)} partitions" if seconds else "none seen"


def _longest_stall(evidence: Evidence) -> str:
    found = evidence.stalls
    longest = max((stall.seconds for stall in found), default=0.0)
    undisturbed = max((stall.undisturbed for stall in found), default=0.0)
    return f"longest {longest:.1f} s, {undisturbed:.1f} s after the last worker came or went"


def _poison(evidence: Evidence) -> str:
    kinds = {poison.kind for poison, _ in evidence.poison}
    places = sum(len(places) for _, places in evidence.poison)
    letters: list[Any] = evidence.records(DEAD_LETTERS)
    count = sum(letter.reason in REASONS for letter in letters)
    return f"{places} records of {len(kinds)} kinds, {count} dead letters about them"


def _guests(codes: Sequence[int]) -> str:
    shown = ", ".join(map(str, codes))
    return f"{len(codes)}, left with exit codes {shown}" if codes else "none"


def carried_out(experiment: Experiment) -> Report:
    """Run an experiment and check what it left."""
    evidence = experiment.run()
    refused = {"cut short": experiment.wrong} if experiment.wrong else {}
    return Report(experiment, evidence, violations(evidence) | refused)
