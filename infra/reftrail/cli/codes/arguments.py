"""Arguments as a person types them, converted to the service's types."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import typer
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from reftrail.codes.bulk.rows import CodeRow, TermsRow, read_as
from reftrail.codes.model import ActRefused, Why
from reftrail.contracts import times
from reftrail.contracts.record import Millis

_TIME: Final = TypeAdapter(AwareDatetime)
_RowT = TypeVar("_RowT", TermsRow, CodeRow)

Code: TypeAlias = Annotated[str, typer.Argument(metavar="CODE")]
Owner: TypeAlias = Annotated[str | None, typer.Option(help="The user who earns as referrer.")]
Campaign: TypeAlias = Annotated[str | None, typer.Option(help="The campaign's id.")]
Category: TypeAlias = Annotated[str | None, typer.Option()]
Channel: TypeAlias = Annotated[str | None, typer.Option(help="What its uses are counted under.")]
Channels: TypeAlias = Annotated[
    list[str] | None, typer.Option(help="Good in these channels only; may be repeated.")
]
Regions: TypeAlias = Annotated[
    list[str] | None, typer.Option(help="Good in these countries only, such as DE.")
]
MaxUses: TypeAlias = Annotated[int | None, typer.Option(help="How many users may earn by it.")]
MaxDistributes: TypeAlias = Annotated[
    int | None, typer.Option(help="How often it may be handed out.")
]
ExpiresAt: TypeAlias = Annotated[str | None, typer.Option(help="Such as 2026-01-01T00:00:00Z.")]
RecordOf: TypeAlias = Annotated[
    str | None, typer.Option("--record", help="What it belongs to elsewhere, as KIND:ID.")
]
Notes: TypeAlias = Annotated[str | None, typer.Option()]


def row(kind: type[_RowT], given: Mapping[str, Any]) -> _RowT:
    """Options as fields of a row; those not given are left out.

    Raises `ActRefused` (INVALID) that names the option at fault.
    """
    found = {name: value for name, value in given.items() if value not in (None, [], ())}
    try:
        return read_as(kind, found)
    except ValueError as error:
        field, _, fault = str(error).partition(" ")
        if field == "code":
            raise ActRefused(Why.INVALID, f"CODE {fault}") from error
        name = field.removesuffix("_user_id").removesuffix("_id").replace("_", "-")
        raise ActRefused(
            Why.INVALID, f"--{name} {fault.replace('is missing', 'is needed')}"
        ) from error


def record_of(text: str | None) -> tuple[str, str] | None:
    """KIND:ID. Raises `ActRefused` if it is something else."""
    if text is None:
        return None
    kind, _, its_id = text.partition(":")
    if not kind or not its_id:
        raise ActRefused(Why.INVALID, f"--record is {text!r}; give KIND:ID, such as ticket:4711")
    return kind, its_id


def pairs(option: str, given: Iterable[str] | None) -> dict[str, str]:
    """NAME=VALUE, several times. Raises `ActRefused` if it is something else."""
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not name or not equals or not value:
            raise ActRefused(Why.INVALID, f"{option} is {text!r}; give NAME=VALUE")
        found[name] = value
    return found


def millis(option: str, text: str | None) -> Millis | None:
    """A time with its offset. Raises `ActRefused` if it is something else."""
    if text is None:
        return None
    try:
        return times.millis(_TIME.validate_python(text))
    except ValidationError as error:
        raise ActRefused(
            Why.INVALID, f"{option} is {text!r}; give a time such as 2026-01-01T00:00:00Z"
        ) from error
