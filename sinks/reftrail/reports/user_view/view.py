"""View of one user: balance, holds, tiers, codes, shipments, and every entry."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.money import amount_text
from reftrail.contracts.policy import Milestone, MilestoneKind, policy_in
from reftrail.contracts.times import rfc3339
from reftrail.reports.user_view.attributed import attributed_to
from reftrail.reports.user_view.earnings import Counters, Earnings, Shipment, each_once, earnings
from reftrail.reports.user_view.gathered import (
    MOST_SHOWN,
    campaigns_of,
    rows_about_codes,
    rows_of_person,
    shown_codes,
)
from reftrail.reports.user_view.history import HistoryPage, history
from reftrail.reports.user_view.lookups import FoundRows
from reftrail.reports.user_view.pay_outs import statements_shown
from reftrail.reports.user_view.rows import (
    CodeRow,
    Correction,
    Decision,
    EntryRow,
    FulfilmentRow,
    MilestoneRow,
    PolicyRow,
    StatementChangeRow,
    StatementRow,
)

_NOTHING: Final = FulfilmentRow("", is_delivered=False, ms=0, event_id="")


def user_view(
    client: Client, user: str, asked: HistoryPage, now: datetime | None = None
) -> dict[str, Any]:
    """The view of a user as beneficiary; blocks.

    Of a user who was merged into an account it is that of the account, with what both have earned;
    merged_users are those who were merged into it. Money is a decimal string, a time RFC 3339. now
    decides which version of a policy says what comes next; unless given, it is the time.
    """
    person, known = rows_of_person(client, user)
    entries = each_once(known.every(EntryRow))
    found = earnings(entries)
    shipments = _latest(found)
    owned, more = rows_about_codes(client, person, known.every(CodeRow), found, shipments)
    codes = shown_codes(owned)
    names = [code.code for code in codes]
    attributed = attributed_to(client, names, more.every(Decision), more.every(Correction))
    shown, following = history(entries, asked)
    return {
        "user_id": person.user_id,
        "merged_users": list(person.merged),
        "balance": _balance(found),
        "last_earned": found.last and _last(found.last),
        "standing": _standing(
            found.grants,
            campaigns_of(found, owned),
            known.every(MilestoneRow),
            more.every(PolicyRow),
            now or datetime.now(UTC),
        ),
        "codes": [
            _code(code, attributed.get(code.code, 0), found.codes[code.code]) for code in codes
        ],
        "codes_in_all": len(owned),
        "shipments": _shipments(shipments, more),
        "statements": _statements(known),
        "history": shown,
        "next": following,
    }


def _statements(known: FoundRows) -> list[dict[str, Any]]:
    shown = statements_shown(known.every(StatementRow), known.every(StatementChangeRow))
    return shown[:MOST_SHOWN]


def _balance(found: Earnings) -> list[dict[str, Any]]:
    return [
        {
            "currency": currency,
            "kind": kind,
            "balance": amount_text(sums.balance, currency),
            "to_collect": amount_text(sums.to_collect, currency),
            "pending": amount_text(sums.pending, currency),
            "rewards_held": sums.held,
        }
        for (currency, kind), sums in sorted(found.sums.items())
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
    every = sorted(
        found.shipments.values(),
        key=lambda shipment: (-shipment.ordered_at, shipment.now.reward_id),
    )
    return every[:MOST_SHOWN]


def _shipments(shipments: Sequence[Shipment], more: FoundRows) -> list[dict[str, Any]]:
    """As they stand, with what was reported last of each."""
    reports = more.every(FulfilmentRow)
    reports.sort(key=lambda report: (report.is_delivered, report.ms, report.event_id))
    reported = {report.reward_id: report for report in reports}
    return [
        _shipment(shipment, reported.get(shipment.now.reward_id, _NOTHING))
        for shipment in shipments
    ]


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
    milestones: Sequence[MilestoneRow],
    policies: Sequence[PolicyRow],
    at: datetime,
) -> list[dict[str, Any]]:
    """The standing in each campaign: rewards that count, tier, badges, and the next milestone."""
    reached = _reached(milestones)
    in_force = _milestones_in_force(policies, at)
    return [
        _in_campaign(
            campaign,
            grants.get(campaign, 0),
            [milestone for milestone in reached if milestone.campaign_id == campaign],
            in_force.get(campaign, []),
        )
        for campaign in campaigns
    ]


def _reached(found: Sequence[MilestoneRow]) -> list[MilestoneRow]:
    """The milestones that the user has now, the highest first."""
    in_order = sorted(found, key=lambda milestone: milestone.position)
    last = {
        (milestone.beneficiary, milestone.campaign_id, milestone.name): milestone
        for milestone in in_order
    }
    held = {
        (milestone.campaign_id, milestone.name): milestone
        for milestone in last.values()
        if milestone.reached
    }.values()
    return sorted(held, key=lambda milestone: (-milestone.grants, milestone.name))


def _milestones_in_force(found: Sequence[PolicyRow], at: datetime) -> dict[str, list[Milestone]]:
    """The milestones by campaign, of the version in force."""
    last_defined = sorted(found, key=lambda policy: policy.defined_ms)
    versions = {(policy.campaign_id, policy.version): policy for policy in last_defined}.values()
    begun = [policy for policy in versions if policy.effective_ms <= at.timestamp() * 1000]
    begun.sort(key=lambda policy: (policy.effective_ms, policy.version))
    latest = {policy.campaign_id: policy.policy for policy in begun}
    return {campaign: policy_in(text).milestones for campaign, text in latest.items()}


def _in_campaign(
    campaign: str, grants: int, reached: Sequence[MilestoneRow], known: Sequence[Milestone]
) -> dict[str, Any]:
    names = {milestone.name for milestone in reached}
    tiers = [milestone.name for milestone in reached if milestone.kind == MilestoneKind.TIER]
    coming = [milestone for milestone in known if milestone.name not in names]
    following = min(coming, key=lambda milestone: (milestone.grants, milestone.name), default=None)
    return {
        "campaign_id": campaign,
        "grants": grants,
        "tier": tiers[0] if tiers else None,
        "badges": [
            milestone.name for milestone in reached if milestone.kind == MilestoneKind.BADGE
        ],
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
