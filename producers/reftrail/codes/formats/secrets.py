"""Master secret of an installation, and the campaigns' secrets that follow from it.

A campaign's secret is HKDF-SHA-256 (RFC 5869) of the master secret, with the campaign in its info:
who learns one of them knows nothing of the others, and only one has to be kept.
"""

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from reftrail.contracts.errors import ExpectedError

SHORTEST: Final = 32
"""Bytes of a master secret: as many as SHA-256 has, of randomness and not of a password."""

_CAMPAIGN_BYTES: Final = 32
_INFO: Final = b"reftrail campaign codes 1\0"


@dataclass(frozen=True, slots=True)
class MasterSecret:
    """A secret and its id, which the formats name whose codes it makes."""

    key_id: str
    secret: bytes = field(repr=False)

    def of_campaign(self, campaign_id: str) -> bytes:
        """The secret of a campaign's derived codes: always the same 32 bytes."""
        info = _INFO + campaign_id.encode()
        return HKDF(SHA256(), _CAMPAIGN_BYTES, salt=None, info=info).derive(self.secret)


def parse_master_secret(text: str) -> MasterSecret:
    """The secret in "keyid:hex". Raises `ExpectedError`, without repeating the secret."""
    key_id, _, digits = text.strip().partition(":")
    try:
        secret = bytes.fromhex(digits)
    except ValueError:
        secret = b""
    if not key_id or len(secret) < SHORTEST:
        raise ExpectedError(
            f"REFTRAIL_CODES_SECRET must be an id, a colon and at least {2 * SHORTEST} hex digits, "
            f"such as c1:$(openssl rand -hex {SHORTEST})"
        )
    if not any(secret):
        raise ExpectedError(
            f"REFTRAIL_CODES_SECRET consists of zeros: anyone could make the codes that follow "
            f"from it; set one of random digits, such as c1:$(openssl rand -hex {SHORTEST})"
        )
    return MasterSecret(key_id, secret)
