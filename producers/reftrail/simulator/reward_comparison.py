"""Comparison of the ledger with the rewards expected: each by its entries and its sum."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import sqrt
from typing import Final, TypeAlias

from reftrail.contracts.record import Micros
from reftrail.simulator.final_status import (
    GRANTED,
    REJECTED,
    REVERSED,
    USED_UP,
    Amount,
    Entry,
    FinalStatus,
    RewardKey,
)
from reftrail.simulator.programme import ARMS, PARTNERS, SHARES_OF_ARMS, TIERS
from reftrail.simulator.truth import Truth

_OF_RIVALS: Final = {"email_of_another", "users_per_email"}
"""The reason for which an account with another one's e-mail address doesn't earn."""

_TOO_LATE: Final = [FinalStatus(REJECTED, (USED_UP,))]
_HISTORIES: Final = {
    GRANTED: [FinalStatus(GRANTED)],
    REVERSED: [FinalStatus(GRANTED), FinalStatus(REVERSED)],
}
"""The entries that lead to a status."""

_Found: TypeAlias = Mapping[RewardKey, Sequence[Entry]]


def differences_of_rewards(truth: Truth, entries: Iterable[Entry]) -> dict[RewardKey, str]:
    """The rewards that aren't as expected, each with a sentence. Merged accounts are one."""
    found: dict[RewardKey, list[Entry]] = {}
    for entry in entries:
        key = entry.key._replace(user_id=truth.person(entry.key.user_id))
        found.setdefault(key, []).append(entry)
    surplus = _beyond_limits(truth, found)
    return {
        key: f"reward of {key.user_id} ({key.role}) under {key.code} for {key.action}: {why}"
        for key in sorted(truth.rewards.keys() | found.keys())
        if (why := _difference(truth, key, found.get(key, []), surplus))
    }


def differences_by_hand(truth: Truth, entries: Iterable[Entry]) -> dict[RewardKey, str]:
    """The adjustments by hand that aren't booked as expected, each with a sentence."""
    found: dict[RewardKey, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.key, []).append(entry)
    differences = {}
    for key in sorted(truth.by_hand.keys() | found.keys()):
        expected, booked = truth.by_hand.get(key), found.get(key, [])
        currencies = {entry.currency for entry in booked}
        is_right = expected is not None and (
            tuple(entry.status for entry in booked) == expected.entries
            and currencies == {expected.currency}
            and sum(entry.effect for entry in booked) == expected.worth
        )
        if not is_right:
            differences[key] = (
                f"{key.action} of {key.user_id} ({key.role}) under {key.code}: "
                f"{booked or 'none'}, expected {expected or 'none'}"
            )
    return differences


def differences_of_groups(truth: Truth, entries: Sequence[Entry]) -> Iterator[str]:
    """The rules for several rewards together: one of rivals earns, rates go by numbers."""
    earned = {entry.key.user_id for entry in entries if entry.status.status == GRANTED}
    for users in truth.rivals:
        expected = {
            key.user_id
            for key, status in truth.rewards.items()
            if key.user_id in users and status.status == GRANTED
        }
        if expected and len(earned & users) != 1:
            yield f"of {sorted(users)} with one e-mail address, {sorted(earned & users)} earned"
    yield from _differences_of_variants(truth, entries)


def _difference(
    truth: Truth, key: RewardKey, entries: Sequence[Entry], surplus: Mapping[str, str]
) -> str | None:
    """The difference of one reward from what is expected, in words."""
    expected, amount = truth.rewards.get(key), truth.amounts.get(key)
    histories = [entry.status for entry in entries]
    balance = sum(entry.effect for entry in entries)
    said = f"{histories or 'none'} worth {balance}, expected {expected or 'none'}"
    if expected is None:
        is_ended = (key.code, key.user_id) in truth.ended
        is_late = _is_limited(truth, key) and histories == _TOO_LATE
        return None if not entries or is_late or (is_ended and balance == 0) else said
    if key.code in surplus:
        return said + surplus[key.code]
    if _may_earn_nothing(truth, key, histories):
        return None
    worth = _worth(expected, amount, entries)
    is_free = key in truth.by_sum and expected.status != REJECTED
    is_right = is_free or histories == _HISTORIES.get(expected.status, [expected])
    return None if is_right and balance in worth else f"{said} worth {worth}"


def _is_limited(truth: Truth, key: RewardKey) -> bool:
    return key.code in truth.limits and key.user_id in truth.limits[key.code].users


def _may_earn_nothing(truth: Truth, key: RewardKey, histories: Sequence[FinalStatus]) -> bool:
    """Whether the entries are those of a user who came too late, or of an order of no interest.

    That is one whose code's limit was reached, or whose e-mail address another account has; or an
    order that was paid back before its user's signup came, and isn't decided on.
    """
    if not histories:
        return key in truth.paid_back or _is_limited(truth, key)
    if _is_limited(truth, key) and histories == _TOO_LATE:
        return True
    return any(key.user_id in users for users in truth.rivals) and all(
        status.status == REJECTED and _OF_RIVALS.issuperset(status.reasons) and status.reasons
        for status in histories
    )


def _worth(
    expected: FinalStatus, amount: Amount | None, entries: Sequence[Entry]
) -> Collection[Micros]:
    """The expected balance: of a grant that of the arm or rate that it names; nothing if none fits.

    There may be several for an order that both accounts of a person earned with under one code.
    Where no amount is expected, as for unknown codes, the reward is worth nothing.
    """
    if amount is None or expected.status != GRANTED:
        return {0}
    grants = [entry for entry in entries if entry.status.status == GRANTED]
    if any(entry.currency != amount.currency for entry in grants):
        return ()
    variants = {entry.variant for entry in grants}
    return {micros for name, micros in amount.by_variant.items() if name in variants}


def _differences_of_variants(truth: Truth, entries: Sequence[Entry]) -> Iterator[str]:
    """One arm and one rate for a referral; as many in each arm and tier as there can be."""
    grants = [entry for entry in entries if entry.status.status == GRANTED]
    variants: dict[tuple[str, str], set[str | None]] = {}
    for entry in grants:
        variants.setdefault((entry.key.code, entry.key.user_id), set()).add(entry.variant)
    for (code, user), found in sorted(variants.items()):
        if len(found) > 1:
            yield f"{user} has earned under {code} by {sorted(map(str, found))} at once"
    good = truth.programme.codes
    for code in sorted({code for code, _ in variants} & good.keys()):
        if good[code].campaign_id == PARTNERS:
            rates = Counter(
                min(found, key=str) for (of, _), found in variants.items() if of == code
            )
            yield from _differences_of_tiers(code, rates)
    yield from _differences_of_arms(
        Counter(name for found in variants.values() for name in found if name in ARMS)
    )


def _differences_of_tiers(code: str, rates: Counter[str | None]) -> Iterator[str]:
    """The number of a referral is at most one more than how many others there are."""
    for number, percent in TIERS.items():
        reached = sum(rates[str(rate)] for rate in TIERS.values() if rate >= percent)
        most = max(0, rates.total() - number + 1)
        if reached > most:
            yield f"{reached} of {rates.total()} referrals of {code} earned {percent} percent"


def _differences_of_arms(referrals: Counter[str | None]) -> Iterator[str]:
    """Arms differ from their shares as chance may have it: by five deviations."""
    total, shares = referrals.total(), sum(SHARES_OF_ARMS.values())
    for name, of_all in SHARES_OF_ARMS.items():
        share = of_all / shares
        deviation = sqrt(total * share * (1 - share))
        if abs(referrals[name] - total * share) > 5 * deviation:
            yield f"{referrals[name]} of {total} referrals are in the arm {name!r}"


def _beyond_limits(truth: Truth, found: _Found) -> dict[str, str]:
    """The codes through which more or fewer users earned than the limit says, and how many."""
    granted = {
        (key.code, key.user_id)
        for key, entries in found.items()
        if any(entry.status.status == GRANTED for entry in entries)
    }
    users = Counter(code for code, _ in granted)
    return {
        code: f"; {users[code]} users earned where {_in_words(limit.expected)} should have"
        for code, limit in truth.limits.items()
        if users[code] not in limit.expected
    }


def _in_words(numbers: range) -> str:
    return " or ".join(map(str, numbers))
