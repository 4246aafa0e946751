"""Every check of what became of rewards finds what it is there for."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import msgspec
import pytest

from crash.books import violations
from crash.evidence import Evidence
from crash.outcomes import limits, reached, timers
from crash.right import changed, right, with_one_more, without
from reftrail.contracts.codec import encode
from reftrail.contracts.reward_reasons import is_part
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import DEAD_LETTERS, FULFILMENTS, REVIEWS, REWARD_GRANTED, REWARDS

Which: TypeAlias = Callable[[Any], bool]


def test_the_run_has_all_that_the_checks_are_about() -> None:
    """Else they would pass whatever they do."""
    evidence = right()
    ledger: list[Any] = evidence.records(REWARDS)
    statuses = Counter(entry.status for entry in ledger if entry.campaign_id == "watched")
    assert statuses == {
        "held": 6,
        "granted": 5,
        "rejected": 1,
        "fulfilled": 3,
        "reversed": 4,
        "expired": 1,
    }
    assert [is_part(one) for one in ledger if one.status == "reversed"].count(True) == 1
    letters: list[Any] = evidence.records(DEAD_LETTERS)
    assert [letter.reason for letter in letters] == ["not_allowed"]
    assert len(evidence.records(REVIEWS)) > len(evidence.reviewed)


def of(user: str, *statuses: str) -> Which:
    """The entries about a user, of some statuses if told; or the reports."""
    return lambda one: one.user_id == user and (not statuses or one.status in statuses)


def by_name(name: str) -> Which:
    return lambda one: one.event_id == name


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


def test_what_was_withdrawn_in_doubt_need_not_be_told() -> None:
    untold = without(right(), FULFILMENTS, of("w2"))
    order = next(at.record for at in untold.log[REWARD_GRANTED] if of("w2")(at.record))
    letter = {"event_id": "x", "reason": "withdrawn_in_doubt", "payload": encode(order)}
    with_letter = once_more(untold, DEAD_LETTERS, lambda _: True, **letter)

    def is_missed(it: Evidence) -> bool:
        return any(one.startswith("given, but not told") for one in violations(it)["fulfilment"])

    assert is_missed(untold)
    assert not is_missed(with_letter)


FAULTS: dict[str, tuple[Callable[[Evidence], Evidence], str, str]] = {
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
    "a refusal isn't told": (
        lambda it: without(it, DEAD_LETTERS, lambda one: b"approve" in one.payload),
        "reviews",
        "reviews: came to nothing: 1 (approve w1)",
    ),
    "a review is refused twice": (
        lambda it: once_more(it, DEAD_LETTERS, lambda one: b"approve" in one.payload),
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
    "a partner gives what isn't told": (
        lambda it: without(it, FULFILMENTS, of("w2")),
        "fulfilment",
        "given, but not told: 1",
    ),
    "what wasn't given is told": (
        lambda it: with_given(it, "w2", 0),
        "fulfilment",
        "told, but not given: 1",
    ),
    "what wasn't ordered is given": (
        lambda it: without(it, REWARD_GRANTED, of("w2")),
        "fulfilment",
        "given, but not ordered: 1",
    ),
    "what wasn't ordered is told": (
        lambda it: without(it, REWARD_GRANTED, of("w2")),
        "fulfilment",
        "told, but not ordered: 1",
    ),
    "a code is handed out twice": (
        lambda it: changed(
            it, FULFILMENTS, lambda one: one.user_id in "w0 w2", kind="code", reference="GIFT"
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
            lambda one: of("w4", "reversed")(one) and one.value_micros,
            value_micros=1,
        ),
        "worth",
        "is reversed, and worth 4999999 micros",
    ),
    "a user is told a wrong balance": (
        lambda it: replace(it, balances={("owner", "USD"): 1}),
        "worth",
        "owner: is told 1 micros of USD",
    ),
    "a hold doesn't end": (
        lambda it: without(it, REWARDS, of("w5", "granted", "fulfilled")),
        "timers",
        "a tick has told its time: 1",
    ),
    "a grant doesn't expire": (
        lambda it: without(it, REWARDS, of("w3", "expired")),
        "timers",
        "a tick has told its time: 1",
    ),
    "an order is forgotten": (
        lambda it: without(it, REWARDS, of("u0", "fulfilled")),
        "timers",
        "has not come to rest: 1",
    ),
    "a limited code is used once more": (
        lambda it: once_more(
            it, REWARDS, lambda one: one.code == "FEW" and one.status == "granted", user_id="x"
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


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str) -> None:
    put_in, check, told = FAULTS[fault]
    found = violations(put_in(right())).get(check, [])
    assert any(told in line for line in found), found


def test_only_ticks_after_an_entry_tell_its_time() -> None:
    waits = without(right(), REWARDS, of("w5", "granted", "fulfilled"))
    later = changed(waits, REWARDS, of("w5", "held"), cause_offset=10_000)
    assert [line.partition(":")[0] for line in timers(later)] == ["has not come to rest"]


def test_what_expired_or_was_reversed_is_spent_no_longer() -> None:
    dear: dict[str, Any] = {"value_micros": 100_000_000}
    for status in ("expired", "reversed"):
        granted = changed(right(), REWARDS, of("w5", "granted"), **dear)
        assert [line for line in limits(granted) if "spent" in line]
        ended = changed(granted, REWARDS, of("w5", "fulfilled"), status=status, **dear)
        assert [line for line in limits(ended) if "spent" in line] == []


def with_one_refused(it: Evidence, reason: str) -> Evidence:
    return once_more(it, REWARDS, of("w1", "rejected"), user_id="z", reasons=[reason])


def test_a_limit_is_reached_that_is_full_and_for_which_somebody_was_rejected() -> None:
    five_earn = right()
    full = once_more(five_earn, REWARDS, of("w0", "granted"), user_id="x")
    assert reached(five_earn) == reached(full) == set()
    for reason in ("cap_per_code", "cap_per_referrer"):
        assert reached(with_one_refused(full, reason)) == {reason}
        assert reached(with_one_refused(five_earn, reason)) == set()
        assert reached(with_one_refused(two_more_grants(five_earn), reason)) == set()
    both = with_one_refused(with_one_refused(full, "cap_per_code"), "cap_per_referrer")
    assert reached(both) == {"cap_per_code", "cap_per_referrer"}
