"""Views of the warehouse: what a word means in reports and in analysts' queries, stated once.

Each is one file of `views`, whose first comment says what a row is. Their names and columns are a
contract with those who query ClickHouse: columns are added, not renamed or taken away.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.warehouse.changes import Changes
from reftrail.warehouse.ddl_files import DdlFile

VIEWS: Final = (
    "v_events",
    "v_events_hourly",
    "v_gathered_people",
    "v_people",
    "v_signups_and_orders",
    "v_orders",
    "v_current_attributions",
    "v_referred_users",
    "v_rewards",
    "v_reward_balances",
    "v_leaders",
    "v_codes",
    "v_code_owners",
    "v_campaigns",
    "v_visits",
    "v_code_visitors",
    "v_visitors_signed_up",
    "v_activity_visits",
    "v_activity_conversions",
    "v_weeks_after_signup",
    "v_activity_decisions",
    "v_activity",
    "v_statement_lines",
    "v_suspicions",
    "v_touch_credits",
    "v_event_receipts",
    "v_other_receipts",
    "v_receipts",
    "v_reconciliation",
    "v_funnel_daily",
)
"""All views; each reads tables and those before it."""
_PLACED: Final = "/* placed */"
"""In a view: the part `_placed.sql`, without its comment."""


@dataclass(frozen=True, slots=True)
class View:
    """One view. meaning is what its comment says, a line each."""

    name: str
    text: str

    @property
    def meaning(self) -> list[str]:
        """The comment at the beginning of the file."""
        comment = [line for line in self.text.splitlines() if line.startswith("--")]
        return [line.removeprefix("--").strip() for line in comment]


def views() -> list[View]:
    """All views, in an order in which they can be made."""
    placed = "\n".join(line for line in _text("_placed").splitlines() if not line.startswith("--"))
    return [View(name, _text(name).replace(_PLACED, placed)) for name in VIEWS]


def _text(name: str) -> str:
    return files("reftrail.warehouse").joinpath("views", f"{name}.sql").read_text("utf-8")


def define_views(client: Client, changes: Changes | None = None, fingerprint: str = "") -> None:
    """Make the views as this version defines them, in place of those of another version.

    The tables must be up to date. Each view has the fingerprint as its comment.
    """
    by = changes or Changes(client)
    for view in views():
        definition = f"AS\n{view.text}\nCOMMENT '{fingerprint}'"
        by.run(f"CREATE OR REPLACE VIEW {view.name} {definition}", view.name)


def fingerprint_of(client: Client, tables: Iterable[DdlFile]) -> str:
    """The same for views that come out the same: of their texts, and of what these depend on.

    A view keeps its columns' types and its tables' database as they were when it was made.
    """
    ((database,),) = client.query("SELECT currentDatabase()").result_rows
    texts = [*(view.text for view in views()), *(file.checksum for file in tables)]
    parts = (str(client.server_version), database, *texts)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def are_defined(client: Client, fingerprint: str) -> bool:
    """Whether all views are there and have this fingerprint.

    A view has it from the statement that makes it. So one that was dropped, or replaced by hand or
    by another version, or not reached before a crash, hasn't.
    """
    rows = client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND engine = 'View' AND comment = {fingerprint:String}",
        parameters={"fingerprint": fingerprint},
    ).result_rows
    return {name for (name,) in rows} >= set(VIEWS)
