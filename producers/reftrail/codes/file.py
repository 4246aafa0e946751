"""Codes in bulk: CSV with a header that names the fields of `NewCode`."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from reftrail.codes.registration import NewCode
from reftrail.contracts.errors import ExpectedError

_SHORT_NAMES: Final = {"owner": "owner_user_id", "campaign": "campaign_id"}


def read_codes(path: Path) -> Iterator[NewCode]:
    """The codes in a file, one by one; empty cells are left out.

    Columns: code, campaign_id (or campaign), owner_user_id (or owner), category, channel,
    max_uses, expires_at, created_at (times with an offset), notes. Raises `ExpectedError` that
    names line, column and value.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = [_SHORT_NAMES.get(name, name) for name in rows.fieldnames or ()]
            _check(path, columns)
            for row in rows:
                values = [cell.strip() if isinstance(cell, str) else None for cell in row.values()]
                given = {name: cell for name, cell in zip(columns, values, strict=False) if cell}
                yield _code(f"{path}, line {rows.line_num}", given)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ExpectedError(f"cannot read {path}: {error}") from error


def _check(path: Path, columns: list[str]) -> None:
    unknown = [name for name in columns if name not in NewCode.model_fields]
    if unknown or not {"code", "campaign_id"} <= set(columns):
        raise ExpectedError(
            f"{path}: the first line must name the columns code and campaign_id, and may name "
            f"{', '.join(sorted(NewCode.model_fields.keys() - {'code', 'campaign_id'}))}"
            + (f"; {unknown[0]!r} is not known" if unknown else "")
        )


def _code(where: str, given: dict[str, str]) -> NewCode:
    try:
        return NewCode.model_validate(given)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(map(str, fault["loc"]))
        raise ExpectedError(f"{where}, {field}: is {fault['input']!r}: {fault['msg']}") from error
