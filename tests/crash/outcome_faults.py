"""Faults in what became of rewards, each put into a faultless run, and the check that finds it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import msgspec

from crash.evidence import Evidence
from crash.faultless_run import changed, with_one_more, without
from reftrail.contracts.codec import encode
from reftrail.contracts.reward_reasons import is_part
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    DEAD_LETTERS,
    FULFILMENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARDS,
)

Which: TypeAlias = Callable[[Any], bool]


def of(user: str, *statuses: str) -> Which:
    """The entries about a user, of some statuses if given; or the reports."""
    return lambda entry: entry.user_id == user and (not statuses or entry.status in statuses)


def by_name(name: str) -> Which:
    return lambda record: record.event_id == name


def once_more(it: Evidence, topic: Topic, which: Which, **fields: object) -> Evidence:
    """With a copy of a record at the end, some of its fields others."""
    like = next(at for at in it.log[topic] if which(at.record))
    return with_one_more(it, topic, like, msgspec.structs.replace(like.record, **fields))


def two_more_grants(it: Evidence, **fields: object) -> Evidence:
    """Two users more earn as w0 did."""
    one_more = once_more(it, REWARDS, of("w0", "granted"), user_id="x", **fields)
    return once_more(one_more, REWARDS, of("w0", "granted"), user_id="y", **fields)


def with_given(it: Evidence, user: str, times: int) -> Evidence:
    order: Any = next(at.record for at in it.log[REWARD_GRANTED] if of(user)(at.record))
    return replace(it, given={**it.given, order.reward_id: times})


def an_effect_is_refused_too(it: Evidence) -> Evidence:
    approved = next(at.record for at in it.log[REVIEWS] if at.record.event_id == "approve w0")
    return once_more(it, DEAD_LETTERS, lambda _: True, event_id="x", payload=encode(approved))


def by_hand(name: str, *statuses: str) -> Which:
    """The entries of an adjustment, of some statuses if given."""
    return lambda entry: (
        entry.action == f"adjustment:for {name}" and (not statuses or entry.status in statuses)
    )


FAULTS: dict[str, tuple[Callable[[Evidence], Evidence], str, str]] = {
    "an acknowledged adjustment is lost": (
        lambda it: without(it, ADJUSTMENTS, by_name("a2")),
        "adjustments",
        "acknowledged, but not on the adjustments topic: 1 (for a2)",
    ),
    "an adjustment comes to nothing": (
        lambda it: without(it, REWARDS, by_hand("a2")),
        "adjustments",
        "asked, but neither adjusted nor refused: 1 (a2)",
    ),
    "an adjustment is booked twice": (
        lambda it: once_more(it, REWARDS, by_hand("a2"), event_id="x"),
        "adjustments",
        "adjusted more than once: 1 (a2)",
    ),
    "nobody asked for an adjustment": (
        lambda it: once_more(it, REWARDS, by_hand("a2"), event_id="x", cause_event_id="x"),
        "adjustments",
        "adjusted, but nobody asked: 1 (x)",
    ),
    "an acknowledged decision about an adjustment is lost": (
        lambda it: without(it, ADJUSTMENTS, by_name("decline a4 bea")),
        "adjustments",
        "acknowledged decisions, not on the topic: 1 (decline bea e4 for a4)",
    ),
    "a decision about an adjustment comes to nothing": (
        lambda it: without(it, REWARDS, by_hand("a4", "rejected")),
        "adjustments",
        "a decision came to nothing: 1 (decline a4 bea)",
    ),
    "a decision about an adjustment takes effect twice": (
        lambda it: once_more(it, REWARDS, by_hand("a4", "rejected"), event_id="x"),
        "adjustments",
        "a decision took effect more than once: 1 (decline a4 bea)",
    ),
    "somebody approves an adjustment of their own": (
        lambda it: changed(
            it,
            REWARDS,
            lambda entry: "approved" in entry.reasons and by_hand("a1")(entry),
            cause_event_id="approve a1 Ann",
        ),
        "adjustments",
        "adjustment:for a1: approved by its own actor",
    ),
    "small adjustments exceed the amount without approval": (
        lambda it: changed(it, REWARDS, by_hand("a4", "held"), status="adjusted"),
        "adjustments",
        "owner: 14000000 micros of 6000000 were adjusted without approval",
    ),
    "an acknowledged review is lost": (
        lambda it: without(it, REVIEWS, by_name("decline w1")),
        "reviews",
        "acknowledged, but not on the reviews topic: 1",
    ),
    "a review comes to nothing": (
        lambda it: without(it, REWARDS, of("w1", "rejected")),
        "reviews",
        "reviews: came to nothing: 1 (decline w1)",
    ),
    "a review takes effect twice": (
        lambda it: once_more(it, REWARDS, of("w1", "rejected"), event_id="x"),
        "reviews",
        "reviews: took effect more than once: 1 (decline w1)",
    ),
    "a refusal isn't reported": (
        lambda it: without(it, DEAD_LETTERS, lambda letter: b"approve" in letter.payload),
        "reviews",
        "reviews: came to nothing: 1 (approve w1)",
    ),
    "a review is refused twice": (
        lambda it: once_more(it, DEAD_LETTERS, lambda letter: b"approve w1" in letter.payload),
        "reviews",
        "reviews: refused more than once: 1 (approve w1)",
    ),
    "a review is refused, and takes effect": (
        an_effect_is_refused_too,
        "reviews",
        "reviews: refused, and took effect: 1 (approve w0)",
    ),
    "a partner gives twice": (
        lambda it: with_given(it, "w2", 2),
        "fulfilment",
        "given more than once: 1",
    ),
    "a partner gives what isn't reported": (
        lambda it: without(it, FULFILMENTS, of("w2")),
        "fulfilment",
        "given, but not reported: 1",
    ),
    "what wasn't given is reported": (
        lambda it: with_given(it, "w2", 0),
        "fulfilment",
        "reported, but not given: 1",
    ),
    "what wasn't ordered is given": (
        lambda it: without(it, REWARD_GRANTED, of("w2")),
        "fulfilment",
        "given, but not ordered: 1",
    ),
    "what wasn't ordered is reported": (
        lambda it: without(it, REWARD_GRANTED, of("w2")),
        "fulfilment",
        "reported, but not ordered: 1",
    ),
    "a code is handed out twice": (
        lambda it: changed(
            it, FULFILMENTS, lambda report: report.user_id in "w0 w2", kind="code", reference="GIFT"
        ),
        "fulfilment",
        "codes handed out more than once: 1 (GIFT)",
    ),
    "a delivery comes to nothing": (
        lambda it: without(it, REWARDS, of("w2", "fulfilled")),
        "fulfilment",
        "fulfilments: came to nothing: 1",
    ),
    "a delivery isn't in the ledger": (
        lambda it: without(it, REWARDS, of("w2", "fulfilled")),
        "fulfilment",
        "delivered, but not in the ledger: 1",
    ),
    "nobody delivered what is fulfilled": (
        lambda it: without(it, FULFILMENTS, of("w2")),
        "fulfilment",
        "fulfilled, but not delivered: 1",
    ),
    "a reward is granted after it was rejected": (
        lambda it: once_more(it, REWARDS, of("w1", "held"), event_id="x", status="granted"),
        "transitions",
        "granted after rejected",
    ),
    "a part is taken of what isn't granted": (
        lambda it: without(it, REWARDS, of("w2", "granted", "fulfilled")),
        "transitions",
        "a part was taken back when it was held",
    ),
    "a part is taken of another grant": (
        lambda it: changed(it, REWARDS, is_part, supersedes="x"),
        "transitions",
        "reversed, but not of its grant",
    ),
    "another grant expires": (
        lambda it: changed(it, REWARDS, of("w3", "expired"), supersedes="x"),
        "transitions",
        "expired, but not of its grant",
    ),
    "too much is taken back": (
        lambda it: changed(it, REWARDS, is_part, value_micros=5_000_001),
        "worth",
        "-1 micros after reversed",
    ),
    "too little is taken back": (
        lambda it: changed(
            it,
            REWARDS,
            lambda entry: of("w4", "reversed")(entry) and entry.value_micros,
            value_micros=1,
        ),
        "worth",
        "is reversed, and worth 4999999 micros",
    ),
    "a user is shown a wrong balance": (
        lambda it: replace(it, balances={("owner", "USD"): 1}),
        "worth",
        "owner: is shown 1 micros of USD",
    ),
    "a hold doesn't end": (
        lambda it: without(it, REWARDS, of("w5", "granted", "fulfilled")),
        "timers",
        "a tick has passed its time: 1",
    ),
    "a grant doesn't expire": (
        lambda it: without(it, REWARDS, of("w3", "expired")),
        "timers",
        "a tick has passed its time: 1",
    ),
    "an order is forgotten": (
        lambda it: without(it, REWARDS, of("u0", "fulfilled")),
        "timers",
        "has not come to rest: 1",
    ),
    "a limited code is used once more": (
        lambda it: once_more(
            it,
            REWARDS,
            lambda entry: entry.code == "FEW" and entry.status == "granted",
            user_id="x",
        ),
        "limits",
        "FEW: 3 users earned, its limit is 2",
    ),
    "more earn through a code than its campaign allows": (
        two_more_grants,
        "limits",
        "WATCHED: 7 users earned, its limit is 6",
    ),
    "more earn for a referrer than the campaign allows": (
        lambda it: two_more_grants(it, code="X"),
        "limits",
        "owner: 7 users earned, its limit is 6",
    ),
    "more is granted than the budget has": (
        lambda it: changed(it, REWARDS, of("w0", "granted"), value_micros=20_000_001),
        "limits",
        "watched: 30000001 micros spent of 30000000",
    ),
}
