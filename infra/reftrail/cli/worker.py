"""`reftrail worker`: one process of the stream processors."""

import typer

from reftrail.engine.worker import main


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def worker() -> None:
        """Run the stages of the topology on Kafka. Settings are REFTRAIL_* variables."""
        main()
