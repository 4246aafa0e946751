"""The wait until Kafka has what was done in the store."""

from typing import Final

import typer

from reftrail.cli.codes.refusals import NOT_IN_KAFKA
from reftrail.cli.connection import Connection
from reftrail.cli.errors import say
from reftrail.codes.host import relay
from reftrail.codes.store import Store, outbox
from reftrail.contracts.errors import ExpectedError

_LEAST_SECONDS: Final = 60.0
_A_SECOND: Final = 1_000
"""Messages that are sent at least."""


def wait_until_sent(store: Store, connection: Connection) -> None:
    """Return when Kafka has all that is done, and say so.

    Ends the command with an exit code of its own if that doesn't come about in time.
    """
    with store.read() as reading:
        waiting = outbox.how_many_wait(reading)
    try:
        if waiting:
            timeout = _LEAST_SECONDS + waiting / _A_SECOND
            relay.wait_until_sent(store, connection.installation, timeout=timeout)
    except ExpectedError as error:
        say(error)
        raise typer.Exit(NOT_IN_KAFKA) from error
    typer.echo("Kafka has it.", err=True)
