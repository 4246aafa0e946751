"""Clicks of the last hour on phones and tablets, and the clicks that installs have for themselves.

Both are what the topics `link-clicks` and `install-matches` say, so that every collector knows
the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Final

from reftrail.collector.signed_clicks import VALID_FOR
from reftrail.contracts.matches import InstallMatched, LinkClicked, MatchKind
from reftrail.contracts.record import HOUR, Millis
from reftrail.contracts.times import now

GUESSED_FOR: Final[Millis] = HOUR
"""The age until which a click counts for a guess."""
MOST_CLICKS: Final = 500_000
"""The most clicks that are remembered, some 400 bytes each; then the oldest are forgotten."""
MOST_CANDIDATES: Final = 1000
"""The most clicks on one device hash that are looked through for a guess, in some 5 ms: anybody can
make 70,000 in the hour from one address."""


class RecentClicks:
    """Clicks by device hash. on_forgotten is called for each that is forgotten too early."""

    def __init__(
        self,
        on_forgotten: Callable[[], object] = lambda: None,
        clock: Callable[[], Millis] = now,
        most: int = MOST_CLICKS,
    ) -> None:
        self._on_forgotten = on_forgotten
        self._clock = clock
        self._most = most
        self._clicks: OrderedDict[str, LinkClicked] = OrderedDict()
        self._by_device: dict[str, set[str]] = {}

    def take(self, clicked: LinkClicked) -> None:
        """Take in a click; one that comes again replaces itself."""
        if clicked.click_key not in self._clicks:
            self._clicks[clicked.click_key] = clicked
            self._by_device.setdefault(clicked.device_hash, set()).add(clicked.click_key)
        self._forget_old()
        while len(self._clicks) > self._most:
            self._forget_first()
            self._on_forgotten()

    def of(self, device_hashes: Iterable[str]) -> list[LinkClicked]:
        """The clicks of the last hour with one of these hashes, the newest first.

        Of more than `MOST_CANDIDATES` it is one more than these, of any time.
        """
        self._forget_old()
        since = self._clock() - GUESSED_FOR
        with_hash = chain.from_iterable(self._by_device.get(each, ()) for each in device_hashes)
        keys = {*islice(with_hash, MOST_CANDIDATES + 1)}
        found = [self._clicks[key] for key in keys if self._clicks[key].event_time >= since]
        return sorted(found, key=lambda click: (click.event_time, click.click_key), reverse=True)

    def __len__(self) -> int:
        return len(self._clicks)

    def _forget_old(self) -> None:
        since = self._clock() - GUESSED_FOR
        while self._clicks and next(iter(self._clicks.values())).event_time < since:
            self._forget_first()

    def _forget_first(self) -> None:
        key, clicked = self._clicks.popitem(last=False)
        keys = self._by_device[clicked.device_hash]
        keys.discard(key)
        if not keys:
            del self._by_device[clicked.device_hash]


class MatchedClicks:
    """The visitor that has each click: of several the first in the log that showed it.

    A click that nobody has shown is with the first for whom it was guessed: a neighbour's guess
    takes it from nobody who can prove it.
    """

    def __init__(self, clock: Callable[[], Millis] = now) -> None:
        self._clock = clock
        self._holders: OrderedDict[str, InstallMatched] = OrderedDict()

    def take(self, matched: InstallMatched) -> None:
        """Take in a record of the log, in the order of the log."""
        until = self._clock() - VALID_FOR - GUESSED_FOR
        if matched.event_time >= until and not self.is_held(matched.click_key, matched.kind):
            self._holders[matched.click_key] = matched
            self._holders.move_to_end(matched.click_key)
        while self._holders and next(iter(self._holders.values())).event_time < until:
            self._holders.popitem(last=False)

    def holder(self, click_key: str) -> str | None:
        """The visitor that has a click; None while nobody has."""
        matched = self._holders.get(click_key)
        return None if matched is None else matched.visitor_id

    def is_held(self, click_key: str, kind: str) -> bool:
        """Whether a visitor has a click, so that a match of a kind changes nothing."""
        matched = self._holders.get(click_key)
        return matched is not None and (matched.kind == MatchKind.EXACT or kind == MatchKind.GUESS)

    def __len__(self) -> int:
        return len(self._holders)
