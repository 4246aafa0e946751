"""The decisions of the rules, in the form in which `/micro/rewards` gives them."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from reftrail.contracts.decisions import Attributed, DeadLettered, RewardDecided
from reftrail.contracts.money import amount_text
from reftrail.contracts.reward_reasons import is_part
from reftrail.contracts.times import rfc3339
from reftrail.contracts.topics import ATTRIBUTIONS, DEAD_LETTERS, EVENTS, REWARDS
from reftrail.micro.memory import MemoryLogs


def rewards(logs: MemoryLogs, user_id: str | None = None) -> dict[str, Any]:
    """Attributions, the last state of each reward, and the entries of the ledger.

    With user_id only those of a referred user, and the rewards that a user is given.
    """
    attributions = [record for record in logs.read(ATTRIBUTIONS) if isinstance(record, Attributed)]
    ledger = [entry for entry in logs.read(REWARDS) if isinstance(entry, RewardDecided)]
    if user_id is not None:
        attributions = [decided for decided in attributions if decided.user_id == user_id]
        ledger = [entry for entry in ledger if user_id in (entry.user_id, entry.beneficiary)]
    return {
        "attributions": [_attribution(decided) for decided in attributions],
        "rewards": _rewards(ledger),
        "ledger": [_entry(entry) for entry in ledger],
    }


def dead_letters(logs: MemoryLogs) -> list[Mapping[str, Any]]:
    """The records that the rules could not take: they were accepted, and changed nothing."""
    return [
        {"at": rfc3339(letter.event_time), "stage": letter.stage, "reason": letter.reason}
        | {"detail": letter.detail, "topic": letter.topic}
        | {"key": (letter.message_key or b"").decode()}
        for letter in logs.read(DEAD_LETTERS)
        if isinstance(letter, DeadLettered)
    ]


def events(logs: MemoryLogs, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    """The events whose fields have the wanted values, as they are on the topic."""
    found = [msgspec.to_builtins(record) for record in logs.read(EVENTS)]
    return [event for event in found if wanted.items() <= event.items()]


def _attribution(decided: Attributed) -> dict[str, Any]:
    return {
        "user_id": decided.user_id,
        "code": decided.code,
        "campaign_id": decided.campaign_id,
        "basis": decided.basis,
        "touch_time": rfc3339(decided.touch_time),
        "visitor_id": decided.visitor_id,
    }


def _entry(entry: RewardDecided) -> dict[str, Any]:
    return {
        "reward_id": entry.reward_id,
        "status": entry.status,
        "code": entry.code,
        "user_id": entry.user_id,
        "role": entry.role,
        "beneficiary": entry.beneficiary,
        "action": entry.action,
        "value": amount_text(entry.value_micros, entry.currency),
        "currency": entry.currency,
        "kind": entry.kind,
        "order_id": entry.order_id,
        "campaign_id": entry.campaign_id,
        "reasons": entry.reasons,
        "at": rfc3339(entry.event_time),
        "due_at": None if entry.due_at is None else rfc3339(entry.due_at),
    }


def _rewards(ledger: Iterable[RewardDecided]) -> list[dict[str, Any]]:
    """The last state of each reward, worth what is left: a refund in part leaves its status."""
    last: dict[str, tuple[RewardDecided, int]] = {}
    for entry in ledger:
        before = last.get(entry.reward_id)
        if before is not None and is_part(entry):
            last[entry.reward_id] = (before[0], before[1] - entry.value_micros)
        else:
            last[entry.reward_id] = (entry, entry.value_micros)
    return [
        _entry(entry) | {"value": amount_text(left, entry.currency)}
        for entry, left in last.values()
    ]
