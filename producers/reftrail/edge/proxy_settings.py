"""Settings of hosts that may be behind a proxy."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import field_validator

from reftrail.contracts.installation import Installation, listed


class ProxySettings(Installation):
    """X-Forwarded-For and X-Forwarded-Proto count only from trusted_proxies, comma separated."""

    trusted_proxies: str = ""

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks whose word on the client's address is taken."""
        return tuple(ip_network(part) for part in listed(self.trusted_proxies))

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, given: str) -> str:
        for part in listed(given):
            ip_network(part)
        return given
