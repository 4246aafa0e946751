"""Payment details of beneficiaries, from a file of the owner's. They go into no topic.

The file is a CSV with the columns beneficiary, name, email, paypal, iban, bic and type, of which
only the first one has to be there.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reftrail.contracts.errors import ExpectedError

_COLUMNS: Final = ("beneficiary", "name", "email", "paypal", "iban", "bic", "type")
_EMAIL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9.-]+\.[A-Za-z]{2,}", re.ASCII)
_PAYPAL_ID: Final = re.compile(r"[A-Z0-9]{13}", re.ASCII)
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)
_BIC: Final = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", re.ASCII)
_TYPES: Final = ("person", "business")


@dataclass(frozen=True, slots=True)
class Payee:
    """The details of one beneficiary; those that the file doesn't have are empty.

    paypal is an e-mail address or a PayPal account's id, type person or business.
    """

    name: str = ""
    email: str = ""
    paypal: str = ""
    iban: str = ""
    bic: str = ""
    type: str = "person"

    def faults(self) -> Iterator[str]:
        """The text has a form that no provider takes."""
        if self.email and not _EMAIL.fullmatch(self.email):
            yield "the email is no e-mail address"
        if self.paypal and not (_EMAIL.fullmatch(self.paypal) or _PAYPAL_ID.fullmatch(self.paypal)):
            yield "paypal is neither an e-mail address nor the id of an account"
        if self.iban and not is_iban(self.iban):
            yield "the iban's check digits, length or characters are wrong"
        if self.bic and not _BIC.fullmatch(self.bic):
            yield "the bic has not 8 or 11 letters and digits"
        if self.type not in _TYPES:
            yield f"the type is none of {', '.join(_TYPES)}"


def is_iban(text: str) -> bool:
    """Whether an IBAN's check digits are right (ISO 13616: modulo 97 is 1)."""
    if not _IBAN.fullmatch(text):
        return False
    digits = "".join(str(int(character, 36)) for character in text[4:] + text[:4])
    return int(digits) % 97 == 1


def read_payees(path: Path) -> Mapping[str, Payee]:
    """The payees in a file, by beneficiary. Raises `ExpectedError`."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ExpectedError(f"{path} can't be read as UTF-8 text: {error}") from error
    rows = csv.DictReader(text.splitlines())
    columns = [(name or "").strip().lower() for name in rows.fieldnames or ()]
    if "beneficiary" not in columns:
        raise ExpectedError(f"{path} needs a first line with the columns {', '.join(_COLUMNS)}")
    if unknown := [name for name in columns if name not in _COLUMNS]:
        raise ExpectedError(
            f"{path} has a column {unknown[0]!r}; it may have {', '.join(_COLUMNS)}"
        )
    found: dict[str, Payee] = {}
    for row in rows:
        fields = {
            str(name).strip().lower(): (value or "").strip()
            for name, value in row.items()
            if name is not None and not isinstance(value, list)
        }
        beneficiary = fields.pop("beneficiary", "")
        if not beneficiary:
            continue
        if beneficiary in found:
            raise ExpectedError(
                f"{path} has {beneficiary} twice, the second time in line "
                f"{rows.line_num}; leave one of them"
            )
        for name in ("iban", "bic"):
            fields[name] = fields.get(name, "").replace(" ", "").upper()
        fields["type"] = fields.get("type", "").lower() or "person"
        found[beneficiary] = Payee(**fields)
    return found
