"""Tables of placed facts, one for each deep view: its rows, in the order of its questions."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client

from reftrail.reports.placed_facts import PlacedFacts, in_sql
from reftrail.warehouse.definitions import View, views
from reftrail.warehouse.placing.activity import OF_VISITS, place_activity
from reftrail.warehouse.placing.polite import POLITE
from reftrail.warehouse.placing.visit_sql import VISITS
from reftrail.warehouse.placing.visits import PlacedVisits

_BY_CAMPAIGN: Final = "campaign_id, at"
_FEW: Final = ("kind", "campaign_id", "category", "channel", "utm_source", "code", "country")
"""Columns of few different values."""
_ORDERS: Final = {
    "v_people": "user_id",
    "v_codes": "code",
    "v_code_owners": "code",
    "v_campaigns": "campaign_id",
    "v_referred_users": "person_id",
    "v_signups_and_orders": "type, person_id",
    "v_orders": "person_id",
    "v_reward_balances": "reward_id",
    "v_leaders": "referrer",
    "v_activity_conversions": _BY_CAMPAIGN,
    "v_weeks_after_signup": _BY_CAMPAIGN,
    "v_activity_decisions": _BY_CAMPAIGN,
    "v_suspicions": _BY_CAMPAIGN,
    "v_touch_credits": _BY_CAMPAIGN,
    "v_statement_lines": _BY_CAMPAIGN,
    "v_reconciliation": "check, at",
}
"""Views that are placed, each made of those before it, and the order of their rows."""
_ABOVE: Final = (
    "v_activity",
    "v_event_receipts",
    "v_other_receipts",
    "v_receipts",
    "v_funnel_daily",
)
"""Views over what is placed, which stay views."""
_NO_VISITOR: Final = ("v_activity_conversions", "v_activity_decisions")
"""Views whose visitor is null; in placed facts the null of a number."""


_HOURS_OF_RECONCILIATION: Final = """
CREATE TABLE {database}.hours_of_reconciliation
ENGINE = MergeTree ORDER BY (check, at) SETTINGS allow_nullable_key = 1 AS
SELECT
    check, max(r.at) AS at, if(is_same, '', r.id) AS id, sum(r.expected) AS expected,
    sum(r.found) AS found, campaign_id, category, channel, utm_source, code, country,
    currency
FROM {database}.v_reconciliation AS r
GROUP BY
    check, toUnixTimestamp64Milli(r.at) DIV 3600000, r.expected = r.found AS is_same,
    if(is_same, '', r.id), campaign_id, category, channel, utm_source, code, country, currency
"""
"""What agrees, summed up by the hour; what doesn't, each by itself."""


@dataclass(frozen=True, slots=True)
class Placing:
    """One placing into a database that nobody reads meanwhile."""

    client: Client
    database: str

    def place(self, visits: PlacedVisits, same: Collection[str] = (), of: str = "") -> PlacedFacts:
        """Place everything, of visits a copy once they are brought up to date.

        Views that are the same as they were placed in another database are taken over from there.
        """
        self.drop()
        self.client.command(f"CREATE DATABASE {quote_identifier(self.database)}")
        known = {view.name: view for view in views()}
        for name, order in _ORDERS.items():
            if name in same:
                self.client.command(
                    f"CREATE TABLE {self._quoted}.{name} CLONE AS {quote_identifier(of)}.{name}"
                )
            else:
                self._place(known[name], order)
        visits.bring_up_to_date(self._so_far(VISITS))
        visits.copy_to(self._quoted)
        signed_up = self._so_far(VISITS).instead(known["v_visitors_signed_up"].text)
        others = self._so_far(VISITS).instead(known["v_other_receipts"].text)
        numbered = visits.numbered(signed_up)
        place_activity(self.client, self._quoted, visits.database, numbered, others)
        self.client.command(_HOURS_OF_RECONCILIATION.format(database=self._quoted) + POLITE)
        for name in _ABOVE:
            self._define(name, self._so_far(name).instead(known[name].text))
        return self._so_far(None)

    @property
    def _quoted(self) -> str:
        return in_sql(self.database)

    def drop(self) -> None:
        """Remove the database, if it is there."""
        self.client.command(
            f"DROP DATABASE IF EXISTS {quote_identifier(self.database)} SYNC",
            settings={"max_table_size_to_drop": 0},
        )

    def _place(self, view: View, order: str) -> None:
        text = self._so_far(view.name).instead(view.text)
        columns = {row[0] for row in self.client.query(f"DESCRIBE TABLE {view.name}").result_rows}
        changed = [f"toLowCardinality({name}) AS {name}" for name in _FEW if name in columns]
        if view.name in _NO_VISITOR:
            changed.append("CAST(NULL, 'Nullable(UInt32)') AS visitor_id")
        kept = f"* REPLACE ({', '.join(changed)})" if changed else "*"
        self.client.command(
            f"CREATE TABLE {self._quoted}.{view.name} ENGINE = MergeTree ORDER BY ({order}) "  # noqa: S608  (from files)
            f"SETTINGS allow_nullable_key = 1 AS SELECT {kept} FROM (\n{text}\n)" + POLITE
        )

    def _define(self, name: str, text: str) -> None:
        self.client.command(f"CREATE VIEW {self._quoted}.{name} AS\n{text}")

    def _so_far(self, name: str | None) -> PlacedFacts:
        """What is placed before a view."""
        names = (*_ORDERS, VISITS, *OF_VISITS, *_ABOVE)
        before = names if name is None else names[: names.index(name)]
        return PlacedFacts(self.database, frozenset(before))
