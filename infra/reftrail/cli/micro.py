"""`reftrail micro`: a test double of an installation, for those who integrate."""

import asyncio
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from reftrail.campaigns import Campaign
from reftrail.campaigns.file import read_campaigns
from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.run import end_process
from reftrail.micro.composition import PUBLISHABLE_KEY, SECRET_KEY, CodeGiven, Given
from reftrail.micro.main import run

_HOST = "127.0.0.1"
_FIRST_CODE = CodeGiven("AMY", "amy")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(micro)


def micro(
    policies: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...", help="Campaigns; else one that gives 5 EUR at a first purchase."
        ),
    ] = None,
    code: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE=OWNER[@CAMPAIGN]",
            help="A code and whose it is; may be given several times.",
            show_default="AMY=amy",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
    landing_url: Annotated[
        str | None,
        typer.Option(help="Where /r/CODE leads.", show_default="the page of what was decided"),
    ] = None,
    secret_key: Annotated[str, typer.Option(help="The key of servers.")] = SECRET_KEY,
    publishable_key: Annotated[str, typer.Option(help="The key of pages.")] = PUBLISHABLE_KEY,
) -> None:
    """Run a collector and the rules in one process, in memory, until Ctrl-C.

    Nothing is kept when it ends. What came in and what was decided is at /micro.
    """
    url = f"http://{_HOST}:{port}"
    given = Given(
        [campaign for file in policies for campaign in read_campaigns(file)]
        if policies
        else _own_campaign(),
        [_code(text) for text in code] if code else [_FIRST_CODE],
        landing_url or f"{url}/micro",
        secret_key,
        publishable_key,
    )
    asyncio.run(run(given, _HOST, port, lambda: typer.echo(_summary(url, given))))
    end_process(0)


def _own_campaign() -> list[Campaign]:
    with as_file(files("reftrail.micro") / "policy.toml") as path:
        return read_campaigns(path)


def _code(text: str) -> CodeGiven:
    code, equals, rest = text.partition("=")
    owner, _, campaign = rest.rpartition("@") if "@" in rest else (rest, "", "")
    if not (equals and code and owner):
        raise ExpectedError(f"--code is {text!r}; expected CODE=OWNER or CODE=OWNER@CAMPAIGN")
    return CodeGiven(code, owner, campaign or None)


def _summary(url: str, given: Given) -> str:
    rows = (
        ("collector", url),
        ("what was decided", f"{url}/micro"),
        ("secret key", given.secret_key),
        ("publishable key", given.publishable_key),
        ("codes", ", ".join(f"{code.code} of {code.owner_user_id}" for code in given.codes)),
    )
    lines = "\n".join(f"  {name:<17} {value}" for name, value in rows)
    return f"reftrail micro is up; Ctrl-C stops it\n\n{lines}\n"
