"""Steps of a plan about orders: each is an input, and what the owner's books note of it."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from property.order_books import HOUR, Report
from property.order_play import ORDERS, ROLES, Input, Play
from property.order_programmes import OWNER, UNIT
from property.plan_step import Step
from support.delivered import delivered

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.events import DisputeLost, DisputeOpened, DisputeWon, Purchase, Refund
from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.topics import ADJUSTMENTS, EVENTS, FULFILMENTS, REVIEWS
from reftrail.testing.times import FIRST_DAY

DECISIONS: Final = ("approve", "decline", "reverse", "reinstate")
REPORTS: Final = {"opened": DisputeOpened, "won": DisputeWon, "lost": DisputeLost}


def _buy(play: Play, step: Step, name: str) -> Input:
    book, fields = play.order(step)
    currencies = play.programme.currencies
    currency = currencies[step.three % len(currencies)]
    paid, less = Fraction(10 + step.two * 17), Fraction(step.three % 3)
    at = max(FIRST_DAY, play.now - step.three % 4 * HOUR // 2)
    record = Purchase(
        **play.times(f"buys {name}", play.now - at),
        **fields,
        amount_micros=int(paid * UNIT),
        net_amount_micros=int((paid - less) * UNIT) if less else None,
        currency=currency,
    )
    now = play.now
    return Input(EVENTS, record, lambda: book.buy(paid, paid - less, currency, at, now))


def _pay_back(play: Play, step: Step, name: str) -> Input:
    book, fields = play.order(step)
    some, event = Fraction(step.two * 7, 2), f"pays back {name}"
    kind = step.three % 6
    amount = None if kind in (0, 1) else some
    refund_id = f"r{step.two % 2}" if kind in (2, 3) else None
    in_all = some * 2 if kind in (1, 3) and step.two else None
    if kind == 0 and step.two % 3:  # all at once is rare
        amount = some
    record = Refund(
        **play.times(event),
        **fields,
        amount_micros=None if amount is None else int(amount * UNIT),
        refund_id=refund_id,
        amount_refunded_micros=None if in_all is None else int(in_all * UNIT),
    )
    return Input(EVENTS, record, lambda: book.pay_back(event, amount, refund_id, in_all))


def _dispute(play: Play, step: Step, name: str) -> Input:
    book, fields = play.order(step)
    what = sorted(REPORTS)[step.two % 3]
    part = None if step.three % 3 == 0 else Fraction(step.three * 5)
    currency = (None, "EUR", "JPY")[(step.one + step.three) % 3] if part else None
    record = REPORTS[what](
        **play.times(f"disputes {name}"),
        **fields,
        dispute_id=f"d{step.three % 2}",
        amount_micros=None if part is None else int(part * UNIT),
        currency=currency,
    )
    report = Report(what, part, currency)
    return Input(EVENTS, record, lambda: book.dispute(f"d{step.three % 2}", report))


def _review(play: Play, step: Step, name: str) -> Input | None:
    """A review of one side of an order, or of all that the user has."""
    book, fields = play.order(step)
    user = fields["user_id"]
    role = ROLES[step.three % 2]
    sensible = [decision for decision in DECISIONS if book.allows(role, decision)]
    decisions = sensible if sensible and step.two % 4 else DECISIONS
    decision = decisions[step.two % len(decisions)]
    found = {
        entry.reward_id
        for entry in play.entries()
        if entry.user_id == user and entry.action == f"purchase:{fields['order_id']}"
        if entry.role == role
    }
    is_single = step.three % 3 != 0
    if is_single and not found:
        return None
    record = Reviewed(
        **play.times(f"review {name}"),
        code=play.name,
        user_id=user,
        reward_id=min(found) if is_single else None,
        decision=decision,
        reviewer="eve",
        reason="goodwill",
    )
    meant = (
        [(book, role)]
        if is_single
        else [(play.books[user, nth], side) for nth in range(ORDERS) for side in ROLES]
    )

    def note(at: int = play.now) -> None:
        if record.event_id not in play.carried_out:
            play.carried_out.add(record.event_id)
            for reviewed, side in meant:
                reviewed.review(side, decision, at)

    return Input(REVIEWS, record, note)


def _adjust(play: Play, step: Step, name: str) -> Input:
    """A credit or debit by hand, of a side of an order or of its reward; of few ids, some twice."""
    book, fields = play.order(step)
    user = fields["user_id"]
    role, its_id = ROLES[step.three % 2], f"a{step.two % 6}"
    amount, actor = Fraction((step.two - 5) * (step.three + 1)), ("ann", "bea")[step.three % 2]
    rewards = [
        entry.reward_id
        for entry in play.entries()
        if entry.user_id == user and entry.action == f"purchase:{fields['order_id']}"
        if entry.role == role
    ]
    is_about_reward = step.three % 3 == 0 and rewards
    currency = book.currency
    record = Adjusted(
        **play.times(f"adjusts {name}"),
        **({"user_id": user} if is_about_reward else fields),
        adjustment_id=its_id,
        code=play.name,
        role=None if is_about_reward else role,
        reward_id=rewards[0] if is_about_reward else None,
        value_micros=int(amount * UNIT),
        currency=currency,
        reason="goodwill",
        actor=actor,
    )

    def note() -> None:
        if amount and (user, its_id) not in play.adjusted:
            beneficiary = user if role == "referee" else OWNER
            unseen = play.unseen[beneficiary, amount > 0]
            noted = book.adjust(role, amount, currency, actor, unseen, record.received_at)
            play.adjusted[user, its_id] = noted

    return Input(ADJUSTMENTS, record, note)


def _decide(play: Play, step: Step, name: str) -> Input:
    """A decision about an adjustment, which may not be there, by its own actor or another one."""
    waiting = sorted(key for key, noted in play.adjusted.items() if noted.status == "held")
    user, its_id = waiting[step.one % len(waiting)] if waiting else ("u0", f"a{step.two % 6}")
    decision, actor = ("approve", "decline")[step.two % 4 == 0], ("ann", "bea")[step.three % 2]
    record = AdjustmentDecided(
        **play.times(f"decides {name}"),
        user_id=user,
        adjustment_id=its_id,
        code=play.name,
        decision=decision,
        actor=actor,
    )

    def note() -> None:
        if (user, its_id) in play.adjusted:
            play.adjusted[user, its_id].decide(decision, actor)

    return Input(ADJUSTMENTS, record, note)


def _deliver(play: Play, step: Step, name: str) -> Input | None:
    """A partner delivers what is open, or what was withdrawn too late."""
    choices = {**play.partner.last, **play.partner.open} if step.two % 4 == 0 else play.partner.open
    waiting = sorted(set(choices) - set(play.partner.given))
    if not waiting:
        return None
    order = choices[waiting[step.one % len(waiting)]]
    times = play.times(f"delivers {name}")
    record = delivered(order, value_micros=order.value_micros, **times)

    def note() -> None:
        if record.event_id not in play.carried_out and play.note_delivery(order):
            play.carried_out.add(record.event_id)
            play.partner.given[order.reward_id] = order.value_micros
            play.partner.open.pop(order.reward_id, None)

    return Input(FULFILMENTS, record, note)


def _pass_time(play: Play, step: Step, name: str) -> None:
    play.tick(step.one)


STEPS: Final[Mapping[str, Callable[[Play, Step, str], Input | None]]] = {
    "buy": _buy,
    "pay back": _pay_back,
    "dispute": _dispute,
    "review": _review,
    "adjust": _adjust,
    "decide": _decide,
    "deliver": _deliver,
    "time": _pass_time,
}
"""The steps that a plan may have.

Add here what else may happen to an order, and how its book notes it.
"""


def take_step(play: Play, step: Step, nth: int) -> None:
    """Do what a step says, an hour after the one before."""
    play.now += HOUR
    if step.what == "again":
        if play.inputs:
            play.come(play.inputs[(step.one * 12 + step.two) % len(play.inputs)])
        return
    made = STEPS[step.what](play, step, f"{nth}")
    if made is not None:
        play.inputs.append(made)
        play.come(made)
