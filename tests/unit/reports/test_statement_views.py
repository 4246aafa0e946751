"""The warehouse's views of statements say what the log says, and add up to its ledger."""

from collections import Counter
from random import Random

import pytest
from property.payout_plans import play, random_plan
from property.payout_programme import Programme
from support.clickhouse import ClickHouse

from reftrail.contracts.money import amount_text
from reftrail.contracts.payouts import StatementStatus
from reftrail.contracts.topics import CODES, PAYOUTS, REWARDS
from reftrail.payouts.preparing import dues
from reftrail.reports.catalogue import ask, find
from reftrail.reports.questions import question
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.view import user_view

_COLUMN = {
    StatementStatus.PREPARED: "prepared_value",
    StatementStatus.APPROVED: "approved_value",
    StatementStatus.EXPORTED: "approved_value",
    StatementStatus.PAID: "paid_value",
    StatementStatus.FAILED: "failed_value",
    StatementStatus.RETURNED: "failed_value",
}


@pytest.mark.parametrize("seed", [0, 1, 3, 4])
async def test_the_views_add_up(clickhouse: ClickHouse, seed: int) -> None:
    """Also where rows were loaded twice."""
    programme = Programme()
    for step in random_plan(seed):
        play(programme, step)
    programme.host.run()
    clickhouse.stop_merges()
    entries, records = list(programme.entries()), programme.payouts.records
    again = Random(seed).sample(records, len(records) // 2)
    await clickhouse.load(REWARDS, entries)
    for load in (records, again):
        await clickhouse.load(PAYOUTS, load)

    statements = programme.payouts.statements()
    found = clickhouse.rows(
        "SELECT statement_id, revision, status, total_micros, lines, batch_id, is_settling "
        "FROM current_statements"
    )
    assert sorted(found) == sorted(
        (
            statement.id,
            statement.prepared.revision,
            statement.status,
            statement.prepared.total_micros,
            len(statement.lines),
            statement.batch_id,
            statement.is_settling,
        )
        for statement in statements.by_id.values()
    )
    settled = dict(clickhouse.rows("SELECT reward_id, settled_micros FROM statement_settlements"))
    assert settled == statements.settled()
    assert any(statement.is_settling for statement in statements.by_id.values())

    sums = "SELECT beneficiary, currency, sum({}) FROM {} GROUP BY beneficiary, currency"
    with_failed = "balance_micros + if(status = 'failed', lapsed_micros, 0)"
    worth = clickhouse.rows(sums.format(with_failed, "reward_balances"))
    paid_or_due: Counter[tuple[str, str]] = Counter()
    for beneficiary, currency, micros in clickhouse.rows(
        sums.format("settled_micros", "statement_settlements")
    ):
        paid_or_due[beneficiary, currency] += micros
    ledger, own = programme.payouts.ledger(["payout"]), statements.own_reports()
    for account in ledger.accounts.values():
        whose = (account.beneficiary or "", account.currency)
        paid_or_due[whose] += account.delivered_by_others(own)
    for due in dues(ledger, statements):
        paid_or_due[due.account.beneficiary or "", due.account.currency] += due.micros
    assert {(name, currency): micros for name, currency, micros in worth} == paid_or_due


async def test_the_view_of_a_user_has_the_statements(clickhouse: ClickHouse) -> None:
    programme = Programme()
    for step in random_plan(1):
        play(programme, step)
    await clickhouse.load(PAYOUTS, programme.payouts.records)
    statements = programme.payouts.statements().by_id.values()
    for user in ("ann", "ben", "u0"):
        found = user_view(clickhouse.reading, user, HistoryPage())["statements"]
        assert {
            statement["statement_id"]: (statement["status"], statement["carried_over"])
            for statement in found
        } == {
            statement.id: (statement.status, statement.prepared.carried_over)
            for statement in statements
            if statement.prepared.beneficiary == user
        }
        assert [statement["until"] for statement in found] == sorted(
            (statement["until"] for statement in found), reverse=True
        )
        sums = {
            statement["statement_id"]: (statement["amount"], statement["currency"])
            for statement in found
        }
        assert sums == {
            statement.id: (
                amount_text(statement.prepared.total_micros, statement.prepared.currency),
                statement.prepared.currency,
            )
            for statement in statements
            if statement.id in sums
        }


async def test_the_report_adds_up_the_lines(clickhouse: ClickHouse) -> None:
    programme = Programme()
    for step in random_plan(9):
        play(programme, step)
    await clickhouse.load(CODES, list(programme.host.log(CODES)))
    await clickhouse.load(PAYOUTS, [*programme.payouts.records, *programme.payouts.records])
    sums: Counter[tuple[str, str, str]] = Counter()
    taken_back: Counter[tuple[str, str]] = Counter()
    for statement in programme.payouts.statements().by_id.values():
        if statement.prepared.carried_over is None:
            for line in statement.lines:
                sums[line.code, line.currency, _COLUMN[statement.status]] += line.amount_micros
                if line.amount_micros < 0 and statement.is_settling:
                    taken_back[line.code, line.currency] -= line.amount_micros

    found = ask(clickhouse.reading, find("payouts"), question(["code"], None, None), None)

    assert {
        (row["code"], row["currency"], column): row[column]
        for row in found.rows
        for column in set(_COLUMN.values())
        if sums[row["code"], row["currency"], column]
    } == {key: amount_text(micros, key[1]) for key, micros in sums.items() if micros}
    assert {(row["code"], row["currency"]): row["taken_back_value"] for row in found.rows} == {
        (row["code"], row["currency"]): amount_text(
            taken_back[row["code"], row["currency"]], row["currency"]
        )
        for row in found.rows
    }
    assert len({column for *_, column in sums}) > 2
    by_campaign = ask(clickhouse.reading, find("payouts"), question(["campaign"], None, None), None)
    assert {row["campaign_id"] for row in by_campaign.rows} == {
        f"of {row['code']}" for row in found.rows
    }
