"""Values of enums that SQL names: none that isn't one, and none forgotten.

Each place that names some values says below which other ones it leaves out, and why. A new value of
an enum fails here until somebody has looked at each of these places.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from support.clickhouse import ClickHouse

from reftrail.contracts.conversions import ConversionKind
from reftrail.contracts.decisions import Basis, RewardStatus, Role
from reftrail.contracts.events import AnyEvent, CodeEvidence
from reftrail.contracts.external_inputs import FulfilmentOutcome
from reftrail.contracts.payouts import StatementStatus
from reftrail.contracts.policy import ArmUnit, MilestoneKind
from reftrail.contracts.reward_reasons import Reason
from reftrail.reports import sql
from reftrail.reports.questions import DIMENSIONS
from reftrail.rules.reward.transitions import effect_of

QUERIES: Final = Path(sql.__file__).with_name("queries")
EVENTS: Final = frozenset(str(kind.__struct_config__.tag) for kind in AnyEvent.__args__)
THINGS: Final = frozenset(
    {*(EVENTS & {"view", "click", "form_started", "signup", "purchase"})}
    | {"attributed", "late_touch", "merged", "reward", "adjustment"}
)
"""The kinds of rows that the view v_activity makes."""
RECEIPTS: Final = frozenset({"event", "duplicate", "dead_letter"})
"""Those of v_receipts."""

_NAMED: Final = re.compile(
    r"([a-z_.]+|\{by:(?:Array\()?String\)?\})\)?\s*(?:!=|=|NOT IN|IN|,)\s*"
    r"(\((?:'[a-z_]+',?\s*)+\)|\[(?:'[a-z_]+',?\s*)+\]|'[a-z_]+')"
)
_VALUE: Final = re.compile(r"'([a-z_]+)'")
_COMMENT: Final = re.compile(r"--[^\n]*")


class Naming(NamedTuple):
    """A column of a place in SQL, the values it may have, and those that are left out there."""

    values: Iterable[str]
    left_out: frozenset[str] = frozenset()


def naming(values: Iterable[str], *left_out: str) -> Naming:
    return Naming(values, frozenset(left_out))


def only(values: Iterable[str], *named: str) -> Naming:
    """A place that is about these alone: it names all that it ever will."""
    return Naming(frozenset(named) & frozenset(values))


# What isn't said about: events that touch or convert nobody have no row in the reports.
_OTHERS: Final = EVENTS - THINGS
PLACES: Final[Mapping[str, Mapping[str, Naming]]] = {
    "attribution": {
        "kind": naming(THINGS, "view", "click", "form_started", "reward", "adjustment"),
        "basis": naming(Basis, Basis.MERGED),  # a kind of its own
    },
    "funnel": {
        "kind": naming(
            THINGS, "late_touch", "merged", "reward", "adjustment"
        ),  # rewards by is_granted
        "basis": only(Basis, Basis.TYPED_CODE),
    },
    "codes": {
        "kind": only(THINGS, "view", "click", "form_started", "signup", "purchase", "reward"),
        "status": only(RewardStatus, "held", "rejected"),
    },
    "k_factor": {"kind": only(THINGS, "signup")},  # clicks by v_code_visitors
    "data_quality": {"kind": only(RECEIPTS, *RECEIPTS)},
    "fraud": {"status": only(RewardStatus, "rejected")},
    "late_touches": {
        "kind": only(THINGS, "late_touch", "attributed"),
    },
    "campaigns": {"kind": only(THINGS, "signup", "purchase", "adjustment")},
    "forecast": {"kind": only(THINGS, "signup", "adjustment")},
    "referrers": {"kind": naming(THINGS, "attributed", "late_touch", "merged", "reward")},
    "rewards": {
        "kind": only(THINGS, "reward", "adjustment"),
        "status": naming(RewardStatus, "adjusted", "reversed"),  # by is_reversed
    },
    "time_to_convert": {
        "kind": only(THINGS, "attributed"),
        "basis": only(Basis, Basis.TYPED_CODE),
    },
    "_dimensions": {"by": naming(DIMENSIONS)},
    "payouts": {"status": naming(StatementStatus)},
    "review/adjustments": {
        "status": only(RewardStatus, "held"),
        "reasons": only(Reason, "added_up"),
    },
    "review/held": {"status": only(RewardStatus, "held")},
    "code/activity": {
        "type": only(EVENTS, "click"),
        "status": only(RewardStatus, "granted", "rejected"),
    },
    "code/counters": {
        "type": naming(EVENTS, *_OTHERS, "form_started"),
        "status": only(RewardStatus, "granted"),
    },
    "code/guesses": {"code_evidence": naming(CodeEvidence, "derived")},  # that one is good
    "experiment/arms": {
        "role": naming(Role, Role.MILESTONE),  # bonuses belong to no arm
        "status": only(RewardStatus, "reversed"),
    },
    "experiment/costs": {"role": naming(Role, Role.MILESTONE)},
    "experiment/split": {"by": only(ArmUnit, ArmUnit.CODE)},
    "journey/interactions": {"type": only(EVENTS, "view", "click")},
    "journey/touches": {"type": only(EVENTS, "view", "click")},
    "journey/signup": {"type": only(EVENTS, "signup")},
    "leaderboard/referrers": {
        "role": only(Role, Role.REFERRER),
        "status": only(RewardStatus, "reversed"),
        "kind": naming(MilestoneKind, MilestoneKind.BONUS),  # a bonus is a reward
    },
}
TABLES: Final[Mapping[str, Mapping[str, Naming]]] = {
    "reward_balances": {
        "status": naming(RewardStatus),
        "reasons": only(
            Reason, "partly_refunded", "reinstated", "disputed", "tried_again", "delivered_in_time"
        ),
    },
    "merges_of_conversions": {"kind": only(ConversionKind, "users_merged")},
    "current_statements": {"status": naming(StatementStatus, "failed", "returned")},
    "fulfilments": {"outcome": only(FulfilmentOutcome, "delivered")},
    "rewards": {"status": naming(RewardStatus, "held", "rejected", "fulfilled")},
    "v_visits": {"type": only(EVENTS, "view", "click", "form_started")},
    "v_code_visitors": {"kind": only(THINGS, "click")},
    "v_visitors_signed_up": {"type": only(EVENTS, "signup")},
    "v_activity_visits": {"kind": only(THINGS, "click")},
    "v_weeks_after_signup": {"kind": only(THINGS, "signup")},  # purchases in v_orders
    "v_activity_conversions": {"type": only(EVENTS, "signup")},  # purchases in v_orders
    "v_activity_decisions": {
        "type": only(EVENTS, "signup"),
        "basis": only(Basis, Basis.MERGED),
        "status": naming(RewardStatus, "failed", "expired"),  # by is_granted
    },
    "v_funnel_daily": {
        "kind": naming(
            THINGS, "late_touch", "merged", "reward", "adjustment"
        ),  # rewards by is_granted
        "basis": only(Basis, Basis.TYPED_CODE),
    },
    "v_orders": {"type": only(EVENTS, "purchase", "refund", "dispute_opened", "dispute_lost")},
    "v_reconciliation": {
        "status": only(RewardStatus, "granted", "adjusted", "fulfilled"),
        "reasons": only(Reason, "delivered_in_time", "already_delivered", "delivered_anyway"),
        "outcome": only(FulfilmentOutcome, "delivered"),
        "kind": only({"code", "shipment"}, "code", "shipment"),  # of rewards that are articles
    },
    "v_suspicions": {
        "type": only(EVENTS, "signup"),
        "role": only(Role, Role.MILESTONE),
        "reasons": only(Reason, "approved", "declined", "reinstated"),
    },
    "v_leaders": {
        "role": only(Role, Role.REFERRER),
        "status": only(RewardStatus, "reversed"),
    },
    "v_touch_credits": {"type": only(EVENTS, "signup", "click")},
    "v_statement_lines": {"type": only(EVENTS, "signup")},
    "v_signups_and_orders": {"type": only(EVENTS, "signup", "purchase")},
}
"""Views and tables as they are after all DDL, since a file may replace what an earlier one said."""


def named_in(text: str) -> dict[str, set[str]]:
    """The values that SQL names, by column."""
    found: dict[str, set[str]] = {}
    for match in _NAMED.finditer(_COMMENT.sub("", text)):
        column = match[1].rpartition(".")[2].removeprefix("{").partition(":")[0]
        if column in _COLUMNS:
            found.setdefault(column, set()).update(_VALUE.findall(match[2]))
    return found


_COLUMNS: Final = frozenset(
    column for places in (PLACES, TABLES) for columns in places.values() for column in columns
)


def check(named: Mapping[str, set[str]], expected: Mapping[str, Naming]) -> None:
    assert set(named) == set(expected), "say for each column which values are left out"
    for column, values in named.items():
        known = {str(value) for value in expected[column].values}
        assert values | {str(value) for value in expected[column].left_out} == known, column
        assert not values & expected[column].left_out, column


def test_values_are_found_however_they_are_named() -> None:
    text = "countIf(a.status = 'x' AND hasAny(reasons, ['p', 'q'])) -- status = 'no'\n"
    assert named_in(f"{text} WHERE role IN ('r', 's') AND has({{by:Array(String)}}, 'c')") == {
        "status": {"x"},
        "reasons": {"p", "q"},
        "role": {"r", "s"},
        "by": {"c"},
    }


@pytest.mark.parametrize(
    "name",
    sorted(str(file.relative_to(QUERIES).with_suffix("")) for file in QUERIES.rglob("*.sql")),
)
def test_a_query_names_every_value_or_says_why_not(name: str) -> None:
    named = named_in((QUERIES / name).with_suffix(".sql").read_text())
    check(named, PLACES.get(name, {}))


def test_a_table_or_view_names_every_value_or_says_why_not(clickhouse: ClickHouse) -> None:
    made = clickhouse.rows(
        "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase()"
    )
    named = {str(name): found for name, text in made if (found := named_in(str(text)))}
    assert set(named) == set(TABLES)
    for name, found in named.items():
        check(found, TABLES[name])


@pytest.mark.parametrize("status", RewardStatus)
def test_the_warehouse_counts_each_status_as_the_rules_do(
    clickhouse: ClickHouse, status: RewardStatus
) -> None:
    (default,) = clickhouse.rows(
        "SELECT default_expression FROM system.columns WHERE database = currentDatabase() "
        "AND table = 'rewards' AND name = 'effect_micros'"
    )
    (effect,) = clickhouse.rows(
        f"WITH '{status}' AS status, toInt64(7) AS value_micros SELECT {default[0]}"
    )
    assert effect == (effect_of(status, 7),)
