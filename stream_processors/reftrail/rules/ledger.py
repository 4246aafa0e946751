"""What the reward stage keeps: per code how many users earned, per code and user what they did."""

from collections.abc import Iterable
from typing import Self

import msgspec

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.record import Derived, Micros


class CodeUses(msgspec.Struct, frozen=True, array_like=True):
    """How many different users were granted a reward under a code. A reversal gives none back."""

    users: int = 0


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """A granted reward, with what its reversal repeats."""

    action: str
    role: str
    event_id: str
    beneficiary: str
    value_micros: Micros
    currency: str
    kind: str
    campaign_id: str
    campaign_version: int
    category: str | None = None
    channel: str | None = None

    @classmethod
    def of(cls, entry: RewardDecided) -> Self:
        """What is kept of a granted ledger entry."""
        assert entry.beneficiary is not None
        assert entry.campaign_id is not None
        assert entry.campaign_version is not None
        return cls(
            action=entry.action,
            role=entry.role,
            event_id=entry.event_id,
            beneficiary=entry.beneficiary,
            value_micros=entry.value_micros,
            currency=entry.currency,
            kind=entry.kind,
            campaign_id=entry.campaign_id,
            campaign_version=entry.campaign_version,
            category=entry.category,
            channel=entry.channel,
        )


class Order(msgspec.Struct, frozen=True, array_like=True):
    """The order that earned, and the least amount that the campaign asked for then."""

    order_id: str
    amount_micros: Micros
    currency: str | None
    minimum_micros: Micros


class RefundSeen(msgspec.Struct, frozen=True, array_like=True):
    """A refund, kept because its order may be or become the one that earns. None: all of it."""

    event_id: str
    order_id: str
    amount_micros: Micros | None = None
    currency: str | None = None


class PairLedger(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of one user under one code.

    is_closed: a reward was rejected or reversed; nothing is granted to this pair any more. order
    is there once a purchase earned; refunds then are those of this order, before it any.
    """

    grants: tuple[Grant, ...] = ()
    is_closed: bool = False
    order: Order | None = None
    refunds: tuple[RefundSeen, ...] = ()


class OrderEarned(Derived, frozen=True, kw_only=True):
    """A purchase earns the rewards granted with it. Concluded for the state alone."""

    order: Order


class RefundNoted(Derived, frozen=True, kw_only=True):
    """A refund that doesn't reverse anything yet. Concluded for the state alone."""

    refund: RefundSeen


def refunded(order: Order, refunds: Iterable[RefundSeen]) -> Micros | None:
    """How much of an order's amount was paid back; None where nothing ever was.

    All of it by a refund without an amount, or with one in another currency: what is left of the
    order can't be told then.
    """
    amounts = [
        order.amount_micros
        if refund.amount_micros is None or refund.currency not in (None, order.currency)
        else refund.amount_micros
        for refund in refunds
        if refund.order_id == order.order_id
    ]
    return sum(amounts) if amounts else None
