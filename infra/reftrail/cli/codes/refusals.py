"""Exit codes that say why a command about codes did nothing.

0: done. 1: what isn't below, also `verify` for a code that doesn't count. 2: what was given can't
be. 3: no such code or format. 4: it clashes with what is there. 5: the code's status doesn't allow
it. 6: a limit is reached, or the format has no room. 7: done, but Kafka doesn't have it yet; don't
do it again.
"""

from typing import Any, Final

import typer
from typer.core import TyperGroup

from reftrail.cli.errors import say
from reftrail.codes.model import ActRefused, Why

EXIT_CODES: Final = {
    Why.NO_SECRET: 1,
    Why.INVALID: 2,
    Why.NOT_FOUND: 3,
    Why.CLASH: 4,
    Why.STATUS: 5,
    Why.LIMIT: 6,
    Why.EXHAUSTED: 6,
}
NOT_IN_KAFKA: Final = 7


class CodesGroup(TyperGroup):
    """The commands about codes: a refusal ends each with an exit code of its own."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command asked for."""
        try:
            return super().invoke(ctx)
        except ActRefused as refused:
            say(refused)
            if refused.suggestion is not None:
                typer.echo(f"what might do instead: {refused.suggestion}", err=True)
            raise typer.Exit(EXIT_CODES[refused.why]) from refused
