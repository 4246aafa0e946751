"""`reftrail import` against a real broker and the real rules, and again after changes elsewhere."""

import csv
import json
from pathlib import Path
from typing import Any

from support.fulfilment import wait_until
from support.kafka import TestInstallation
from support.log import produce
from support.worker import worker
from typer.testing import CliRunner

from reftrail.campaigns import Campaign
from reftrail.campaigns.apply import apply_campaigns
from reftrail.cli.main import command_line
from reftrail.contracts.topics import CODES
from reftrail.testing import code

CAMPAIGN = {
    "campaign_id": "spring",
    "name": "Spring",
    "reward": {"currency": "USD", "referrer": {"value": "10.00"}},
    "adjustments": {"approval_above": "100.00", "approval_window": "0 days"},
}
COLUMNS = """
[columns]
id = "Nr"
amount = "Owed"
state = "What became of it"
earner_id = "Affiliate"

[constants]
currency = "USD"

[amounts]
written = "decimal"
decimal_separator = ","

[states]
open = ["due"]
paid = ["paid"]
"""
PATIENCE = 300


def commission(number: int, cents: int, token: str, **changed: Any) -> dict[str, Any]:
    affiliate = {"id": f"affiliate of {token}", "email": f"{token}@affiliates.example"}
    customer = {"id": f"cus_{number}"}
    referral = {"id": f"r{number}", "link": {"token": token}, "customer": customer}
    sale = {"affiliate": affiliate, "referral": referral}
    return {
        "id": f"commission-{number}",
        "amount": cents,
        "currency": "USD",
        "state": "due",
        "sale": sale,
    } | changed


class Imports:
    """The command with a file, against one installation."""

    def __init__(self, installation: TestInstallation, directory: Path) -> None:
        self._known = {
            "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
        }
        self._file = directory / "commissions.json"
        self._codes = directory / "earners.csv"
        self._codes.write_text("earner,code\naffiliate of amy,AMY\naffiliate of bob,BOB\n")

    def run(self, commissions: list[dict[str, Any]], *options: str) -> str:
        self._file.write_text(json.dumps({"data": commissions}))
        files = [str(self._file), "--codes", str(self._codes)]
        arguments = ["import", "rewardful", *files, "--kind", "payout", *options]
        done = CliRunner().invoke(command_line(("import",)), arguments, env=self._known)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    def run_table(self, commissions: list[dict[str, Any]], *options: str) -> str:
        """The same commissions as a spreadsheet saves them, with columns that a file names."""
        file = self._file.with_suffix(".csv")
        with file.open("w", encoding="utf-8-sig", newline="") as table:
            rows = csv.writer(table, delimiter=";")
            rows.writerow(["Nr", "Owed", "What became of it", "Affiliate", "Note"])
            rows.writerows(
                [
                    found["id"],
                    f"{found['amount'] / 100:.2f} $".replace(".", ","),
                    found["state"].title(),
                    found["sale"]["affiliate"]["id"],
                    "two\nlines; and a delimiter",
                ]
                for found in commissions
            )
        columns = file.with_suffix(".toml")
        columns.write_text(COLUMNS)
        files = [str(file), "--columns", str(columns), "--codes", str(self._codes)]
        arguments = ["import", "rewardful", *files, "--kind", "payout", *options]
        done = CliRunner().invoke(command_line(("import",)), arguments, env=self._known)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    def compared(self, commissions: list[dict[str, Any]]) -> dict[str, tuple[str, str, bool]]:
        """What each code's owner is owed, what is booked, and whether that matches."""
        found = json.loads(self.run(commissions, "--dry-run", "--json"))
        return {
            balance["code"]: (balance["theirs"], balance["ledger"], balance["matches"])
            for balance in found["balances"]
        }


def test_balances_match_to_the_cent_after_an_import_and_after_the_next(
    installation: TestInstallation, tmp_path: Path
) -> None:
    apply_campaigns(installation, [Campaign.model_validate(CAMPAIGN)])
    owners = {"AMY": "amy", "BOB": "bob"}
    codes = [code(text, owner=owner, campaign_id="spring") for text, owner in owners.items()]
    produce(installation, CODES, codes)
    imports = Imports(installation, tmp_path)
    open_ = [
        commission(1, 1999, "amy"),
        commission(2, 1, "amy"),
        commission(3, 5000, "bob"),
        commission(4, 12_345, "bob", state="paid"),
    ]
    assert imports.compared(open_) == {
        "AMY": ("20.00", "0.00", False),
        "BOB": ("50.00", "0.00", False),
    }
    imports.run(open_)
    matching = {"AMY": ("20.00", "20.00", True), "BOB": ("50.00", "50.00", True)}
    with worker(installation, tmp_path / "worker.log"):
        wait_until(lambda: imports.compared(open_) == matching, PATIENCE)
        imports.run(open_)
        later = [commission(1, 1999, "amy", state="paid"), *open_[1:], commission(5, 20_000, "amy")]
        imports.run(later)
        held = {"AMY": ("200.01", "0.01", False), "BOB": ("50.00", "50.00", True)}
        wait_until(lambda: imports.compared(later) == held, PATIENCE)
        assert json.loads(imports.run(later, "--dry-run", "--json"))["changes"] == []


def test_a_table_and_the_api_s_answers_are_the_same_commissions(
    installation: TestInstallation, tmp_path: Path
) -> None:
    apply_campaigns(installation, [Campaign.model_validate(CAMPAIGN)])
    codes = [code(text, owner=text.lower(), campaign_id="spring") for text in ("AMY", "BOB")]
    produce(installation, CODES, codes)
    imports = Imports(installation, tmp_path)
    commissions = [
        commission(1, 1999, "amy"),
        commission(2, 1, "amy"),
        commission(3, 5000, "bob", state="paid"),
    ]
    imports.run_table(commissions)
    matching = {"AMY": ("20.00", "20.00", True), "BOB": ("0.00", "0.00", True)}
    with worker(installation, tmp_path / "worker.log"):
        wait_until(lambda: imports.compared(commissions) == matching, PATIENCE)
    amy, bob = imports.run_table(commissions, "--dry-run").splitlines()
    assert amy.startswith("matches: affiliate of amy (AMY of amy, by --codes) is owed 20.00 USD, ")
    assert bob.startswith("matches: affiliate of bob (BOB of bob, by --codes) is owed 0.00 USD, ")
    paid = [commissions[0] | {"state": "paid"}, *commissions[1:]]
    found = json.loads(imports.run_table(paid, "--dry-run", "--json"))
    assert [(change["adjustment_id"], change["amount"]) for change in found["changes"]] == [
        ("rewardful:commission-1:1", "-19.99")
    ]
