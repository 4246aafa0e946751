"""Campaign files: TOML with one or several [[campaign]] tables."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reftrail.campaigns.definition import Campaign
from reftrail.contracts.errors import ExpectedError


def read_campaigns(path: Path) -> list[Campaign]:
    """The campaigns in a file. Raises `ExpectedError` that names field, value and what is right."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ExpectedError(f"cannot read {path}: {error}") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ExpectedError(f"{path} is not TOML: {error}") from error
    tables = content.get("campaign")
    if not isinstance(tables, list) or content.keys() != {"campaign"}:
        raise ExpectedError(f"{path} must have [[campaign]] tables at its top and nothing else")
    return [_campaign(path, number, table) for number, table in enumerate(tables, 1)]


def _campaign(path: Path, number: int, table: Any) -> Campaign:
    try:
        return Campaign.model_validate(table)
    except ValidationError as error:
        faults = "; ".join(map(_told, error.errors(include_url=False)))
        which = table.get("campaign_id", "without an id") if isinstance(table, dict) else table
        raise ExpectedError(f"{path}, campaign {number} ({which}): {faults}") from error


def _told(fault: ErrorDetails) -> str:
    field = ".".join(map(str, fault["loc"])) or "the whole"
    message = fault["msg"].removeprefix("Value error, ")
    match fault["type"]:
        case "missing":
            return f"{field} is missing"
        case "extra_forbidden":
            return f"{field} is not a field; known are {', '.join(Campaign.model_fields)}"
        case "timezone_aware":
            return f"{field} is {fault['input']}; give its offset, such as 2025-06-01T00:00:00Z"
        case _ if not fault["loc"]:
            return message
        case _:
            return f"{field} is {fault['input']!r}: {message[:1].lower()}{message[1:]}"
