"""Callers that are slowed down, by how much, and others."""

from contextlib import suppress

import pytest

from reftrail.codes_api.rate_limits import FORGED_COSTS, WRONG_GUESS_COSTS, Limits
from reftrail.hosting.rate_limits import Buckets, Rate, TooOften, network_of


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limits(clock: Clock) -> Limits:
    return Limits(Rate(10, 100), Rate(50, 500), Rate(1, 10), clock)


def test_a_burst_passes_and_then_the_rate_holds(clock: Clock) -> None:
    buckets = Buckets(Rate(per_second=2, burst=5), clock)
    assert [buckets.take("a") for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]
    clock.now += 0.5
    assert buckets.take("a") == 0
    assert buckets.take("a") == 0.5
    clock.now += 3_600
    assert [buckets.take("a") for _ in range(6)].count(0) == 5


def test_one_callers_bucket_is_not_anothers(clock: Clock) -> None:
    buckets = Buckets(Rate(1, 1), clock)
    assert (buckets.take("a"), buckets.take("b"), buckets.take("a")) == (0, 0, 1)


def test_debt_has_an_end(clock: Clock) -> None:
    buckets = Buckets(Rate(1, 10), clock)
    for _ in range(1_000):
        buckets.charge("a", 9)
    assert buckets.take("a") == 11


def test_memory_has_an_end(clock: Clock) -> None:
    buckets = Buckets(Rate(1, 1), clock, most=100)
    for number in range(1_000):
        buckets.take(str(number))
    assert len(buckets) == 100
    assert buckets.take("999") > 0


def test_a_clock_that_stands_still_or_goes_back_gives_nothing(clock: Clock) -> None:
    buckets = Buckets(Rate(1, 1), clock)
    buckets.take("a")
    clock.now -= 100
    assert buckets.take("a") == 1


def guesses_in(clock: Clock, seconds: int, *, wrong: bool) -> int:
    """The number of verifications for an address that asks ten times a second."""
    admitted, held = 0, limits(clock)
    for _ in range(seconds * 10):
        clock.now += 0.1
        try:
            held.admit_published("pk", "203.0.113.9")
        except TooOften:
            continue
        admitted += 1
        held.charge_guess("pk", "203.0.113.9")
        if not wrong:
            held.refund_guess("pk", "203.0.113.9")
    return admitted


def test_guessing_is_slower_than_verifying(clock: Clock) -> None:
    right, wrong = guesses_in(clock, 600, wrong=False), guesses_in(clock, 600, wrong=True)
    assert right == pytest.approx(610, abs=2)
    assert wrong == pytest.approx(610 / (1 + WRONG_GUESS_COSTS), abs=2)


def test_who_guesses_slows_down_no_others_under_the_same_key(clock: Clock) -> None:
    held = limits(clock)
    for _ in range(1_000):
        with suppress(TooOften):
            held.admit_published("pk", "203.0.113.9")
            held.charge_guess("pk", "203.0.113.9")
    held.admit_published("pk", "203.0.113.10")


def test_many_addresses_under_one_key_meet_the_keys_limit(clock: Clock) -> None:
    held = limits(clock)
    for number in range(100):
        held.admit_published("pk", f"10.0.0.{number}")
        held.charge_guess("pk", f"10.0.0.{number}")
    with pytest.raises(TooOften, match="key"):
        held.admit_published("pk", "203.0.113.9")
    held.admit_published("another", "203.0.113.9")


def test_a_secret_key_pays_for_forged_codes(clock: Clock) -> None:
    held = limits(clock)
    for _ in range(100 // (1 + FORGED_COSTS)):
        held.admit_secret("sk", "203.0.113.9")
        held.charge_forged("sk", "203.0.113.9")
    with pytest.raises(TooOften) as refused:
        held.admit_secret("sk", "203.0.113.10")
    assert refused.value.scope == "key"
    assert refused.value.retry_after == 1
    assert "ask again in 1 s" in str(refused.value)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        (None, "unknown"),
    ],
)
def test_an_ipv6_network_is_one_caller(address: str | None, network: str) -> None:
    assert network_of(address) == network
