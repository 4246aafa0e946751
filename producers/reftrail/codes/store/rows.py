"""Conversion of rows to codes, formats and audit lines, and back."""

from typing import Any, Final

import msgspec
import sqlalchemy as sa

from reftrail.codes.model import Code, Format, PerUser
from reftrail.codes.store.tables import acts, api_keys, codes, formats
from reftrail.contracts.api_keys import ApiKeyChanged
from reftrail.contracts.record import Record
from reftrail.contracts.reference import CodeActed, CodeChanged, CodeFormatDefined

_OF_RECORD: Final = frozenset(CodeChanged.__struct_fields__) & {c.name for c in codes.columns}
_OF_FORMAT: Final = frozenset(CodeFormatDefined.__struct_fields__) & {
    column.name for column in formats.columns
}
_OF_ACT: Final = frozenset(CodeActed.__struct_fields__) & {column.name for column in acts.columns}
_OF_KEY: Final = frozenset(ApiKeyChanged.__struct_fields__) & {
    column.name for column in api_keys.columns
}
_NOT_STATE: Final = frozenset(
    {"event_id", "event_time", "received_at", "code", "campaign_id", "revision", "past_stops"}
)


def code_of(row: sa.RowMapping) -> Code:
    """The code in a row of `codes`."""
    return Code(
        changed=_record(CodeChanged, _OF_RECORD, row),
        format_name=row["format"],
        distributed=row["distributed"],
        distributed_by_channel=row["distributed_by_channel"],
        channel_limits=row["channel_limits"],
    )


def row_of(code: Code, skeleton: str | None = None) -> dict[str, Any]:
    """The row of a code; skeleton is written only once, when it is inserted."""
    changed = code.changed
    return {
        **{name: getattr(changed, name) for name in _OF_RECORD},
        "format": code.format_name,
        "skeleton": skeleton,
        "distributed": code.distributed,
        "distributed_by_channel": dict(code.distributed_by_channel),
        "channel_limits": dict(code.channel_limits),
    }


def format_of(row: sa.RowMapping) -> Format:
    """The format in a row of `formats`."""
    return Format(
        defined=_record(CodeFormatDefined, _OF_FORMAT, row),
        per_user=PerUser(row["per_user"]),
        on_signup=row["on_signup"],
    )


def row_of_format(format_: Format) -> dict[str, Any]:
    """The row of a format."""
    return {
        **{name: getattr(format_.defined, name) for name in _OF_FORMAT},
        "per_user": format_.per_user,
        "on_signup": format_.on_signup,
    }


def act_of(row: sa.RowMapping) -> CodeActed:
    """The audit line in a row of `acts`."""
    act: CodeActed = _record(CodeActed, _OF_ACT, row)
    return act


def row_of_act(act: CodeActed) -> dict[str, Any]:
    """The row of an audit line."""
    return {name: getattr(act, name) for name in _OF_ACT}


def api_key_of(row: sa.RowMapping) -> ApiKeyChanged:
    """The key in a row of `api_keys`."""
    key: ApiKeyChanged = _record(ApiKeyChanged, _OF_KEY, row)
    return key


def row_of_api_key(key: ApiKeyChanged) -> dict[str, Any]:
    """The row of a key."""
    return {name: getattr(key, name) for name in _OF_KEY}


def state_of(code: Code) -> dict[str, Any]:
    """The state that acts change: a code without its identity, campaign and revision."""
    changed = msgspec.structs.asdict(code.changed)
    return {
        **{name: value for name, value in changed.items() if name not in _NOT_STATE},
        "distributed": code.distributed,
        "distributed_by_channel": dict(code.distributed_by_channel),
        "channel_limits": dict(code.channel_limits),
    }


def differences(before: Code | None, after: Code) -> tuple[str | None, str | None]:
    """The fields that differ, before and after, as JSON objects.

    A new code has no before, and all that isn't empty differs.
    """
    new = state_of(after)
    if before is None:
        return None, _json({name: value for name, value in new.items() if value})
    old = state_of(before)
    changed = [name for name, value in new.items() if old[name] != value]
    return _json({name: old[name] for name in changed}), _json(
        {name: new[name] for name in changed}
    )


def _json(fields: dict[str, Any]) -> str:
    return msgspec.json.encode(fields).decode()


def _record(kind: type[Any], names: frozenset[str], row: sa.RowMapping) -> Any:
    """A record of a row; what was written into the store was received then."""
    record: Record = kind(received_at=row["event_time"], **{name: row[name] for name in names})
    return record
