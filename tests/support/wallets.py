"""Rewards whose worth is known without their entries: each act changes a purse and is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from reftrail.contracts.decisions import RewardDecided
from support.programme import T0, entry


@dataclass
class Purse:
    """The payments of one reward to its beneficiary so far, and its entries.

    worth is kept by the acts themselves: each says in money what it does, and writes an entry.
    taken is what refunds have made of the price for good, given_back what they took out of hands.
    in_hand is what was delivered and not taken back, owed what was taken back of that.
    """

    reward_id: str
    code: str
    beneficiary: str
    currency: str
    price: int
    worth: int = 0
    taken: int = 0
    given_back: int = 0
    in_hand: int = 0
    owed: int = 0
    is_good: bool = False
    is_over: bool = False
    was_granted: bool = False
    is_rejected: bool = False
    entries: list[RewardDecided] = field(default_factory=list)

    @property
    def unclaimed(self) -> int:
        """The payment of a grant: the price without what was taken back for good."""
        return self.price - self.taken

    def write(self, status: str, value: int, *reasons: str, owed: int = 0) -> None:
        self.entries.append(
            entry(
                self.reward_id,
                self.code,
                f"friend of {self.code}",
                value=value,
                status=status,
                beneficiary=self.beneficiary,
                currency=self.currency,
                reasons=list(reasons),
                clawback_micros=owed or None,
                event_time=T0 + len(self.entries),
                action_time=T0,
            )
        )


def hold(purse: Purse, _: Random) -> bool:
    if purse.entries:
        return False
    purse.write("held", purse.price, "holding_period")
    return True


def reject(purse: Purse, _: Random) -> bool:
    if purse.was_granted or purse.is_over:
        return False
    purse.write("rejected", purse.price, "ring")
    purse.is_over = purse.is_rejected = True
    return True


def grant(purse: Purse, _: Random) -> bool:
    if purse.was_granted or purse.is_over:
        return False
    purse.write("granted", purse.unclaimed)
    purse.worth = purse.unclaimed
    purse.was_granted = purse.is_good = True
    return True


def deliver(purse: Purse, _: Random) -> bool:
    """Delivering gives nobody more than was granted."""
    if not purse.is_good:
        return False
    if purse.in_hand:
        return False
    purse.write("fulfilled", purse.worth)
    purse.in_hand = purse.worth
    return True


def deliver_too_late(purse: Purse, _: Random) -> bool:
    """Deliver after all what was taken back before."""
    if not purse.is_over or purse.is_rejected or purse.in_hand or purse.owed:
        return False
    purse.write("reversed", 0, "delivered_anyway", owed=purse.price)
    purse.owed = purse.price
    return True


def _collect(purse: Purse, value: int) -> int:
    """The debt after so much was taken back: all of it, if it was delivered."""
    owed = min(purse.in_hand, value)
    purse.in_hand -= owed
    purse.owed += owed
    return owed


def refund_a_part(purse: Purse, chance: Random) -> bool:
    if not purse.is_good or purse.worth < 2:
        return False
    part = chance.randrange(1, purse.worth)
    purse.write("reversed", part, "partly_refunded", owed=_collect(purse, part))
    purse.worth -= part
    purse.taken += part
    purse.given_back += part
    return True


def refund_the_rest(purse: Purse, _: Random) -> bool:
    if not purse.was_granted or purse.is_over:
        return False
    purse.write("reversed", purse.worth, "refunded", owed=_collect(purse, purse.worth))
    purse.given_back += purse.worth
    purse.worth, purse.taken = 0, purse.price
    purse.is_good, purse.is_over = False, True
    return True


def fail(purse: Purse, _: Random) -> bool:
    return _lapse(purse, "failed", "not_delivered")


def expire(purse: Purse, _: Random) -> bool:
    return _lapse(purse, "expired", "not_used_in_time")


def _lapse(purse: Purse, status: str, reason: str) -> bool:
    if not purse.is_good or purse.in_hand:
        return False
    purse.write(status, purse.worth, reason)
    purse.worth, purse.is_good = 0, False
    return True


def grant_again(purse: Purse, chance: Random) -> bool:
    if purse.is_good or purse.is_over or not purse.was_granted:
        return False
    purse.write("granted", purse.unclaimed, chance.choice(["tried_again", "delivered_in_time"]))
    purse.worth, purse.is_good = purse.unclaimed, True
    return True


ACTS: Final[Sequence[Callable[[Purse, Random], bool]]] = (
    hold,
    reject,
    grant,
    grant,
    deliver,
    deliver_too_late,
    refund_a_part,
    refund_a_part,
    refund_the_rest,
    fail,
    expire,
    grant_again,
)


def purses(chance: Random, rewards: int, codes: Sequence[str] = "ABC") -> list[Purse]:
    """Rewards to which up to a dozen acts by chance have happened; some have no entry."""
    found = []
    for number in range(rewards):
        code = chance.choice(codes)
        purse = Purse(
            f"r{number}",
            code,
            beneficiary=f"owner of {code}",
            currency=chance.choice(["USD", "EUR", "points"]),
            price=chance.randrange(1, 10**8),
        )
        for _ in range(chance.randrange(13)):
            chance.choice(ACTS)(purse, chance)
        found.append(purse)
    return found
