"""Invariants of a run: each check reads the evidence for one promise and describes violations."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Final, TypeAlias

import msgspec
import support.log

from crash import adjustments, outcomes, poison
from crash.evidence import Evidence
from crash.findings import repeated, some
from reftrail.contracts.decisions import DeadLettered, RewardGranted, RewardStatus, RewardWithdrawn
from reftrail.contracts.events import UsersMerged
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Record
from reftrail.contracts.reward_reasons import Reason, is_again
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CLAIMS,
    CODES,
    CONVERSIONS,
    DEAD_LETTERS,
    EVENTS,
    FULFILMENTS,
    MILESTONES,
    REWARD_GRANTED,
    REWARDS,
    TOUCHES,
)
from reftrail.engine.dead_letters import UNDECODABLE
from reftrail.engine.memory import REFERENCE, MemoryHost
from reftrail.engine.memory_log import Logged
from reftrail.engine.oracle import recompute, replay
from reftrail.engine.topology import STAGES, TOPOLOGY

_KEYS: Final = {
    CODES: attrgetter("code"),
    CAMPAIGNS: attrgetter("campaign_id", "version"),
    TOUCHES: attrgetter("visitor_id"),
}
"""Of these a reader sees the last of each key; of the other topics, each event_id."""

_ONCE: Final = (
    TOUCHES,
    ATTRIBUTIONS,
    REWARDS,
    REWARD_GRANTED,
    MILESTONES,
    FULFILMENTS,
    DEAD_LETTERS,
)
"""The topics of derived records: those from outside may be sent again, these not."""

Violations: TypeAlias = dict[str, list[str]]
"""The faults found, by the name of their check; empty if all is well."""


def violations(evidence: Evidence) -> Violations:
    """Every check on the evidence."""
    should_be = expected(evidence)
    checks: dict[str, Iterator[str]] = {
        "acknowledged": _acknowledged(evidence),
        "decisions": _decisions(evidence, should_be),
        "people": _people(evidence, should_be),
        "replay": _replay(evidence),
        "grants": _grants(evidence),
        "topics": _topics(evidence),
        "tables": _tables(evidence),
        "positions": _positions(evidence),
        "takeover": _takeover(evidence),
        "stalls": _stalls(evidence),
        "poison": poison.dead_letters(evidence),
        "reviews": outcomes.reviews(evidence),
        "adjustments": adjustments.outcomes(evidence),
        "fulfilment": outcomes.fulfilment(evidence),
        "transitions": outcomes.transitions(evidence),
        "worth": outcomes.worth(evidence),
        "timers": outcomes.timers(evidence),
        "limits": outcomes.limits(evidence),
    }
    found = {name: list(wrong) for name, wrong in checks.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


def expected(evidence: Evidence) -> MemoryHost:
    """The decisions of the rules on the same log, in one process and without Kafka."""
    return recompute(_log(evidence), _reference(evidence), evidence.partitions)


def _reference(evidence: Evidence) -> list[Record]:
    return [record for topic in REFERENCE for record in evidence.records(topic)]


def _log(evidence: Evidence) -> dict[Topic, list[Logged]]:
    """Everything but the last ticks, which nobody has read any more."""
    return {
        topic: [
            Logged(at.record, at.partition, at.offset, at.key.encode(), at.timestamp)
            for at in found
            if not isinstance(at.record, Ticked) or not _is_unread(topic, at, evidence)
        ]
        for topic, found in evidence.log.items()
    }


def _is_unread(topic: Topic, at: support.log.Logged, evidence: Evidence) -> bool:
    return at.offset >= evidence.positions.get((topic, at.partition), 0)


def _acknowledged(evidence: Evidence) -> Iterator[str]:
    """Every acknowledged event is on the events topic."""
    there = {record.event_id for record in evidence.records(EVENTS)}
    yield from some("acknowledged, but not on the events topic", evidence.acknowledged - there)


def _decisions(evidence: Evidence, should_be: MemoryHost) -> Iterator[str]:
    """The log has the decisions of the rules, each as often as they make it.

    Touches and conversions are the same to the byte. Of an attribution the place of its cause
    isn't: transactions take up offsets. A claim's cause may be the signup or the action itself,
    whichever came last, so only its identity is compared. How often it is there depends on whether
    a purchase that was sent twice came before its user's signup.

    Which of a merged user's records came first at the account's partition, and at those of their
    codes, decides on their attributions and claims; `_people` compares what is left of them.
    """
    same: dict[Topic, Callable[[Any], object]] = {
        TOUCHES: msgspec.json.encode,
        CONVERSIONS: msgspec.json.encode,
        ATTRIBUTIONS: lambda a: msgspec.json.encode(msgspec.structs.replace(a, cause_offset=0)),
        CLAIMS: lambda claim: claim.event_id,
    }
    merged = _merged(evidence)
    for topic, content in same.items():
        found, due = evidence.records(topic), should_be.log(topic)
        if topic in (ATTRIBUTIONS, CLAIMS):
            found, due = _of_others(found, merged), _of_others(due, merged)
        if topic is CLAIMS:
            found, due = _distinct(found), _distinct(due)
        yield from _unlike(f"{topic.name}: missing", _less(due, found, content))
        yield from _unlike(f"{topic.name}: too many", _less(found, due, content))


def _merged(evidence: Evidence) -> frozenset[str]:
    """The users who were merged, and the accounts that they were merged into."""
    merges = evidence.of(EVENTS, UsersMerged)
    return frozenset(user for merge in merges for user in (merge.user_id, merge.merged_into))


def _of_others(records: Iterable[Any], merged: frozenset[str]) -> list[Record]:
    return [record for record in records if record.user_id not in merged]


def _people(evidence: Evidence, should_be: MemoryHost) -> Iterator[str]:
    """Each merged person is attributed as the rules decide, whatever came first: at last."""
    account = {merge.user_id: merge.merged_into for merge in evidence.of(EVENTS, UsersMerged)}
    merged = _merged(evidence)

    def left(records: Iterable[Any]) -> set[tuple[str, str]]:
        made = [record for record in records if record.user_id in merged]
        corrected = {record.corrects for record in made}
        return {
            (account.get(record.user_id, record.user_id), record.code)
            for record in made
            if record.decisive and record.event_id not in corrected
        }

    found, due = left(evidence.records(ATTRIBUTIONS)), left(should_be.log(ATTRIBUTIONS))
    yield from some("merged, and not attributed", [f"{who} to {code}" for who, code in due - found])
    yield from some("merged, and attributed", [f"{who} to {code}" for who, code in found - due])


def _replay(evidence: Evidence) -> Iterator[str]:
    """Each stage alone decides from what it read what the log has of it, to the byte.

    So the ledger is what the rules make of the log, in the order in which that was written: which
    of two users under a limit, or of a review and a tick, came first is for the log to say.
    """
    played = replay(_log(evidence), _reference(evidence), evidence.partitions)
    for topic, due in played.items():
        found = [record for record in evidence.records(topic) if _is_of_a_record(record)]
        yield from _unlike(f"{topic.name}: missing", _less(due, found, _bytes))
        yield from _unlike(f"{topic.name}: too many", _less(found, due, _bytes))


def _is_of_a_record(record: Record) -> bool:
    """Whether a stage derived it from a record, which other dead letters aren't about."""
    if not isinstance(record, DeadLettered):
        return True
    return record.stage in STAGES and record.reason != UNDECODABLE


def _bytes(record: Record) -> bytes:
    """All that it says; of a dead letter but the broker's time."""
    if isinstance(record, DeadLettered):
        record = msgspec.structs.replace(record, event_time=0, received_at=0)
    return msgspec.json.encode(record)


def _grants(evidence: Evidence) -> Iterator[str]:
    """A reward is granted once, and again only where giving it had failed; each grant is an order.

    What follows a failure is in the ledger as such. Nothing is ordered that is worth nothing, or
    was delivered before its report came.
    """
    ledger: list[Any] = evidence.records(REWARDS)
    granted = [entry for entry in ledger if entry.status == RewardStatus.GRANTED]
    again = {entry.event_id for entry in ledger if is_again(entry)}
    orders = evidence.of(REWARD_GRANTED, RewardGranted)
    for name, records in (("ordered more than once", orders), ("granted more than once", granted)):
        first = (record.reward_id for record in records if record.event_id not in again)
        yield from some(name, repeated(first))
    by_hand = [entry for entry in ledger if entry.status == RewardStatus.ADJUSTED]
    in_ledger = {entry.event_id for entry in [*granted, *by_hand]}
    needs_none = {
        entry.event_id
        for entry in [*granted, *by_hand]
        if entry.value_micros <= 0 or Reason.DELIVERED_IN_TIME in entry.reasons
    }
    ordered = {order.event_id for order in orders}
    yield from some("granted, but not ordered", in_ledger - needs_none - ordered)
    yield from some("ordered, but not granted", ordered - in_ledger)
    withdrawn = [withdrawal.event_id for withdrawal in evidence.of(REWARD_GRANTED, RewardWithdrawn)]
    taken_back = {entry.event_id for entry in ledger if entry.status == RewardStatus.REVERSED}
    yield from some("withdrawn more than once", repeated(withdrawn))
    yield from some("withdrawn, but not reversed", set(withdrawn) - taken_back)


def _topics(evidence: Evidence) -> Iterator[str]:
    """Nothing was derived twice from the same message; what has an identity has it once.

    An event that was sent twice makes two conversions and two claims, which the reward stage takes
    for one.
    """
    for topic in (CONVERSIONS, CLAIMS):
        found: list[Any] = evidence.records(topic)
        causes = ((c.event_id, c.cause_partition, c.cause_offset) for c in found)
        yield from some(f"{topic.name}: derived twice from the same message", repeated(causes))
    for topic in _ONCE:
        records = evidence.dead_letters() if topic is DEAD_LETTERS else evidence.records(topic)
        ids = (record.event_id for record in records)
        yield from some(f"{topic.name}: more than once", repeated(ids))


def _tables(evidence: Evidence) -> Iterator[str]:
    """A table holds each message once, and a reader sees each fact once."""
    for topic, facts in evidence.facts.items():
        records = [
            record for record in evidence.records(topic) if not isinstance(record, topic.also)
        ]
        messages = Counter(record.event_id for record in records)
        stored = Counter(facts.stored)
        yield from some(f"table {topic.name}: not loaded", (messages - stored).elements())
        yield from some(f"table {topic.name}: loaded twice", (stored - messages).elements())
        facts_due = Counter(_last_of_each_key(topic, records))
        seen = Counter(facts.seen)
        yield from some(f"table {topic.name}: not counted", (facts_due - seen).elements())
        yield from some(f"table {topic.name}: counted too often", (seen - facts_due).elements())


def _positions(evidence: Evidence) -> Iterator[str]:
    """Nothing but ticks, which never end, lies beyond where the group has come."""
    for stage in TOPOLOGY:
        unread = [
            f"{stage.reads.name}[{at.partition}] at {at.offset}"
            for at in evidence.log[stage.reads]
            if not isinstance(at.record, Ticked) and _is_unread(stage.reads, at, evidence)
        ]
        yield from some("not committed", unread)


def _takeover(evidence: Evidence) -> Iterator[str]:
    """The others go on with a killed worker's partitions in time, if there are others."""
    for takeover in evidence.takeovers:
        in_time = takeover.seconds is not None and takeover.seconds <= evidence.longest_takeover
        if takeover.seconds is None or not (in_time or takeover.others_died):
            when = "never" if takeover.seconds is None else f"after {takeover.seconds:.1f} s"
            topic, number = takeover.partition.topic, takeover.partition.partition
            yield f"{topic}[{number}] was served again {when}"


def _stalls(evidence: Evidence) -> Iterator[str]:
    """Nothing that can be read waits for long, unless workers come and go all the time."""
    for stall in evidence.stalls:
        if stall.undisturbed > evidence.longest_takeover:
            yield f"{stall.partition.topic}[{stall.partition.partition}] for {stall.seconds:.1f} s"


def _last_of_each_key(topic: Topic, records: Iterable[Any]) -> Iterator[str]:
    """The event_ids that a reader is to see."""
    key = _KEYS.get(topic, attrgetter("event_id"))
    return iter({key(record): record.event_id for record in records}.values())


def _less(
    some: Iterable[Record], others: Iterable[Record], content: Callable[[Any], object]
) -> list[Record]:
    """Those of some that have no counterpart among the others."""
    left = Counter(map(content, others))
    missing = []
    for record in some:
        if left[content(record)]:
            left[content(record)] -= 1
        else:
            missing.append(record)
    return missing


def _distinct(records: Iterable[Record]) -> list[Record]:
    """One record of each event_id."""
    return list({record.event_id: record for record in records}.values())


def _unlike(what: str, records: Iterable[Any]) -> Iterator[str]:
    named = [
        f"{record.event_id} of {getattr(record, 'cause_event_id', 'itself')}" for record in records
    ]
    return some(what, named)
