"""Adjustments by hand that a reviewer makes, and decisions about them, by the ids of rewards.

A granted reward may bring its referrer a small or a large credit, or a debit; several small ones of
one referrer add up. Another person decides on what waits, after its own actor has tried to. What
wasn't delivered is tried again.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from reftrail.contracts.adjustments import AdjustmentDecision, is_adjustment
from reftrail.contracts.decisions import RewardDecided, RewardStatus, Role
from reftrail.contracts.reward_reasons import is_again, is_part

APPROVAL_ABOVE: Final = 50
"""The units above which a second person has to approve an adjustment."""

_ASKED: Final = "/v1/adjustments"
_DECIDED: Final = "/v1/adjustments/decisions"
_AMOUNTS: Final = {
    **dict.fromkeys((8, 10, 12, 14), ("30.00", "30.00")),
    9: ("60.00",),
    11: ("-0.50",),
    13: ("-70.00",),
}
"""The adjustments of a referrer, by the last digit of the id of a reward that was granted."""


class Request(NamedTuple):
    """A request to the collector; name is the same whenever it is made again.

    Under the key of by: over HTTP an actor is the key's name, whatever name a request gives.
    """

    name: str
    path: str
    body: dict[str, Any]
    by: str = "ann"


def requests_of(entry: RewardDecided) -> Iterator[Request]:
    """The adjustments, and the decisions about them, that an entry brings about."""
    digit = int(entry.reward_id[-1], 16)
    if is_adjustment(entry.action):
        yield from _decisions(entry, digit)
        return
    is_new = entry.status == RewardStatus.GRANTED and not is_again(entry) and not is_part(entry)
    if not is_new or entry.role != Role.REFERRER:
        return
    for nth, amount in enumerate(_AMOUNTS.get(digit, ())):
        name = f"for {entry.reward_id} {nth}"
        body = {
            "adjustment_id": name,
            "code": entry.code,
            "user_id": entry.user_id,
            "role": "referrer",
            "amount": amount,
            "currency": "USD",
            "reason": "goodwill",
            "actor": "ann",
        }
        yield Request(name, _ASKED, body)


def _decisions(entry: RewardDecided, digit: int) -> Iterator[Request]:
    if entry.status == RewardStatus.HELD:
        if digit < 4:
            yield _decided(entry, AdjustmentDecision.APPROVE, "Ann")
        decision = AdjustmentDecision.DECLINE if digit % 3 else AdjustmentDecision.APPROVE
        yield _decided(entry, decision, "bea")
    elif entry.status == RewardStatus.FAILED:
        yield _decided(entry, AdjustmentDecision.RETRY, "ann")


def _decided(entry: RewardDecided, decision: AdjustmentDecision, actor: str) -> Request:
    body = {
        "adjustment_id": entry.action.partition(":")[2],
        "code": entry.code,
        "user_id": entry.user_id,
        "decision": decision.value,
        "actor": actor,
    }
    name = f"{decision} {actor} {entry.event_id} {body['adjustment_id']}"
    return Request(name, _DECIDED, body, actor.casefold())
