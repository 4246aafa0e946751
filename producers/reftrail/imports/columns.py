"""Mapping from the columns of a CSV export to the parts of a commission, as a TOML file says it.

[columns]                        # part of a commission = title of its column
id = "Commission ID"             # the id that the programme's API has, too
amount = "Commission"
currency = "Currency"            # or the same for all, below
state = "Status"
earner_id = "Affiliate ID"       # this or earner_email, or both
earner_email = "Affiliate email"
link_token = "Link token"
customer = ["Customer ID", "Customer email"]   # the first that isn't empty
unit = "Unit"                    # where not all commissions are money

[constants]
currency = "EUR"

[amounts]
written = "decimal"              # or "minor": whole cents; or "by symbol": $1.50 and 150 are one
decimal_separator = ","          # else "."

[states]                         # values of the column state, in capitals or not
open = ["pending", "due"]        # is owed
paid = ["paid"]                  # was paid there
void = ["voided"]                # isn't owed

[units]
cash = ["cash"]                  # values of the column unit that are money

[csv]
delimiter = ";"                  # else what separates the titles: , ; | or tab
encoding = "windows-1252"        # else UTF-8
"""

import tomllib
from collections.abc import Callable
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.money import minor_places
from reftrail.contracts.text_encodings import text_encoding
from reftrail.imports.commission import Programme

_DUB: Final = "dub.columns.toml"


class Written(StrEnum):
    """Notation of amounts: 150 for 1.50, or 1.50, or both with a symbol at the decimals."""

    MINOR = "minor"
    DECIMAL = "decimal"
    BY_SYMBOL = "by symbol"


class Meaning(StrEnum):
    """Meaning of a commission's state."""

    OPEN = "open"
    PAID = "paid"
    VOID = "void"


def _known_currency(name: str) -> str:
    minor_places(name.upper())
    return name


def _usable_delimiter(character: str) -> str:
    is_printed = character == "\t" or (character.isprintable() and not character.isalnum())
    if not is_printed or character in {'"', " "}:
        raise ValueError("it can't separate values; give one such as , or ;")
    return character


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


_Title = Annotated[str, Field(min_length=1)]


class Columns(_Table):
    """The titles of columns."""

    id: _Title
    amount: _Title
    state: _Title
    currency: _Title | None = None
    earner_id: _Title | None = None
    earner_email: _Title | None = None
    link_token: _Title | None = None
    customer: Annotated[list[_Title], Field(min_length=1)] | _Title | None = None
    unit: _Title | None = None

    @model_validator(mode="after")
    def _name_an_earner(self) -> "Columns":
        if self.earner_id is None and self.earner_email is None:
            raise ValueError("give earner_id or earner_email, or both: who earned a commission")
        return self

    def that_are_there(self, is_there: Callable[[str], bool]) -> "Columns":
        """Without those that a table lacks, where a commission can be read without them."""
        email = self.earner_email if is_there(self.earner_email or "") else None
        customers = [title for title in self.customers() if is_there(title)]
        return self.model_copy(update={"earner_email": email, "customer": customers})

    def customers(self) -> list[str]:
        """The columns of the customer, the best one first."""
        return [self.customer] if isinstance(self.customer, str) else self.customer or []


class Constants(_Table):
    """Values that all commissions of a file share."""

    currency: Annotated[str, AfterValidator(_known_currency)] | None = None


class Amounts(_Table):
    """The format of amounts."""

    written: Annotated[Written, Field(strict=False)]
    decimal_separator: Literal[".", ","] = "."


class States(_Table):
    """The values of the column state, by their meaning."""

    open: Annotated[list[str], Field(min_length=1)]
    paid: list[str] = []
    void: list[str] = []

    @model_validator(mode="after")
    def _mean_one_thing(self) -> "States":
        seen: dict[str, Meaning] = {}
        for meaning, value in self._all():
            if seen.setdefault(value.casefold(), meaning) is not meaning:
                raise ValueError(f"{value!r} is in two lists; leave it in one of them")
        return self

    def meaning(self, value: str) -> Meaning | None:
        """The meaning of a value; None where no list has it."""
        for meaning, known in self._all():
            if known.casefold() == value.casefold():
                return meaning
        return None

    def known(self) -> str:
        """All values that the lists have."""
        return ", ".join(repr(value) for _, value in self._all())

    def _all(self) -> list[tuple[Meaning, str]]:
        lists = {Meaning.OPEN: self.open, Meaning.PAID: self.paid, Meaning.VOID: self.void}
        return [(meaning, value) for meaning, values in lists.items() for value in values]


class Units(_Table):
    """The values of the column unit that are money."""

    cash: Annotated[list[str], Field(min_length=1)]


class CsvFormat(_Table):
    """The format of the file."""

    delimiter: (
        Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_usable_delimiter)] | None
    ) = None
    encoding: Annotated[str, AfterValidator(text_encoding)] = "utf-8"


class ColumnMapping(_Table):
    """A mapping file; the module's docstring has an example of all of it."""

    columns: Columns
    amounts: Amounts
    states: States
    constants: Constants = Constants()
    units: Units | None = None
    csv: CsvFormat = CsvFormat()

    @model_validator(mode="after")
    def _say_each_once(self) -> "ColumnMapping":
        if self.columns.currency and self.constants.currency:
            raise ValueError("give columns.currency or constants.currency, and not both")
        if (self.columns.unit is None) != (self.units is None):
            raise ValueError("columns.unit and units.cash need each other: give both, or none")
        return self


def read_columns(path: Path) -> ColumnMapping:
    """The mapping in a TOML file. Raises `ExpectedError` that names the key and what is wrong."""
    return _read(path, str(path))


def known_columns(programme: Programme, is_there: Callable[[str], bool]) -> ColumnMapping | None:
    """The columns of a programme that documents them: of Dub's exports, as far as chosen there."""
    if programme is not Programme.DUB:
        return None
    mapping = _read(files(__package__) / _DUB, _DUB)
    return mapping.model_copy(update={"columns": mapping.columns.that_are_there(is_there)})


def _read(source: Traversable | Path, name: str) -> ColumnMapping:
    try:
        return ColumnMapping.model_validate(tomllib.loads(source.read_text("utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ExpectedError(f"cannot read {name}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ExpectedError(f"{name} is not TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(_fault(fault) for fault in error.errors(include_url=False))
        raise ExpectedError(f"{name}: {faults}") from error


def _fault(fault: Any) -> str:
    where = ".".join(map(str, fault["loc"]))
    what = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        what = "there is no such key"
    return f"{where}: {what}" if where else what
