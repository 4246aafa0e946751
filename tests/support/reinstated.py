"""Reinstatements on a host in memory: what happens, the ledger, and what limits have taken."""

from collections import Counter
from typing import Any

import msgspec

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import Fraud, Policy, policy_text
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, DEAD_LETTERS, EVENTS, REVIEWS, REWARDS
from reftrail.engine.topology import STAGES
from reftrail.rules.limits import LimitState
from reftrail.testing import MemoryHost, campaign, code, reviewed

TRUSTING = Fraud(grant_up_to=999, reject_from=1000)


def reinstated(at: str, reason: str | None = "false_positive", **overrides: Any) -> Any:
    return reviewed("reinstate", at, reason=reason, **overrides)


def programme_of(**policy: Any) -> MemoryHost:
    trigger = policy.pop("trigger", Trigger.FIRST_PURCHASE)
    minimum = policy.pop("minimum_amount_micros", 0)
    host = MemoryHost()
    text = policy_text(Policy(**({"fraud": TRUSTING} | policy)))
    host.publish(CAMPAIGNS, campaign(policy=text, trigger=trigger, minimum_amount_micros=minimum))
    host.publish(CODES, code("AMY"), code("BOB"))
    return host


def happens(host: MemoryHost, *records: Any) -> None:
    for record in records:
        topic = REVIEWS if hasattr(record, "decision") else EVENTS
        host.publish(topic, record)
        host.run()


def statuses(host: MemoryHost, role: str = "referrer") -> list[tuple[str, str]]:
    ledger = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    return [(entry.status, entry.action) for entry in ledger if entry.role == role]


def letters(host: MemoryHost) -> list[tuple[str, str]]:
    return [(record.reason, record.detail) for record in host.log(DEAD_LETTERS)]  # type: ignore[attr-defined]


def taken(host: MemoryHost) -> Counter[str]:
    """The amounts taken under limits, by the name of their cap."""
    known = {
        key: msgspec.msgpack.decode(packed, type=LimitState).taken
        for key, packed in host.states(STAGES["limits"]).items()
    }
    return Counter({key.partition(":")[0]: count for key, count in known.items() if count})
