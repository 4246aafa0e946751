"""Arguments, checks and closing lines of commands about what a user did under a code."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias, TypeVar

import typer

from reftrail.cli.json_output import print_json
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import Record
from reftrail.edge.rejections import Rejection

R = TypeVar("R", bound=Record)

Code: TypeAlias = Annotated[str, typer.Argument(help="The referral code.")]
User: TypeAlias = Annotated[str, typer.Argument(help="The user who was referred.")]
Note: TypeAlias = Annotated[str | None, typer.Option(help="Why, in a sentence.")]

OnlyCode: TypeAlias = Annotated[str, typer.Option(help="Only under this code.")]
OnlyUser: TypeAlias = Annotated[str, typer.Option(help="Only for this user's actions.")]
OnlyCampaign: TypeAlias = Annotated[str, typer.Option(help="Only in this campaign.")]
Limit: TypeAlias = Annotated[int, typer.Option(min=1, max=1000)]


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def well_formed(
    read: tuple[list[R], Iterable[Rejection]], options: Mapping[str, str] | None = None
) -> list[R]:
    """The records that were read from a command's fields.

    options name the options of fields that are called otherwise. Raises `ExpectedError` if what was
    given is wrong.
    """
    records, rejected = read
    for rejection in rejected:
        field = rejection.pointer.removeprefix("/")
        raise ExpectedError(f"{(options or {}).get(field, field)} {rejection.reason}")
    return records


def print_waiting(
    found: Sequence[dict[str, Any]],
    lines_of: Callable[[dict[str, Any]], Iterable[str]],
    state: str,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """Print what waits in a state, as JSON or each in lines, and that there may be more."""
    if as_json:
        print_json(found)
        return
    for item in found:
        typer.echo("\n".join(lines_of(item)))
    typer.echo(f"{len(found)} {state}" + ("; there may be more" if len(found) == limit else ""))
