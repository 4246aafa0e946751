"""Referrers, by hand."""

import pytest
from support.clickhouse import ClickHouse
from support.programme import attributed, code, purchase, signup

from reftrail.contracts.topics import ATTRIBUTIONS, CODES, EVENTS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.parameters import asked
from reftrail.reports.questions import BadQuestion


async def test_shares_of_revenue_add_up_to_all_of_it(clickhouse: ClickHouse) -> None:
    """Amy has two codes, Bob one; Cat has brought nobody, and her code isn't known."""
    owners = {"AMY": "amy", "AMY2": "amy", "BOB": "bob"}
    codes = [code(name, "spring", owner_user_id=owner) for name, owner in owners.items()]
    await clickhouse.load(CODES, codes)
    users = {"u1": "AMY", "u2": "AMY2", "u3": "BOB"}
    await clickhouse.load(EVENTS, [signup(user, None) for user in users])
    await clickhouse.load(EVENTS, [purchase(user) for user in ("u1", "u2", "u3", "u3")])
    await clickhouse.load(ATTRIBUTIONS, [attributed(user, name) for user, name in users.items()])

    report = find("referrers")
    rows = ask(clickhouse.reading, report, asked(report, {}), None).rows

    assert [
        (row["referrer"], row["codes"], row["referrals"], row["revenue"], row["revenue_share"])
        for row in rows
    ] == [("amy", 2, 2, "40.00", 0.5), ("bob", 1, 1, "40.00", 0.5)]


async def test_a_share_is_of_the_revenue_of_codes_without_an_owner_too(
    clickhouse: ClickHouse,
) -> None:
    owned = code("AMY", "spring", owner_user_id="amy")
    await clickhouse.load(CODES, [owned, code("POSTER", "spring")])
    users = {"u1": "AMY", "u2": "POSTER", "u3": "UNKNOWN"}
    await clickhouse.load(EVENTS, [signup(user, None) for user in (*users, "u4")])
    await clickhouse.load(EVENTS, [purchase(user) for user in ("u1", "u2", "u2", "u3", "u4")])
    await clickhouse.load(ATTRIBUTIONS, [attributed(user, name) for user, name in users.items()])

    report = find("referrers")
    rows = ask(clickhouse.reading, report, asked(report, {}), None).rows

    shown = ("referrer", "revenue", "revenue_share")
    assert [tuple(row[name] for name in shown) for row in rows] == [("amy", "20.00", 0.25)]


async def test_the_limit_counts_people_and_not_their_currencies(clickhouse: ClickHouse) -> None:
    """600 people whose users paid in two currencies, and 450 who have one only."""
    count = 1_050
    names = [f"R{nth:04}" for nth in range(count)]
    await clickhouse.load(
        CODES, [code(name, "spring", owner_user_id=name.lower()) for name in names]
    )
    await clickhouse.load(EVENTS, [signup(f"u{name}", None) for name in names])
    await clickhouse.load(EVENTS, [purchase(f"u{name}") for name in names])
    euros = [purchase(f"u{name}", currency="EUR") for name in names[:600]]
    await clickhouse.load(EVENTS, euros)
    await clickhouse.load(ATTRIBUTIONS, [attributed(f"u{name}", name) for name in names])

    report = find("referrers")
    rows = ask(clickhouse.reading, report, asked(report, {}), None).rows

    assert len(rows) == 1_600
    assert list(dict.fromkeys(row["referrer"] for row in rows)) == [
        name.lower() for name in names[:1_000]
    ]
    assert {row["revenue_share"] for row in rows} == {round(1 / 600, 4), round(1 / 1_050, 4)}
    with pytest.raises(BadQuestion, match="only the first 1000"):
        ask(clickhouse.reading, report, asked(report, {"by": ["month"]}), None)
