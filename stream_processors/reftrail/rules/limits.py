"""Limits that codes share: users of a referrer and amounts of a budget, in total or for a day.

A reward asks for a reservation under each of its limits, one after the other. It gets all of them
or none: if a limit has nothing left, the reservations under the limits before it are released. A
limit is never exceeded. While a reward that a later limit will refuse is on its way, an earlier
limit may refuse another one.

A limit within a time counts what was reserved in that time before, in whole UTC days: an amount
counts until the time has passed since the end of its day, and is forgotten then.

The limit of a day closes some time after that day: then nothing is reserved under it any more, and
none is released. Later it is forgotten.

An order is a limit, too, of one user. So this stage knows whose it is, and answers refunds that
name somebody else (`order_questions.py`).
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never

import msgspec

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.record import DAY, Derived, Millis
from reftrail.contracts.stage_messages import LimitAnswered, LimitRequested, OrderAsked
from reftrail.rules.decider import Cause, Reference, Refused, TimerFired, fingerprint, metadata
from reftrail.rules.limit_names import (
    EMAIL,
    ORDER,
    LimitReservation,
    forgotten_at,
    is_closed,
    is_of_order,
)
from reftrail.rules.order_questions import (
    NOTHING_KNOWN,
    OrderQuestion,
    Paid,
    QuestionRemembered,
    QuestionsForgotten,
    answered,
    claims_of_others,
    forgotten,
    has_claimed,
    known_question,
    remembered,
    with_answers,
    with_question,
)

NO_DAY: Final = -1


class LimitState(msgspec.Struct, frozen=True, array_like=True):
    """The taken amount of a limit. An order or address has a holder: its user's fingerprint.

    Of an order, user_id is its holder, and codes are those under which it has reserved the order:
    in each of several campaigns a user may be referred under another one. paid is what it cost.

    day is the UTC day of a limit for a day; NO_DAY for others. Of a limit within a time, days are
    the amounts by UTC day, in order, and within is the longest time that was asked for.

    questions are those about an order which other users may have, as they came in.
    """

    taken: int = 0
    holder: int = 0
    day: int = NO_DAY
    days: tuple[tuple[int, int], ...] = ()
    within: Millis = 0
    codes: tuple[str, ...] = ()
    user_id: str = ""
    questions: tuple[OrderQuestion, ...] = ()
    paid: Paid = NOTHING_KNOWN

    def taken_by(self, at: Millis, within: Millis) -> int:
        """The amount that is taken by a time; of a limit within a time, that which still counts."""
        if not within:
            return self.taken
        return sum(amount for day, amount in self.days if _counts_until(day, within) > at)

    def with_amount(self, amount: int, at: Millis, within: Millis) -> "LimitState":
        """The state of a limit within a time after one amount more. What is too old is dropped."""
        longest, today = max(within, self.within), at // DAY
        amounts = dict(self.days)
        amounts[today] = amounts.get(today, 0) + amount
        kept = ((day, amounts[day]) for day in sorted(amounts) if _counts_until(day, longest) > at)
        return LimitState(days=tuple(kept), within=longest)


def _counts_until(day: int, within: Millis) -> Millis:
    """The time until which the amounts of a UTC day count in a limit within a time."""
    return (day + 1) * DAY + within


class LimitReserved(Derived, frozen=True, kw_only=True):
    """An amount of the limit is taken. A state event."""

    amount: int
    holder: int = 0
    day: int = NO_DAY
    within: Millis = 0
    code: str = ""
    user_id: str = ""
    paid: Paid = NOTHING_KNOWN


class DayForgotten(Derived, frozen=True, kw_only=True):
    """The limit of a day, or within a time, is forgotten. A state event."""


class LimitReleased(Derived, frozen=True, kw_only=True):
    """An amount of the limit is released. A state event."""

    amount: int


Event: TypeAlias = (
    LimitRequested
    | LimitAnswered
    | LimitReserved
    | LimitReleased
    | QuestionRemembered
    | QuestionsForgotten
    | DayForgotten
    | Claimed
    | Refused
)


class LimitsDecider:
    """The decider of the limits stage. Its key is that of the first limit of a request.

    remembered is the time from its receipt for which a refund is that names another user than the
    one who bought, and whose order has earned nothing yet.
    """

    def __init__(self, remembered: Millis) -> None:
        self.remembered = remembered

    def decide(
        self,
        state: LimitState,
        record: LimitRequested | OrderAsked | TimerFired,
        cause: Cause,
        reference: Reference,  # noqa: ARG002
    ) -> Sequence[Event]:
        """Answer a request or a question, or forget what is due."""
        if isinstance(record, TimerFired):
            if state.questions:
                return forgotten(state.questions, record, cause)
            return [DayForgotten(**metadata(record, cause))]
        if isinstance(record, OrderAsked):
            return self._asked(state, record, cause)
        return self._requested(state, record, cause)

    def _requested(
        self, state: LimitState, record: LimitRequested, cause: Cause
    ) -> Sequence[Event]:
        """Reserve or release an amount, and send the request to its next limit, or an answer."""
        reservation, rest = LimitReservation.parse(record.limits[0]), record.limits[1:]
        closed = reservation.day is not None and is_closed(reservation.day, record.received_at)
        is_of_one_user = reservation.key.partition(":")[0] in (ORDER, EMAIL)
        holder = fingerprint(record.user_id) if is_of_one_user else 0
        is_order = is_of_order(reservation.key)
        if record.releasing:
            is_another_users = state.holder not in (0, holder)
            amount = 0 if closed or is_another_users else reservation.amount
            freed = LimitReleased(**metadata(record, cause, "given_back"), amount=amount)
            return [freed, *_ask(rest, [], record, cause)]
        is_held = holder and state.taken and state.holder == holder
        paid = Paid.said_by(record) if is_order else NOTHING_KNOWN
        already = state.taken_by(record.received_at, reservation.within)
        if closed or (already + reservation.amount > reservation.most and not is_held):
            held = state.paid if state.paid.differs_from(paid) else None
            refused = _answer(record, cause, refused_by=reservation.key, held=held)
            return [refused, *_ask(record.passed, [], record, cause, releasing=True)]
        taken = LimitReserved(
            **metadata(record, cause, "taken"),
            amount=reservation.amount,
            holder=holder,
            day=NO_DAY if reservation.day is None else reservation.day,
            within=reservation.within,
            code=record.code if is_order else "",
            user_id=record.user_id if is_order else "",
            paid=paid,
        )
        asked = claims_of_others(state.questions, record, cause) if state.questions else ()
        if not rest:
            return [taken, _answer(record, cause), *asked]
        return [taken, *_ask(rest, [*record.passed, record.limits[0]], record, cause), *asked]

    def _asked(self, state: LimitState, asked: OrderAsked, cause: Cause) -> Sequence[Event]:
        """Send a refund or dispute to the referrals that have its order, and remember it."""
        question = known_question(state.questions, OrderQuestion.of(asked, self.remembered))
        answers: Sequence[Claimed | Refused] = ()
        if state.taken and state.holder not in (0, question.asker):
            codes = state.codes if state.user_id else None
            has_asked = has_claimed(state.questions, question, state.paid)
            answers = answered(
                *(asked, question, state.user_id, codes, state.paid, cause), has_claimed=has_asked
            )
            question = msgspec.structs.replace(question, is_answered=True)
        return [*answers, *remembered(state.questions, asked, question, cause)]

    def evolve(self, state: LimitState, record: Event) -> LimitState:  # noqa: PLR0911 - a table
        """The taken amount after an event."""
        match record:
            case LimitReserved() if record.within:
                return state.with_amount(record.amount, record.received_at, record.within)
            case LimitReserved():
                taken = state.taken + record.amount
                codes = tuple(dict.fromkeys((*state.codes, record.code))) if record.code else ()
                paid = state.paid if record.paid == NOTHING_KNOWN else record.paid
                since = record.event_time
                return LimitState(
                    *(taken, record.holder, record.day),
                    codes=codes,
                    user_id=record.user_id,
                    questions=with_answers(state.questions, record.holder, since),
                    paid=paid,
                )
            case LimitReleased():
                taken = max(0, state.taken - record.amount)
                if taken:
                    return msgspec.structs.replace(state, taken=taken)
                return LimitState(questions=state.questions)
            case QuestionRemembered(question=question):
                questions = with_question(state.questions, question)
                return msgspec.structs.replace(state, questions=questions)
            case QuestionsForgotten(event_time=now):
                left = tuple(known for known in state.questions if known.due_at > now)
                return msgspec.structs.replace(state, questions=left)
            case DayForgotten():
                return LimitState()
            case LimitRequested() | LimitAnswered() | Claimed() | Refused():
                return state
            case _:
                assert_never(record)


def wakes_at(state: LimitState) -> Millis | None:
    """The time at which something of a limit is forgotten; None if nothing is.

    That is the limit of a day, or within a time, or a question about an order.
    """
    if state.questions:
        return min(question.due_at for question in state.questions)
    if state.days:
        return _counts_until(state.days[-1][0], state.within)
    return None if state.day == NO_DAY else forgotten_at(state.day)


def _ask(
    limits: list[str],
    passed: list[str],
    request: LimitRequested,
    cause: Cause,
    *,
    releasing: bool | None = None,
) -> list[LimitRequested]:
    """The request to the next limit, if there is one."""
    if not limits:
        return []
    return [
        LimitRequested(
            **metadata(request, cause, "next_limit"),
            limits=limits,
            passed=passed,
            releasing=request.releasing if releasing is None else releasing,
            code=request.code,
            user_id=request.user_id,
            claim_id=request.claim_id,
            order_amount_micros=request.order_amount_micros,
            order_currency=request.order_currency,
        )
    ]


def _answer(
    request: LimitRequested,
    cause: Cause,
    *,
    refused_by: str | None = None,
    held: Paid | None = None,
) -> LimitAnswered:
    return LimitAnswered(
        **metadata(request, cause, "limit_answered"),
        code=request.code,
        user_id=request.user_id,
        claim_id=request.claim_id,
        refused_by=refused_by,
        held_amount_micros=held.micros if held else None,
        held_currency=held.currency if held else None,
    )
