"""Comparison of observed with expected outcomes: counted, and listed line by line."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.record import Micros
from reftrail.simulator.attributions import Attribution
from reftrail.simulator.final_status import (
    GRANTED,
    REJECTED,
    REVERSED,
    USED_UP,
    Entry,
    FinalStatus,
    RewardKey,
)
from reftrail.simulator.programme import TIERS
from reftrail.simulator.reward_comparison import (
    differences_by_hand,
    differences_of_groups,
    differences_of_rewards,
)
from reftrail.simulator.truth import (
    UNDER_THE_USERS_CODE,
    UNDER_THEIR_OWN_CODE,
    Cell,
    Truth,
)

_SIGNS: Final = {GRANTED: 1, "adjusted": 1, REVERSED: -1, "failed": -1, "expired": -1}
"""The part of an entry's value that counts in a balance, by status: others add nothing."""

_RATES: Final = frozenset(map(str, TIERS.values()))


@dataclass(frozen=True, slots=True)
class Observed:
    """The results of the pipeline at its end.

    distinct and fingerprint are about the events on the input topic. funnel is what a report by
    code shows, behind everything that could lose or double something. attributions are the
    ones in force. entries are in the order of the ledger. paid are the values of rewards and
    adjustments that a report by code shows, by code and currency; None where there is no report.
    """

    distinct: int
    fingerprint: int
    funnel: Mapping[Cell, int]
    attributions: Sequence[tuple[str, Attribution]]
    entries: Sequence[Entry]
    paid: Mapping[tuple[str, str], Micros] | None = None


@dataclass(slots=True)
class Comparison:
    """The number of correct results out of all; differences describe the rest in words.

    paid is the sum of the ledger by currency; paid_by_tiers is that of rewards whose rate goes by
    the number of the referral. Arrival gives referrals their numbers, so these sums differ from run
    to run of one seed.
    """

    events: int
    attributions: int
    rewards: int
    lost: int = 0
    doubled: int = 0
    adjustments: int = 0
    attributions_right: int = 0
    rewards_right: int = 0
    adjustments_right: int = 0
    report_differences: int = 0
    paid: Mapping[str, Micros] = field(default_factory=dict)
    paid_by_tiers: Mapping[str, Micros] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether everything is as it ought to be."""
        return not self.differences


def in_force(attributions: Iterable[Attributed]) -> list[tuple[str, Attribution]]:
    """The attributions that count, with their users: decisive ones that none corrects or ends."""
    made = list(attributions)
    corrected = {attributed.corrects for attributed in made}
    return [
        (
            attributed.user_id,
            Attribution(
                attributed.code, attributed.basis, attributed.touch_event_id, attributed.touch_time
            ),
        )
        for attributed in made
        if attributed.decisive and attributed.event_id not in corrected
    ]


def entry_of(record: RewardDecided) -> Entry:
    """An entry of the reward ledger, as it is compared."""
    return Entry(
        key=RewardKey(record.code, record.user_id, record.role, record.action),
        status=observed_verdict(record.status, record.reasons),
        effect=_SIGNS.get(record.status, 0) * record.value_micros,
        currency=record.currency,
        variant=record.arm or record.rate_percent,
    )


def granted_in(entries: Iterable[Entry]) -> set[RewardKey]:
    """The rewards that were granted, whatever became of them."""
    return {entry.key for entry in entries if entry.status == FinalStatus(GRANTED)}


def compare(truth: Truth, observed: Observed) -> Comparison:
    """Everything that was observed, against everything expected, in both directions."""
    result = Comparison(
        truth.distinct,
        len(truth.attributions),
        len(truth.rewards),
        adjustments=len(truth.by_hand),
    )
    _compare_events(truth, observed, result)
    _compare_attributions(truth, observed, result)
    _compare_rewards(truth, observed, result)
    return result


def _compare_events(truth: Truth, observed: Observed, result: Comparison) -> None:
    """On the topic by their ids; in the report by their counts, and what is counted with them."""
    if observed.fingerprint != truth.fingerprint:
        result.differences.append(
            f"{observed.distinct} events on the input topic are not the {truth.distinct} sent"
        )
    expected = truth.funnel(granted_in(observed.entries))
    for column, code in sorted(expected.keys() | observed.funnel.keys(), key=str):
        want, found = expected[column, code], observed.funnel.get((column, code), 0)
        if want != found:
            result.report_differences += 1
            result.differences.append(f"{column} of {code or 'no code'}: {found}, expected {want}")
    surplus = _events_in(observed.funnel) - _events_in(expected)
    missing = _events_in(expected) - _events_in(observed.funnel)
    result.doubled = surplus.total()
    result.lost = max(missing.total(), truth.distinct - observed.distinct)


def _events_in(funnel: Mapping[Cell, int]) -> Counter[Cell]:
    """The counts of events, under codes only where these don't depend on an attribution."""
    events: Counter[Cell] = Counter()
    for (column, code), count in funnel.items():
        if column in UNDER_THEIR_OWN_CODE.values():
            events[column, code] += count
        elif column in UNDER_THE_USERS_CODE.values():
            events[column, None] += count
    return events


def _compare_attributions(truth: Truth, observed: Observed, result: Comparison) -> None:
    found: dict[str, list[Attribution]] = {}
    for user, attribution in observed.attributions:
        found.setdefault(truth.person(user), []).append(attribution)
    for user in sorted(truth.attributions.keys() | found.keys()):
        expected = truth.attributions.get(user)
        if found.get(user, []) == ([expected] if expected else []):
            result.attributions_right += 1
        else:
            result.differences.append(
                f"attribution of {user}: {found.get(user, 'none')}, expected {expected or 'none'}"
            )


def _compare_rewards(truth: Truth, observed: Observed, result: Comparison) -> None:
    """Each reward by its entries and its sum, then what only holds of several together."""
    by_hand = [entry for entry in observed.entries if is_adjustment(entry.key.action)]
    entries = [entry for entry in observed.entries if not is_adjustment(entry.key.action)]
    wrong = differences_of_rewards(truth, entries)
    amiss = differences_by_hand(truth, by_hand)
    result.rewards_right = len(truth.rewards.keys() - wrong.keys())
    result.adjustments_right = len(truth.by_hand.keys() - amiss.keys())
    result.differences += [*wrong.values(), *amiss.values()]
    result.differences += differences_of_groups(truth, entries)
    sums, by_tiers = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for entry in observed.entries:
        sums[entry.key.code, entry.currency] += entry.effect
        if entry.variant in _RATES:
            by_tiers[entry.key.code, entry.currency] += entry.effect
    result.paid, result.paid_by_tiers = _by_currency(sums), _by_currency(by_tiers)
    if observed.paid is None:
        return
    for code, currency in sorted(sums.keys() | observed.paid.keys()):
        want, found = sums[code, currency], observed.paid.get((code, currency), 0)
        if want != found:
            result.report_differences += 1
            result.differences.append(f"{currency} paid under {code}: {found}, expected {want}")


def _by_currency(sums: Mapping[tuple[str, str], Micros]) -> dict[str, Micros]:
    """The sums of all codes by currency, without those of nothing."""
    paid = Counter[str]()
    for (_, currency), micros in sums.items():
        paid[currency] += micros
    return {currency: micros for currency, micros in sorted(paid.items()) if micros}


def observed_verdict(status: str, reasons: Iterable[str]) -> FinalStatus:
    """A ledger entry as a verdict: a reason that depends on who came first is no other verdict."""
    given = tuple(reason for reason in reasons if status == REJECTED)
    lasting = tuple(reason for reason in given if reason != USED_UP)
    return FinalStatus(status, lasting or given)
