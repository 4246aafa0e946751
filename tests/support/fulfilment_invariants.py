"""Invariants of fulfilment: what was ordered against what was done, reported and passed."""

from collections import Counter
from collections.abc import Iterable, Mapping

from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.external_inputs import FulfilmentReported


def wrongs(
    orders: Iterable[RewardGranted],
    done: Mapping[str, int],
    reports: Iterable[FulfilmentReported],
    lag: int,
) -> list[str]:
    """The faults after everything has come to rest; none if each reward was given once.

    done says how often each reward was given, by those who gave it (codes count by what was
    reported); lag how many orders the group's positions haven't passed.
    """
    ordered = {order.reward_id: order for order in orders}
    reported_ones = list(reports)
    delivered = Counter(
        report.reward_id for report in reported_ones if report.outcome == "delivered"
    )
    reported = Counter(report.reward_id for report in reported_ones)
    codes = Counter(
        report.reference for report in reported_ones if report.kind == "code" and report.reference
    )
    found = []
    for reward_id, order in ordered.items():
        given = delivered[reward_id] if order.kind == "code" else done.get(reward_id, 0)
        if given != delivered[reward_id]:
            found.append(f"{order.kind} given {given} times, reported {delivered[reward_id]} times")
        if given > 1:
            found.append(f"{order.kind} given {given} times")
        if reported[reward_id] != 1:
            found.append(f"{order.kind} reported {reported[reward_id]} times")
    found += [f"code handed out {count} times" for count in codes.values() if count > 1]
    found += ["reported without an order" for reward_id in reported if reward_id not in ordered]
    found += ["given without an order" for reward_id in done if reward_id not in ordered]
    if lag:
        found.append(f"{lag} orders not passed")
    return found
