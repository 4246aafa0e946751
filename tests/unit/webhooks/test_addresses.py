"""Distinction of public addresses from private ones."""

from ipaddress import ip_address

import pytest

from reftrail.webhooks.addresses import is_public


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::8.8.8.8"],
)
def test_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.0.1", "198.18.0.1", "203.0.113.9"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255"),
        # Metadata of Oracle's and services of Azure's clouds, for their machines alone.
        *("192.0.0.192", "168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::c000:c0"),
        *("3fff::1", "5f00::1", "100::1"),
        *("::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "fec0::1"),
        # IPv4 in IPv6: mapped, compatible, NAT64 (of the internet and of a site), 6to4, Teredo.
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::10.0.0.1"),
        *("64:ff9b:1::8.8.8.8", "2002:7f00:1::", "2002:a00:1::", "2001:0:a00:1::f5ff:fffe"),
    ],
)
def test_private(address: str) -> None:
    assert not is_public(ip_address(address))
