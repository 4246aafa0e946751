"""What came out against what ought to have: counted, and told apart line by line."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reftrail.contracts.decisions import Attributed
from reftrail.simulator.truth import (
    GRANTED,
    REJECTED,
    REVERSED,
    UNDER_THE_USERS_CODE,
    UNDER_THEIR_OWN_CODE,
    USED_UP,
    Attribution,
    Cell,
    FinalStatus,
    RewardKey,
    Truth,
)


@dataclass(frozen=True, slots=True)
class Observed:
    """What the pipeline says at its end.

    distinct and fingerprint are about the events on the input topic. funnel is what a report by
    code shows, behind everything that could lose or double something. attributions are the
    ones in force. entries are in the order of the ledger.
    """

    distinct: int
    fingerprint: int
    funnel: Mapping[Cell, int]
    attributions: Iterable[tuple[str, Attribution]]
    entries: Sequence[tuple[RewardKey, FinalStatus]]


@dataclass(slots=True)
class Comparison:
    """How many are as they ought to be, out of how many; differences tell the rest in words."""

    events: int
    attributions: int
    rewards: int
    lost: int = 0
    doubled: int = 0
    attributions_right: int = 0
    rewards_right: int = 0
    report_differences: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether everything is as it ought to be."""
        return not self.differences


def in_force(attributions: Iterable[Attributed]) -> list[tuple[str, Attribution]]:
    """The attributions that count, with their users: decisive ones that none corrects."""
    decisive = [one for one in attributions if one.decisive]
    corrected = {one.corrects for one in decisive}
    return [
        (one.user_id, Attribution(one.code, one.basis, one.touch_event_id, one.touch_time))
        for one in decisive
        if one.event_id not in corrected
    ]


def granted_in(entries: Iterable[tuple[RewardKey, FinalStatus]]) -> set[RewardKey]:
    """The rewards that were granted, whatever became of them."""
    return {key for key, verdict in entries if verdict == FinalStatus(GRANTED)}


def compare(truth: Truth, observed: Observed) -> Comparison:
    """Everything that was observed, against everything expected, in both directions."""
    result = Comparison(truth.distinct, len(truth.attributions), len(truth.rewards))
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
        found.setdefault(user, []).append(attribution)
    for user in sorted(truth.attributions.keys() | found.keys()):
        expected = truth.attributions.get(user)
        if found.get(user, []) == ([expected] if expected else []):
            result.attributions_right += 1
        else:
            result.differences.append(
                f"attribution of {user}: {found.get(user, 'none')}, expected {expected or 'none'}"
            )


def _compare_rewards(truth: Truth, observed: Observed, result: Comparison) -> None:
    found: dict[RewardKey, list[FinalStatus]] = {}
    for key, verdict in observed.entries:
        found.setdefault(key, []).append(verdict)
    surplus = _beyond_limits(truth, found)
    for key in sorted(truth.rewards.keys() | found.keys()):
        expected = truth.rewards.get(key)
        entries = found.get(key, [])
        limited = key.code in truth.limits and key.user_id in truth.limits[key.code].users
        limit_only = [[], [FinalStatus(REJECTED, (USED_UP,))]] if limited else [[]]
        may_lack = limited or key in truth.paid_back
        allowed = (
            limit_only
            if expected is None
            else _histories(expected, limited=limited, may_lack=may_lack)
        )
        if expected is None and entries in allowed:
            continue
        if entries in allowed and key.code not in surplus:
            result.rewards_right += 1
        else:
            result.differences.append(
                f"reward of {key.user_id} ({key.role}) under {key.code} for {key.action}: "
                f"{entries or 'none'}, expected {expected or 'none'}{surplus.get(key.code, '')}"
            )


def _histories(expected: FinalStatus, *, limited: bool, may_lack: bool) -> list[list[FinalStatus]]:
    """The ledger entries that lead to a verdict; with a limit, also those of coming too late.

    Where may_lack, there may be none: an order that was paid back before its user's signup came
    isn't decided on.
    """
    histories = {
        GRANTED: [FinalStatus(GRANTED)],
        REVERSED: [FinalStatus(GRANTED), FinalStatus(REVERSED)],
        REJECTED: [expected],
    }
    too_late = [FinalStatus(REJECTED, (USED_UP,))]
    found = [histories[expected.status], *([too_late] if limited else [])]
    return [*found, []] if may_lack else found


def _beyond_limits(truth: Truth, found: Mapping[RewardKey, list[FinalStatus]]) -> dict[str, str]:
    """The codes through which more or fewer users earned than the limit says, and how many."""
    granted = granted_in((key, verdict) for key, all_ in found.items() for verdict in all_)
    users = Counter(code for code, _ in {(key.code, key.user_id) for key in granted})
    return {
        code: f"; {users[code]} users earned where {_in_words(limit.expected)} should have"
        for code, limit in truth.limits.items()
        if users[code] not in limit.expected
    }


def _in_words(numbers: range) -> str:
    return " or ".join(map(str, numbers))


def observed_verdict(status: str, reasons: Iterable[str]) -> FinalStatus:
    """A ledger entry as a verdict: a reason that depends on who came first is no other verdict."""
    told = tuple(reason for reason in reasons if status == REJECTED)
    lasting = tuple(reason for reason in told if reason != USED_UP)
    return FinalStatus(status, lasting or told)
