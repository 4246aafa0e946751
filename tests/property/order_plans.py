"""Plans of what happens to a few orders, played against the pipeline and the owner's books."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import Any, Final, NamedTuple

import msgspec
from hypothesis import strategies as st
from property.order_books import (
    HOUR,
    AdjustmentBook,
    OrderBook,
    Report,
)
from property.order_programmes import ISSUED, OWNER, PROGRAMMES, UNIT

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.decisions import RewardDecided, RewardGranted, RewardWithdrawn
from reftrail.contracts.events import (
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Purchase,
    Refund,
    Signup,
)
from reftrail.contracts.external_inputs import FulfilmentReported, Reviewed, Ticked
from reftrail.contracts.record import Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    CAMPAIGNS,
    CODES,
    EVENTS,
    FULFILMENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARDS,
    TICKS,
)
from reftrail.testing import MemoryHost
from reftrail.testing.times import FIRST_DAY

USERS: Final = {"u0": "trusted", "u1": "suspected", OWNER: "rejected"}
"""The views of the program on each."""
ROLES: Final = ("referrer", "referee")
DECISIONS: Final = ("approve", "decline", "reverse", "reinstate")
REPORTS: Final = {"opened": DisputeOpened, "won": DisputeWon, "lost": DisputeLost}
ORDERS: Final = 2
_WHO: Final = ("u0", "u0", "u1", OWNER)


class Step(NamedTuple):
    """The next step of a plan; the numbers choose among what there is."""

    what: str
    one: int
    two: int
    three: int


class Input(NamedTuple):
    """A record from outside, and what the owner's books note when it comes."""

    topic: Topic
    record: Record
    note: Callable[[], None]


class Partner:
    """A partner that carries out orders to fulfil, and knows the rest of each reward."""

    def __init__(self) -> None:
        self.open: dict[str, RewardGranted] = {}
        self.last: dict[str, RewardGranted] = {}
        self.given: dict[str, int] = {}
        self._read = 0

    def read(self, host: MemoryHost) -> None:
        """Read on: an order while another one is open, or after a delivery, would pay twice."""
        log = host.log(REWARD_GRANTED)
        for record in log[self._read :]:
            if isinstance(record, RewardGranted):
                assert record.reward_id not in self.open, "ordered twice"
                assert record.reward_id not in self.given, "ordered after it was delivered"
                self.open[record.reward_id] = self.last[record.reward_id] = record
            elif isinstance(record, RewardWithdrawn):
                left = record.remaining_micros
                order = self.open.pop(record.reward_id)
                if left:
                    self.open[record.reward_id] = msgspec.structs.replace(order, value_micros=left)
        self._read = len(log)


class Play:
    """A plan that is played: the pipeline, the owner's books, the partner, and the time."""

    def __init__(self, name: str) -> None:
        self.name, self.programme = name, PROGRAMMES[name]
        self.host = MemoryHost(wire=False, batch=100)
        self.host.publish(CAMPAIGNS, *(programme.defined for programme in PROGRAMMES.values()))
        self.host.publish(CODES, *ISSUED)
        self.now, self.inputs = FIRST_DAY, list[Input]()
        self.carried_out: set[str] = set()
        self.partner = Partner()
        self.adjusted: dict[tuple[str, str], AdjustmentBook] = {}
        self.unseen = defaultdict[tuple[str, bool], list[tuple[int, Fraction]]](list)
        self.books = {
            (user, nth): OrderBook(self.programme.terms, verdict)
            for user, verdict in USERS.items()
            for nth in range(ORDERS)
        }
        self.begin()
        self.host.run()

    def begin(self) -> None:
        """All users sign up."""
        self.host.publish(EVENTS, *(self._signup(user) for user in USERS))

    def _signup(self, user: str) -> Signup:
        return Signup(
            **self._times(f"{user} signs up"),
            user_id=user,
            code=self.name,
            code_known=True,
            campaign_id=self.programme.defined.campaign_id,
            email_disposable=USERS[user] == "suspected",
        )

    def _times(self, name: str, back: int = 0) -> dict[str, Any]:
        return {"event_id": name, "event_time": self.now - back, "received_at": self.now}

    def step(self, step: Step, nth: int) -> None:
        """Do what a step says, an hour after the one before."""
        self.now += HOUR
        if step.what == "again":
            if self.inputs:
                self.come(self.inputs[(step.one * 12 + step.two) % len(self.inputs)])
            return
        made = STEPS[step.what](self, step, f"{nth}")
        if made is not None:
            self.inputs.append(made)
            self.come(made)

    def come(self, made: Input) -> None:
        """Let an input come, now or again."""
        self.host.publish(made.topic, made.record)
        self.host.run()
        made.note()
        self.partner.read(self.host)

    def tick(self, hours: int) -> None:
        """Let the time pass. A tick never comes again."""
        self.now += hours * HOUR
        record = Ticked(**self._times(f"tick {self.now}"), partition=0, partitions=1)
        self.come(Input(TICKS, record, self._note_tick))

    def _note_tick(self) -> None:
        for book in self.books.values():
            book.tick(self.now)

    def order(self, step: Step) -> tuple[OrderBook, dict[str, Any]]:
        """The book of an order, and the fields of an event about it."""
        user = _WHO[step.one % len(_WHO)]
        nth = step.one // len(_WHO) % ORDERS
        return self.books[user, nth], {"user_id": user, "order_id": f"{user}-o{nth}"}

    def note_delivery(self, order: RewardGranted) -> bool:
        """Note a delivery in the book of its order. False if the report is refused."""
        if order.action.startswith("adjustment:"):
            return True
        nth = int((order.order_id or "")[-1])
        return self.books[order.user_id, nth].deliver(order.role)

    def entries(self) -> list[RewardDecided]:
        """The ledger so far."""
        return [entry for entry in self.host.log(REWARDS) if isinstance(entry, RewardDecided)]


def _buy(play: Play, step: Step, name: str) -> Input:
    book, fields = play.order(step)
    currencies = play.programme.currencies
    currency = currencies[step.three % len(currencies)]
    paid, less = Fraction(10 + step.two * 17), Fraction(step.three % 3)
    at = max(FIRST_DAY, play.now - step.three % 4 * HOUR // 2)
    record = Purchase(
        **play._times(f"buys {name}", play.now - at),
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
        **play._times(event),
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
        **play._times(f"disputes {name}"),
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
        **play._times(f"review {name}"),
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
        **play._times(f"adjusts {name}"),
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
        **play._times(f"decides {name}"),
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
    record = FulfilmentReported(
        **play._times(f"delivers {name}"),
        code=order.code,
        user_id=order.user_id,
        reward_id=order.reward_id,
        role=order.role,
        outcome="delivered",
        kind=order.kind,
        attempts=1,
        action=order.action,
        value_micros=order.value_micros,
    )

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
_OFTEN: Final = (
    ["buy"] * 6
    + ["pay back"] * 4
    + ["dispute"] * 6
    + ["review"] * 6
    + ["adjust"] * 4
    + ["decide"] * 3
    + ["deliver"] * 4
    + ["time"] * 3
    + ["again"] * 3
)


def _long_plan(seed: int, kinds: Sequence[str] = _OFTEN) -> list[Step]:
    """A plan in which much happens: those that are drawn step by step tend to be dull."""
    rng = Random(seed)
    return [
        Step(rng.choice(kinds), rng.randrange(12), rng.randrange(12), rng.randrange(12))
        for _ in range(rng.randrange(20, 50))
    ]


def _plans(kinds: Sequence[str]) -> st.SearchStrategy[list[Step]]:
    numbers = st.integers(0, 11)
    steps = st.builds(Step, st.sampled_from(kinds), numbers, numbers, numbers)
    long = st.integers(0, 2**32).map(lambda seed: _long_plan(seed, kinds))
    return st.lists(steps, min_size=3, max_size=25) | long


plans = _plans(_OFTEN)
_OF_REFERRALS: Final = frozenset({"review", "adjust", "decide"})
merging_plans = _plans([kind for kind in _OFTEN if kind not in _OF_REFERRALS])
"""Plans without what is about a referral, since one of two ends."""


def played(name: str, plan: Iterable[Step]) -> Play:
    """A plan played to its end, and until all holds are over."""
    play = Play(name)
    for nth, step in enumerate(plan):
        play.step(step, nth)
    for _ in range(2):
        play.tick(24)
    return play
