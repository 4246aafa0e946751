"""Records of API keys: what each may do, and when it was last used. None holds a key itself."""

from enum import StrEnum
from hashlib import sha256
from typing import Final

from reftrail.contracts.record import Millis, Record

_ID_DIGITS: Final = 12


class Scope(StrEnum):
    """A permission of a secret key. A publishable key has none of them."""

    EVENTS_WRITE = "events:write"
    CODES_READ = "codes:read"
    CODES_WRITE = "codes:write"
    REVIEWS_WRITE = "reviews:write"
    ADJUSTMENTS_WRITE = "adjustments:write"
    REPORTS_READ = "reports:read"
    USERS_READ = "users:read"


ALL_CODES: Final = "codes:*"
"""A short way to ask for both scopes of codes."""


def hash_of(key: str) -> str:
    """The hash by which a key is known. Keys are random, so that nobody can search for one."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def id_of(key_hash: str) -> str:
    """The short name of one of a key's secrets, from which nobody gets the secret."""
    return key_hash[:_ID_DIGITS]


class ApiKeyChanged(Record, frozen=True, kw_only=True):
    """An API key since event_time: created, rotated or revoked by an actor.

    kind is `KeyKind`. scopes are those of a secret key. A publishable key is good on pages of its
    origins (`https://shop.example`, `https://*.shop.example`) and in its app_ids, if it names any,
    and for codes of its campaigns, if it names any. hash is that of the secret; previous_hash that
    of the secret before the last rotation, which is good until previous_until. Of two records the
    one with the higher revision counts.
    """

    name: str
    kind: str
    hash: str
    scopes: list[str] = []  # noqa: RUF012  (every record gets its own)
    origins: list[str] = []  # noqa: RUF012
    app_ids: list[str] = []  # noqa: RUF012
    campaigns: list[str] = []  # noqa: RUF012
    created_at: Millis
    expires_at: Millis | None = None
    previous_hash: str | None = None
    previous_until: Millis | None = None
    revoked_at: Millis | None = None
    actor: str
    reason: str | None = None
    revision: int

    def hashes_at(self, at: Millis) -> list[str]:
        """The hashes under which the key is good at a time."""
        if self.revoked_at is not None or (self.expires_at is not None and at >= self.expires_at):
            return []
        until = self.previous_until
        if self.previous_hash is None or until is None or at >= until:
            return [self.hash]
        return [self.hash, self.previous_hash]


class ApiKeyUsed(Record, frozen=True, kw_only=True):
    """A secret of a key was last used at a host at event_time. key_id is `id_of` its hash."""

    name: str
    key_id: str
    host: str
