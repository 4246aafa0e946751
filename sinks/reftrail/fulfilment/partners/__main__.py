"""`python -m reftrail.fulfilment.partners`: the simulated partners as a server."""

from reftrail.fulfilment.partners.app import application
from reftrail.fulfilment.partners.deliveries import Deliveries
from reftrail.fulfilment.partners.settings import PartnersSettings
from reftrail.hosting.run import run_host, run_until_stopped, stop_on_signals
from reftrail.hosting.serving import serve


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    run_host(PartnersSettings, run)


async def run(settings: PartnersSettings) -> None:
    """Answer until asked to stop."""
    app = application(Deliveries(settings.faults()), settings.secrets(), settings.key())
    serving = serve(app, settings.host, settings.port, "REFTRAIL_PARTNERS_PORT")
    await run_until_stopped(stop_on_signals(), serving)


main()
