"""The report on rewards, and the counters of a code, against numbers worked out by hand."""

import msgspec
from support.asked_reports import report
from support.clickhouse import ClickHouse
from support.programme import attributed, click, entry, signup

from reftrail.contracts.topics import ATTRIBUTIONS, EVENTS, REWARDS
from reftrail.reports.code_counters import code_counters


def test_rewards_as_they_stand_now(programme: ClickHouse) -> None:
    assert report(programme, "rewards", "code") == [
        {
            "code": "AMY",
            "currency": "USD",
            "rewards_granted": 2,
            "rewards_reversed": 1,
            "rewards_fulfilled": 0,
            "rewards_failed": 0,
            "rewards_expired": 0,
            "rewards_rejected": 0,
            "rewards_held": 0,
            "reward_value": "5.00",
            "liability": "5.00",
            "reversed_value": "2.50",
            "lapsed_value": "0.00",
            "clawback_value": "0.00",
            "adjustments": 0,
            "adjusted_value": "0.00",
            "beneficiaries": 1,
        },
        {
            "code": "BOB",
            "currency": "EUR",
            "rewards_granted": 1,
            "rewards_reversed": 0,
            "rewards_fulfilled": 0,
            "rewards_failed": 0,
            "rewards_expired": 0,
            "rewards_rejected": 0,
            "rewards_held": 0,
            "reward_value": "1.23",
            "liability": "1.23",
            "reversed_value": "0.00",
            "lapsed_value": "0.00",
            "clawback_value": "0.00",
            "adjustments": 0,
            "adjusted_value": "0.00",
            "beneficiaries": 1,
        },
        {
            "code": "BOB",
            "currency": "USD",
            "rewards_granted": 0,
            "rewards_reversed": 0,
            "rewards_fulfilled": 0,
            "rewards_failed": 0,
            "rewards_expired": 0,
            "rewards_rejected": 1,
            "rewards_held": 0,
            "reward_value": "0.00",
            "liability": "0.00",
            "reversed_value": "0.00",
            "lapsed_value": "0.00",
            "clawback_value": "0.00",
            "adjustments": 0,
            "adjusted_value": "0.00",
            "beneficiaries": 0,
        },
    ]


async def test_values_have_the_places_of_their_currency(clickhouse: ClickHouse) -> None:
    granted = [
        entry("r1", "AMY", "uma", value=100_000_000, currency="JPY", beneficiary="amy"),
        entry("r2", "BOB", "vic", value=1_500_000, currency="KWD", beneficiary="bob"),
    ]
    await clickhouse.load(REWARDS, granted)
    rows = [*report(clickhouse, "rewards", "code"), *report(clickhouse, "funnel", "code")]
    assert [(row["code"], row["reward_value"], row["currency"]) for row in rows] == [
        ("AMY", "100", "JPY"),
        ("BOB", "1.500", "KWD"),
    ] * 2


def test_a_reversal_counts_when_the_reward_was_decided(programme: ClickHouse) -> None:
    (row,) = report(programme, "rewards", "day", since="2026-09-21", until="2026-09-22")[1:]

    assert (row["currency"], row["rewards_reversed"]) == ("USD", 1)
    assert report(programme, "rewards", "day", since="2026-09-25") == []


def test_the_counters_of_a_code_are_those_of_the_funnel(programme: ClickHouse) -> None:
    counters = {
        row["code"]: code_counters(programme.reading, row["code"])
        for row in report(programme, "funnel", "code")
        if row["code"] is not None
    }

    same = ("views", "clicks", "signups", "purchases", "attributed", "rewards_granted")
    for row in report(programme, "funnel", "code")[:-1]:
        assert {name: counters[row["code"]][name] for name in same} == {
            name: row[name] for name in same
        }
    assert {code: found["users_rewarded"] for code, found in counters.items()} == {
        "AMY": 1,
        "BOB": 1,
        "NONE": 0,
    }
    assert set(code_counters(programme.reading, "NEVER SEEN").values()) == {0}


async def test_counters_count_once_what_was_loaded_twice(clickhouse: ClickHouse) -> None:
    """And by the event that came first, where two have one id."""
    clickhouse.stop_merges()
    first, later = click("v1", "AMY", event_id="same"), click("v1", "BOB", event_id="same")
    later = msgspec.structs.replace(later, received_at=first.received_at + 1)
    decided = [attributed("uma", "AMY"), attributed("uma", "BOB")]
    decided[1] = msgspec.structs.replace(decided[1], received_at=decided[0].received_at + 1)
    for partition in (0, 1):
        await clickhouse.load(EVENTS, [later, first, signup("uma", "v1", event_id="up")], partition)
        await clickhouse.load(ATTRIBUTIONS, decided, partition)
        await clickhouse.load(REWARDS, [entry("r1", "AMY", "uma", value=1)], partition)

    amy, bob = (code_counters(clickhouse.reading, code) for code in ("AMY", "BOB"))

    assert [amy[name] for name in ("clicks", "signups", "attributed", "rewards_granted")] == [1] * 4
    assert set(bob.values()) == {0}


async def test_what_was_loaded_twice_counts_once(clickhouse: ClickHouse) -> None:
    twice = click("v1", "AMY")
    grant = entry("r1", "AMY", "uma", value=1_000_000)
    for partition in (0, 1):
        await clickhouse.load(EVENTS, [twice, twice], partition)
        await clickhouse.load(REWARDS, [grant, grant], partition)

    (row,) = report(clickhouse, "funnel", "code")

    assert (row["clicks"], row["rewards_granted"], row["reward_value"]) == (1, 1, "1.00")
