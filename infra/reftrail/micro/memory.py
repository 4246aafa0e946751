"""Logs and tables in memory, where the collector has Kafka and the store of codes."""

from collections.abc import Iterable, Sequence

import uuid_utils

from reftrail.adjustments import KnownAdjustments
from reftrail.code_lookup.facts import CodeFacts
from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.code_lookup.links import KnownLinks
from reftrail.collector.interfaces import Message, Signals
from reftrail.collector.recent_clicks import MatchedClicks, RecentClicks
from reftrail.contracts.codec import decode
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.matches import InstallMatched, LinkClicked
from reftrail.contracts.record import Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.times import now
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import CAMPAIGNS, CODES, TICKS
from reftrail.engine.memory import MemoryHost


class MemoryLogs:
    """The logs of all topics, with the stages that read them; everything is decided at once."""

    def __init__(self, campaigns: Iterable[CampaignDefined]) -> None:
        self._host = MemoryHost()
        self._host.publish(CAMPAIGNS, *campaigns)
        self._last_tick = 0

    def append(self, topic: Topic, records: Iterable[Record]) -> None:
        """Append records, and decide what follows from them."""
        self._tick()
        self._host.publish(topic, *records)
        self._host.run()

    def read(self, topic: Topic) -> list[Record]:
        """The records of a topic as of now: holds that have ended by now are over."""
        self._tick()
        self._host.run()
        return self._host.log(topic)

    def _tick(self) -> None:
        """Tell the stages what time it is; time never goes back."""
        at = now()
        if at > self._last_tick:
            self._last_tick = at
            tick = Ticked(
                event_id=str(uuid_utils.uuid7()),
                event_time=at,
                received_at=at,
                partition=0,
                partitions=1,
            )
            self._host.publish(TICKS, tick)


class MemoryPublisher:
    """Writer of one topic: what is published is decided before it is acknowledged."""

    refusal = None
    is_away = False
    spooled = None

    def __init__(self, logs: MemoryLogs, topic: Topic) -> None:
        self._logs = logs
        self._topic = topic

    async def publish(self, messages: Sequence[Message]) -> None:
        """Append messages."""
        self._logs.append(self._topic, [decode(message.value) for message in messages])


class MemoryCodes:
    """The table of codes, each of which is in its log too."""

    def __init__(self, logs: MemoryLogs, campaigns: Iterable[CampaignDefined]) -> None:
        self._logs = logs
        self._known = KnownCodes(None)
        links = KnownLinks(self._known)
        for campaign in campaigns:
            links.take(campaign)
        self.link_terms = links.of
        self._registered: dict[str, CodeChanged] = {}
        self.spelling = self._known.spelling
        self.names_value = self._known.names_value

    def register(self, code: CodeChanged) -> None:
        """Add a code, or its next revision."""
        self._logs.append(CODES, [code])
        self._known.take(code)
        self._registered[code.code] = code

    def find(self, code: str) -> CodeChanged | None:
        """The record of a code, in any case of its letters."""
        return self._registered.get(self.spelling(code))

    def lookup(self, text: str) -> CodeFacts:
        """The facts about a code."""
        return self._known.lookup(text)

    async def know(self, codes: Iterable[str], patience: float) -> None:
        """Every code is in the table as soon as it is registered."""

    async def refresh(self, patience: float) -> None:
        """Nothing is read from elsewhere."""


class MemoryAdjustments:
    """The adjustments in the log."""

    def __init__(self, logs: MemoryLogs, topic: Topic) -> None:
        self._logs = logs
        self._topic = topic
        self.known = KnownAdjustments()

    async def refresh(self, _patience: float, /) -> None:
        """Take in what is in the log."""
        for record in self._logs.read(self._topic):
            self.known.take(record)


class MemoryMatches:
    """The tables of clicks and installs, and the writer of their topics, which no stage reads."""

    ready = True

    def __init__(self) -> None:
        self.clicks = RecentClicks()
        self.matched = MatchedClicks()

    async def publish(self, messages: Sequence[Message], /) -> None:
        """Take in messages, in the order in which they come."""
        for message in messages:
            match decode(message.value):
                case LinkClicked() as clicked:
                    self.clicks.take(clicked)
                case InstallMatched() as matched:
                    self.matched.take(matched)
                case other:
                    raise TypeError(f"{type(other).__name__} is neither a click nor an install")

    async def refresh(self, _patience: float, /) -> None:
        """Nothing is written by others."""


class NoRenewal:
    """Owners' hashes, all of which are under the one key that there is."""

    is_idle = True

    async def renew(self, seen: Iterable[Signals]) -> None:
        """No owner's hash is under another key."""
