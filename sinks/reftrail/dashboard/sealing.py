"""Sealed text for browsers: nobody else can read or change it, and it expires."""

import base64
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES: Final = 32
LEAST_SECRET_CHARACTERS: Final = 32
"""A secret of fewer characters could be guessed from one sealed text."""


class Seal:
    """Encryption and signature by a secret, for one purpose alone.

    What is sealed for one purpose isn't opened for another. clock gives seconds since 1970.
    """

    def __init__(self, secret: str, purpose: str, clock: Callable[[], float] = time.time) -> None:
        derived = HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"reftrail {purpose}".encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))
        self._clock = clock

    def close(self, fields: dict[str, Any], seconds: int) -> str:
        """Fields as text for URLs and cookies, good for so many seconds."""
        at = int(self._clock())
        body = msgspec.json.encode({**fields, "until": at + seconds})
        return self._fernet.encrypt_at_time(body, at).decode().rstrip("=")

    def open(self, text: str) -> dict[str, Any] | None:
        """The fields of a sealed text; None if it isn't one, or has expired."""
        try:
            body = self._fernet.decrypt(text.encode() + b"=" * (-len(text) % 4))
            fields: dict[str, Any] = msgspec.json.decode(body)
        except (InvalidToken, UnicodeEncodeError, msgspec.DecodeError):
            return None
        return fields if fields.pop("until") > self._clock() else None
