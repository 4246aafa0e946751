"""Score of the rules: the rewards' outcomes by story, and the worth of each heuristic."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.policy import DEFAULT
from reftrail.rules.fraud.case import Evidence
from reftrail.rules.fraud.checks import REASONS
from reftrail.rules.fraud.scoring import Verdict, judge
from reftrail.simulator.fraud.fraudsters import REFUNDS
from reftrail.simulator.fraud.town import Story

_evidence = msgspec.json.Decoder(list[Evidence])


@dataclass(slots=True)
class Tally:
    """Rewards of one story by what became of them.

    held are those that nobody was granted afterwards, reversed those granted and taken back.
    """

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
        """The number of rewards held or rejected."""
        return self.held + self.rejected


@dataclass(slots=True)
class Score:
    """Rewards by story; by heuristic how many it spoke against, and decided on, by story.

    It decides where all else that speaks against a reward would have let it be granted.
    """

    stories: defaultdict[Story, Tally] = field(default_factory=lambda: defaultdict(Tally))
    reasons: defaultdict[str, Counter[Story]] = field(default_factory=lambda: defaultdict(Counter))
    decided: defaultdict[str, Counter[Story]] = field(default_factory=lambda: defaultdict(Counter))

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
    granted, taken_back = set(), set()
    for entry in ledger:
        first.setdefault(entry.reward_id, entry)
        if entry.status == RewardStatus.GRANTED:
            granted.add(entry.reward_id)
        elif entry.status == RewardStatus.REVERSED:
            taken_back.add(entry.reward_id)
    for reward_id, entry in first.items():
        story = truth[entry.code, entry.user_id]
        tally = into.stories[story]
        if reward_id in granted:
            tally.granted += 1
            tally.reversed += reward_id in taken_back
        elif entry.status == RewardStatus.HELD:
            tally.held += 1
        else:
            tally.rejected += 1
        against = against_it(entry)
        for item in against:
            into.reasons[item.reason][story] += 1
            into.decided[item.reason][story] += _decides(item, against)
    return into


def against_it(entry: RewardDecided) -> list[Evidence]:
    """The evidence of heuristics against a reward, also where it isn't enough."""
    return [item for item in _evidence.decode(entry.evidence or "[]") if item.weight > 0]


def _decides(evidence: Evidence, against: list[Evidence]) -> bool:
    others = [item for item in against if item is not evidence]
    return _is_stopped(against) and not _is_stopped(others)


def _is_stopped(against: list[Evidence]) -> bool:
    broken = [item for item in against if item.reason not in REASONS]
    found = [item for item in against if item.reason in REASONS]
    return judge(broken, found, DEFAULT.fraud).verdict != Verdict.GRANT


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.held += tally.held
        total.rejected += tally.rejected
        total.granted += tally.granted
        total.reversed += tally.reversed
    return total
