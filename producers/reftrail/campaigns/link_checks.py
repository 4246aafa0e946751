"""Checks of where a campaign's links lead."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.findings import Around, Finding
from reftrail.campaigns.links import APPLE_HOSTS, Links

_OWN: Final = ("ref", "ref_click", "ref_problem")
"""The parameters that the collector adds."""
_OF_THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")


def link_in_clear(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A link leads to an address without encryption."""
    for name, address in _addresses(campaign):
        parts = urlsplit(address)
        if parts.scheme == "http" and parts.hostname not in _OF_THIS_MACHINE:
            yield Finding(
                "link-in-clear",
                ("links", name),
                f"{address} isn't encrypted: whoever is on the way reads code and click, and no "
                f"app opens it; write https",
            )


def link_with_a_ref(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """An address has a parameter that is the collector's own."""
    for name, address in _addresses(campaign):
        for parameter, _value in parse_qsl(urlsplit(address).query, keep_blank_values=True):
            if parameter in _OWN:
                yield Finding(
                    "link-with-a-ref",
                    ("links", name),
                    f"the collector says {parameter} itself, and replaces the one in this "
                    f"address; leave it out",
                )


def store_without_referrer(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A link leads to Apple's store, which tells the app nothing."""
    for name, address in _addresses(campaign):
        if urlsplit(address).hostname in APPLE_HOSTS:
            yield Finding(
                "store-without-referrer",
                ("links", name),
                "Apple's store hands neither code nor click on to the app; give a universal link, "
                "whose page keeps them and leads on to the store",
            )


def _addresses(campaign: Campaign) -> Iterator[tuple[str, str]]:
    for name in Links.model_fields:
        address = getattr(campaign.links, name)
        if name != "android_app" and address is not None:
            yield name, address
