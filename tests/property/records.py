"""Any record of any type, made from the fields of its struct and the widths of its schema."""

import json
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

import msgspec
from hypothesis import strategies as st

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.codec import encode
from reftrail.contracts.conversions import Converted, Touched
from reftrail.contracts.decisions import (
    Attributed,
    Claimed,
    DeadLettered,
    RewardDecided,
    RewardGranted,
    RewardWithdrawn,
)
from reftrail.contracts.events import Click, Event, FormStarted, Purchase, Refund, Signup, View
from reftrail.contracts.external_inputs import FulfilmentReported, Listed, Reviewed, Ticked
from reftrail.contracts.payouts import StatementChanged, StatementLine, StatementPrepared
from reftrail.contracts.record import Record
from reftrail.contracts.reference import (
    CampaignDefined,
    CodeActed,
    CodeChanged,
    CodeFormatDefined,
)
from reftrail.contracts.registry import latest
from reftrail.contracts.stage_messages import (
    CheckRequested,
    LimitAnswered,
    LimitRequested,
    MilestoneChanged,
    OrderAsked,
    PersonKnown,
    SignalChecked,
    UserSeen,
)

YEAR_10000: Final = 253_402_300_800_000
"""Python's datetime, through which other readers give times, ends here."""

KINDS: Final[tuple[type[Record], ...]] = (
    View,
    Click,
    FormStarted,
    Signup,
    Purchase,
    Refund,
    CodeActed,
    CodeChanged,
    CodeFormatDefined,
    CampaignDefined,
    Touched,
    Converted,
    Attributed,
    Claimed,
    RewardDecided,
    RewardGranted,
    RewardWithdrawn,
    DeadLettered,
    CheckRequested,
    FulfilmentReported,
    LimitAnswered,
    LimitRequested,
    Listed,
    MilestoneChanged,
    OrderAsked,
    PersonKnown,
    Reviewed,
    Adjusted,
    AdjustmentDecided,
    SignalChecked,
    UserSeen,
    StatementChanged,
    StatementLine,
    StatementPrepared,
    Ticked,
)


def schema_name(kind: type[Record]) -> str:
    """The schema's name of a record type."""
    return "Event" if issubclass(kind, Event) else kind.__name__


def records_of(kind: type[Record]) -> st.SearchStrategy[Record]:
    """Any record of a type."""
    hints = get_type_hints(kind)
    schema = json.loads(latest(schema_name(kind)).text)
    widths = {field["name"]: field["type"] for field in schema["fields"]}
    return st.builds(
        kind,
        **{
            field.name: _values(hints[field.name], widths[field.name])
            for field in msgspec.structs.fields(kind)
        },
    )


def any_records() -> st.SearchStrategy[Record]:
    """Any record of any type."""
    return st.one_of([records_of(kind) for kind in KINDS])


def values_of(kind: type[Record]) -> st.SearchStrategy[bytes]:
    """The message value of any record of a type."""
    return records_of(kind).map(encode)


def _values(hint: Any, width: Any) -> st.SearchStrategy[Any]:
    branches = get_args(hint)
    if isinstance(width, list):
        (width,) = (branch for branch in width if branch != "null")
    if NoneType in branches:
        (inner,) = (branch for branch in branches if branch is not NoneType)
        return st.none() | _values(inner, width)
    if hint is int:
        return _WIDTHS[width["logicalType"] if isinstance(width, dict) else width]
    return _PLAIN[hint]


_WIDTHS: Final = {
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "timestamp-millis": st.integers(0, YEAR_10000 - 1),
}
_PLAIN: Final[dict[Any, st.SearchStrategy[Any]]] = {
    str: st.text(max_size=12),
    bool: st.booleans(),
    bytes: st.binary(max_size=12),
    list[str]: st.lists(st.text(max_size=12), max_size=3),
}
