"""The report of attributions over random ones equals one counted in Python, basis by basis."""

import asyncio
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clickhouse import ClickHouse
from support.programme import attributed

from reftrail.contracts.decisions import Attributed, Basis
from reftrail.contracts.topics import ATTRIBUTIONS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.questions import question

GROUNDS = [basis for basis in Basis if basis != Basis.MERGED]
codes = st.sampled_from(["AMY", "BOB"])


@st.composite
def decisions(draw: st.DrawFn, user: str) -> list[Attributed]:
    """The attributions of a user: late touches, one that holds, and one that a merge has ended."""
    made = [
        attributed(user, draw(codes), basis=Basis.LATE_TOUCH, decisive=False)
        for _ in range(draw(st.integers(0, 2)))
    ]
    if draw(st.booleans()):
        first = attributed(user, draw(codes), basis=draw(st.sampled_from(GROUNDS)))
        made.append(first)
        if draw(st.booleans()):
            end = attributed(
                user, first.code, basis=Basis.MERGED, decisive=False, corrects=first.event_id
            )
            made.append(end)
    return made


users = st.tuples(*(decisions(f"u{nth}") for nth in range(5)))


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(users)
def test_every_basis_is_counted(
    clickhouse: ClickHouse, given_users: tuple[list[Attributed], ...]
) -> None:
    clickhouse.empty()
    made = [record for user in given_users for record in user]
    asyncio.run(clickhouse.load(ATTRIBUTIONS, made))
    expected: dict[str, Counter[str]] = {}
    for user in given_users:
        for record in user:
            counts = expected.setdefault(record.code, Counter())
            is_ended = any(other.basis == Basis.MERGED for other in user)
            if record.basis == Basis.MERGED:
                counts["merged"] += 1
            elif not record.decisive:
                counts["late_touches"] += 1
            elif not is_ended:
                counts["attributed"] += 1
                counts[f"by_{record.basis}"] += 1
    asked = question(["code"], None, None)

    rows = ask(clickhouse.reading, find("attribution"), asked, None).rows

    measured = ["attributed", "merged", "late_touches", *(f"by_{basis}" for basis in GROUNDS)]
    found: dict[str, dict[str, Any]] = {
        row["code"]: {name: row[name] for name in measured if row[name]} for row in rows
    }
    assert found == {code: dict(counts) for code, counts in expected.items() if counts.total()}
