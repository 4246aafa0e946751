"""Checks of the outcomes of rewards: by reviews, by fulfilment, by time; and of their value.

None of them asks the rules what ought to be: they compare one side (an acknowledged review, a
partner's records, a tick) with the ledger.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from crash.evidence import Evidence
from crash.findings import repeated, some
from crash.rest import unsettled
from reftrail.contracts.codec import decode_as
from reftrail.contracts.decisions import (
    Attributed,
    Basis,
    RewardDecided,
    RewardGranted,
    RewardStatus,
    Role,
)
from reftrail.contracts.external_inputs import FulfilmentOutcome, FulfilmentReported, Ticked
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Micros
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    FULFILMENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARD_INPUTS,
)
from reftrail.rules.reward.transitions import STANDING, TRANSITIONS, effect

_STEPS: Final = {(before, after) for (before, _), after in TRANSITIONS.items()}
LIMITS_ON_USERS: Final = frozenset({Reason.CAP_PER_CODE.value, Reason.CAP_PER_REFERRER.value})
"""By which `limits` is tried, if they are `reached`: the terms see to it that they are."""
_ENDED: Final = (RewardStatus.REJECTED, RewardStatus.REVERSED)
"""Only a reinstatement brings back what has come to this, but for the hold of a disputed grant."""
_OF_A_GRANT: Final = (RewardStatus.FULFILLED, RewardStatus.EXPIRED)


def reviews(evidence: Evidence) -> Iterator[str]:
    """An acknowledged review is on the topic; what is there took effect once, or was refused."""
    there = {record.event_id for record in evidence.records(REVIEWS)}
    yield from some("acknowledged, but not on the reviews topic", evidence.reviewed - there)
    yield from _taken("reviews", there, evidence)


def _withdrawn_in_doubt(evidence: Evidence) -> Iterator[str]:
    """Rewards that may have been given when fulfilment was killed, and were withdrawn by then.

    They aren't asked for again, and a dead letter reports it.
    """
    letters: list[Any] = evidence.records(DEAD_LETTERS)
    for letter in letters:
        if letter.reason == "withdrawn_in_doubt":
            yield decode_as(RewardGranted, letter.payload).reward_id


def fulfilment(evidence: Evidence) -> Iterator[str]:
    """Partners gave each reward at most once, and only orders; all of it was reported once.

    What was delivered is fulfilled in the ledger, or to be collected where it had been taken
    back by then; where its time was up its report was refused. A failure to give what had been
    taken back changes nothing. What was withdrawn while nobody knew whether it was given is a dead
    letter. Codes are given by fulfilment itself.
    """
    reports: list[Any] = evidence.records(FULFILMENTS)
    delivered = [report for report in reports if report.outcome == FulfilmentOutcome.DELIVERED]
    by_partners = Counter(report.reward_id for report in delivered if report.kind != "code")
    orders = evidence.of(REWARD_GRANTED, RewardGranted)
    ordered = {order.reward_id for order in orders}
    given = Counter(dict(evidence.given))
    yield from some(
        "given more than once", [reward_id for reward_id, count in given.items() if count > 1]
    )
    in_doubt = Counter(_withdrawn_in_doubt(evidence))
    yield from some("given, but not reported", (given - by_partners - in_doubt).elements())
    yield from some("reported, but not given", (by_partners - given).elements())
    yield from some("given, but not ordered", given.keys() - ordered)
    yield from some("reported, but not ordered", {report.reward_id for report in reports} - ordered)
    codes = [report.reference for report in delivered if report.kind == "code"]
    yield from some("codes handed out more than once", repeated(codes))
    ended = {
        reward_id
        for reward_id, entries in _lives(evidence).items()
        if _latest(entries).status in _ENDED
    }
    crossed = {
        report.event_id
        for report in reports
        if report.outcome == FulfilmentOutcome.FAILED and report.reward_id in ended
    }
    of_reports = {report.event_id for report in reports}
    changing = {entry.cause_event_id for entry in evidence.ledger()}
    yield from _taken("fulfilments", of_reports - (crossed - changing), evidence)
    fulfilled = {
        entry.reward_id for entry in evidence.ledger() if entry.status == RewardStatus.FULFILLED
    }
    refused = {
        report.reward_id for report in evidence.refused() if isinstance(report, FulfilmentReported)
    }
    reported = {report.reward_id for report in delivered}
    yield from some("fulfilled, but not delivered", fulfilled - reported)
    owed = {
        entry.reward_id for entry in evidence.ledger() if Reason.DELIVERED_ANYWAY in entry.reasons
    }
    yield from some("delivered, but not in the ledger", reported - fulfilled - refused - owed)


def transitions(evidence: Evidence) -> Iterator[str]:
    """No reward has gone from one status to another but as the table says.

    What fulfils a grant, lets it expire or takes a part of it back says which one.
    """
    for reward_id, entries in _lives(evidence).items():
        status: str | None = None
        grant: str | None = None
        is_disputed = False
        for entry in entries:
            is_of_grant = entry.status in _OF_A_GRANT or is_part(entry)
            if is_of_grant and entry.supersedes != grant:
                yield f"{reward_id}: {entry.status}, but not of its grant"
            if is_part(entry):
                if status not in STANDING:
                    yield f"{reward_id}: a part was taken back when it was {status}"
                continue
            is_back = status in _ENDED and entry.status not in _ENDED
            is_held = is_disputed and entry.status == RewardStatus.HELD
            comes_back = is_back and Reason.REINSTATED not in entry.reasons and not is_held
            if (status, entry.status) not in _STEPS or comes_back:
                yield f"{reward_id}: {entry.status} after {status}"
            status, is_disputed = entry.status, Reason.DISPUTED in entry.reasons
            if status in (RewardStatus.GRANTED, RewardStatus.ADJUSTED):
                grant = entry.event_id


def worth(evidence: Evidence) -> Iterator[str]:
    """A reward is worth something until it is reversed, never more than it was; users see that.

    The balance that a user sees is the sum of the entries.
    """
    balances: Counter[tuple[str, str]] = Counter()
    for reward_id, entries in _lives(evidence).items():
        left: Micros = 0
        for entry in entries:
            left += effect(entry)
            balances[entry.beneficiary or "", entry.currency] += effect(entry)
            least, most = sorted((0, entries[0].value_micros))
            if not least <= left <= most:
                yield f"{reward_id}: {left} micros after {entry.status}"
        status = _latest(entries).status
        if (left != 0) != (status in STANDING or status == RewardStatus.ADJUSTED):
            yield f"{reward_id}: is {status}, and worth {left} micros"
    for (user, currency), shown in evidence.balances.items():
        due = balances[user, currency]
        if shown != due:
            yield f"{user}: is shown {shown} micros of {currency}, but has {due}"


def timers(evidence: Evidence) -> Iterator[str]:
    """Nothing waits for a time that a tick has passed, and nothing waits for ever.

    Only ticks after the entry count. At the end everything is to have come to rest.
    """
    ticks: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for at in evidence.log[REWARD_INPUTS]:
        is_read = at.offset < evidence.positions.get((REWARD_INPUTS, at.partition), 0)
        if isinstance(at.record, Ticked) and is_read:
            ticks[at.partition].append((at.offset, at.record.event_time))
    waiting = unsettled(evidence.ledger())
    overdue = [
        f"{entry.reward_id} is {entry.status}"
        for entry in map(_latest, _lives(evidence).values())
        if entry.reward_id in waiting
        and entry.due_at is not None
        and any(
            offset > entry.cause_offset and time >= entry.due_at
            for offset, time in ticks[entry.cause_partition]
        )
    ]
    yield from some("a tick has passed its time", overdue)
    yield from some("has not come to rest", [f"{name} is {now}" for name, now in waiting.items()])


def limits(evidence: Evidence) -> Iterator[str]:
    """No more users earn through a code, or for a referrer, and no more is spent than allowed.

    Of a budget counts what is spent at the end: what was reversed or expired is free for others.
    """
    granted = _granted(evidence)
    lives = _lives(evidence)
    codes: list[Any] = evidence.records(CODES)
    by_code = _users([entry for entry in granted if entry.role != Role.MILESTONE], "code")
    for code in codes:
        yield from _beyond(code.code, len(by_code[code.code]), code.max_uses)
    campaigns: list[Any] = evidence.records(CAMPAIGNS)
    for campaign in campaigns:
        caps = policy_in(campaign.policy).caps
        under_it = [entry for entry in granted if entry.campaign_id == campaign.campaign_id]
        referrals = [entry for entry in under_it if entry.role == Role.REFERRER]
        for code, users in _users(referrals, "code").items():
            yield from _beyond(code, len(users), caps.per_code)
        for referrer, users in _users(referrals, "beneficiary").items():
            yield from _beyond(referrer, len(users), caps.per_referrer)
        rewards = {
            entry.reward_id for entry in under_it if entry.currency == campaign.reward_currency
        }
        total = sum(_spent(lives[reward_id]) for reward_id in rewards)
        if caps.budget_micros is not None and total > caps.budget_micros:
            yield f"{campaign.campaign_id}: {total} micros spent of {caps.budget_micros}"


def reached(evidence: Evidence) -> set[str]:
    """The limits on users that were full, and for which another was rejected: what `limits` tries.

    By the names of their reasons. Users count who were granted something under the limit; those
    whose place a merge freed may have had it when another was rejected, or not any more.
    """
    granted = [entry for entry in evidence.ledger() if entry.status == RewardStatus.GRANTED]
    left = _granted(evidence)
    rejected = [entry for entry in evidence.ledger() if entry.status == RewardStatus.REJECTED]
    campaigns: list[Any] = evidence.records(CAMPAIGNS)
    found = set()
    for campaign in campaigns:
        caps = policy_in(campaign.policy).caps
        of_it = [entry for entry in granted if entry.campaign_id == campaign.campaign_id]
        users = [entry for entry in of_it if entry.role == Role.REFERRER]
        still = [entry for entry in users if entry in left]
        for by, most, reason in (
            ("code", caps.per_code, Reason.CAP_PER_CODE),
            ("beneficiary", caps.per_referrer, Reason.CAP_PER_REFERRER),
        ):
            if most is None:
                continue
            at_last = _users(still, by)
            full = {
                whose
                for whose, earned in _users(users, by).items()
                if len(at_last[whose]) <= most <= len(earned)
            }
            refused = {getattr(entry, by) for entry in rejected if reason in entry.reasons}
            found |= {reason.value} if full & refused else set()
    return found


def _granted(evidence: Evidence) -> list[RewardDecided]:
    """The grants under referrals that no merge has ended: an ended one leaves its place free."""
    ended = {
        (attribution.user_id, attribution.code)
        for attribution in evidence.of(ATTRIBUTIONS, Attributed)
        if attribution.basis == Basis.MERGED and not attribution.decisive
    }
    return [
        entry
        for entry in evidence.ledger()
        if entry.status == RewardStatus.GRANTED and (entry.user_id, entry.code) not in ended
    ]


def _spent(entries: Iterable[RewardDecided]) -> Micros:
    """The cost of a reward: its rest, or its value when it was delivered, or failed."""
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


def _taken(topic: str, reported: set[str], evidence: Evidence) -> Iterator[str]:
    """Each report changed each reward that it is about once, or is refused once, not both.

    A delivery that is reported after its reward expired grants that again first.
    """
    changes = Counter(
        (entry.cause_event_id, entry.reward_id)
        for entry in evidence.ledger()
        if Reason.DELIVERED_IN_TIME not in entry.reasons
    )
    changing = {cause for cause, _ in changes}
    refused = Counter(record.event_id for record in evidence.refused())
    twice = [cause for (cause, _), count in changes.items() if count > 1 and cause in reported]
    yield from some(f"{topic}: took effect more than once", twice)
    yield from some(f"{topic}: came to nothing", reported - changing - refused.keys())
    yield from some(f"{topic}: refused, and took effect", reported & changing & refused.keys())
    more = [name for name, count in refused.items() if count > 1 and name in reported]
    yield from some(f"{topic}: refused more than once", more)


def _lives(evidence: Evidence) -> dict[str, Sequence[RewardDecided]]:
    found: defaultdict[str, list[RewardDecided]] = defaultdict(list)
    for entry in evidence.ledger():
        found[entry.reward_id].append(entry)
    return dict(found)


def _latest(entries: Sequence[RewardDecided]) -> RewardDecided:
    """Of a reward's entries the one with its present status."""
    return [entry for entry in entries if not is_part(entry)][-1]
