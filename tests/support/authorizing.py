"""Authorization by given keys, without Kafka."""

from typing import Any

from reftrail.contracts.api_keys import ApiKeyChanged, hash_of
from reftrail.edge.api_keys import ApiKeys
from reftrail.edge.authorization import Authorization


def authorizing(*secret: str) -> Authorization:
    """Knows these keys as the environment's."""
    return Authorization(ApiKeys.of(secret=secret))


def stored(name: str, text: str, kind: str = "secret", **fields: Any) -> ApiKeyChanged:
    """The record of a key with this text."""
    given: dict[str, Any] = {
        "event_id": f"{name}-{fields.get('revision', 1)}",
        "event_time": 1,
        "received_at": 1,
        "name": name,
        "kind": kind,
        "hash": hash_of(text),
        "created_at": 1,
        "actor": "cli:ann",
        "revision": 1,
    }
    return ApiKeyChanged(**given | fields)
