"""Keys of hashes, and the networks that addresses are in."""

import hmac

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.edge.pseudonyms import HashKey, network_of, parse_hash_key, pseudonyms


def test_hash_keys() -> None:
    key = parse_hash_key("k1:" + "AB" * 16)
    assert key == HashKey("k1", b"\xab" * 16)
    assert "ab" not in repr(key)
    for wrong in ("", "k1", "k1:", ":" + "ab" * 16, "k1:" + "ab" * 15, "k1:" + "xy" * 16):
        with pytest.raises(ExpectedError) as caught:
            parse_hash_key(wrong)
        assert "xyxy" not in str(caught.value)


def test_networks() -> None:
    assert network_of("198.51.100.77") == "198.51.100.0/24"
    assert network_of("2001:db8:1:2::3") == "2001:db8:1::/48"


def test_an_ipv6_address_counts_as_the_64_around_it() -> None:
    made = pseudonyms(HashKey("k1", b"k" * 16))
    own = made.address("2001:db8:1:2:a:b:c:d")
    expected = hmac.digest(b"k" * 16, b"ip\x002001:db8:1:2::/64", "sha256").hex()[:32]
    assert own[0] == expected
    assert made.address("2001:db8:1:2::1") == own
    others, network = made.address("2001:db8:1:3::1")
    assert others != own[0]
    assert network == own[1]


@pytest.mark.parametrize("secret", [b"k" * 16, b"k" * 64, b"k" * 65])
def test_hashes_are_hmacs(secret: bytes) -> None:
    made = pseudonyms(HashKey("k1", secret))
    expected = hmac.digest(secret, b"device\0iphone-\xc3\xa4", "sha256").hex()[:32]
    assert made.device("iphone-ä") == expected
    assert made.address("198.51.100.77") == (
        hmac.digest(secret, b"ip\x00198.51.100.77", "sha256").hex()[:32],
        hmac.digest(secret, b"network\x00198.51.100.0/24", "sha256").hex()[:32],
    )
