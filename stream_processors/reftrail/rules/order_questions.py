"""Questions of the limits stage whose an order is: refunds and disputes under another user's name.

One that comes before its order is remembered, and answered when a referral reserves the order. So
the outcome doesn't depend on which of them arrives first.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.record import DAY, Derived, Millis, Record
from reftrail.contracts.stage_messages import LimitRequested, OrderAsked
from reftrail.rules.decider import Cause, Refused, fingerprint, metadata
from reftrail.rules.packing import unpacked

MOST_REMEMBERED: Final = 64
"""The most questions about one order that are remembered. The next one becomes a dead letter."""

TOLERANCE: Final[Millis] = DAY
"""The time by which a refund or dispute may lie before its order, since clocks differ."""

_OF_THE_ACTION: Final = (
    *("action", "action_event_id", "order_id", "amount_micros", "currency", "country", "source"),
    *("net_amount_micros", "refund_id", "amount_refunded_micros", "dispute_id"),
)


class OrderQuestion(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A refund or dispute of an order: what the action said, and nothing of who asks.

    event_id is that of the message, asker the fingerprint of the user who is named in it. The
    question is forgotten at due_at.
    """

    event_id: str
    asker: int
    due_at: Millis
    event_time: Millis
    received_at: Millis
    action: str
    action_event_id: str
    order_id: str | None
    amount_micros: int | None = None
    currency: str | None = None
    country: str | None = None
    source: str | None = None
    net_amount_micros: int | None = None
    refund_id: str | None = None
    amount_refunded_micros: int | None = None
    dispute_id: str | None = None

    @classmethod
    def of(cls, asked: OrderAsked, remembered: Millis) -> "OrderQuestion":
        """The question of a message. remembered is the time for which it is, from its receipt."""
        claim = unpacked(asked.claim, Claimed)
        return cls(
            event_id=asked.event_id,
            asker=fingerprint(asked.user_id),
            due_at=claim.received_at + remembered,
            event_time=claim.event_time,
            received_at=claim.received_at,
            **{name: getattr(claim, name) for name in _OF_THE_ACTION},
        )

    def is_same(self, other: "OrderQuestion") -> bool:
        """Whether both are about one action, of whichever user it is said."""
        return (self.action, self.action_event_id) == (other.action, other.action_event_id)

    def claim(self, code: str, user_id: str, record: Record, cause: Cause) -> Claimed:
        """The action as a claim of a referral that has its order. record is what came now.

        It says nothing of the referral that asked.
        """
        common = metadata(record, cause, f"claimed:{self.event_id}:{code}:{user_id}")
        common["event_time"] = self.event_time
        common["received_at"] = self.received_at
        return Claimed(
            **common,
            code=code,
            user_id=user_id,
            basis="",
            touch_time=0,
            signed_up_at=0,
            **{name: getattr(self, name) for name in _OF_THE_ACTION},
        )


class QuestionRemembered(Derived, frozen=True, kw_only=True):
    """A refund or dispute waits for a user to reserve its order. A state event."""

    question: OrderQuestion


class QuestionsForgotten(Derived, frozen=True, kw_only=True):
    """The questions about an order whose time is over are forgotten. A state event."""


def answered(
    asked: OrderAsked,
    question: OrderQuestion,
    user_id: str,
    codes: Sequence[str] | None,
    cause: Cause,
) -> list[Claimed | Refused]:
    """A question about another user's order: as claims of the referrals that have it.

    codes are None of orders from before rules 9, of which it isn't known who they are.
    """
    if codes is not None:
        return [question.claim(code, user_id, asked, cause) for code in codes]
    detail = (
        f"order {question.order_id} isn't that of {asked.user_id}, and by whom it has earned is "
        f"not known of orders from before rules 9; send the {question.action} again with its buyer"
    )
    common = metadata(asked, cause, "refund_of_another")
    return [Refused(**common, reason="refund_of_another", detail=detail)]


def remembered(
    known: Sequence[OrderQuestion], asked: OrderAsked, question: OrderQuestion, cause: Cause
) -> list[QuestionRemembered | Refused]:
    """The question, for who reserves the order later. Nothing if it is known already."""
    if any(other.is_same(question) for other in known):
        return []
    if len(known) < MOST_REMEMBERED:
        return [QuestionRemembered(**metadata(asked, cause), question=question)]
    detail = (
        f"{MOST_REMEMBERED} refunds and disputes of order {question.order_id} name users who "
        f"haven't earned by it, so no more are remembered; put this one back if the order earns "
        f"later"
    )
    common = metadata(asked, cause, "too_many_refunds")
    return [Refused(**common, reason="too_many_refunds", detail=detail)]


def claims_of_others(
    questions: Iterable[OrderQuestion], reserved: LimitRequested, cause: Cause
) -> Iterator[Claimed]:
    """The questions of other users about an order, as claims of the referral that reserves it.

    One from before the order isn't about it: another shop has another order of this id.
    """
    holder, since = fingerprint(reserved.user_id), reserved.event_time - TOLERANCE
    for question in questions:
        if question.asker != holder and question.event_time >= since:
            yield question.claim(reserved.code, reserved.user_id, reserved, cause)
