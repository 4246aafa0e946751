"""Questions of the limits stage whose an order is: refunds and disputes under another user's name.

One that comes before its order is remembered, and answered when a referral reserves the order. So
the outcome doesn't depend on which of them arrives first.

Two shops may have orders of one id. Where the user who is named is known to have bought an order of
this id that cost something else, or more is paid back than the order cost, the question is about
another order: nothing is taken back, and a dead letter says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from reftrail.contracts.decisions import Action, Claimed
from reftrail.contracts.money import amount_text
from reftrail.contracts.record import DAY, Derived, Micros, Millis, Record
from reftrail.contracts.stage_messages import LimitRequested, OrderAsked
from reftrail.rules.decider import Cause, Refused, TimerFired, fingerprint, metadata
from reftrail.rules.packing import packed, unpacked

MOST_REMEMBERED: Final = 64
"""The most questions about one order that are remembered. The next one becomes a dead letter."""

TOLERANCE: Final[Millis] = DAY
"""The time by which a refund or dispute may lie before its order, since clocks differ."""

OF_TWO_SHOPS: Final = (
    'If two shops use the same order ids, give one of them a prefix, or write order_ids = "user" '
    "in the campaign."
)
"""The advice to those whose orders clash."""

_OF_THE_ACTION: Final = (
    *("action", "action_event_id", "order_id", "amount_micros", "currency", "country", "source"),
    *("net_amount_micros", "refund_id", "amount_refunded_micros", "dispute_id"),
)


class Paid(msgspec.Struct, frozen=True, array_like=True):
    """The amount that an order cost, as far as it is known."""

    micros: Micros | None = None
    currency: str | None = None

    @classmethod
    def said_by(cls, message: LimitRequested | OrderAsked) -> "Paid":
        """The amount that a request or question says of an order."""
        return cls(message.order_amount_micros, message.order_currency)

    def differs_from(self, other: "Paid") -> bool:
        """Whether both are known, and aren't the same: then they are of two orders."""
        return None not in (self.micros, other.micros) and self != other

    def __str__(self) -> str:
        """The amount with its currency."""
        return f"{amount_text(self.micros or 0, self.currency)} {self.currency}"


NOTHING_KNOWN: Final = Paid()


class OrderQuestion(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A refund or dispute of an order: what the action said, and nothing of who asks.

    event_id is that of the message, asker the fingerprint of the user who is named in it. The
    question is forgotten at due_at. own is what that user paid for an order of this id.
    is_answered: it went to a referral, or a dead letter says why it didn't.
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
    own: Paid = NOTHING_KNOWN
    is_answered: bool = False

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
            own=Paid.said_by(asked),
            **{name: getattr(claim, name) for name in _OF_THE_ACTION},
        )

    def is_about(self, order: Paid) -> bool:
        """Whether it may be about an order that cost so much: nothing says that it is another."""
        if self.own != NOTHING_KNOWN:
            return not self.own.differs_from(order)
        is_comparable = self.currency in (None, order.currency)
        if self.action != Action.REFUND or order.micros is None or not is_comparable:
            return True
        return max(self.amount_micros or 0, self.amount_refunded_micros or 0) <= order.micros

    def concerns(self, holder: int, since: Millis) -> bool:
        """Whether it is for a user who reserves the order at a time: another one asked, and later.

        One from before the order isn't about it: another shop has another order of this id.
        """
        return self.asker != holder and self.event_time >= since - TOLERANCE

    def message(self, limit: str, record: Record, cause: Cause) -> OrderAsked:
        """The question as a message, for its dead letter. It says nothing of who asks."""
        claim = self.claim("", "", record, cause)
        return OrderAsked(
            **metadata(record, cause, f"asked_again:{self.event_id}"),
            limit=limit,
            user_id="",
            claim=packed(claim),
            order_amount_micros=self.own.micros,
            order_currency=self.own.currency,
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


def _same(known: Iterable[OrderQuestion], question: OrderQuestion) -> OrderQuestion | None:
    """The question as it is known, if it is."""
    return next((other for other in known if other.is_same(question)), None)


def known_question(known: Iterable[OrderQuestion], question: OrderQuestion) -> OrderQuestion:
    """The question, with what is known of it from the first time that it was asked.

    By the second time the asker's own order may be forgotten there, or its first report.
    """
    same = _same(known, question)
    if same is None:
        return question
    own = same.own if same.own != NOTHING_KNOWN else question.own
    return msgspec.structs.replace(question, own=own, is_answered=same.is_answered)


def has_claimed(known: Iterable[OrderQuestion], question: OrderQuestion, order: Paid) -> bool:
    """Whether a question went to who has an order, by what was known of it until now."""
    same = _same(known, question)
    return same is not None and same.is_answered and same.is_about(order)


def answered(  # noqa: PLR0913, PLR0917 - a question, and what is known of the order
    asked: OrderAsked,
    question: OrderQuestion,
    user_id: str,
    codes: Sequence[str] | None,
    paid: Paid,
    cause: Cause,
    *,
    has_claimed: bool = False,
) -> list[Claimed | Refused]:
    """A question about another user's order: as claims of the referrals that have it.

    codes are None of orders from before rules 9, of which it isn't known who they are. paid is what
    the order cost. has_claimed: it went there before; if it turns out to be about another order, a
    dead letter says what that has taken back.
    """
    if not question.is_about(paid):
        is_said = question.is_answered and not has_claimed
        clash = _clash(asked, question, paid, cause, has_claimed=has_claimed)
        return [] if is_said else [clash]
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
    common = metadata(asked, cause)
    same = _same(known, question)
    if same is not None:
        own, is_answered = question.own, question.is_answered
        now = msgspec.structs.replace(same, own=own, is_answered=is_answered)
        return [] if now == same else [QuestionRemembered(**common, question=now)]
    if len(known) < MOST_REMEMBERED:
        return [QuestionRemembered(**common, question=question)]
    detail = (
        f"{MOST_REMEMBERED} refunds and disputes of order {question.order_id} name users who "
        f"haven't earned by it, so no more are remembered; put this one back if the order earns "
        f"later"
    )
    common = metadata(asked, cause, "too_many_refunds")
    return [Refused(**common, reason="too_many_refunds", detail=detail)]


def with_question(
    known: Sequence[OrderQuestion], question: OrderQuestion
) -> tuple[OrderQuestion, ...]:
    """The questions with one more, or with what is known of one by now."""
    same = _same(known, question)
    if same is None:
        return (*known, question)
    return tuple(question if other is same else other for other in known)


def with_answers(
    known: tuple[OrderQuestion, ...], holder: int, since: Millis
) -> tuple[OrderQuestion, ...]:
    """The questions after a user has reserved their order, at a time."""
    return tuple(
        msgspec.structs.replace(question, is_answered=True)
        if question.concerns(holder, since)
        else question
        for question in known
    )


def claims_of_others(
    questions: Iterable[OrderQuestion], reserved: LimitRequested, cause: Cause
) -> Iterator[Claimed | Refused]:
    """The questions of other users about an order, as claims of the referral that reserves it."""
    holder = fingerprint(reserved.user_id)
    paid = Paid.said_by(reserved)
    for question in questions:
        if not question.concerns(holder, reserved.event_time):
            continue
        if question.is_about(paid):
            yield question.claim(reserved.code, reserved.user_id, reserved, cause)
        elif not question.is_answered:
            limit = reserved.limits[0].partition("|")[0]
            yield _clash(question.message(limit, reserved, cause), question, paid, cause)


def _clash(
    asked: OrderAsked,
    question: OrderQuestion,
    paid: Paid,
    cause: Cause,
    *,
    has_claimed: bool = False,
) -> Refused:
    """The dead letter of a question about another order that has the same id."""
    own = question.own
    if own == NOTHING_KNOWN:
        own = Paid(
            max(question.amount_micros or 0, question.amount_refunded_micros or 0),
            question.currency or paid.currency,
        )
    what_follows = (
        f", to which it went before that was known. {OF_TWO_SHOPS} If they aren't one order, what "
        f"it has taken back is to be given by an adjustment"
        if has_claimed
        else f", so nothing is taken back. {OF_TWO_SHOPS} If both are one order, send it again "
        f"with its buyer"
    )
    detail = (
        f"the {question.action} of order {question.order_id} is about {own}, and another user has "
        f"an order of this id for {paid}{what_follows}"
    )
    common = metadata(asked, cause, f"order_ids_clash:{question.event_id}")
    return Refused(**common, reason="order_ids_clash", detail=detail, payload=asked)


def forgotten(
    questions: Iterable[OrderQuestion], fired: TimerFired, cause: Cause
) -> list[Refused | QuestionsForgotten]:
    """Forget the questions whose time is over. Those without an answer become dead letters.

    One that names a user who is known to have bought the order has found its buyer.
    """
    letters = [
        Refused(
            **metadata(fired, cause, f"refund_unclaimed:{question.event_id}"),
            reason="refund_unclaimed",
            detail=f"nobody has earned by order {question.order_id} while its {question.action}, "
            f"which names another user, was remembered; put it back if somebody has since",
            payload=question.message(fired.action, fired, cause),
        )
        for question in questions
        if question.due_at <= fired.event_time
        and not question.is_answered
        and question.own == NOTHING_KNOWN
    ]
    return [*letters, QuestionsForgotten(**metadata(fired, cause))]
