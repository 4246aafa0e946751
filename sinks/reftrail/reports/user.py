"""What one user has earned: balance, what is held, tiers, codes, shipments, and every entry."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client

from reftrail.contracts.policy import Milestone, MilestoneKind, policy_in
from reftrail.reports.catalogue import money
from reftrail.reports.questions import BadQuestion

MOST: Final = 1000
"""How many entries a page of the history has at most."""
USUAL: Final = 50
"""How many, unless told."""
MOST_SHOWN: Final = 100
"""How many codes, and how many shipments, are shown: the latest ones."""

_END: Final = (1 << 62, "")
_MICROS: Final = "_micros"
_COUNTERS: Final = ("users_rewarded", "rewards_granted", "rewards_held", "rewards_rejected")


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of the history: most of them, below a position, which is an entry's time and id."""

    most: int = USUAL
    before: tuple[int, str] = _END


def page(limit: str | None, before: str | None) -> Page:
    """From text; before is the next of another page. Raises `BadQuestion`."""
    if limit is not None and not (_is_number(limit) and 1 <= int(limit) <= MOST):
        raise BadQuestion(f"limit is {limit!r}; give a number from 1 to {MOST}")
    most = USUAL if limit is None else int(limit)
    if before is None:
        return Page(most)
    at, dot, event_id = before.partition(".")
    if not dot or not _is_number(at) or int(at) > _END[0]:
        raise BadQuestion(f"before is {before!r}; give what a page before says as next")
    return Page(most, (int(at), event_id))


def user_view(
    client: Client, user: str, asked: Page, now: datetime | None = None
) -> dict[str, Any]:
    """All that a user has earned as somebody's beneficiary; blocks.

    Money is a decimal string, a time RFC 3339. now decides which version of a policy says what
    comes next; unless given, it is the time.
    """
    sums = _rows(client, "sums", user=user)
    by = {name: [one for one in sums if one["grouped_by"] == name] for name in ("currency", "code")}
    grants = {
        one["campaign_id"]: one["grants"]
        for one in sums
        if one["grouped_by"] == "campaign" and one["campaign_id"]
    }
    codes = _rows(client, "codes", user=user, most=MOST_SHOWN)
    earned = {one["code"]: one for one in by["code"]}
    ships = any(one["kind"] == "shipment" for one in by["currency"])
    history, following = _history(client, user, asked)
    at = now or datetime.now(UTC)
    return {
        "user_id": user,
        "balance": [_shown(_some(one, _BALANCE)) for one in by["currency"]],
        "last_earned": _last(sums),
        "standing": _standing(client, user, grants, {one["campaign_id"] for one in codes}, at),
        "codes": [_code(one, earned.get(one["code"])) for one in codes],
        "codes_in_all": codes[0]["all_codes"] if codes else 0,
        "shipments": _rows(client, "shipments", user=user, most=MOST_SHOWN) if ships else [],
        "history": history,
        "next": following,
    }


_BALANCE: Final = ("currency", "kind", "balance_micros", "pending_micros", "rewards_held")
_CODE: Final = ("code", "campaign_id", "status", "created_at", "expires_at", "max_uses")


def _history(client: Client, user: str, asked: Page) -> tuple[list[dict[str, Any]], str | None]:
    """A page, and where the next one begins, if there is one."""
    before_ms, before_id = asked.before
    found = _rows(
        client, "history", user=user, before_ms=before_ms, before_id=before_id, most=asked.most + 1
    )
    shown = found[: asked.most]
    if len(found) == len(shown):
        return [_shown(one) for one in shown], None
    last = shown[-1]
    ms = round(datetime.fromisoformat(last["at"]).timestamp() * 1000)
    return [_shown(one) for one in shown], f"{ms}.{last['event_id']}"


def _last(sums: list[dict[str, Any]]) -> dict[str, Any] | None:
    for one in sums:
        if one["grouped_by"] == "nothing" and one["rewards_granted"]:
            names = ("at", "micros", "currency", "kind", "code", "campaign_id")
            found = {name: one[f"last_{name}"] for name in names}
            return {"value": money(found.pop("micros")), **found}
    return None


def _code(code: dict[str, Any], earned: dict[str, Any] | None) -> dict[str, Any]:
    counters = {name: earned[name] if earned else 0 for name in _COUNTERS}
    return _some(code, _CODE) | {"attributed": code["attributed"], **counters}


def _standing(
    client: Client, user: str, grants: dict[str, int], campaigns: set[str], at: datetime
) -> list[dict[str, Any]]:
    """By campaign in which the user refers: rewards that count, tier, badges, and what is next."""
    of = sorted({*grants, *campaigns})
    if not of:
        return []
    reached = _rows(client, "milestones", user=user)
    known = {
        one["campaign_id"]: policy_in(one["policy"]).milestones
        for one in _rows(client, "policies", campaigns=of, at=at)
    }
    return [
        _in_campaign(
            campaign,
            grants.get(campaign, 0),
            [one for one in reached if one["campaign_id"] == campaign and one["reached"]],
            known.get(campaign, []),
        )
        for campaign in of
    ]


def _in_campaign(
    campaign: str, grants: int, reached: list[dict[str, Any]], known: list[Milestone]
) -> dict[str, Any]:
    names = {one["name"] for one in reached}
    tiers = [one["name"] for one in reached if one["kind"] == MilestoneKind.TIER]
    coming = [one for one in known if one.name not in names]
    following = min(coming, key=lambda one: (one.grants, one.name), default=None)
    return {
        "campaign_id": campaign,
        "grants": grants,
        "tier": tiers[0] if tiers else None,
        "badges": [one["name"] for one in reached if one["kind"] == MilestoneKind.BADGE],
        "next": following and _coming(following, grants),
    }


def _coming(milestone: Milestone, grants: int) -> dict[str, Any]:
    """With how many grants it still takes: one at least, since it is a grant that reaches it."""
    return {
        "name": milestone.name,
        "kind": milestone.kind,
        "grants": milestone.grants,
        "missing": max(1, milestone.grants - grants),
        "value": money(milestone.value_micros) if milestone.value_micros else None,
        "currency": milestone.currency,
        "item": milestone.item,
    }


def _rows(client: Client, name: str, **parameters: Any) -> list[dict[str, Any]]:
    settings = {"output_format_json_quote_64bit_integers": 0}
    lines = client.raw_query(
        _sql(name), parameters=parameters, settings=settings, fmt="JSONEachRow"
    )
    return [msgspec.json.decode(line) for line in lines.splitlines()]


def _some(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Money without micros in its name and as text, the rest as it is."""
    return dict(_each_shown(row))


def _each_shown(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        is_money = name.endswith(_MICROS)
        yield (name.removesuffix(_MICROS), money(value)) if is_money else (name, value)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


@cache
def _sql(name: str) -> str:
    return files("reftrail.reports").joinpath(f"queries/user/{name}.sql").read_text("utf-8")
