"""Signed clicks: a click with its code and time, of which any collector knows that it made it.

A signed click is the click's 12 digits, its time in seconds (hexadecimal), the code, 22 characters
of an HMAC-SHA-256 under the hash key, and the key's id, with dots between. It names no visitor:
it is in addresses, which pages hand on.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from reftrail.contracts.code_spelling import LONGEST_CODE
from reftrail.contracts.record import DAY, SECOND, Millis
from reftrail.edge.pseudonyms import HashKey

LONGEST_SIGNED: Final = 256
VALID_FOR: Final[Millis] = 7 * DAY
"""The age until which a click counts for an install: that of events under a publishable key."""

_KIND: Final = b"signed click\0"
_MAC_CHARACTERS: Final = 22  # 132 bits
_SIGNED: Final = re.compile(
    rf"([0-9a-f]{{12}})\.([0-9a-f]{{1,10}})\.([A-Za-z0-9_-]{{1,{LONGEST_CODE}}})"
    rf"\.([A-Za-z0-9_-]{{{_MAC_CHARACTERS}}})\.(.{{1,64}})",
    re.ASCII,
)


class SignedClick(NamedTuple):
    """A click that a collector of this installation counted. at is in whole seconds."""

    click_id: str
    at: Millis
    code: str

    @property
    def key(self) -> str:
        """The name of the click, by which an install has it for itself."""
        return f"{self.click_id}.{self.at // SECOND:x}"


class ClickSigner:
    """Signs under the first key, and takes what any of the keys signed."""

    def __init__(self, keys: Sequence[HashKey]) -> None:
        self._signing = keys[0]
        self._keys = {key.key_id: key for key in keys}

    def sign(self, click: SignedClick) -> str:
        """The text of a click."""
        content = f"{click.key}.{click.code}"
        return f"{content}.{_mac(self._signing, content)}.{self._signing.key_id}"

    def read(self, text: str) -> SignedClick | None:
        """The click in a text, however old; None for a text that no key here signed."""
        found = _SIGNED.fullmatch(text) if len(text) <= LONGEST_SIGNED else None
        key = None if found is None else self._keys.get(found[5])
        if found is None or key is None:
            return None
        click = SignedClick(found[1], int(found[2], 16) * SECOND, found[3])
        content = f"{found[1]}.{found[2]}.{found[3]}"
        return click if hmac.compare_digest(_mac(key, content), found[4]) else None


def _mac(key: HashKey, content: str) -> str:
    digest = hmac.digest(key.secret, _KIND + content.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:_MAC_CHARACTERS]
