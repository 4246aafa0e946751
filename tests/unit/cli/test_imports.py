"""`reftrail import`: what it says, what it writes, and what it refuses."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from reftrail.cli import imports
from reftrail.cli.main import command_line
from reftrail.contracts.adjustments import Adjusted
from reftrail.contracts.record import Record
from reftrail.contracts.topics import ADJUSTMENTS, CODES
from reftrail.testing import code

KNOWN = {
    "REFTRAIL_BOOTSTRAP_SERVERS": "nowhere:1",
    "REFTRAIL_TOPIC_PREFIX": "",
    "REFTRAIL_ACTOR": "ann",
}
DUB: dict[str, Any] = {
    "id": "cm_1",
    "earnings": 1050,
    "currency": "usd",
    "status": "pending",
    "partner": {"id": "pn_1", "email": "amy@affiliates.example"},
    "customer": {"id": "cus_1", "externalId": "uma"},
}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Record]:
    """The records that the command writes; the codes of amy, and two of eve, are registered."""
    records: list[Record] = []
    registered = [
        code("Amy1", owner="amy@affiliates.example"),
        code("EVE1", owner="eve"),
        code("EVE2", owner="eve"),
        code("EVE3", owner="eve3"),
    ]

    def write(_: object, topic: object, taken: Iterable[Record]) -> None:
        assert topic is ADJUSTMENTS
        records.extend(taken)

    def read_all(_: object, topic: object, __: object) -> list[Any]:
        return {CODES: registered, ADJUSTMENTS: list(records)}.get(topic, [])  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(imports, "write", write)
    monkeypatch.setattr(imports, "read_all", read_all)
    monkeypatch.chdir(tmp_path)
    return records


def run(commissions: list[dict[str, Any]], *options: str) -> Result:
    Path("dub.json").write_text(json.dumps(commissions))
    return CliRunner().invoke(
        command_line(("import",)), ["import", "dub", "dub.json", *options], env=KNOWN
    )


def test_a_dry_run_says_what_would_change_and_writes_nothing(written: list[Record]) -> None:
    done = run([DUB], "--dry-run")
    assert done.exit_code == 0, done.output
    owner = "Amy1 of amy@affiliates.example"
    assert f"{owner} (by e-mail) for uma: 10.50 USD (commission cm_1 of dub is" in done.stdout
    assert f"differs: pn_1 ({owner}, by e-mail) is owed 10.50 USD, booked 0.00, " in done.stdout
    assert "would write 1 adjustments" in done.stderr
    assert written == []


def test_it_writes_adjustments_once(written: list[Record]) -> None:
    for _ in range(2):
        assert run([DUB], "--kind", "payout").exit_code == 0
    (found,) = written
    assert isinstance(found, Adjusted)
    assert (found.adjustment_id, found.code, found.user_id) == ("dub:cm_1", "Amy1", "uma")
    assert (found.value_micros, found.kind, found.reason) == (10_500_000, "payout", "imported")
    assert (found.role, found.actor) == ("referrer", "ann")


@pytest.mark.parametrize("partner", [{"id": "eve"}, {"id": "pn_9"}])
def test_whose_code_is_not_known_is_told_and_nothing_is_taken_over(
    written: list[Record], partner: dict[str, str]
) -> None:
    done = run([DUB, DUB | {"id": "cm_2", "partner": partner}])
    assert (done.exit_code, written) == (4, [])
    assert f"{partner['id']} has no code here (no owner, or several codes, by" in done.stderr
    assert "name it in --codes FILE.csv" in done.stderr


def test_an_id_or_the_token_of_a_link_is_nobody_s_code(written: list[Record]) -> None:
    for partner in ({"id": "AMY1"}, {"id": "eve3"}, {"id": "pn_9", "email": "AMY1"}):
        done = run([DUB | {"partner": partner}])
        assert (done.exit_code, written) == (4, []), done.output
    Path("codes.csv").write_text("earner,code\neve3,Amy1\n")
    assert run([DUB | {"partner": {"id": "eve3"}}], "--codes", "codes.csv").exit_code == 0
    assert [adjustment.code for adjustment in written if isinstance(adjustment, Adjusted)] == [
        "Amy1"
    ]


def test_a_file_says_whose_code_is_whose(written: list[Record]) -> None:
    Path("codes.csv").write_text("earner,code\npn_1,eve2\n")
    assert run([DUB], "--codes", "codes.csv").exit_code == 0
    assert [adjustment.code for adjustment in written if isinstance(adjustment, Adjusted)] == [
        "EVE2"
    ]
    Path("codes.csv").write_text("earner,code\npn_1,NOBODYS\n")
    done = run([DUB], "--codes", "codes.csv")
    assert "codes.csv, line 2: expected earner,code with a registered code" in str(done.exception)


def test_an_element_at_fault_is_told_and_nothing_is_taken_over(written: list[Record]) -> None:
    done = run([DUB, DUB | {"id": "cm_2", "status": "new"}], "--json")
    assert (done.exit_code, written) == (4, [])
    found = json.loads(done.stdout)
    assert [fault["number"] for fault in found["faults"]] == [2]
    assert found["balances"][0]["matches"] is False


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            "earner,code\npn_1,Amy1\npn_2,EVE1\npn_1,EVE2\n",
            "lines 2 and 4: both say whose code 'pn_1'",
        ),
        ('earner,code\n"pn_1,Amy1\n' + "x" * 200_000, "can't be read: field larger than"),
        ('earner,code\n"pn_1,Amy1\n', "can't be read: unexpected end of data"),
    ],
)
def test_a_list_of_codes_at_fault_is_refused(written: list[Record], content: str, why: str) -> None:
    Path("codes.csv").write_text(content)
    done = run([DUB], "--codes", "codes.csv")
    assert (done.exit_code != 0, written) == (True, [])
    assert why in str(done.exception)
    assert type(done.exception).__name__ == "ExpectedError"


def test_what_is_left_out_is_said(written: list[Record]) -> None:
    points = {
        "id": 1,
        "amount": 5,
        "status": "approved",
        "unit": "points",
        "promoter_campaign": {"promoter": {"id": 42}},
    }
    Path("points.json").write_text(json.dumps([points]))
    arguments = ["import", "firstpromoter", "points.json", "--currency", "USD"]
    done = CliRunner().invoke(command_line(("import",)), arguments, env=KNOWN)
    assert (done.exit_code, written) == (0, []), done.output
    assert "left out what isn't cash: 1 of points" in done.stderr


TABLE = """Id;Earned;Status;Partner
9;"10,50";approved;amy@affiliates.example
10;"1,00";paid;amy@affiliates.example
"""
COLUMNS = """
columns = { id = "Id", amount = "Earned", state = "Status", earner_email = "Partner" }
amounts = { written = "decimal", decimal_separator = "," }
states = { open = ["approved"], paid = ["paid"] }
"""


def import_table(table: str, *options: str) -> Result:
    Path("export.csv").write_text(table)
    Path("columns.toml").write_text(COLUMNS)
    files = ["export.csv", "--columns", "columns.toml"]
    arguments = ["import", "firstpromoter", *files, "--currency", "EUR", *options]
    return CliRunner().invoke(command_line(("import",)), arguments, env=KNOWN)


def test_a_table_whose_columns_a_file_names(written: list[Record]) -> None:
    done = import_table(TABLE, "--dry-run")
    assert (done.exit_code, written) == (0, []), done.output
    amy = "amy@affiliates.example"
    assert done.stdout == (
        f"Amy1 of {amy} (by e-mail) for {amy}: 10.50 EUR (commission 9 of firstpromoter is "
        f"approved)\n"
        f"differs: {amy} (Amy1 of {amy}, by e-mail) is owed 10.50 EUR, booked 0.00, would add "
        f"10.50, waiting 0.00\n"
    )
    for _ in range(2):
        assert import_table(TABLE).exit_code == 0
    (adjustment,) = written
    assert isinstance(adjustment, Adjusted)
    assert (adjustment.adjustment_id, adjustment.value_micros) == ("firstpromoter:9", 10_500_000)


def test_rows_at_fault_are_told_and_nothing_is_taken_over(written: list[Record]) -> None:
    table = TABLE + "11;5.00;approved;amy@affiliates.example\n12;1;open;amy@affiliates.example\n"
    done = import_table(table)
    assert (done.exit_code, written) == (4, [])
    assert "row 4 (11): the amount is '5.00', and no amount with the decimal" in done.stderr
    assert "row 5 (12): its state 'open' isn't known: whether it is owed can't be" in done.stderr
    faults = json.loads(import_table(table, "--json").stdout)["faults"]
    assert [(fault["counted"], fault["number"]) for fault in faults] == [("row", 4), ("row", 5)]


def test_what_looks_wrong_in_a_table_is_said(written: list[Record]) -> None:
    done = import_table(TABLE.replace('"10,50"', "1050").replace('"1,00"', "100"), "--dry-run")
    assert (done.exit_code, written) == (0, [])
    assert "no amount in the file has decimals (1050, ...): if they are minor" in done.stderr
