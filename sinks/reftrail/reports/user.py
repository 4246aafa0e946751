"""What one user has earned: balance, what is held, tiers, codes, shipments, and every entry."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client

from reftrail.contracts.policy import Milestone, MilestoneKind, policy_in
from reftrail.reports.catalogue import money
from reftrail.reports.earnings import Counters, Earnings, Entry, Shipment, earnings
from reftrail.reports.explanation import rfc3339
from reftrail.reports.questions import BadQuestion
from reftrail.rules.transitions import effect_of

MOST: Final = 1000
"""How many entries a page of the history has at most."""
USUAL: Final = 50
"""How many, unless told."""
MOST_SHOWN: Final = 100
"""How many codes, and how many shipments, are shown: the latest ones."""

_END: Final = (1 << 62, "")
_decoder: Final = msgspec.json.Decoder(Entry, strict=False)


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
    entries = _entries(client, user)
    found = earnings(entries)
    history, following = _history(client, user, asked)
    codes = _codes(client, user)
    at = now or datetime.now(UTC)
    return {
        "user_id": user,
        "balance": [
            {
                "currency": currency,
                "kind": kind,
                "balance": money(one.balance),
                "pending": money(one.pending),
                "rewards_held": one.held,
            }
            for (currency, kind), one in sorted(found.sums.items())
        ],
        "last_earned": found.last and _last(found.last),
        "standing": _standing(client, user, found.grants, codes, at),
        "codes": [_with_counters(one, found.codes[one["code"]]) for one in codes[:MOST_SHOWN]],
        "codes_in_all": len(codes),
        "shipments": _shipments(client, found),
        "history": history,
        "next": following,
    }


def _entries(client: Client, user: str) -> list[Entry]:
    lines = client.raw_query(_sql("entries"), parameters={"user": user}, fmt="JSONCompactEachRow")
    return _decoder.decode_lines(lines)


def _codes(client: Client, user: str) -> list[dict[str, Any]]:
    owned = [one["code"] for one in _rows(client, "owned", user=user)]
    if not owned:
        return []
    codes = _rows(client, "codes", user=user, codes=owned)
    shown = [one["code"] for one in codes[:MOST_SHOWN]]
    attributed = {
        one["code"]: one["attributed"] for one in _rows(client, "attributed", codes=shown)
    }
    return [one | {"attributed": attributed.get(one["code"], 0)} for one in codes]


def _with_counters(code: dict[str, Any], counters: Counters) -> dict[str, Any]:
    return code | {
        "users_rewarded": len(counters.users),
        "rewards_granted": counters.granted,
        "rewards_held": counters.held,
        "rewards_rejected": counters.rejected,
    }


def _shipments(client: Client, found: Earnings) -> list[dict[str, Any]]:
    """The latest ones, as they stand, with what was reported of each."""
    latest = sorted(found.shipments.values(), key=lambda one: (-one.ordered_at, one.now.reward_id))
    shown = latest[:MOST_SHOWN]
    if not shown:
        return []
    ids = [one.now.reward_id for one in shown]
    reported = {one["reward_id"]: one for one in _rows(client, "fulfilments", rewards=ids)}
    return [_shipment(one, reported.get(one.now.reward_id, {})) for one in shown]


def _shipment(shipment: Shipment, reported: dict[str, Any]) -> dict[str, Any]:
    now = shipment.now
    return {
        "reward_id": now.reward_id,
        "status": now.status,
        "item": now.item,
        "code": now.code,
        "user_id": now.user_id,
        "campaign_id": now.campaign or None,
        "ordered_at": rfc3339(shipment.ordered_at),
        "since": rfc3339(now.ms),
        **{name: reported.get(name) for name in _REPORTED},
    }


_REPORTED: Final = ("carrier", "tracking_number", "reference", "detail")


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


def _last(entry: Entry) -> dict[str, Any]:
    return {
        "value": money(entry.value_micros),
        "at": rfc3339(entry.ms),
        "currency": entry.currency,
        "kind": entry.kind,
        "code": entry.code,
        "campaign_id": entry.campaign or None,
    }


def _standing(
    client: Client,
    user: str,
    grants: dict[str, int],
    codes: list[dict[str, Any]],
    at: datetime,
) -> list[dict[str, Any]]:
    """By campaign in which the user refers: rewards that count, tier, badges, and what is next."""
    of = sorted({*filter(None, grants), *(one["campaign_id"] for one in codes)})
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
    lines = client.raw_query(_sql(name), parameters=parameters, fmt="JSONEachRow")
    return [msgspec.json.decode(line) for line in lines.splitlines()]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """An entry with its value, and what it adds to the balance, as text."""
    value = row.pop("value_micros")
    return row | {"value": money(value), "effect": money(effect_of(row["status"], value))}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


@cache
def _sql(name: str) -> str:
    return files("reftrail.reports").joinpath(f"queries/user/{name}.sql").read_text("utf-8")
