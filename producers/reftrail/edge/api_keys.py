"""Who may send what: API keys and their kinds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import KeyKind

__all__ = ["PUBLISHABLE_TYPES", "KeyKind", "Keys", "keys"]


PUBLISHABLE_TYPES: Final = frozenset({"view", "click", "form_started"})
"""What a publishable key may send: nothing that makes money by itself."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an installation, by hash: looking one up takes no time that tells of it."""

    _kinds: Mapping[bytes, KeyKind]

    def kind_of(self, authorization: str | None) -> KeyKind | None:
        """The kind of the key in an Authorization header; None if there is no such key."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return self._kinds.get(_hashed(key.strip()))


def keys(secret: Iterable[str], publishable: Iterable[str]) -> Keys:
    """The table of keys. Raises `ExpectedError` if there are none, or one is of both kinds."""
    secret, publishable = set(secret), set(publishable)
    if not secret | publishable:
        raise ExpectedError(
            "no API key is set; give REFTRAIL_SECRET_KEYS, REFTRAIL_PUBLISHABLE_KEYS or both"
        )
    if secret & publishable:
        raise ExpectedError(
            "a key stands in both REFTRAIL_SECRET_KEYS and REFTRAIL_PUBLISHABLE_KEYS; "
            "what is published can't be secret"
        )
    return Keys(
        {_hashed(key): KeyKind.SECRET for key in secret}
        | {_hashed(key): KeyKind.PUBLISHABLE for key in publishable}
    )


def _hashed(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
