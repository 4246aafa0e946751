"""The history of a user's rewards: its pages, and its answer over HTTP."""

import asyncio

import pytest
from support.clickhouse import ClickHouse
from support.programme import entry
from support.reports_http import WITH_KEY, reports_http
from support.user_ledger import FIVE, LEDGER, amys, view

from reftrail.contracts.topics import REWARDS
from reftrail.reports.questions import BadQuestion
from reftrail.reports.user_view.history import HistoryPage, page
from reftrail.warehouse.clickhouse import connect_for_reading


async def test_the_history_is_paged_without_gaps(ledger: ClickHouse) -> None:
    found, asked = [], HistoryPage(5)
    while True:
        shown = view(ledger, asked=asked)
        assert len(shown["history"]) <= 5
        found += shown["history"]
        if shown["next"] is None:
            break
        asked = page("5", shown["next"])

    mine = [entry for entry in LEDGER if entry.beneficiary == "amy"]
    latest = sorted(mine, key=lambda entry: (entry.event_time, entry.event_id), reverse=True)
    assert [shown["event_id"] for shown in found] == [entry.event_id for entry in latest]
    taken = next(entry for entry in found if entry["reasons"] == ["partly_refunded"])
    assert (taken["value"], taken["effect"], taken["status"]) == ("2.00", "-2.00", "reversed")


async def test_text_comes_through_as_it_was(clickhouse: ClickHouse) -> None:
    text = 'a "b"\\c\td\ne/é\u2028'
    await clickhouse.load(REWARDS, [amys("r1", text, "granted", item=text, reasons=[text, ""])])

    (entry,) = view(clickhouse)["history"]

    assert (entry["user_id"], entry["item"], entry["reasons"]) == (text, text, [text, ""])


@pytest.mark.parametrize(
    ("limit", "before"), [("0", None), ("1001", None), ("x", None), (None, "x"), (None, "x.y")]
)
def test_what_is_no_page_is_refused(limit: str | None, before: str | None) -> None:
    with pytest.raises(BadQuestion, match="give"):
        page(limit, before)


async def test_over_http(ledger: ClickHouse) -> None:
    await ledger.load(REWARDS, [entry("r11", "X", "dan", value=FIVE, beneficiary="a/b c")])
    async with reports_http(ledger) as client:
        assert (await client.get("/v1/users/amy/rewards")).status_code == 401
        client.headers.update(WITH_KEY)
        found = (await client.get("/v1/users/amy/rewards?limit=1")).json()
        assert found["as_of"] is None
        assert len(found["history"]) == 1
        again = (await client.get("/v1/users/amy/rewards", params={"before": found["next"]})).json()
        assert again["history"][0] != found["history"][0]
        slashed = (await client.get("/v1/users/a%2Fb%20c/rewards")).json()
        assert (slashed["user_id"], len(slashed["history"])) == ("a/b c", 1)
        assert (await client.get("/v1/users/amy/rewards?limit=0")).status_code == 422


async def test_a_report_that_takes_long_does_not_hold_the_view_up(ledger: ClickHouse) -> None:
    quick = connect_for_reading(ledger.path, None)
    async with reports_http(ledger, low_latency=quick) as client:
        client.headers.update(WITH_KEY)
        report = asyncio.create_task(asyncio.to_thread(ledger.reading.command, "SELECT sleep(3)"))
        await asyncio.sleep(0.1)
        found = await client.get("/v1/users/amy/rewards")
        assert (found.status_code, report.done()) == (200, False)
        await report
    quick.close()
