"""Addresses in their normal form."""

from ipaddress import ip_address

import pytest

from reftrail.edge.field_formats import normal_address


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7\n", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_has_one_form(given: str, normal: str) -> None:
    assert normal_address(given) == normal


@pytest.mark.parametrize(
    "given",
    [
        "203.0.113.07",
        "203.0.113",
        "203.0.113.256",
        "0x7f.0.0.1",
        "1.2.3.4\0",
        "\u0661.2.3.4",
        "1.2.3.4 x",
        "",
    ],
)
def test_what_python_takes_for_none_is_none(given: str) -> None:
    for read in (normal_address, ip_address):
        with pytest.raises(ValueError, match="does not appear"):
            read(given)
