"""`reftrail up`: the local stack in the foreground."""

import os
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from reftrail.local.interrupts import interrupt_on_signals
from reftrail.local.ready import DEFAULT_DATA_DIR, READY_FILE
from reftrail.local.stack import Stack, StackSettings

_FULFILMENT = "REFTRAIL_FULFILMENT_"
_Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Else a free one.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    data: Annotated[
        Path, typer.Option(help="Where everything is kept, also over restarts.")
    ] = DEFAULT_DATA_DIR,
    ready_file: Annotated[
        Path | None,
        typer.Option(help="Also write there, as JSON, what is in DATA/ready.json."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes for the stages.")] = 1,
    partitions: Annotated[
        int | None,
        typer.Option(min=1, help="Of each topic; fixed when DATA is new.", show_default="8"),
    ] = None,
    collector_port: _Port = None,
    reports_port: _Port = None,
    broker_port: _Port = None,
    restart_after: Annotated[
        float,
        typer.Option(
            min=0,
            max=30 * 86_400,
            help="Restart a host that was ready and hasn't been for so many seconds; 0: never.",
        ),
    ] = 300.0,
    fulfilment: Annotated[
        bool,
        typer.Option(
            "--fulfilment",
            help="Also carry granted rewards out, by simulated partners if REFTRAIL_FULFILMENT_* "
            "name no others; those being set has the same effect.",
        ),
    ] = False,
) -> None:
    """Run the whole of reftrail on this machine, until Ctrl-C.

    Prints the addresses and the local keys when everything answers.
    """
    settings = StackSettings(
        data_dir=data,
        ready_file=ready_file,
        workers=workers,
        partitions=partitions,
        collector_port=collector_port,
        reports_port=reports_port,
        broker_port=broker_port,
        restart_after=restart_after,
        fulfilment=fulfilment or any(name.startswith(_FULFILMENT) for name in os.environ),
        webhooks=True,
    )
    interrupt_on_signals()
    try:
        with Stack(settings, say=_say) as stack:
            try:
                typer.echo(_summary(stack, data))
                _wait(stack)
            except KeyboardInterrupt:
                _say("stopping")
            finally:
                # The rest is bounded: what doesn't end in time is killed.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        _say("stopped before everything was up")
        raise typer.Exit(130) from None
    _say("stopped")


def _wait(stack: Stack) -> None:
    while stack.failure is None:
        time.sleep(0.2)
    raise stack.failure


def _say(line: str) -> None:
    typer.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)


def _summary(stack: Stack, data: Path) -> str:
    ready = stack.ready
    rows = (
        ("collector", ready.collector_url),
        ("reports", ready.reports_url),
        ("dashboard", f"{ready.reports_url}/  (sign in by the secret key)"),
        ("workers", "\n                   ".join(ready.worker_urls)),
        *((("fulfilment", ready.fulfilment_url),) if ready.fulfilment_url else ()),
        ("webhooks", f"{ready.webhooks_url}  (reftrail webhooks add URL --topics ...)"),
        ("Kafka", f"{ready.bootstrap_servers}  (topics {ready.topic_prefix}*)"),
        ("secret key", ready.secret_key),
        ("publishable key", ready.publishable_key),
        ("all of this", data / READY_FILE),
        ("logs", data / "logs"),
    )
    lines = "\n".join(f"  {name:<16} {value}" for name, value in rows)
    return f"reftrail is up; Ctrl-C stops it\n\n{lines}\n"
