"""The checks of what became of rewards: by reviews, by fulfilment, by time; and of their worth.

None of them asks the rules what ought to be: they hold what stands on one side, a review that was
acknowledged, a partner's books, a tick, against what stands in the ledger.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from crash.evidence import Evidence
from crash.findings import repeated, some
from crash.rest import unsettled
from reftrail.contracts.codec import decode, decode_as
from reftrail.contracts.decisions import (
    DeadLettered,
    RewardDecided,
    RewardGranted,
    RewardStatus,
    Role,
)
from reftrail.contracts.external_inputs import FulfilmentOutcome, FulfilmentReported, Ticked
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Micros, Record
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    FULFILMENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARD_INPUTS,
    REWARDS,
)
from reftrail.engine.dead_letters import UNDECODABLE
from reftrail.rules.reward.transitions import STANDING, TRANSITIONS, effect

_STEPS: Final = {(before, after) for (before, _), after in TRANSITIONS.items()}
LIMITS_ON_USERS: Final = frozenset({Reason.CAP_PER_CODE.value, Reason.CAP_PER_REFERRER.value})
"""By which `limits` is tried, if they are `reached`: the terms see to it that they are."""
_OF_A_GRANT: Final = (RewardStatus.FULFILLED, RewardStatus.EXPIRED)


def reviews(evidence: Evidence) -> Iterator[str]:
    """An acknowledged review is on the topic; what is there took effect once, or was refused."""
    there = {record.event_id for record in evidence.records(REVIEWS)}
    yield from some("acknowledged, but not on the reviews topic", evidence.reviewed - there)
    yield from _taken("reviews", there, evidence)


def _withdrawn_in_doubt(evidence: Evidence) -> Iterator[str]:
    """Rewards that may have been given when fulfilment was killed, and were withdrawn by then.

    They aren't asked for again, and somebody is told so by a dead letter.
    """
    letters: list[Any] = evidence.records(DEAD_LETTERS)
    for letter in letters:
        if letter.reason == "withdrawn_in_doubt":
            yield decode_as(RewardGranted, letter.payload).reward_id


def fulfilment(evidence: Evidence) -> Iterator[str]:
    """Partners gave each reward at most once, and only what was ordered; all of it was told once.

    What was delivered is fulfilled in the ledger, or to be collected where it had been taken
    back by then; where its time was up its report was refused. A failure to give what had been
    taken back changes nothing. What was withdrawn while nobody knew whether it was given is a dead
    letter. Codes are given by fulfilment itself.
    """
    reports: list[Any] = evidence.records(FULFILMENTS)
    delivered = [one for one in reports if one.outcome == FulfilmentOutcome.DELIVERED]
    by_partners = Counter(one.reward_id for one in delivered if one.kind != "code")
    orders = evidence.of(REWARD_GRANTED, RewardGranted)
    ordered = {order.reward_id for order in orders}
    given = Counter(dict(evidence.given))
    yield from some("given more than once", [one for one, count in given.items() if count > 1])
    in_doubt = Counter(_withdrawn_in_doubt(evidence))
    yield from some("given, but not told", (given - by_partners - in_doubt).elements())
    yield from some("told, but not given", (by_partners - given).elements())
    yield from some("given, but not ordered", given.keys() - ordered)
    yield from some("told, but not ordered", {one.reward_id for one in reports} - ordered)
    codes = [one.reference for one in delivered if one.kind == "code"]
    yield from some("codes handed out more than once", repeated(codes))
    reversed_ids = {
        reward_id
        for reward_id, entries in _lives(evidence).items()
        if _latest(entries).status == RewardStatus.REVERSED
    }
    crossed = {
        one.event_id
        for one in reports
        if one.outcome == FulfilmentOutcome.FAILED and one.reward_id in reversed_ids
    }
    of_reports = {one.event_id for one in reports}
    changing = {one.cause_event_id for one in _ledger(evidence)}
    yield from _taken("fulfilments", of_reports - (crossed - changing), evidence)
    fulfilled = {one.reward_id for one in _ledger(evidence) if one.status == RewardStatus.FULFILLED}
    refused = {one.reward_id for one in _refused(evidence) if isinstance(one, FulfilmentReported)}
    told = {one.reward_id for one in delivered}
    yield from some("fulfilled, but not delivered", fulfilled - told)
    owed = {one.reward_id for one in _ledger(evidence) if Reason.DELIVERED_ANYWAY in one.reasons}
    yield from some("delivered, but not in the ledger", told - fulfilled - refused - owed)


def transitions(evidence: Evidence) -> Iterator[str]:
    """No reward has gone from one status to another but as the table says.

    What fulfils a grant, lets it expire or takes a part of it back says which one.
    """
    for reward_id, entries in _lives(evidence).items():
        status: str | None = None
        grant: str | None = None
        for entry in entries:
            is_of_grant = entry.status in _OF_A_GRANT or is_part(entry)
            if is_of_grant and entry.supersedes != grant:
                yield f"{reward_id}: {entry.status}, but not of its grant"
            if is_part(entry):
                if status not in STANDING:
                    yield f"{reward_id}: a part was taken back when it was {status}"
                continue
            if (status, entry.status) not in _STEPS:
                yield f"{reward_id}: {entry.status} after {status}"
            status = entry.status
            if status == RewardStatus.GRANTED:
                grant = entry.event_id


def worth(evidence: Evidence) -> Iterator[str]:
    """A reward is worth something while it stands, never more than it was; and users are told so.

    What a user is told is what the entries add up to.
    """
    balances: Counter[tuple[str, str]] = Counter()
    for reward_id, entries in _lives(evidence).items():
        left: Micros = 0
        for entry in entries:
            left += effect(entry)
            balances[entry.beneficiary or "", entry.currency] += effect(entry)
            if not 0 <= left <= entries[0].value_micros:
                yield f"{reward_id}: {left} micros after {entry.status}"
        status = _latest(entries).status
        if (left > 0) != (status in STANDING):
            yield f"{reward_id}: is {status}, and worth {left} micros"
    for (user, currency), told in evidence.balances.items():
        due = balances[user, currency]
        if told != due:
            yield f"{user}: is told {told} micros of {currency}, but has {due}"


def timers(evidence: Evidence) -> Iterator[str]:
    """What waits for a time that a tick has told waits no longer, and nothing waits for ever.

    Only ticks after the entry count. At the end everything is to have come to rest.
    """
    told: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for at in evidence.log[REWARD_INPUTS]:
        is_read = at.offset < evidence.positions.get((REWARD_INPUTS, at.partition), 0)
        if isinstance(at.record, Ticked) and is_read:
            told[at.partition].append((at.offset, at.record.event_time))
    waiting = unsettled(_ledger(evidence))
    overdue = [
        f"{one.reward_id} is {one.status}"
        for one in map(_latest, _lives(evidence).values())
        if one.reward_id in waiting
        and one.due_at is not None
        and any(
            offset > one.cause_offset and time >= one.due_at
            for offset, time in told[one.cause_partition]
        )
    ]
    yield from some("a tick has told its time", overdue)
    yield from some("has not come to rest", [f"{one} is {now}" for one, now in waiting.items()])


def limits(evidence: Evidence) -> Iterator[str]:
    """No more users earn through a code, or for a referrer, and no more is spent than allowed.

    Of a budget counts what is spent at the end: what was reversed or expired is free for others.
    """
    granted = [one for one in _ledger(evidence) if one.status == RewardStatus.GRANTED]
    lives = _lives(evidence)
    codes: list[Any] = evidence.records(CODES)
    by_code = _users([one for one in granted if one.role != Role.MILESTONE], "code")
    for code in codes:
        yield from _beyond(code.code, len(by_code[code.code]), code.max_uses)
    campaigns: list[Any] = evidence.records(CAMPAIGNS)
    for campaign in campaigns:
        caps = policy_in(campaign.policy).caps
        under_it = [one for one in granted if one.campaign_id == campaign.campaign_id]
        referrals = [one for one in under_it if one.role == Role.REFERRER]
        for code, users in _users(referrals, "code").items():
            yield from _beyond(code, len(users), caps.per_code)
        for referrer, users in _users(referrals, "beneficiary").items():
            yield from _beyond(referrer, len(users), caps.per_referrer)
        rewards = {one.reward_id for one in under_it if one.currency == campaign.reward_currency}
        total = sum(_spent(lives[reward_id]) for reward_id in rewards)
        if caps.budget_micros is not None and total > caps.budget_micros:
            yield f"{campaign.campaign_id}: {total} micros spent of {caps.budget_micros}"


def reached(evidence: Evidence) -> set[str]:
    """The limits on users that were full, and for which another was rejected: what `limits` tries.

    By the names of their reasons. Users count who were granted something under the limit.
    """
    granted = [one for one in _ledger(evidence) if one.status == RewardStatus.GRANTED]
    rejected = [one for one in _ledger(evidence) if one.status == RewardStatus.REJECTED]
    campaigns: list[Any] = evidence.records(CAMPAIGNS)
    found = set()
    for campaign in campaigns:
        caps = policy_in(campaign.policy).caps
        of_it = [one for one in granted if one.campaign_id == campaign.campaign_id]
        users = [one for one in of_it if one.role == Role.REFERRER]
        for by, most, reason in (
            ("code", caps.per_code, Reason.CAP_PER_CODE),
            ("beneficiary", caps.per_referrer, Reason.CAP_PER_REFERRER),
        ):
            full = {whose for whose, earned in _users(users, by).items() if len(earned) == most}
            refused = {getattr(one, by) for one in rejected if reason in one.reasons}
            found |= {reason.value} if full & refused else set()
    return found


def _spent(entries: Iterable[RewardDecided]) -> Micros:
    """What a reward costs: what is left of it, or what was when it was delivered, or failed."""
    left = spent = 0
    for entry in entries:
        if entry.status == RewardStatus.FULFILLED:
            break
        left += effect(entry)
        if entry.status != RewardStatus.FAILED:
            spent = left
    return spent


def _users(entries: Iterable[RewardDecided], by: str) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries:
        found[getattr(entry, by)].add(entry.user_id)
    return found


def _beyond(what: str, users: int, most: int | None) -> Iterator[str]:
    if most is not None and users > most:
        yield f"{what}: {users} users earned, its limit is {most}"


def _taken(topic: str, told: set[str], evidence: Evidence) -> Iterator[str]:
    """What was told changed each reward that it is about once, or is refused once, not both.

    A delivery that is told after its reward expired grants that again first.
    """
    changes = Counter(
        (one.cause_event_id, one.reward_id)
        for one in _ledger(evidence)
        if Reason.DELIVERED_IN_TIME not in one.reasons
    )
    changing = {cause for cause, _ in changes}
    refused = Counter(one.event_id for one in _refused(evidence))
    twice = [cause for (cause, _), count in changes.items() if count > 1 and cause in told]
    yield from some(f"{topic}: took effect more than once", twice)
    yield from some(f"{topic}: came to nothing", told - changing - refused.keys())
    yield from some(f"{topic}: refused, and took effect", told & changing & refused.keys())
    more = [one for one, count in refused.items() if count > 1 and one in told]
    yield from some(f"{topic}: refused more than once", more)


def _refused(evidence: Evidence) -> list[Record]:
    """The records in the dead letters of the reward stage; poison that is none is left out."""
    letters = [one for one in evidence.records(DEAD_LETTERS) if isinstance(one, DeadLettered)]
    return [
        decode(one.payload)
        for one in letters
        if one.payload is not None and one.stage == "reward" and one.reason not in {"", UNDECODABLE}
    ]


def _ledger(evidence: Evidence) -> list[RewardDecided]:
    """In the order of the log, those of one reward in order."""
    return [one for one in evidence.records(REWARDS) if isinstance(one, RewardDecided)]


def _lives(evidence: Evidence) -> dict[str, Sequence[RewardDecided]]:
    found: defaultdict[str, list[RewardDecided]] = defaultdict(list)
    for entry in _ledger(evidence):
        found[entry.reward_id].append(entry)
    return dict(found)


def _latest(entries: Sequence[RewardDecided]) -> RewardDecided:
    """Of a reward's entries the one that says how it stands."""
    return [one for one in entries if not is_part(one)][-1]
