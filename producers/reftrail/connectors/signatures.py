"""Signatures of deliveries: HMAC-SHA-256 of the body, compared in constant time."""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final

from reftrail.contracts.record import MINUTE, SECOND, Millis

TOLERANCE: Final[Millis] = 5 * MINUTE
"""The most that a signed time may be off: what was recorded on its way is worth nothing later."""
_MOST_SIGNATURES: Final = 10


class WrongSignature(Exception):  # noqa: N818  named after what it says
    """The delivery isn't signed by a known secret, or not now. str() says what to do."""


def signed_body(header: str) -> Callable[[Mapping[str, str], bytes, Sequence[str], Millis], None]:
    """Verification of a header with the body's signature in base64.

    It says nothing of the time, so a delivery may be sent again by others. Its events have the
    same ids then, and count once.
    """

    def verify(
        headers: Mapping[str, str], body: bytes, secrets: Sequence[str], _now: Millis
    ) -> None:
        given = headers.get(header)
        if given is None:
            raise WrongSignature(f"the header {header} is missing")
        if not _is_any(given.strip(), (_base64(body, secret) for secret in secrets)):
            raise WrongSignature(f"{header} isn't the body's under any secret that is set here")

    return verify


def signed_with_time(
    header: str,
) -> Callable[[Mapping[str, str], bytes, Sequence[str], Millis], None]:
    """Verification of a header such as `t=1700000000,v1=HEX`, which signs time and body."""

    def verify(
        headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: Millis
    ) -> None:
        pairs = [part.partition("=")[::2] for part in headers.get(header, "").split(",")]
        times = [value for name, value in pairs if name.strip() == "t"]
        given = [value.strip() for name, value in pairs if name.strip() == "v1"]
        if len(times) != 1 or not times[0].isascii() or not times[0].isdigit() or not given:
            raise WrongSignature(f"the header {header} is missing, or has no t and v1")
        signed = f"{times[0]}.".encode() + body
        wanted = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in secrets]
        if not any(_is_any(signature, wanted) for signature in given[:_MOST_SIGNATURES]):
            raise WrongSignature(f"{header} isn't the body's under any secret that is set here")
        if abs(now - int(times[0][:15]) * SECOND) > TOLERANCE:
            raise WrongSignature(
                f"it was signed more than {TOLERANCE // MINUTE} minutes from this clock; set the "
                f"clock, or send it again"
            )

    return verify


def _is_any(given: str, wanted: object) -> bool:
    """Whether a signature is one of several, each of which is compared."""
    text = given.encode("ascii", "replace")
    found = [hmac.compare_digest(text, signature.encode()) for signature in wanted]  # type: ignore[attr-defined]
    return any(found)


def _base64(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
