"""API keys: created, rotated, revoked in the store of codes, and sent to hosts by its relay.

A key's text is shown once, when it is made; the store and the topic `api-keys` have its hash.
"""

from reftrail.codes.keys.service import ApiKeyService, MadeKey
from reftrail.codes.keys.wanted import WantedKey

__all__ = ["ApiKeyService", "MadeKey", "WantedKey"]
