"""`reftrail codes suspend`, `reactivate`, `revoke` and `expire`, for one code or many."""

from collections.abc import Callable
from typing import Final

import typer

from reftrail.cli.codes.many import (
    OfCampaign,
    OneCode,
    Prefix,
    Yes,
    agree,
    pages,
    which_codes,
)
from reftrail.cli.codes.session import Acting, acting
from reftrail.cli.codes.showing import bar
from reftrail.codes.model import ActRefused, Filter, Why
from reftrail.contracts.reference import CodeAct

_VERBS: Final = {
    CodeAct.SUSPENDED: ("suspend", "Stop codes until they are reactivated."),
    CodeAct.REACTIVATED: ("reactivate", "Let suspended codes count again, or expired ones."),
    CodeAct.REVOKED: ("revoke", "End codes for good: they earn no more."),
    CodeAct.EXPIRED: ("expire", "End codes whose time is over."),
}


def register(codes: typer.Typer) -> None:
    """Add the commands."""
    for act, (verb, help_text) in _VERBS.items():
        codes.command(verb, help=f"{help_text} One CODE, or many.")(_command(act, verb))


def _command(act: CodeAct, verb: str) -> Callable[..., None]:
    def command(
        session: Acting,
        code: OneCode = None,
        *,
        prefix: Prefix = None,
        campaign: OfCampaign = None,
        yes: Yes = False,
    ) -> None:
        which = which_codes(code, prefix, campaign)
        if which is not None:
            _act_on_all(session, act, verb, which, yes=yes)
            return
        do = getattr(session.service, verb)
        done = do(code, session.by)
        typer.echo(f"{done.code}: status: {done.changed.status}")

    return acting(command)


def _act_on_all(session: Acting, act: CodeAct, verb: str, which: Filter, *, yes: bool) -> None:
    count = sum(map(len, pages(session, which)))
    if not count:
        raise ActRefused(Why.NOT_FOUND, "there are no such codes; see: reftrail codes list")
    agree(verb, count, yes=yes)
    done = 0
    with bar(verb, count) as progress:
        for some in session.service.act_on_all(act, which, session.by):
            done += len(some)
            progress.advance(progress.task_ids[0], len(some))
    typer.echo(f"{act}: {done:,} of {count:,} codes; the others stand as they did")
