"""Memory of deferred deep links: which clicks there were, and which install has which click.

The log decides: an install that asks for a click is written, and has it if it is the first one
there, where one that shows it goes before those that guessed. So collectors beside each other
agree, without a word between them.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID, uuid5

from reftrail.collector.interfaces import Message, MessageWriter
from reftrail.collector.recent_clicks import MatchedClicks, RecentClicks
from reftrail.collector.signed_clicks import ClickSigner, SignedClick
from reftrail.contracts.codec import encode
from reftrail.contracts.matches import InstallMatched, LinkClicked, MatchKind
from reftrail.contracts.record import Millis
from reftrail.edge.devices import Device
from reftrail.edge.pseudonyms import HashKey
from reftrail.hosting.rate_limits import network_of

_MATCHES: Final = UUID("5d1f6a34-3d0e-5a52-9a9e-7265747269ed")
_HEX_DIGITS: Final = 32  # 128 bits, as pseudonyms


class Tables(Protocol):
    """The two tables, and how to bring them up to date."""

    clicks: RecentClicks
    matched: MatchedClicks

    async def refresh(self, patience: float, /) -> None:
        """Return when they have all that is in the log now. Raises `Unavailable`."""


def device_hash(key: HashKey, ip: str, device: Device) -> str:
    """The hash under which a click and an install on one device meet.

    Of an IPv6 address the /64 counts: devices change the rest by the day, and for each app.
    """
    text = f"device at\0{network_of(ip)}\0{device.os}\0{device.kind}"
    return hmac.digest(key.secret, text.encode(), "sha256").hex()[:_HEX_DIGITS]


@dataclass(frozen=True, slots=True)
class Matching:
    """The clicks and installs that `/r/` and `/v1/match` share.

    keys has the present hash key first; patience, in seconds, is how long a request waits for
    the log.
    """

    keys: Sequence[HashKey]
    tables: Tables
    clicks_log: MessageWriter
    matches_log: MessageWriter
    patience: float
    signer: ClickSigner = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signer", ClickSigner(self.keys))

    async def remember(self, click: SignedClick, event_id: str, ip: str, device: Device) -> None:
        """Write a click, for guesses. Raises `Unavailable`."""
        clicked = LinkClicked(
            event_id=event_id,
            event_time=click.at,
            received_at=click.at,
            device_hash=device_hash(self.keys[0], ip, device),
            hash_key_id=self.keys[0].key_id,
            code=click.code,
            click_key=click.key,
        )
        await self.clicks_log.publish([Message(clicked.device_hash, encode(clicked))])

    async def recent(self, ip: str, device: Device) -> list[LinkClicked]:
        """The clicks of the last hour on such a device at an address. Raises `Unavailable`."""
        await self.tables.refresh(self.patience)
        return self.tables.clicks.of(device_hash(key, ip, device) for key in self.keys)

    async def claim(self, click: SignedClick, visitor_id: str, kind: MatchKind, at: Millis) -> bool:
        """Whether a visitor has a click now. Raises `Unavailable`.

        A visitor that asks again has what it had.
        """
        matched = self.tables.matched
        await self.tables.refresh(self.patience)
        if not matched.is_held(click.key, kind):
            asked = InstallMatched(
                event_id=match_id(click.key, visitor_id),
                event_time=at,
                received_at=at,
                click_key=click.key,
                visitor_id=visitor_id,
                kind=kind.value,
                code=click.code,
                clicked_at=click.at,
            )
            await self.matches_log.publish([Message(click.key, encode(asked))])
            await self.tables.refresh(self.patience)
        return matched.holder(click.key) == visitor_id


def match_id(source: str, visitor_id: str) -> str:
    """The id of what follows from a visitor's match: the same however often it is asked for."""
    return str(uuid5(_MATCHES, f"{source}\0{visitor_id}"))
