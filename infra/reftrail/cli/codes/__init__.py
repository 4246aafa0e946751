"""`reftrail codes`: issued, taken over, handed out, ended, asked about, reviewed."""

import typer

from reftrail.cli.codes import acts, asks, formats, hashes, issue, link, review, take_over, terms
from reftrail.cli.codes.refusals import CodesGroup


def register(app: typer.Typer) -> None:
    """Add the commands."""
    codes = typer.Typer(cls=CodesGroup, help="Referral codes.", no_args_is_help=True)
    codes.command("issue")(issue.issue)
    take_over.register(codes)
    asks.register(codes)
    terms.register(codes)
    acts.register(codes)
    codes.command("link")(link.link)
    formats.register(codes)
    codes.command("review")(review.review)
    codes.command("hashes")(hashes.hashes)
    app.add_typer(codes, name="codes")
