"""`reftrail codes hashes`: owners whose signals are under another hash key than events are now."""

from collections import Counter
from typing import Annotated, Final

import typer

from reftrail.cli.codes.session import Session, asking
from reftrail.cli.codes.showing import Output, print_rows
from reftrail.cli.connection import HashKey, resolve
from reftrail.contracts.errors import ExpectedError
from reftrail.edge.pseudonyms import parse_hash_key
from reftrail.reports.rendering import AnswerFormat

_COLUMNS: Final = {
    "code": "code",
    "campaign_id": "campaign",
    "owner_user_id": "owner",
    "signals": "signals",
    "keys": "hashed under",
}
_UNNAMED: Final = "unknown"


@asking
def hashes(
    session: Session,
    *,
    known: Annotated[
        list[str] | None,
        typer.Option(help="Id of a hash key that is known. Default: that of REFTRAIL_HASH_KEY."),
    ] = None,
    hash_key: HashKey = None,
    output: Output = AnswerFormat.TABLE,
) -> None:
    """List codes whose owners can't be recognised by device, address or e-mail any more.

    Their signals are hashed under a key that isn't known. Send an event with the signals of each
    owner while that key is REFTRAIL_FORMER_HASH_KEY of the collector. Without the key nothing
    renews them, and a reissued code has the old one's: issue codes anew, with owner_signals.
    """
    ids = set(known or ()) or {_present_key(hash_key)}
    rows = []
    counted: Counter[str] = Counter()
    for code in session.service.hashed_otherwise(ids):
        others = {
            name.removeprefix("owner_").removesuffix("_hash"): of_signal[0][0] or _UNNAMED
            for name, of_signal in code.changed.owner_hashes().items()
            if ids.isdisjoint(key_id for key_id, _ in of_signal)
        }
        counted.update(set(others.values()))
        rows.append(
            {
                "code": code.code,
                "campaign_id": code.changed.campaign_id,
                "owner_user_id": code.changed.owner_user_id,
                "signals": ", ".join(sorted(others)),
                "keys": ", ".join(sorted(set(others.values()))),
            }
        )
    print_rows(rows, output, _COLUMNS)
    of_keys = ", ".join(f"{count} under {key_id}" for key_id, count in sorted(counted.items()))
    typer.echo(f"{len(rows)} codes{': ' if of_keys else ''}{of_keys}", err=True)


def _present_key(hash_key: str | None) -> str:
    given = resolve(hash_key=hash_key).hash_key
    if given is None:
        raise ExpectedError("say which hash key is known: --known ID, or set REFTRAIL_HASH_KEY")
    return parse_hash_key(given).key_id
