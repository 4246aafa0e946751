"""Signatures of webhooks, after https://www.standardwebhooks.com (symmetric, v1)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook as Signer

from reftrail.webhooks.model import SigningKey

KEY_IDS: Final = "webhook-key-ids"
"""The header that names the keys, in the order of their signatures. The standard has none."""


def signed_headers(
    message_id: str, body: str, keys: Sequence[SigningKey], at: int
) -> dict[str, str]:
    """The headers of a message that is sent at a time, in seconds since 1970."""
    sent = datetime.fromtimestamp(at, UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(
            Signer(key.secret).sign(message_id, sent, body) for key in keys
        ),
        KEY_IDS: " ".join(key.key_id for key in keys),
    }
