"""View of one user: balance, holds, tiers, codes, shipments, and every entry."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.money import amount_text
from reftrail.contracts.policy import Milestone, MilestoneKind, policy_in
from reftrail.contracts.times import rfc3339
from reftrail.reports.user_view.attributed import FEW, attributed_to
from reftrail.reports.user_view.earnings import Counters, Earnings, Shipment, each_once, earnings
from reftrail.reports.user_view.history import HistoryPage, history
from reftrail.reports.user_view.lookups import FoundRows, look_up
from reftrail.reports.user_view.rows import (
    CodeRow,
    Decision,
    EntryRow,
    FulfilmentRow,
    MilestoneRow,
    PolicyRow,
)

MOST_SHOWN: Final = 100
"""How many codes, and how many shipments, are shown: the latest ones."""

_NOTHING: Final = FulfilmentRow("", is_delivered=False, ms=0, event_id="")


def user_view(
    client: Client, user: str, asked: HistoryPage, now: datetime | None = None
) -> dict[str, Any]:
    """The view of a user as beneficiary; blocks.

    Money is a decimal string, a time RFC 3339. now decides which version of a policy says what
    comes next; unless given, it is the time.
    """
    known = look_up(client, "entries", "codes", "milestones", user=user)
    entries = each_once(known.every(EntryRow))
    found = earnings(entries)
    owned = [one for one in known.every(CodeRow) if one.owner_user_id == user]
    codes = sorted(owned, key=lambda one: (-one.created_ms, one.code))[:MOST_SHOWN]
    campaigns = sorted({*filter(None, found.grants), *(one.campaign_id for one in owned)})
    shipments = _latest(found)
    more = _more(client, [one.code for one in codes], shipments, campaigns)
    attributed = attributed_to(client, [one.code for one in codes], more.every(Decision))
    shown, following = history(entries, asked)
    return {
        "user_id": user,
        "balance": _balance(found),
        "last_earned": found.last and _last(found.last),
        "standing": _standing(found.grants, campaigns, known, more, now or datetime.now(UTC)),
        "codes": [_code(one, attributed.get(one.code, 0), found.codes[one.code]) for one in codes],
        "codes_in_all": len(owned),
        "shipments": _shipments(shipments, more),
        "history": shown,
        "next": following,
    }


def _more(
    client: Client, codes: Sequence[str], shipments: Sequence[Shipment], campaigns: Sequence[str]
) -> FoundRows:
    """The rows about codes, shipments and campaigns; asks only for what can exist."""
    asked: dict[str, dict[str, Any]] = {}
    if codes:
        asked["decisions"] = {"codes": codes, "most": FEW + 1}
    if shipments:
        asked["fulfilments"] = {
            "shipped_by": sorted({one.now.code for one in shipments}),
            "rewards": [one.now.reward_id for one in shipments],
        }
    if campaigns:
        asked["policies"] = {"campaigns": campaigns}
    parameters = {name: value for one in asked.values() for name, value in one.items()}
    return look_up(client, *asked, **parameters)


def _balance(found: Earnings) -> list[dict[str, Any]]:
    return [
        {
            "currency": currency,
            "kind": kind,
            "balance": amount_text(one.balance, currency),
            "to_collect": amount_text(one.to_collect, currency),
            "pending": amount_text(one.pending, currency),
            "rewards_held": one.held,
        }
        for (currency, kind), one in sorted(found.sums.items())
    ]


def _code(code: CodeRow, attributed: int, counters: Counters) -> dict[str, Any]:
    return {
        "code": code.code,
        "campaign_id": code.campaign_id,
        "status": code.status,
        "created_at": rfc3339(code.created_ms),
        "expires_at": None if code.expires_ms is None else rfc3339(code.expires_ms),
        "max_uses": code.max_uses,
        "attributed": attributed,
        "users_rewarded": len(counters.users),
        "rewards_granted": counters.granted,
        "rewards_held": counters.held,
        "rewards_rejected": counters.rejected,
    }


def _latest(found: Earnings) -> list[Shipment]:
    every = sorted(found.shipments.values(), key=lambda one: (-one.ordered_at, one.now.reward_id))
    return every[:MOST_SHOWN]


def _shipments(shipments: Sequence[Shipment], more: FoundRows) -> list[dict[str, Any]]:
    """As they stand, with what was reported last of each."""
    reports = more.every(FulfilmentRow)
    reports.sort(key=lambda one: (one.is_delivered, one.ms, one.event_id))
    reported = {one.reward_id: one for one in reports}
    return [_shipment(one, reported.get(one.now.reward_id, _NOTHING)) for one in shipments]


def _shipment(shipment: Shipment, reported: FulfilmentRow) -> dict[str, Any]:
    now = shipment.now
    return {
        "reward_id": now.reward_id,
        "status": now.status,
        "item": now.item,
        "code": now.code,
        "user_id": now.user_id,
        "campaign_id": now.campaign_id,
        "ordered_at": rfc3339(shipment.ordered_at),
        "since": rfc3339(now.ms),
        "carrier": reported.carrier,
        "tracking_number": reported.tracking_number,
        "reference": reported.reference,
        "detail": reported.detail,
    }


def _last(entry: EntryRow) -> dict[str, Any]:
    return {
        "value": amount_text(entry.value_micros, entry.currency),
        "at": rfc3339(entry.ms),
        "currency": entry.currency,
        "kind": entry.kind,
        "code": entry.code,
        "campaign_id": entry.campaign_id,
    }


def _standing(
    grants: Mapping[str, int],
    campaigns: Iterable[str],
    known: FoundRows,
    more: FoundRows,
    at: datetime,
) -> list[dict[str, Any]]:
    """The standing in each campaign: rewards that count, tier, badges, and the next milestone."""
    reached = _reached(known.every(MilestoneRow))
    in_force = _milestones_in_force(more.every(PolicyRow), at)
    return [
        _in_campaign(
            campaign,
            grants.get(campaign, 0),
            [one for one in reached if one.campaign_id == campaign],
            in_force.get(campaign, []),
        )
        for campaign in campaigns
    ]


def _reached(found: Sequence[MilestoneRow]) -> list[MilestoneRow]:
    """The milestones that the user has now, the highest first."""
    in_order = sorted(found, key=lambda one: one.position)
    last = {(one.campaign_id, one.name): one for one in in_order}
    held = [one for one in last.values() if one.reached]
    return sorted(held, key=lambda one: (-one.grants, one.name))


def _milestones_in_force(found: Sequence[PolicyRow], at: datetime) -> dict[str, list[Milestone]]:
    """The milestones by campaign, of the version in force."""
    begun = [one for one in found if one.effective_ms <= at.timestamp() * 1000]
    begun.sort(key=lambda one: (one.effective_ms, one.version))
    latest = {one.campaign_id: one.policy for one in begun}
    return {campaign: policy_in(text).milestones for campaign, text in latest.items()}


def _in_campaign(
    campaign: str, grants: int, reached: Sequence[MilestoneRow], known: Sequence[Milestone]
) -> dict[str, Any]:
    names = {one.name for one in reached}
    tiers = [one.name for one in reached if one.kind == MilestoneKind.TIER]
    coming = [one for one in known if one.name not in names]
    following = min(coming, key=lambda one: (one.grants, one.name), default=None)
    return {
        "campaign_id": campaign,
        "grants": grants,
        "tier": tiers[0] if tiers else None,
        "badges": [one.name for one in reached if one.kind == MilestoneKind.BADGE],
        "next": following and _coming(following, grants),
    }


def _coming(milestone: Milestone, grants: int) -> dict[str, Any]:
    """With how many grants it still takes: one at least, since it is a grant that reaches it."""
    return {
        "name": milestone.name,
        "kind": milestone.kind,
        "grants": milestone.grants,
        "missing": max(1, milestone.grants - grants),
        "value": amount_text(milestone.value_micros, milestone.currency)
        if milestone.value_micros
        else None,
        "currency": milestone.currency,
        "item": milestone.item,
    }
