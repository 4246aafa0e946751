"""Recognition of an Idempotency-Key that comes again with other events."""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from reftrail.edge.http_errors import RequestRefused

MOST_REMEMBERED: Final = 50_000
"""The most keys that are remembered; then the one that came longest ago is forgotten."""


def fingerprint(items: Sequence[Any]) -> str:
    """The same for the same events, whatever the order of their fields and the blanks between."""
    try:
        text = msgspec.json.encode(items, order="sorted")
    except UnicodeEncodeError:  # half of a surrogate pair, in an event that is rejected
        text = repr(items).encode("ascii", "backslashreplace")
    return sha256(text).hexdigest()


class RepeatedRequests:
    """The contents that came under each Idempotency-Key, as far as this process remembers.

    What it forgets does no harm: an event's id follows from its key and its contents
    (`accept`), so that other events under the same key are other events.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._contents: OrderedDict[str, str] = OrderedDict()

    def check(self, key: str | None, items: Sequence[Any]) -> None:
        """Raise `RequestRefused` (422) if the key was used for other events. None: no key."""
        if key is not None and self._contents.get(key, found := fingerprint(items)) != found:
            raise RequestRefused(
                422,
                "this Idempotency-Key was used for other events; give each request one of its own",
            )

    def remember(self, key: str | None, items: Sequence[Any]) -> None:
        """Note what was taken under a key."""
        if key is None:
            return
        self._contents[key] = fingerprint(items)
        self._contents.move_to_end(key)
        if len(self._contents) > self._most:
            self._contents.popitem(last=False)
