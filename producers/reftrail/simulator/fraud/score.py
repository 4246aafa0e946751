"""How right the rules were: what became of whose rewards, and what each heuristic is worth."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.simulator.fraud.fraudsters import REFUNDS
from reftrail.simulator.fraud.town import Story

_STOPPED = (RewardStatus.HELD, RewardStatus.REJECTED)


@dataclass(slots=True)
class Tally:
    """Rewards of one story by what was decided first; reversed are those granted and taken back."""

    held: int = 0
    rejected: int = 0
    granted: int = 0
    reversed: int = 0

    @property
    def rewards(self) -> int:
        """All of them."""
        return self.held + self.rejected + self.granted

    @property
    def stopped(self) -> int:
        """Those held or rejected."""
        return self.held + self.rejected


@dataclass(slots=True)
class Score:
    """Rewards by story; and by heuristic how many it spoke against, by story."""

    stories: defaultdict[Story, Tally] = field(default_factory=lambda: defaultdict(Tally))
    reasons: defaultdict[str, Counter[Story]] = field(default_factory=lambda: defaultdict(Counter))

    def fraudulent(self) -> Tally:
        """All fraudulent rewards."""
        return _sum(tally for story, tally in self.stories.items() if story.is_fraud)

    def seen_at_claim(self) -> Tally:
        """The fraudulent ones but for refund abuse, of which nothing is to be seen in a claim."""
        return _sum(
            tally for story, tally in self.stories.items() if story.is_fraud and story != REFUNDS
        )

    def honest(self) -> Tally:
        """All honest rewards."""
        return _sum(tally for story, tally in self.stories.items() if not story.is_fraud)


def score(
    truth: Mapping[tuple[str, str], Story], ledger: Iterable[RewardDecided], into: Score
) -> Score:
    """Add a ledger, in its order, to a score."""
    first: dict[str, RewardDecided] = {}
    taken_back = set()
    for entry in ledger:
        first.setdefault(entry.reward_id, entry)
        if entry.status == RewardStatus.REVERSED:
            taken_back.add(entry.reward_id)
    for reward_id, entry in first.items():
        story = truth[entry.code, entry.user_id]
        tally = into.stories[story]
        match RewardStatus(entry.status):
            case RewardStatus.HELD:
                tally.held += 1
            case RewardStatus.REJECTED:
                tally.rejected += 1
            case _:
                tally.granted += 1
                tally.reversed += reward_id in taken_back
        for reason in reasons_of(entry):
            into.reasons[reason][story] += 1
    return into


def reasons_of(entry: RewardDecided) -> list[str]:
    """The heuristics that spoke against a reward, also where they weren't enough."""
    evidence: list[dict[str, Any]] = json.loads(entry.evidence or "[]")
    return [one["reason"] for one in evidence if one["weight"] > 0]


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.held += tally.held
        total.rejected += tally.rejected
        total.granted += tally.granted
        total.reversed += tally.reversed
    return total
