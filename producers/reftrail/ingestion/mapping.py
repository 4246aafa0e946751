"""Mapping from the columns of somebody's file to the fields of an event.

[fields]                         # field of the event = column of the file
visitor_id = "client"
user_id = "customer.id"          # in JSON lines a dot leads into an object
order_id = "invoice"
amount = "total"

[constants]                      # the same for every line
source = "portal"
currency = "EUR"

[type]                           # which kind of event a line is
column = "action"
values = { visit = "view", sale = "purchase" }
ignore = ["heartbeat"]           # lines to leave out

[time]
column = "when"
format = "%d.%m.%Y %H:%M"        # as for strptime, or unix, or unix_ms; else ISO 8601
timezone = "Europe/Berlin"       # of times that do not say it themselves

[properties]                     # property = column
page = "url"

[csv]
delimiter = ";"
encoding = "latin-1"
"""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.text_encodings import text_encoding
from reftrail.contracts.times import bounded

FIELDS: Final = (
    "type",
    "event_id",
    "event_time",
    "visitor_id",
    "user_id",
    "code",
    "campaign_id",
    "category",
    "channel",
    "source",
    "utm_source",
    "device_id",
    "ip",
    "user_agent",
    "country",
    "email",
    "order_id",
    "amount",
    "currency",
    "net_amount",
    "tax",
    "shipping",
    "refund_id",
    "dispute_id",
    "amount_refunded",
    "merged_into",
    "properties",
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Unmapped(ValueError):  # noqa: N818  it names the line's state
    """A line that can't be made an event. str() is the reason, pointer the event's field."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(reason)
        self.pointer = pointer


def _known_field(name: str) -> str:
    if name not in FIELDS:
        raise ValueError(f"{name} is not a field of an event; known are {', '.join(FIELDS)}")
    return name


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name} is not a time zone such as Europe/Berlin or UTC") from error
    return name


_Field: TypeAlias = Annotated[str, AfterValidator(_known_field)]


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class TypeColumn(_Table):
    """The column of the kind of event, and its values."""

    column: str
    values: dict[str, str] = {}
    ignore: list[str] = []


class TimeColumn(_Table):
    """The column of the time, and its format."""

    column: str
    format: str | None = None
    timezone: Annotated[str, AfterValidator(_known_zone)] | None = None


class CsvFormat(_Table):
    """The format of the file."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: Annotated[str, AfterValidator(text_encoding)] = "utf-8"


class FileMapping(_Table):
    """A mapping file; the module's docstring has an example of all of it."""

    fields: dict[_Field, str] = {}
    constants: dict[_Field, str] = {}
    type: TypeColumn | None = None
    time: TimeColumn | None = None
    properties: dict[str, str] = {}
    csv: CsvFormat = CsvFormat()

    def event(self, record: Mapping[str, Any]) -> dict[str, Any] | None:
        """The event in a record; None if it is to be left out. Raises `Unmapped`."""
        event: dict[str, Any] = dict(self.constants)
        for field, column in self.fields.items():
            if (value := _at(record, column)) is not None:
                event[field] = value if isinstance(value, dict) else _text(value)
        if self.type is not None:
            kind = _text(_at(record, self.type.column))
            if kind in self.type.ignore:
                return None
            event["type"] = _kind(kind, self.type)
        if self.time is not None:
            event["event_time"] = _time(_text(_at(record, self.time.column)), self.time)
        properties = {name: _at(record, column) for name, column in self.properties.items()}
        if found := {name: value for name, value in properties.items() if value is not None}:
            event["properties"] = found
        return event


def read_mapping(path: Path) -> FileMapping:
    """The mapping in a TOML file. Raises `ExpectedError` that names the field and value."""
    try:
        return FileMapping.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ExpectedError(f"cannot read {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ExpectedError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False)
        )
        raise ExpectedError(f"{path}: {faults}") from error


def _at(record: Mapping[str, Any], column: str) -> Any:
    """The value of a column; a dot leads into an object unless the column itself has one."""
    if column in record:
        return record[column]
    value: Any = record
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:
    """A cell as text: in JSON, numbers may stand for ids and amounts."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).strip()


def _kind(given: str, column: TypeColumn) -> str:
    if not column.values:
        return given
    if given not in column.values:
        known = ", ".join([*column.values, *column.ignore])
        raise Unmapped(
            "/type",
            f"column {column.column} is {given[:40]!r}; the mapping's type.values and type.ignore "
            f"name {known}",
        )
    return column.values[given]


def _time(given: str, column: TimeColumn) -> str:
    try:
        at = _instant(given, column)
    except (ValueError, OverflowError, InvalidOperation) as error:
        raise Unmapped(
            "/event_time",
            f"column {column.column} is {given[:40]!r}, not a time written as "
            f"{column.format or 'ISO 8601'}",
        ) from error
    if at.tzinfo is None:
        raise Unmapped(
            "/event_time",
            f"column {column.column} is {given[:40]!r}, which has no offset; give time.timezone "
            f"in the mapping",
        )
    try:
        return bounded(at).astimezone(UTC).isoformat(timespec="microseconds")
    except ValueError as error:
        raise Unmapped(
            "/event_time", f"column {column.column} is {given[:40]!r}, which {error}"
        ) from error


def _instant(given: str, column: TimeColumn) -> datetime:
    match column.format:
        case "unix":
            return _EPOCH + timedelta(microseconds=int(Decimal(given) * 1_000_000))
        case "unix_ms":
            return _EPOCH + timedelta(milliseconds=int(given))
        case None:
            at = datetime.fromisoformat(given)
        case pattern:
            at = datetime.strptime(given, pattern)  # noqa: DTZ007  its zone follows
    zone: tzinfo | None = ZoneInfo(column.timezone) if column.timezone else None
    return at.replace(tzinfo=zone) if at.tzinfo is None else at
