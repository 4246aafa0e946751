"""Webhooks of payment providers and shops as events of the collector.

Input: a signed delivery. Output: the events that a server with a secret key would send for it.
Guarantee: their ids follow from the provider's own, so what comes twice, also by two kinds of
deliveries, counts once. Pure, but for `stripe_lookups`.
"""

from reftrail.connectors.connector import CONNECTORS, Connector
from reftrail.connectors.deliveries import Delivery, Mapped

__all__ = ["CONNECTORS", "Connector", "Delivery", "Mapped"]
