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
from reftrail.reports.user_view.rows import Decision
from reftrail.reports.user_view.view import user_view
from reftrail.rules.reward.transitions import effect

NOW = datetime.fromtimestamp((T0 + DAY) / 1000, UTC)
TOWNS = 20


@pytest.mark.parametrize("merged", [False, True])
async def test_the_view_equals_the_oracle(clickhouse: ClickHouse, merged: bool) -> None:
    chance = Random(7 + merged)
    towns = [town(chance, number) for number in range(TOWNS)]
    await _load(clickhouse, towns, chance, merged=merged)

    for one in towns:
        for user in one.users:
            assert _whole(clickhouse, user) == _oracle(one, user), f"{user} of {one}"


async def test_counting_by_clickhouse_equals_counting_by_python(clickhouse: ClickHouse) -> None:
    chance = Random(9)
    towns = [town(chance, number) for number in range(TOWNS)]
    await _load(clickhouse, towns, chance, merged=False)
    codes = [name for one in towns for name in one.codes]
    decisions = look_up(clickhouse.reading, "decisions", codes=codes, most=9999).every(Decision)

    counted = {few: attributed_to(clickhouse.reading, codes, decisions, few) for few in (0, 9999)}

    expected = {name: _attributed(one, name) for one in towns for name in one.codes}
    assert counted[0] == counted[9999] == {name: users for name, users in expected.items() if users}
    by_view = clickhouse.rows(
        "SELECT code, uniqExact(user_id) FROM current_attributions GROUP BY code"
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
        REWARDS: [record for one in towns for record in one.ledger],
        CODES: [record for one in towns for record in one.changes],
        ATTRIBUTIONS: [record for one in towns for record in one.decisions],
        MILESTONES: [record for one in towns for record in one.milestones],
        FULFILMENTS: [record for one in towns for record in one.reports],
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
    for one in sorted(of.ledger, key=lambda one: one.received_at):
        first.setdefault(one.event_id, one)
    mine = [one for one in first.values() if one.beneficiary == user]
    # Nothing follows a reversal or rejection: what caused it may have waited in the log. A report
    # of a delivery in time grants again and fulfils.
    steps = {"reversed": 2, "rejected": 2, "fulfilled": 1}
    mine.sort(
        key=lambda one: (
            steps.get(one.status) == 2,
            one.cause_offset,
            steps.get(one.status) == 1,
            one.event_id,
        )
    )
    rewards: dict[str, list[RewardDecided]] = defaultdict(list)
    for one in mine:
        rewards[one.reward_id].append(one)
    referred = [one for one in mine if one.role == "referrer"]
    owned = [one for one in _standing_codes(of) if one.owner_user_id == user]
    owned.sort(key=lambda one: (-one.created_at, one.code))
    granted = [one for one in mine if one.status == "granted"]
    last = max(reversed(granted), key=lambda one: one.event_time, default=None)
    return {
        "user_id": user,
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
        "standing": _standing(of, user, referred, {one.campaign_id for one in owned}),
        "codes": [_code(of, one, referred, rewards) for one in owned],
        "codes_in_all": len(owned),
        "shipments": _shipments(of, rewards.values()),
        "history": [
            _shown(one)
            for one in sorted(mine, key=lambda one: (one.event_time, one.event_id), reverse=True)
        ],
    }


def _balance(
    mine: Sequence[RewardDecided], rewards: dict[str, list[RewardDecided]]
) -> list[dict[str, Any]]:
    found = []
    for currency, kind in sorted({(one.currency, one.kind) for one in mine}):
        these = [one for one in mine if (one.currency, one.kind) == (currency, kind)]
        held = [one for one in these if _is_pending(rewards[one.reward_id])]
        found.append(
            {
                "currency": currency,
                "kind": kind,
                "balance": amount_text(sum(map(effect, these)), currency),
                "to_collect": amount_text(sum(one.clawback_micros or 0 for one in these), currency),
                "pending": amount_text(sum(one.value_micros for one in held), currency),
                "rewards_held": len(held),
            }
        )
    return found


def _is_pending(reward: Iterable[RewardDecided]) -> bool:
    return {one.status for one in reward} == {"held"}


def _standing_codes(of: Town) -> list[CodeChanged]:
    by_revision = sorted(of.changes, key=lambda one: one.revision)
    return list({one.code: one for one in by_revision}.values())


def _attributed(of: Town, name: str) -> int:
    corrected = {one.corrects for one in of.decisions}
    stand = [one for one in of.decisions if one.decisive and one.event_id not in corrected]
    return len({one.user_id for one in stand if one.code == name})


def _code(
    of: Town,
    one: CodeChanged,
    referred: Sequence[RewardDecided],
    rewards: dict[str, list[RewardDecided]],
) -> dict[str, Any]:
    under = [entry for entry in referred if entry.code == one.code]
    granted = [entry for entry in under if entry.status == "granted"]
    return {
        "code": one.code,
        "campaign_id": one.campaign_id,
        "status": one.status,
        "created_at": rfc3339(one.created_at),
        "expires_at": one.expires_at and rfc3339(one.expires_at),
        "max_uses": one.max_uses,
        "attributed": _attributed(of, one.code),
        "users_rewarded": len({entry.user_id for entry in granted}),
        "rewards_granted": len({entry.reward_id for entry in granted}),
        "rewards_held": sum(_is_pending(rewards[entry.reward_id]) for entry in under),
        "rewards_rejected": sum(entry.status == "rejected" for entry in under),
    }


def _standing(
    of: Town, user: str, referred: Sequence[RewardDecided], of_codes: set[str]
) -> list[dict[str, Any]]:
    grants: dict[str, int] = defaultdict(int)
    for one in referred:
        if one.status in {"granted", "reversed"} and one.campaign_id:
            undone = one.status == "reversed"
            passed_over = "partly_refunded" if undone else "tried_again"
            grants[one.campaign_id] += (-1 if undone else 1) * (passed_over not in one.reasons)
    now = {one.name: one.reached for one in of.milestones if one.beneficiary == user}
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
        statuses = [one.status for one in reward]
        if reward[0].kind != "shipment" or "granted" not in statuses:
            continue
        first, *others = reward[statuses.index("granted") :]
        now = [first, *(one for one in others if "partly_refunded" not in one.reasons)][-1]
        told = [one for one in of.reports if one.reward_id == now.reward_id]
        key = max(told, key=lambda one: (one.outcome == "delivered", one.event_time), default=None)
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
    return [shown for _, _, shown in sorted(found, key=lambda one: one[:2])]


def _shown(one: RewardDecided) -> dict[str, Any]:
    return {
        "event_id": one.event_id,
        "at": rfc3339(one.event_time),
        "reward_id": one.reward_id,
        "status": one.status,
        "role": one.role,
        "action": one.action,
        "currency": one.currency,
        "kind": one.kind,
        "item": one.item,
        "code": one.code,
        "user_id": one.user_id,
        "campaign_id": one.campaign_id,
        "order_id": one.order_id,
        "reasons": list(one.reasons),
        "supersedes": one.supersedes,
        "due_at": None,
        "value": amount_text(one.value_micros, one.currency),
        "effect": amount_text(effect(one), one.currency),
    }
