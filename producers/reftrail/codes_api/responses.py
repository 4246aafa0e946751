"""Responses about codes in JSON. Times are RFC 3339 in UTC."""

from typing import Any

import msgspec

from reftrail.codes.answers import Verification
from reftrail.codes.links import landing_link
from reftrail.codes.model import Code, Format, Origin
from reftrail.codes_api.usage_counters import Counters
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeActed, CodeStatus
from reftrail.contracts.times import rfc3339


def code_answer(code: Code, at: Millis, landing_url: str | None) -> dict[str, Any]:
    """The answer about a code at a time, without the owner's signals."""
    changed = code.changed
    record = None
    if changed.record_kind is not None and changed.record_id is not None:
        record = {"kind": changed.record_kind, "id": changed.record_id}
    return {
        "code": changed.code,
        "campaign_id": changed.campaign_id,
        "owner_user_id": changed.owner_user_id,
        "status": code.status_at(at),
        "category": changed.category,
        "channel": changed.channel,
        "channels": changed.channels,
        "regions": changed.regions,
        "created_at": moment(changed.created_at),
        "expires_at": moment(changed.expires_at),
        "max_uses": changed.max_uses,
        "max_distributes": changed.max_distributes,
        "channel_limits": dict(code.channel_limits),
        "distributed": code.distributed,
        "distributed_by_channel": dict(code.distributed_by_channel),
        "left_to_distribute": code.left_to_distribute,
        "record": record,
        "origin": changed.origin,
        "notes": changed.notes,
        "revision": changed.revision,
        "registered": True,
        "sequence": None,
        "link": landing_link(landing_url, changed.code) if landing_url else None,
    }


def derived_answer(
    code: str, campaign_id: str | None, sequence: int | None, landing_url: str | None
) -> dict[str, Any]:
    """A genuine derived code that nobody has touched: it has no row, so little is known of it."""
    return {
        "code": code,
        "campaign_id": campaign_id,
        "owner_user_id": None,
        "status": CodeStatus.ACTIVE,
        "max_uses": None,
        "distributed": 0,
        "origin": Origin.DERIVED,
        "registered": False,
        "sequence": sequence,
        "link": landing_link(landing_url, code) if landing_url else None,
    }


def with_counters(answer: dict[str, Any], counters: Counters) -> dict[str, Any]:
    """A code's answer with what has happened under it; counters are null if nobody knows."""
    limit, users = answer["max_uses"], counters.users_rewarded
    counted = {
        "distributed": answer["distributed"],
        "views": counters.views,
        "clicks": counters.clicks,
        "signups": counters.signups,
        "purchases": counters.purchases,
        "attributed": counters.attributed,
        "rewards_granted": counters.rewards_granted,
        "uses": users,
        "uses_left": None if limit is None or users is None else max(limit - users, 0),
    }
    return answer | {"counters": counted, "counters_as_of": counters.as_of}


def verification_answer(found: Verification, at: Millis, landing_url: str | None) -> dict[str, Any]:
    """Answer for a secret key: why a code is good or isn't, and what is registered of it."""
    registered = found.registered
    return {
        "valid": found.is_valid,
        "answer": found.answer,
        "message": found.message,
        "code": found.code,
        "campaign_id": found.campaign_id,
        "position": found.position,
        "expected": found.expected,
        "suggestion": found.suggestion,
        "sequence": found.sequence,
        "registered": code_answer(registered, at, landing_url) if registered else None,
    }


def act_answer(acted: CodeActed) -> dict[str, Any]:
    """A line of the audit log."""
    return {
        "at": moment(acted.event_time),
        "act": acted.act,
        "actor": acted.actor,
        "reason": acted.reason,
        "before": _fields(acted.before),
        "after": _fields(acted.after),
        "batch_id": acted.batch_id,
        "codes": acted.codes,
        "revision": acted.revision,
        "event_id": acted.event_id,
    }


def format_answer(found: Format) -> dict[str, Any]:
    """A format, and how much of it is used."""
    defined = found.defined
    return {
        "name": defined.name,
        "kind": defined.kind,
        "pattern": defined.pattern,
        "campaign_id": defined.campaign_id,
        "category": defined.category,
        "channel": defined.channel,
        "status": defined.status,
        "per_user": found.per_user,
        "on_signup": found.on_signup,
        "used": found.used,
        "size": found.size,
        "revision": defined.revision,
    }


def moment(at: Millis | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    return None if at is None else rfc3339(at)


def _fields(fields: str | None) -> dict[str, Any] | None:
    """Fields of a code as JSON, without the owner's signals."""
    if fields is None:
        return None
    found: dict[str, Any] = msgspec.json.decode(fields)
    return {name: value for name, value in found.items() if not name.endswith("_hash")}
