"""Reports as their SQL files state them: a title, settings, measures and a query."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reftrail.reports.questions import DIMENSIONS, FILTERS
from reftrail.reports.sql import sql

_MEASURE: Final = re.compile(
    r"-- (?P<name>[a-z_0-9]+)(?: \((?P<heading>.+?)\))?: (?P<kind>[a-z]+)\. (?P<meaning>.+)"
)
_SETTING: Final = re.compile(
    r"-- (?P<name>facts|sums|reads|visitors|usual|dimensions|filters|query|shared|most|divided"
    r"|compare|days|forecast): (?P<value>[a-z_0-9, ]+)"
)
FILTERS_PLACE: Final = "/* filters */"
"""Place of a query for the conditions of all filters."""
CODE_FILTERS_PLACE: Final = "/* filters of codes */"
"""Place of a query of registered codes for conditions by what they are registered with."""
FACT_FILTERS_PLACE: Final = "/* filters of facts */"
"""Place of such a query for conditions on facts: by code, and by what no code has."""
CURRENCIES_PLACE: Final = "/* by currency */"
"""Place of a query for maps by currency, see `_currencies.sql`."""
WITH_FACTS_PLACE: Final = "/* codes with facts */"
"""Place of such a query for the condition that leaves codes out under which nothing was found."""


class SumsOf(StrEnum):
    """Kind of facts of which sums are placed, by day or hour."""

    ACTIVITY = "activity"
    RECEIPTS = "receipts"
    RECONCILIATION = "reconciliation"


class MeasureKind(StrEnum):
    """Kind of a measure's values. All but a count may be null.

    An integer; a decimal string with 2 to 6 places; a number with 4 places; a number with 2; text;
    and a key: text that tells rows apart which have the same dimensions.
    """

    COUNT = "count"
    MONEY = "money"
    RATE = "rate"
    NUMBER = "number"
    TEXT = "text"
    KEY = "key"

    @property
    def is_text(self) -> bool:
        """Whether values are text that a person or a client has written."""
        return self in (MeasureKind.TEXT, MeasureKind.KEY)


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of a report's answer. heading is for narrow tables, one line each word."""

    name: str
    heading: str
    kind: MeasureKind
    meaning: str


@dataclass(frozen=True, slots=True)
class Report:
    """One SQL file.

    facts is what its query reads, as SQL; sums the kind of sums that it can read instead, if any.
    always_by are the dimensions that it reads without being asked; counts_clickers_only: it counts
    no visitors but those who clicked. usual are the dimensions that it is by if none are asked for,
    dimensions all that it can be by, filters those that it can be narrowed to. shared are the
    measures that are the same in the row of each currency, divided those that are null where
    another one is 0. most: it has at most so many of its first key for each combination of
    dimensions. has_utc_days: its days are those of UTC alone. is_forecast: its query gives the
    history of a forecast, by whole weeks.
    """

    name: str
    title: str
    measures: tuple[Measure, ...]
    sql: str
    facts: str = "v_activity"
    sums: SumsOf | None = None
    always_by: tuple[str, ...] = ()
    counts_clickers_only: bool = False
    usual: tuple[str, ...] = ("campaign",)
    dimensions: tuple[str, ...] = tuple(DIMENSIONS)
    filters: tuple[str, ...] = FILTERS
    shared: tuple[str, ...] = ()
    divided: tuple[tuple[str, str], ...] = ()
    most: int | None = None
    is_comparable: bool = True
    has_utc_days: bool = False
    is_forecast: bool = False

    @property
    def goes_by_time(self) -> bool:
        """Whether time alone may change its figures, not only facts."""
        return self.is_forecast or "now64(" in self.sql


def read(name: str) -> Report:
    """The report of a name."""
    head = [line for line in sql(name).splitlines() if line.startswith("--")]
    settings = {m["name"]: m["value"] for line in head if (m := _SETTING.fullmatch(line))}
    query = sql(settings.get("query", name))
    head_of_query = [line for line in query.splitlines() if line.startswith("--")]
    settings = {
        m["name"]: m["value"] for line in (*head_of_query, *head) if (m := _SETTING.fullmatch(line))
    }
    found = [match for line in head_of_query if (match := _MEASURE.fullmatch(line))]
    query = query.replace(CURRENCIES_PLACE, _without_comment(sql("_currencies")))
    facts = _names(settings.get("facts", "v_activity"))
    shared = sql("_dimensions").replace("/* facts */", _union(facts))
    if CODE_FILTERS_PLACE in query:  # codes are narrowed, and facts are those under what is left
        shared = shared.replace(FILTERS_PLACE, FACT_FILTERS_PLACE)
    return Report(
        name=name,
        title=head[0].removeprefix("-- "),
        measures=tuple(
            Measure(
                name=match["name"],
                heading=match["heading"] or match["name"].replace("_", " "),
                kind=MeasureKind(match["kind"]),
                meaning=match["meaning"],
            )
            for match in found
        ),
        sql=f"{shared}\n{query}",
        facts=_union(facts),
        sums=SumsOf(settings["sums"]) if "sums" in settings else None,
        always_by=_names(settings.get("reads", "none")),
        counts_clickers_only=settings.get("visitors") == "clicked",
        usual=_names(settings.get("usual", "campaign")),
        dimensions=(dimensions := _names(settings.get("dimensions", ", ".join(DIMENSIONS)))),
        filters=_names(settings["filters"]) if "filters" in settings else _filters(dimensions),
        shared=_names(settings.get("shared", "none")),
        divided=_pairs(settings.get("divided", "none")),
        most=int(settings["most"]) if "most" in settings else None,
        is_comparable=settings.get("compare") != "no",
        has_utc_days=settings.get("days") == "utc",
        is_forecast=settings.get("forecast") == "yes",
    )


def _without_comment(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


def _filters(dimensions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in FILTERS if name in dimensions)


def _names(text: str) -> tuple[str, ...]:
    names: Sequence[str] = [name.strip() for name in text.split(",")]
    return tuple(name for name in names if name not in ("all", "none"))


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, by) for name, _, by in (pair.partition(" by ") for pair in _names(text)))


def _union(views: tuple[str, ...]) -> str:
    """The rows of all these views, as a query reads them."""
    if len(views) == 1:
        return views[0]
    return "(" + " UNION ALL ".join("SELECT * FROM " + view for view in views) + ")"  # noqa: S608  (names from the SQL files)
