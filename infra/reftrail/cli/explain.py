"""`reftrail explain`: the chain of events behind a reward."""

from typing import Annotated

import typer

from reftrail.cli.connection import (
    BootstrapServers,
    ReadyFile,
    ReportsUrl,
    SecretKey,
    TopicPrefix,
    resolve,
)
from reftrail.cli.json_output import AsJson, print_json
from reftrail.contracts.record import DAY
from reftrail.reports.client import ReportsClient
from reftrail.reports.explain.chain import explain as explained
from reftrail.reports.explain.explanation import as_text
from reftrail.reports.explain.log import Log
from reftrail.rules.attribution.bounds import DEFAULT, LARGEST_ROUTE, MOST_STEPS_SET, Bounds
from reftrail.rules.attribution.decider import SIGNUP_WAIT


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def explain(
        code: Annotated[str, typer.Argument(help="The referral code.")],
        user: Annotated[str, typer.Argument(help="The user who was referred.")],
        as_json: AsJson = False,
        signup_wait_days: Annotated[
            float,
            typer.Option(
                min=0,
                max=90,
                envvar="REFTRAIL_SIGNUP_WAIT_DAYS",
                help="How long purchases wait for a signup, as the workers are set.",
            ),
        ] = SIGNUP_WAIT / DAY,
        most_ended_referrals: Annotated[
            int,
            typer.Option(
                min=1,
                max=LARGEST_ROUTE,
                envvar="REFTRAIL_WORKER_MOST_ENDED_REFERRALS",
                help="How many ended referrals claims go through, as the workers are set.",
            ),
        ] = DEFAULT.most_ended,
        most_referral_steps: Annotated[
            int,
            typer.Option(
                min=1,
                max=MOST_STEPS_SET,
                envvar="REFTRAIL_WORKER_MOST_REFERRAL_STEPS",
                help="In how many steps of a decision, as the workers are set.",
            ),
        ] = DEFAULT.most_steps,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        bootstrap_servers: BootstrapServers = None,
        topic_prefix: TopicPrefix = None,
        ready_file: ReadyFile = None,
    ) -> None:
        """Show why a user's signup or purchase earned a reward under a code, or why not."""
        connection = resolve(
            ready_file,
            reports_url=reports_url,
            secret_key=secret_key,
            bootstrap_servers=bootstrap_servers,
            topic_prefix=topic_prefix,
        )
        with (
            ReportsClient(connection.reports_url, connection.secret_key) as reports,
            Log(connection.installation) as log,
        ):
            explanation = explained(
                reports,
                log,
                code,
                user,
                signup_wait=round(signup_wait_days * DAY),
                bounds=Bounds(most_ended_referrals, most_referral_steps),
            )
        if as_json:
            print_json(explanation)
        else:
            typer.echo(as_text(explanation), nl=False)
