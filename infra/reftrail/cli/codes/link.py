"""`reftrail codes link`: what people share, and its QR code."""

from pathlib import Path
from typing import Annotated

import typer

from reftrail.cli.codes import arguments as args
from reftrail.cli.codes.session import Session, asking
from reftrail.codes.answers import Answer
from reftrail.codes.links import check_picture, landing_link, redirect_link, write_qr
from reftrail.codes.model import ActRefused, Why


@asking
def link(
    session: Session,
    code: args.Code,
    *,
    landing: Annotated[
        str | None,
        typer.Option(
            help="A page of your own, which gets ?ref=CODE; else the collector's /r/CODE.",
            envvar="REFTRAIL_LANDING_URL",
        ),
    ] = None,
    qr: Annotated[
        Path | None, typer.Option(help="Write its QR code to this file, .png or .svg.")
    ] = None,
) -> None:
    """Print the link by which CODE is shared."""
    if qr is not None:
        check_picture(qr)
    found = session.service.verify(code)
    if not found.is_valid or found.code is None:
        missing = found.answer in (Answer.UNKNOWN, Answer.FORGED, Answer.MALFORMED, Answer.MISTYPED)
        raise ActRefused(Why.NOT_FOUND if missing else Why.STATUS, found.message, found.suggestion)
    shared = (
        redirect_link(session.connection.collector_url, found.code)
        if landing is None
        else landing_link(landing, found.code)
    )
    typer.echo(shared)
    if qr is not None:
        write_qr(shared, qr)
        typer.echo(f"its QR code: {qr}", err=True)
