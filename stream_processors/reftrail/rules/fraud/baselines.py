"""Baselines of a code, in bounded space: amounts of orders, claims by hour, suspicious claims.

They follow slowly: old amounts weigh less and less, and hours older than three days are dropped.
"""

from typing import Final

import msgspec

from reftrail.contracts.record import HOUR, Micros, Millis

LEAST_CLAIMS: Final = 2
"""The fewest claims that say whether most of a code's are suspicious."""

MOST_CLAIMS: Final = 200
"""Number of claims at which both counts are halved: what a code was used for fades."""

LEAST_AMOUNTS: Final = 20
"""The fewest orders that say what is usual."""

MOST_AMOUNTS: Final = 1_000
"""Number of orders at which all counts are halved."""

HOURS_KEPT: Final = 72
"""The number of hours before the newest one that have counts of their own."""

LEAST_HOURS: Final = 24
"""The time for which a code must have been in use before its usage is a baseline."""

_STEPS: Final = 3
"""Each doubling of the amount has 2 to the 3rd buckets, so that one is 6 to 12.5 percent wide."""


class Amounts(msgspec.Struct, frozen=True, array_like=True):
    """Amounts of orders, as (logarithmic bucket, count) in order, in the first order's currency."""

    currency: str | None = None
    counts: tuple[tuple[int, int], ...] = ()


def with_amount(amounts: Amounts, amount: Micros | None, currency: str | None) -> Amounts:
    """The amounts with one order more, unless it is free or in another currency."""
    if amount is None or amount <= 0 or currency is None:
        return amounts
    if amounts.currency not in (None, currency):
        return amounts
    counts = dict(amounts.counts)
    bucket = _bucket(amount)
    counts[bucket] = counts.get(bucket, 0) + 1
    if sum(counts.values()) >= MOST_AMOUNTS:
        counts = {key: count // 2 for key, count in counts.items() if count > 1}
    return Amounts(currency, tuple(sorted(counts.items())))


def median(amounts: Amounts) -> Micros | None:
    """The median of the amounts, at most 12.5 percent too high; None if there are too few."""
    total = sum(count for _, count in amounts.counts)
    if total < LEAST_AMOUNTS:
        return None
    seen = 0
    for bucket, count in amounts.counts:
        seen += count
        if 2 * seen >= total:
            return _upper_end(bucket)
    return None


def _bucket(amount: Micros) -> int:
    exponent = amount.bit_length() - 1
    step = ((amount << _STEPS) >> exponent) - (1 << _STEPS)
    return (exponent << _STEPS) + step


def _upper_end(bucket: int) -> Micros:
    exponent, step = bucket >> _STEPS, bucket & ((1 << _STEPS) - 1)
    return ((1 << _STEPS) + step + 1 << exponent) >> _STEPS


class Claims(msgspec.Struct, frozen=True, array_like=True):
    """The number of claims that were decided on under a code, and of suspicious ones among them."""

    all: int = 0
    suspicious: int = 0


def with_judged(claims: Claims, *, is_suspicious: bool) -> Claims:
    """The numbers with one claim more."""
    counted = Claims(claims.all + 1, claims.suspicious + is_suspicious)
    if counted.all < MOST_CLAIMS:
        return counted
    return Claims(counted.all // 2, counted.suspicious // 2)


class Hours(msgspec.Struct, frozen=True, array_like=True):
    """Claims under a code, as (hour since 1970, count) in order; and the first hour of all."""

    first: int | None = None
    counts: tuple[tuple[int, int], ...] = ()


def with_claim(hours: Hours, at: Millis) -> Hours:
    """The claims by hour with one more. Old hours are dropped; the first hour of all is kept."""
    hour = at // HOUR
    counts = dict(hours.counts)
    counts[hour] = counts.get(hour, 0) + 1
    oldest = max(counts) - HOURS_KEPT
    kept = tuple(sorted(item for item in counts.items() if item[0] >= oldest))
    return Hours(hour if hours.first is None else min(hour, hours.first), kept)


def in_hour(hours: Hours, at: Millis) -> int:
    """The number of claims in the hour of a time."""
    return dict(hours.counts).get(at // HOUR, 0)


def usual(hours: Hours, at: Millis) -> tuple[int, int] | None:
    """Claims in the hours before that of a time, and the number of hours; None if too few."""
    hour = at // HOUR
    if hours.first is None or hour - hours.first < LEAST_HOURS:
        return None
    span = min(hour - hours.first, HOURS_KEPT)
    return sum(count for when, count in hours.counts if hour - span <= when < hour), span
