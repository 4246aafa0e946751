"""The view of one user equals one computed in Python, whatever came, in which order, or twice."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.earners import STEPS, Town, town
from support.programme import T0, campaign

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.money import amount_text
from reftrail.contracts.policy import MilestoneKind, Policy, policy_text
from reftrail.contracts.record import DAY, Record
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.reward_reasons import is_part
from reftrail.contracts.times import rfc3339
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    FULFILMENTS,
    MILESTONES,
    REWARDS,
)
from reftrail.reports.user_view.attributed import attributed_to
from reftrail.reports.user_view.history import HistoryPage, page
from reftrail.reports.user_view.lookups import look_up
from reftrail.reports.user_view.rows import Correction, Decision
from reftrail.reports.user_view.view import user_view
from reftrail.rules.reward.transitions import effect

NOW = datetime.fromtimestamp((T0 + DAY) / 1000, UTC)
TOWNS = 20


@pytest.mark.parametrize("merged", [False, True])
async def test_the_view_equals_the_oracle(clickhouse: ClickHouse, merged: bool) -> None:
    chance = Random(7 + merged)
    towns = [town(chance, number) for number in range(TOWNS)]
    await _load(clickhouse, towns, chance, merged=merged)

    for settled in towns:
        for user in settled.users:
            assert _whole(clickhouse, user) == _oracle(settled, user), f"{user} of {settled}"


async def test_counting_by_clickhouse_equals_counting_by_python(clickhouse: ClickHouse) -> None:
    chance = Random(9)
    towns = [town(chance, number) for number in range(TOWNS)]
    await _load(clickhouse, towns, chance, merged=False)
    codes = [name for town in towns for name in town.codes]
    decided = [f"decisions:{name}" for name in codes]
    found = look_up(clickhouse.reading, "code_page", about=decided, decided=decided, most=9999)
    decisions, corrections = found.every(Decision), found.every(Correction)

    counted = {
        few: attributed_to(clickhouse.reading, codes, decisions, corrections, few)
        for few in (0, 9999)
    }

    expected = {name: _attributed(town, name) for town in towns for name in town.codes}
    assert counted[0] == counted[9999] == {name: users for name, users in expected.items() if users}
    by_view = clickhouse.rows(
        "SELECT code, uniqExact(user_id) FROM v_current_attributions GROUP BY code"
    )
    assert dict(by_view) == counted[0]


def _whole(clickhouse: ClickHouse, user: str) -> dict[str, Any]:
    """With all pages of the history."""
    found = user_view(clickhouse.reading, user, HistoryPage(5), NOW)
    while (following := found.pop("next")) is not None:
        more = user_view(clickhouse.reading, user, page("5", following), NOW)
        found |= {"history": found["history"] + more["history"], "next": more["next"]}
    return found


async def _load(
    clickhouse: ClickHouse, towns: Sequence[Town], chance: Random, *, merged: bool
) -> None:
    """In three loads, the second of which comes in again; merged leaves one part of each table."""
    if not merged:
        clickhouse.stop_merges()
    policy = policy_text(Policy(milestones=list(STEPS)))
    later = campaign("spring", version=2, effective_from=T0 + 2 * DAY)
    await clickhouse.load(CAMPAIGNS, [campaign("spring", policy=policy), later])
    every: dict[Topic, list[Record]] = {
        REWARDS: [record for town in towns for record in town.ledger],
        CODES: [record for town in towns for record in town.changes],
        ATTRIBUTIONS: [record for town in towns for record in town.decisions],
        MILESTONES: [record for town in towns for record in town.milestones],
        FULFILMENTS: [record for town in towns for record in town.reports],
    }
    for topic, records in every.items():
        mixed = chance.sample(records, len(records))
        third = len(mixed) // 3
        second = mixed[third : 2 * third]
        for load in (mixed[:third], second, second, mixed[2 * third :]):
            await clickhouse.load(topic, load)
        if merged:
            clickhouse.writing.command(f"OPTIMIZE TABLE {topic.name} FINAL")


def _oracle(of: Town, user: str) -> dict[str, Any]:
    first: dict[str, RewardDecided] = {}
    for entry in sorted(of.ledger, key=lambda entry: entry.received_at):
        first.setdefault(entry.event_id, entry)
    mine = [entry for entry in first.values() if entry.beneficiary == user]
    # Nothing follows a reversal or rejection: what caused it may have waited in the log. A report
    # of a delivery in time grants again and fulfils.
    steps = {"reversed": 2, "rejected": 2, "fulfilled": 1}
    mine.sort(
        key=lambda entry: (
            steps.get(entry.status) == 2,
            entry.cause_offset,
            steps.get(entry.status) == 1,
            entry.event_id,
        )
    )
    rewards: dict[str, list[RewardDecided]] = defaultdict(list)
    for entry in mine:
        rewards[entry.reward_id].append(entry)
    referred = [entry for entry in mine if entry.role == "referrer"]
    owned = [code for code in _standing_codes(of) if code.owner_user_id == user]
    owned.sort(key=lambda code: (-code.created_at, code.code))
    granted = [entry for entry in mine if entry.status == "granted"]
    last = max(reversed(granted), key=lambda entry: entry.event_time, default=None)
    return {
        "user_id": user,
        "merged_users": [],
        "balance": _balance(mine, rewards),
        "last_earned": last
        and {
            "value": amount_text(last.value_micros, last.currency),
            "at": rfc3339(last.event_time),
            "currency": last.currency,
            "kind": last.kind,
            "code": last.code,
            "campaign_id": last.campaign_id,
        },
        "standing": _standing(of, user, referred, {code.campaign_id for code in owned}),
        "codes": [_code(of, code, referred, rewards) for code in owned],
        "codes_in_all": len(owned),
        "shipments": _shipments(of, rewards.values()),
        "statements": [],
        "history": [
            _shown(entry)
            for entry in sorted(
                mine, key=lambda entry: (entry.event_time, entry.event_id), reverse=True
            )
        ],
    }


def _balance(
    mine: Sequence[RewardDecided], rewards: dict[str, list[RewardDecided]]
) -> list[dict[str, Any]]:
    found = []
    for currency, kind in sorted({(entry.currency, entry.kind) for entry in mine}):
        these = [entry for entry in mine if (entry.currency, entry.kind) == (currency, kind)]
        lasts = _lasts(rewards[reward_id] for reward_id in {entry.reward_id for entry in these})
        held = [last for last in lasts if last.status == "held"]
        found.append(
            {
                "currency": currency,
                "kind": kind,
                "balance": amount_text(sum(map(effect, these)), currency),
                "to_collect": amount_text(
                    sum(entry.clawback_micros or 0 for entry in these), currency
                ),
                "pending": amount_text(sum(entry.value_micros for entry in held), currency),
                "rewards_held": len(held),
            }
        )
    return found


def _lasts(rewards: Iterable[Sequence[RewardDecided]]) -> list[RewardDecided]:
    whole = ([entry for entry in reward if not is_part(entry)] for reward in rewards)
    return [entries[-1] for entries in whole if entries]


def _standing_codes(of: Town) -> list[CodeChanged]:
    by_revision = sorted(of.changes, key=lambda change: change.revision)
    return list({code.code: code for code in by_revision}.values())


def _attributed(of: Town, name: str) -> int:
    corrected = {decision.corrects for decision in of.decisions}
    stand = [
        decision
        for decision in of.decisions
        if decision.decisive and decision.event_id not in corrected
    ]
    return len({attribution.user_id for attribution in stand if attribution.code == name})


def _code(
    of: Town,
    code: CodeChanged,
    referred: Sequence[RewardDecided],
    rewards: dict[str, list[RewardDecided]],
) -> dict[str, Any]:
    under = [entry for entry in referred if entry.code == code.code]
    granted = [entry for entry in under if entry.status == "granted"]
    lasts = _lasts(rewards[reward_id] for reward_id in {entry.reward_id for entry in under})
    return {
        "code": code.code,
        "campaign_id": code.campaign_id,
        "status": code.status,
        "created_at": rfc3339(code.created_at),
        "expires_at": code.expires_at and rfc3339(code.expires_at),
        "max_uses": code.max_uses,
        "attributed": _attributed(of, code.code),
        "users_rewarded": len({entry.user_id for entry in granted}),
        "rewards_granted": len({entry.reward_id for entry in granted}),
        "rewards_held": sum(entry.status == "held" for entry in lasts),
        "rewards_rejected": sum(entry.status == "rejected" for entry in lasts),
    }


def _standing(
    of: Town, user: str, referred: Sequence[RewardDecided], of_codes: set[str]
) -> list[dict[str, Any]]:
    grants: dict[str, int] = defaultdict(int)
    for entry in referred:
        if entry.status in {"granted", "reversed"} and entry.campaign_id:
            undone = entry.status == "reversed"
            passed_over = "partly_refunded" if undone else "tried_again"
            grants[entry.campaign_id] += (-1 if undone else 1) * (passed_over not in entry.reasons)
    now = {
        milestone.name: milestone.reached
        for milestone in of.milestones
        if milestone.beneficiary == user
    }
    found = []
    for name in sorted(of_codes | set(grants)):
        reached = [step for step in STEPS if name == "spring" and now.get(step.name)]
        tiers = [step for step in reached if step.kind == MilestoneKind.TIER]
        coming = [step for step in STEPS if name == "spring" and step not in reached]
        following = min(coming, key=lambda step: step.grants, default=None)
        found.append(
            {
                "campaign_id": name,
                "grants": grants[name],
                "tier": max(tiers, key=lambda step: step.grants).name if tiers else None,
                "badges": [step.name for step in reached if step.kind == MilestoneKind.BADGE],
                "next": following
                and {
                    "name": following.name,
                    "kind": following.kind,
                    "grants": following.grants,
                    "missing": max(1, following.grants - grants[name]),
                    "value": None,
                    "currency": None,
                    "item": None,
                },
            }
        )
    return found


def _shipments(of: Town, rewards: Iterable[list[RewardDecided]]) -> list[dict[str, Any]]:
    found = []
    for reward in rewards:
        statuses = [entry.status for entry in reward]
        if reward[0].kind != "shipment" or "granted" not in statuses:
            continue
        first, *others = reward[statuses.index("granted") :]
        now = [first, *(entry for entry in others if "partly_refunded" not in entry.reasons)][-1]
        actual = [report for report in of.reports if report.reward_id == now.reward_id]
        key = max(
            actual,
            key=lambda report: (report.outcome == "delivered", report.event_time),
            default=None,
        )
        shown = {
            "reward_id": now.reward_id,
            "status": now.status,
            "item": now.item,
            "code": now.code,
            "user_id": now.user_id,
            "campaign_id": now.campaign_id,
            "ordered_at": rfc3339(first.event_time),
            "since": rfc3339(now.event_time),
            "carrier": key and key.carrier,
            "tracking_number": None,
            "reference": None,
            "detail": None,
        }
        found.append((-first.event_time, now.reward_id, shown))
    return [shown for _, _, shown in sorted(found, key=lambda row: row[:2])]


def _shown(entry: RewardDecided) -> dict[str, Any]:
    return {
        "event_id": entry.event_id,
        "at": rfc3339(entry.event_time),
        "reward_id": entry.reward_id,
        "status": entry.status,
        "role": entry.role,
        "action": entry.action,
        "currency": entry.currency,
        "kind": entry.kind,
        "item": entry.item,
        "code": entry.code,
        "user_id": entry.user_id,
        "campaign_id": entry.campaign_id,
        "order_id": entry.order_id,
        "reasons": list(entry.reasons),
        "supersedes": entry.supersedes,
        "due_at": None,
        "value": amount_text(entry.value_micros, entry.currency),
        "effect": amount_text(effect(entry), entry.currency),
    }
