"""Every check of what became of rewards finds what it is there for."""

from collections import Counter
from typing import Any

import pytest

from crash.evidence import Evidence
from crash.faultless_run import changed, faultless_run, without
from crash.invariants import violations
from crash.outcome_faults import FAULTS, of, once_more, two_more_grants
from crash.outcomes import limits, reached, timers
from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.codec import encode
from reftrail.contracts.reward_reasons import is_part
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    DEAD_LETTERS,
    FULFILMENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARDS,
)


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
