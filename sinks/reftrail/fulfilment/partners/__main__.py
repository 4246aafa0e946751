"""`python -m reftrail.fulfilment.partners`: the simulated partners as a server."""

import asyncio
import logging
import sys

from pydantic import ValidationError

from reftrail.contracts.ending import end_process
from reftrail.contracts.errors import ExpectedError
from reftrail.fulfilment.http import serve, until_told_to_stop
from reftrail.fulfilment.partners.app import application
from reftrail.fulfilment.partners.books import Books
from reftrail.fulfilment.partners.settings import PartnersSettings


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        asyncio.run(_run(PartnersSettings()))
    except (ExpectedError, ValidationError) as error:
        sys.exit(f"error: {error}")
    end_process()


async def _run(settings: PartnersSettings) -> None:
    app = application(Books(settings.faults()), settings.secrets(), settings.key())
    await until_told_to_stop(serve(app, settings.host, settings.port, "REFTRAIL_PARTNERS_PORT"))


main()
