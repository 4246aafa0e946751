"""Settings of webhooks."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, field_validator

from reftrail.contracts.installation import Installation, listed
from reftrail.contracts.setting_types import Seconds, TimeoutSeconds
from reftrail.webhooks.guard import Networks

PRIVATE_NETWORKS: Final = "REFTRAIL_WEBHOOKS_PRIVATE_NETWORKS"


def private_networks(text: str) -> Networks:
    """The networks in a list with commas between. Raises ValueError."""
    return [ip_network(network) for network in listed(text)]


class WebhooksSettings(Installation):
    """Read from REFTRAIL_WEBHOOKS_* variables, and Kafka's as in every host.

    store is the file with the webhooks, their positions and deliveries, which `reftrail webhooks`
    opens, too. private_networks, comma separated (10.0.0.0/8), are those to which messages may go
    although they aren't public, and without encryption.

    Of each webhook up to concurrency deliveries are under way at the same time, each for at most
    timeout_seconds. retry_* and give_up_after_seconds are those of `Schedule`. A delivery that
    arrived is listed for keep_days.
    """

    webhooks_store: Path
    webhooks_host: str = "127.0.0.1"
    webhooks_port: Annotated[int, Field(ge=1, le=65535)] = 6071
    webhooks_private_networks: str = ""
    webhooks_concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    webhooks_timeout_seconds: TimeoutSeconds = 15.0
    webhooks_retry_first_seconds: Seconds = 5.0
    webhooks_retry_most_seconds: Seconds = 3600.0
    webhooks_give_up_after_seconds: Seconds = 3 * 86_400.0
    webhooks_keep_days: Annotated[int, Field(ge=1, le=3650)] = 30

    @property
    def allowed_networks(self) -> Networks:
        """The networks to which messages may go although they aren't public."""
        return private_networks(self.webhooks_private_networks)

    @field_validator("webhooks_private_networks")
    @classmethod
    def _are_networks(cls, given: str) -> str:
        private_networks(given)
        return given
