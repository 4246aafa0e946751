"""Signatures of webhooks, and their verification by receivers.

    Reftrail-Signature: t=1767225600,v1=5257a869...,v1=c1a2...

t is the time of sending in seconds since 1970. Each v1 is the lower-case hexadecimal HMAC-SHA256 of
`t`, a full stop and the request's body, byte for byte, under one secret; while a secret is being
replaced there is one under each. Others than v1 are to be ignored.

Imports nothing but the standard library, so that a receiver can copy the file.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

HEADER: Final = "Reftrail-Signature"
TOLERANCE_SECONDS: Final = 300


class SignatureInvalid(ValueError):  # noqa: N818  (says what the signature is)
    """The request is not to be trusted. str() says why; answer 401 and do nothing."""


def sign(body: bytes, secrets: Iterable[str], at: int) -> str:
    """The header's value for a body sent at a time, in seconds since 1970."""
    signatures = [f"v1={_signature(body, secret, at)}" for secret in secrets]
    return ",".join([f"t={at}", *signatures])


def verify(
    header: str | None,
    body: bytes,
    secrets: Iterable[str],
    now: float,
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> None:
    """Return if one of the secrets signed this body, at about this time.

    body must be what came in, not what a parser made of it. Raises `SignatureInvalid`. The
    receiver still has to make sure that a reward isn't given twice, by the body's reward_id.
    """
    at, signatures = _parts(header)
    expected = [_signature(body, secret, at).encode() for secret in secrets]
    # Every pair is compared, so that the time taken says nothing about which one matched.
    matches = [
        hmac.compare_digest(signature.encode(), given)
        for signature in signatures
        for given in expected
    ]
    if not any(matches):
        raise SignatureInvalid(f"no v1 of {HEADER} is that of the body under a known secret")
    if abs(now - at) > tolerance_seconds:
        raise SignatureInvalid(
            f"signed {now - at:.0f} s ago, at most {tolerance_seconds:.0f} s are allowed; "
            f"it was sent again by somebody, or a clock is wrong"
        )


def _signature(body: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def _parts(header: str | None) -> tuple[int, list[str]]:
    if not header:
        raise SignatureInvalid(f"there is no {HEADER} header")
    pairs = [part.strip().partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in pairs if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12:
        raise SignatureInvalid(f"{HEADER} needs exactly one t=SECONDS")
    return int(times[0]), [value for name, value in pairs if name == "v1"]
