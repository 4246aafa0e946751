"""`python -m reftrail.fulfilment.partners`: the simulated partners as a server."""

import logging

from reftrail.fulfilment.http import until_told_to_stop
from reftrail.fulfilment.partners.app import application
from reftrail.fulfilment.partners.books import Books
from reftrail.fulfilment.partners.settings import PartnersSettings
from reftrail.hosting.run import run_host
from reftrail.hosting.serving import serve


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    run_host(PartnersSettings, _run)


async def _run(settings: PartnersSettings) -> None:
    app = application(Books(settings.faults()), settings.secrets(), settings.key())
    await until_told_to_stop(serve(app, settings.host, settings.port, "REFTRAIL_PARTNERS_PORT"))


main()
