"""API keys of the collector: what each kind may send, and the errors of requests without one."""

from collections.abc import Iterable
from typing import Final

from starlette.requests import Request

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import KeyKind
from reftrail.edge.http_errors import RequestRefused
from reftrail.hosting.auth import ApiKeys

PUBLISHABLE_TYPES: Final = frozenset({"view", "click", "form_started"})
"""The events that a publishable key may send: none of them makes money by itself."""


def keys(secret: Iterable[str], publishable: Iterable[str]) -> ApiKeys:
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
    return ApiKeys.of(secret=secret, publishable=publishable)


def kind_in(request: Request, known: ApiKeys) -> KeyKind | None:
    """The kind of the key that a request bears; None if there is no such key."""
    return known.kind_of(request.headers.get("authorization"))


def require_key(kind: KeyKind | None) -> KeyKind:
    """The kind of a known key. Raises `RequestRefused` (401) if there is none."""
    if kind is None:
        raise RequestRefused(401, "give a known API key: Authorization: Bearer KEY")
    return kind


def require_secret_key(kind: KeyKind | None, otherwise: str) -> None:
    """Raise `RequestRefused`: 401 without a known key, 403 with a message for a publishable one."""
    if require_key(kind) is KeyKind.PUBLISHABLE:
        raise RequestRefused(403, otherwise)
