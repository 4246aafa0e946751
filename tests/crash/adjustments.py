"""Checks of adjustments by hand: each one is booked once, and none large without a second person.

They ask no rules: they compare what was acknowledged, and the topic, with the ledger.
"""

from collections import Counter
from collections.abc import Iterator

from crash.evidence import Evidence
from crash.findings import repeated, some
from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided, is_adjustment
from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Micros
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.topics import ADJUSTMENTS, CAMPAIGNS


def outcomes(evidence: Evidence) -> Iterator[str]:
    """An adjustment that was acknowledged is on the topic; each one there is in the ledger once.

    Or it is refused. What a second person had to approve, another one than its actor did.
    """
    asked = {record.event_id: record for record in evidence.of(ADJUSTMENTS, Adjusted)}
    ids = {record.adjustment_id for record in asked.values()}
    taken = {name for name in evidence.adjusted if name.startswith("for ")}
    yield from some("acknowledged, but not on the adjustments topic", taken - ids)
    yield from some("acknowledged decisions, not on the topic", _lost_decisions(evidence))
    entries = [entry for entry in evidence.ledger() if is_adjustment(entry.action)]
    first = [entry.cause_event_id for entry in entries if entry.supersedes is None]
    refused = {record.event_id for record in evidence.refused()}
    yield from some("adjusted more than once", repeated(first))
    yield from some("adjusted, but nobody asked", set(first) - asked.keys())
    yield from some("asked, but neither adjusted nor refused", asked.keys() - {*first} - refused)
    yield from _decided(evidence, entries, refused)
    yield from _beyond(evidence, entries)


def _lost_decisions(evidence: Evidence) -> Iterator[str]:
    """Acknowledged decisions of which the topic has none with the same actor and adjustment."""
    there = {
        (record.decision, record.note, record.adjustment_id)
        for record in evidence.of(ADJUSTMENTS, AdjustmentDecided)
    }
    for name in evidence.adjusted:
        if not name.startswith("for "):
            decision, actor, _, adjustment_id = name.split(" ", 3)
            if (decision, f"given as {actor}", adjustment_id) not in there:
                yield name


def _decided(evidence: Evidence, entries: list[RewardDecided], refused: set[str]) -> Iterator[str]:
    """Each decision took effect once, or was refused; nobody approved their own adjustment."""
    decisions = {
        decision.event_id: decision for decision in evidence.of(ADJUSTMENTS, AdjustmentDecided)
    }
    actors = {
        adjustment.adjustment_id: adjustment.actor
        for adjustment in evidence.of(ADJUSTMENTS, Adjusted)
    }
    effects = Counter(entry.cause_event_id for entry in entries)
    twice = [decision for decision in decisions if effects[decision] > 1]
    yield from some("a decision took effect more than once", twice)
    yield from some("a decision came to nothing", decisions.keys() - effects.keys() - refused)
    for entry in entries:
        if Reason.APPROVED in entry.reasons:
            decided = decisions[entry.cause_event_id]
            if decided.actor.casefold() == actors[decided.adjustment_id].casefold():
                yield f"{entry.action}: approved by its own actor"


def _beyond(evidence: Evidence, entries: list[RewardDecided]) -> Iterator[str]:
    """What nobody approved of a beneficiary adds up to no more than the amount."""
    above = {
        campaign.campaign_id: policy_in(campaign.policy).adjustments.approval_above_micros
        for campaign in evidence.of(CAMPAIGNS, CampaignDefined)
    }
    sums: Counter[tuple[str, bool]] = Counter()
    most: dict[tuple[str, bool], Micros] = {}
    for entry in entries:
        limit = above.get(entry.campaign_id or "")
        is_first = entry.status == RewardStatus.ADJUSTED and entry.supersedes is None
        if limit is None or not is_first:
            continue
        whose = entry.beneficiary or "", entry.value_micros > 0
        sums[whose] += abs(entry.value_micros)
        most[whose] = max(limit, most.get(whose, 0))
    for whose, total in sums.items():
        if total > most[whose]:
            yield f"{whose[0]}: {total} micros of {most[whose]} were adjusted without approval"
