"""The master secret, and what follows from it."""

import hmac

import pytest

from reftrail.codes.formats.secrets import MasterSecret, parse_master_secret
from reftrail.contracts.errors import ExpectedError

DIGITS = "0b" * 32


def test_the_secret_of_a_campaign_is_the_same_for_ever() -> None:
    """HKDF-SHA-256 (RFC 5869), written out: extract with no salt, expand by one block."""
    extracted = hmac.digest(bytes(32), bytes.fromhex(DIGITS), "sha256")
    info = b"reftrail campaign codes 1\0" + "frühling".encode()
    made = parse_master_secret(f"c1:{DIGITS}").of_campaign("frühling")
    assert made == hmac.digest(extracted, info + b"\x01", "sha256")


def test_campaigns_and_masters_have_different_secrets() -> None:
    one, other = MasterSecret("c1", b"1" * 32), MasterSecret("c1", b"2" * 32)
    secrets = {one.of_campaign("a"), one.of_campaign("b"), other.of_campaign("a")}
    assert len(secrets) == 3


def test_the_id_may_be_anything_before_the_colon() -> None:
    secret = parse_master_secret(f" 2026-a:{DIGITS}{DIGITS}\n")
    assert (secret.key_id, len(secret.secret)) == ("2026-a", 64)


@pytest.mark.parametrize("text", ["", DIGITS, f":{DIGITS}", "c1:", f"c1:{DIGITS[2:]}", "c1:xyz"])
def test_what_is_no_secret_is_said_without_repeating_it(text: str) -> None:
    with pytest.raises(ExpectedError, match="openssl rand -hex 32") as caught:
        parse_master_secret(text)
    assert "0b0b" not in str(caught.value)
    assert "xyz" not in str(caught.value)


def test_a_secret_of_zeros_is_refused() -> None:
    with pytest.raises(ExpectedError, match="consists of zeros"):
        parse_master_secret(f"c1:{'0' * 64}")


def test_a_secret_does_not_show_itself() -> None:
    assert "0b" not in repr(parse_master_secret(f"c1:{DIGITS}"))
