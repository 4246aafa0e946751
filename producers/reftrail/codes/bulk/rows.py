"""Rows of a file as codes to import: the field of each column, and the faults of each row."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from reftrail.codes.bulk.files import LIST_SEPARATOR, Row, read_table
from reftrail.codes.model import ActRefused, GivenCode, Terms, Why
from reftrail.codes.validation import check_code, check_terms
from reftrail.contracts.code_spelling import is_code, spelled
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.names import LONGEST_NAME, NAME_PATTERN
from reftrail.contracts.times import bounded, millis

SHORT_NAMES: Final = {"owner": "owner_user_id", "campaign": "campaign_id"}


def _listed(given: Any) -> Any:
    """web|app is two values."""
    return tuple(given.split(LIST_SEPARATOR)) if isinstance(given, str) else given


_Text: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=LONGEST_NAME, pattern=NAME_PATTERN)
]
_Moment: TypeAlias = Annotated[AwareDatetime, AfterValidator(bounded)]
_Count: TypeAlias = Annotated[int, Field(ge=1, lt=2**31)]
_Channels: TypeAlias = Annotated[tuple[_Text, ...], BeforeValidator(_listed)]
_Country: TypeAlias = Annotated[str, Field(pattern="^[A-Z]{2}$")]
_Regions: TypeAlias = Annotated[tuple[_Country, ...], BeforeValidator(_listed)]


def _written_like_a_code(text: str) -> str:
    if not is_code(code := spelled(text)):
        raise ValueError("1 to 64 of A-Z, a-z, 0-9, _ and - make a code")
    return code


_CodeText: TypeAlias = Annotated[str, AfterValidator(_written_like_a_code)]


class TermsRow(BaseModel):
    """Terms of a code, as a person or a file writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    campaign_id: _Text
    owner_user_id: _Text | None = None
    category: _Text | None = None
    channel: _Text | None = None
    channels: _Channels = ()
    regions: _Regions = ()
    expires_at: _Moment | None = None
    max_uses: _Count | None = None
    max_distributes: _Count | None = None
    record_kind: _Text | None = None
    record_id: _Text | None = None
    notes: _Text | None = None

    def terms(self) -> Terms:
        """The row in the service's terms."""
        return Terms(
            campaign_id=self.campaign_id,
            owner_user_id=self.owner_user_id,
            category=self.category,
            channel=self.channel,
            channels=self.channels,
            regions=self.regions,
            expires_at=millis(self.expires_at),
            max_uses=self.max_uses,
            max_distributes=self.max_distributes,
            record_kind=self.record_kind,
            record_id=self.record_id,
            notes=self.notes,
        )


class CodeRow(TermsRow):
    """The same with the code itself. created_at is now by default."""

    code: _CodeText
    created_at: _Moment | None = None

    def given(self) -> GivenCode:
        """The row in the service's terms."""
        return GivenCode(code=self.code, terms=self.terms(), created_at=millis(self.created_at))


_AnyRow = TypeVar("_AnyRow", bound=TermsRow)


@dataclass(frozen=True, slots=True)
class Columns:
    """Mapping from a file's columns to the fields of a row.

    named: field to column, beside those columns that are called like fields anyway. constants are
    for all rows that don't say otherwise. ignored columns mean nothing here. Raises `ExpectedError`
    if it names a field that isn't one.
    """

    named: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in (*self.named, *self.constants):
            if _field(name) not in CodeRow.model_fields:
                known = ", ".join(CodeRow.model_fields)
                raise ExpectedError(f"{name} is not a field of a code; there are {known}")

    def reader(self) -> Callable[[Row], dict[str, Any]]:
        """A parser of rows. Raises `ActRefused` for an unknown column."""
        of_column = {column: _field(name) for name, column in self.named.items()}
        taken = set(of_column.values())
        constants = {_field(name): value for name, value in self.constants.items()}

        def field_of(column: str) -> str | None:
            name = of_column.get(column) or _field(column)
            if name in CodeRow.model_fields and (column in of_column or name not in taken):
                return name
            if column in self.ignored:
                return None
            raise ActRefused(
                Why.INVALID,
                f"column {column!r} is not known; say which field it is with --map "
                f"FIELD={column}, or leave it out with --ignore {column}",
            )

        def read(row: Row) -> dict[str, Any]:
            named = ((field_of(column), value) for column, value in row.values.items())
            return constants | {name: value for name, value in named if name is not None}

        return read


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be a code, and why. line as in `Row`."""

    line: int
    code: str | None
    why: str


@dataclass(frozen=True, slots=True)
class GoodRow:
    """A row that can."""

    line: int
    given: GivenCode


def read_rows(path: Path, columns: Columns) -> Iterator[GoodRow | BadRow]:
    """The rows of a file, one after the other.

    Raises `ExpectedError` if it can't be read, `ActRefused` if a column is not known.
    """
    fields = columns.reader()
    for row in read_table(path):
        values = fields(row)
        try:
            given = read_as(CodeRow, values).given()
            check_code(given.code)
            check_terms(given.terms)
        except (ValueError, ActRefused) as error:
            code = values.get("code")
            yield BadRow(row.number, None if code is None else str(code), str(error))
        else:
            yield GoodRow(row.number, given)


def read_as(kind: type[_AnyRow], values: Mapping[str, Any]) -> _AnyRow:
    """A row from its fields. Raises `ValueError` that says which of them won't do, and why."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = str(fault["loc"][0])
        if fault["type"] == "missing":
            raise ValueError(f"{name} is missing") from error
        why = fault["msg"].removeprefix("Value error, ")
        raise ValueError(f"{name} is {fault['input']!r}: {why}") from error


def _field(name: str) -> str:
    return SHORT_NAMES.get(name, name)
