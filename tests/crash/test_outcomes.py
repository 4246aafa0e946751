"""Every check of what became of rewards finds what it is there for."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import msgspec
import pytest

from crash.evidence import Evidence
from crash.faultless_run import changed, faultless_run, with_one_more, without
from crash.invariants import violations
from crash.outcomes import limits, reached, timers
from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.codec import encode
from reftrail.contracts.reward_reasons import is_part
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    ATTRIBUTIONS,
    DEAD_LETTERS,
    FULFILMENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARDS,
)

Which: TypeAlias = Callable[[Any], bool]


def test_the_run_has_all_that_the_checks_are_about() -> None:
    """Else they would pass whatever they do."""
    evidence = faultless_run()
    ledger: list[Any] = evidence.records(REWARDS)
    watched = [entry for entry in ledger if entry.campaign_id == "watched"]
    by_hand = Counter(entry.status for entry in watched if is_adjustment(entry.action))
    assert by_hand == {"adjusted": 4, "held": 2, "rejected": 1, "fulfilled": 3}
    statuses = Counter(entry.status for entry in watched if not is_adjustment(entry.action))
    assert statuses == {
        "held": 6,
        "granted": 5,
        "rejected": 1,
        "fulfilled": 3,
        "reversed": 4,
        "expired": 1,
    }
    assert [is_part(entry) for entry in ledger if entry.status == "reversed"].count(True) == 1
    letters: list[Any] = evidence.records(DEAD_LETTERS)
    assert [letter.reason for letter in letters] == ["not_allowed", "not_allowed"]
    assert len(evidence.records(REVIEWS)) > len(evidence.reviewed)


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


def test_what_was_withdrawn_in_doubt_need_not_be_told() -> None:
    unreported = without(faultless_run(), FULFILMENTS, of("w2"))
    order = next(at.record for at in unreported.log[REWARD_GRANTED] if of("w2")(at.record))
    letter = {"event_id": "x", "reason": "withdrawn_in_doubt", "payload": encode(order)}
    with_letter = once_more(unreported, DEAD_LETTERS, lambda _: True, **letter)

    def is_missed(it: Evidence) -> bool:
        return any(
            violation.startswith("given, but not reported")
            for violation in violations(it)["fulfilment"]
        )

    assert is_missed(unreported)
    assert not is_missed(with_letter)


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


def test_a_user_whose_referral_a_merge_ended_leaves_their_place() -> None:
    full = two_more_grants(faultless_run())
    of_x: dict[str, object] = {"user_id": "x", "basis": "merged"}
    for decisive in (True, False):
        merged = once_more(full, ATTRIBUTIONS, of("w0"), decisive=decisive, **of_x)
        assert bool(list(limits(merged))) is decisive


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str) -> None:
    put_in, check, expected = FAULTS[fault]
    found = violations(put_in(faultless_run())).get(check, [])
    assert any(expected in line for line in found), found


def test_only_ticks_after_an_entry_tell_its_time() -> None:
    waits = without(faultless_run(), REWARDS, of("w5", "granted", "fulfilled"))
    later = changed(waits, REWARDS, of("w5", "held"), cause_offset=10_000)
    assert [line.partition(":")[0] for line in timers(later)] == ["has not come to rest"]


def test_what_expired_or_was_reversed_is_spent_no_longer() -> None:
    dear: dict[str, Any] = {"value_micros": 100_000_000}
    for status in ("expired", "reversed"):
        granted = changed(faultless_run(), REWARDS, of("w5", "granted"), **dear)
        assert [line for line in limits(granted) if "spent" in line]
        ended = changed(granted, REWARDS, of("w5", "fulfilled"), status=status, **dear)
        assert [line for line in limits(ended) if "spent" in line] == []


def with_one_refused(it: Evidence, reason: str) -> Evidence:
    return once_more(it, REWARDS, of("w1", "rejected"), user_id="z", reasons=[reason])


def test_a_limit_is_reached_that_is_full_and_for_which_somebody_was_rejected() -> None:
    five_earn = faultless_run()
    full = once_more(five_earn, REWARDS, of("w0", "granted"), user_id="x")
    assert reached(five_earn) == reached(full) == set()
    for reason in ("cap_per_code", "cap_per_referrer"):
        assert reached(with_one_refused(full, reason)) == {reason}
        assert reached(with_one_refused(five_earn, reason)) == set()
        assert reached(with_one_refused(two_more_grants(five_earn), reason)) == set()
    both = with_one_refused(with_one_refused(full, "cap_per_code"), "cap_per_referrer")
    assert reached(both) == {"cap_per_code", "cap_per_referrer"}
