"""Merged users earn once: each order as if one person had always been one user.

A guest and an account, attributed to two referrers or one, report orders, refunds and disputes,
each of them the other's too, before and after they are merged.
"""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final, NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st
from property.order_books import OrderBook
from property.order_plans import merging_plans
from property.order_play import ROLES, Input, Play
from property.order_programmes import PROGRAMMES, UNIT
from property.order_steps import take_step
from property.plan_step import Step
from property.test_order_sums import EFFECTS

from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.events import Signup, UsersMerged
from reftrail.contracts.record import HOUR
from reftrail.contracts.topics import CODES, EVENTS
from reftrail.testing import code
from reftrail.testing.times import FIRST_DAY

PEOPLE: Final = ("guest", "account")


class Pair(NamedTuple):
    """The signups of a guest and an account: the code of each (None: by themselves), and the time.

    The guest's time is None where the guest never signed up.
    """

    guest_code: str | None
    account_code: str | None
    guest_at: int | None
    account_at: int

    def referral(self) -> tuple[str, str] | None:
        """Code and user of the referral that is left, if there is one: that of the first signup."""
        guest_is_first = self.guest_at is not None and self.guest_at < self.account_at
        its_code = self.guest_code if guest_is_first else self.account_code
        if its_code is None:
            return None
        return its_code, "guest" if guest_is_first else "account"


PAIRS: Final = {
    "the guest first": Pair("AMY", "BOB", 0, 1),
    "the account first": Pair("AMY", "BOB", 1, 0),
    "one code": Pair("AMY", "AMY", 0, 1),
    "one code, the account first": Pair("AMY", "AMY", 1, 0),
    "a guest who never signs up": Pair(None, "BOB", None, 0),
    "nobody brought the first": Pair(None, "BOB", 0, 1),
    "nobody brought the second": Pair("AMY", None, 0, 1),
}


class MergingPlay(Play):
    """A play of one person under two names; orders are known by either."""

    def __init__(self, name: str, pair: Pair) -> None:
        self.pair = pair
        super().__init__(name)
        self.books = {
            ("person", nth): OrderBook(self.programme.terms, "trusted") for nth in range(3)
        }

    def begin(self) -> None:
        campaign_id = self.programme.defined.campaign_id
        for name in ("AMY", "BOB"):
            self.host.publish(CODES, code(name, owner=name.lower(), campaign_id=campaign_id))
        for user, its_code, at in zip(PEOPLE, self.pair[:2], self.pair[2:], strict=True):
            if at is None:
                continue
            time = FIRST_DAY + at
            signup = Signup(
                event_id=f"{user} signs up",
                event_time=time,
                received_at=time,
                user_id=user,
                code=its_code,
                code_known=True if its_code else None,
                campaign_id=its_code and campaign_id,
            )
            self.host.publish(EVENTS, signup)

    def order(self, step: Step) -> tuple[OrderBook, dict[str, Any]]:
        nth = step.one // 2 % 3
        return self.books["person", nth], {"user_id": PEOPLE[step.one % 2], "order_id": f"o{nth}"}

    def note_delivery(self, order: RewardGranted) -> bool:
        return True

    def merge(self) -> None:
        """The guest turns out to be the account."""
        self.now += HOUR
        merged = UsersMerged(**self.times("merged"), user_id="guest", merged_into="account")
        self.inputs.append(Input(EVENTS, merged, lambda: None))
        self.come(self.inputs[-1])


BOTH_BUY: Final = [Step("buy", 0, 0, 0), Step("buy", 1, 0, 0)]
"""The guest and the account report one order: the second was refused, for good, until 2026-11."""


def as_both_say(step: Step) -> Step:
    """A step as either user reports it: what was paid for an order, and what a dispute is about.

    One dispute of an order is about all of it, and no report says an amount; the other is about
    parts. A loss whose amount becomes known after it isn't given back (ADR 18).
    """
    if step.what == "buy":
        return step._replace(two=1 + step.one // 2 % 3 * 4, three=0)
    if step.what == "dispute":
        in_parts = (1, 5, 7, 11)
        return step._replace(three=in_parts[step.three // 2 % 4] if step.three % 2 else 0)
    return step


def played(name: str, pair: Pair, plan: Iterable[Step], merged_after: int) -> MergingPlay:
    play, steps = MergingPlay(name, pair), list(plan)
    for nth, step in enumerate(steps):
        if nth == merged_after % (len(steps) + 1):
            play.merge()
        take_step(play, as_both_say(step), nth)
    if merged_after % (len(steps) + 1) == len(steps):
        play.merge()
    for _ in range(2):
        play.tick(24)
    return play


def sums(play: Play) -> dict[tuple[str, str], Fraction]:
    """The sum of the ledger, for each order and side, under any owner."""
    totals: Counter[tuple[str, str]] = Counter()
    for entry in play.entries():
        key = entry.action.removeprefix("purchase:"), entry.role
        totals[key] += EFFECTS.get(entry.status, 0) * entry.value_micros
    return {key: Fraction(total, UNIT) for key, total in totals.items() if total}


def expected(play: MergingPlay) -> dict[tuple[str, str], Fraction]:
    referral = play.pair.referral()
    if referral is None:
        return {}
    delivered = {
        (order.order_id, order.role)
        for reward_id, order in play.partner.last.items()
        if reward_id in play.partner.given and (order.code, order.user_id) == referral
    }
    return {
        (f"o{nth}", role): worth
        for (_, nth), book in play.books.items()
        for role in ROLES
        if role in book.terms.sides and (worth := book.value(role))
        if not book.is_disputed or (f"o{nth}", role) in delivered
    }


@given(
    st.sampled_from(sorted(PAIRS)),
    st.sampled_from(sorted(PROGRAMMES)),
    merging_plans,
    st.integers(0, 50),
)
@example("the account first", "KEEP", BOTH_BUY, 2)
@example("the guest first", "RATE", BOTH_BUY[::-1], 2)
@example("one code", "HELD", BOTH_BUY, 2)
@example("one code, the account first", "EACH", [*BOTH_BUY, Step("deliver", 0, 1, 0)], 3)
@settings(max_examples=200)
def test_a_person_earns_each_order_once(
    pair: str, name: str, plan: list[Step], merged_after: int
) -> None:
    play = played(name, PAIRS[pair], plan, merged_after)
    assert sums(play) == expected(play)
