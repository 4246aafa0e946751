"""Keys of hashes, and the networks that addresses are in."""

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.edge.pseudonyms import HashKey, network_of, parse_hash_key


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
