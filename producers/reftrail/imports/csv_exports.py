"""Dub's CSV exports of commissions, as the JSON that its API answers.

Columns are those of dubinc/dub, apps/web/lib/zod/schemas/commissions.ts; amounts are whole minor
units, and since format-commissions-for-export.ts has the type `money` texts such as $1,234.50.
Rewardful and FirstPromoter don't say what the columns of theirs are.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.money import minor_places

_NEEDED: Final = ("id", "earnings", "currency", "status", "partnerId")
_MINOR: Final = re.compile(r"-?\d{1,15}", re.ASCII)
_MONEY: Final = re.compile(
    r"(?P<minus>-?)[^\d\s.,-]{1,4}[ \u00a0]?"
    r"(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.(?P<part>\d{1,4}))?",
    re.ASCII,
)


def is_csv(path: Path, text: bytes) -> bool:
    """Whether a file is a table: by its name, or since its first line has Dub's columns."""
    first = text.lstrip(b"\xef\xbb\xbf \r\n").partition(b"\n")[0].decode("utf-8", "replace")
    return path.suffix.lower() == ".csv" or {"id", "earnings"} <= set(_columns(first))


def rows_as_answers(path: Path, text: bytes) -> Iterator[Mapping[str, Any]]:
    """The rows of Dub's export, each as its API answers a commission. Raises `ExpectedError`."""
    try:
        rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExpectedError(f"{path} is no CSV in UTF-8: {error}") from error
    columns = _columns(",".join(rows[0])) if rows else []
    if missing := [name for name in _NEEDED if name.lower() not in columns]:
        raise ExpectedError(
            f"{path} lacks the columns {', '.join(missing)}; export Dub's commissions with ID, "
            f"Earnings, Currency, Status, Partner ID, Partner email, Customer ID and Customer "
            f"external ID, or give its API's answers as JSON"
        )
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != len(columns):
            raise ExpectedError(
                f"{path} has {len(row)} values in row {number}, and {len(columns)} columns; export "
                f"it anew"
            )
        yield _answer(dict(zip(columns, row, strict=True)))


def _answer(row: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "id": row["id"],
        "earnings": _minor_units(row["earnings"].strip(), row["currency"]),
        "currency": row["currency"],
        "status": row["status"],
        "partner": {"id": row["partnerid"], "email": row.get("partneremail")},
        "customer": {"id": row.get("customerid"), "externalId": row.get("customerexternalid")},
    }


def _minor_units(text: str, currency: str) -> int | str:
    """An amount in minor units; the text itself where it is none."""
    if _MINOR.fullmatch(text):
        return int(text)
    found = _MONEY.fullmatch(text)
    try:
        places = int(minor_places(currency.upper()))
    except ValueError:
        return text
    part = (found["part"] or "") if found else ""
    if found is None or part[places:].strip("0"):
        return text
    minor = int(found["whole"].replace(",", "") + part[:places].ljust(places, "0"))
    return -minor if found["minus"] else minor


def _columns(line: str) -> list[str]:
    """The columns of a header, by their ids or their titles: partnerId, or Partner ID."""
    return [name.strip().strip('"').replace(" ", "").lower() for name in line.split(",")]
