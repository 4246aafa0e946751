"""A collector of this process over real HTTP, with a store of codes and without Kafka."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from reftrail.code_lookup.facts import CodeFacts
from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.code_lookup.links import KnownLinks
from reftrail.collector.http import Collector
from reftrail.collector.interfaces import Message
from reftrail.collector.matching import Matching
from reftrail.collector.routes import application
from reftrail.contracts.codec import decode
from reftrail.contracts.events import Event
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.micro.memory import MemoryMatches
from support.collector import collector_without_kafka
from support.http_server import served


class WrittenMessages:
    """A publisher that acknowledges everything and keeps it."""

    refusal = None
    is_away = False
    spooled = None

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def publish(self, messages: Sequence[Message]) -> None:
        self.messages += messages

    def events(self, first: int = 0) -> list[Event]:
        found = [decode(message.value) for message in self.messages[first:]]
        return [event for event in found if isinstance(event, Event)]


class CodesInMemory:
    """The table of codes without its topic. lookups are the codes that were asked for."""

    def __init__(self) -> None:
        self._known = KnownCodes(None)
        self.lookups: list[str] = []
        self.spelling = self._known.spelling
        self.unregistered = self._known.unregistered
        self.names_value = self._known.names_value
        self._links = KnownLinks(self._known)
        self.link_terms = self._links.of

    def add(self, code: str, **found: Any) -> None:
        known: dict[str, Any] = {"campaign_id": "summer", "created_at": 1} | found
        self._known.take(
            CodeChanged(event_id=code, event_time=1, received_at=1, code=code, **known)
        )

    def define(self, campaign: CampaignDefined) -> None:
        self._links.take(campaign)

    def lookup(self, text: str) -> CodeFacts:
        return self._known.lookup(text)

    async def know(self, codes: Iterable[str], patience: float) -> None:
        self.lookups += codes

    async def refresh(self, patience: float) -> None:
        """Nothing to read."""


class AnyCampaign:
    """Campaigns without their topic: each is known."""

    async def check(self, asked: object) -> None:
        """Nothing to refuse."""


class RunningEdge:
    """A collector that answers; secret and published send under the keys sk and pk."""

    def __init__(self, url: str, collector: Collector) -> None:
        self.url = url
        self.collector = collector
        self.secret = httpx.Client(base_url=url, headers=_bearing("sk"), timeout=10)
        self.published = httpx.Client(base_url=url, headers=_bearing("pk"), timeout=10)
        self.nobody = httpx.Client(base_url=url, timeout=10)

    @property
    def written(self) -> WrittenMessages:
        publisher: Any = self.collector.publisher
        assert isinstance(publisher, WrittenMessages)
        return publisher

    @property
    def codes(self) -> CodesInMemory:
        codes: Any = self.collector.codes
        assert isinstance(codes, CodesInMemory)
        return codes

    def close(self) -> None:
        for client in (self.secret, self.published, self.nobody):
            client.close()


def _bearing(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@contextmanager
def running_edge(directory: Path, **settings: Any) -> Iterator[RunningEdge]:
    """A collector whose limits hold nobody up, unless settings say otherwise."""
    made: list[Collector] = []

    def app() -> Any:
        publisher: Any = WrittenMessages()
        codes: Any = CodesInMemory()
        collector = collector_without_kafka(
            **{
                "codes_store": f"sqlite:///{directory / 'codes.sqlite'}",
                "landing_url": "https://shop.example/welcome",
                "secret_rate": 100_000,
                "publishable_rate": 100_000,
                "address_rate": 100_000,
                "publishable_event_rate": 100_000,
                "address_event_rate": 100_000,
            }
            | settings
        )
        campaigns: Any = AnyCampaign()
        assert collector.codes_api is not None
        api = replace(collector.codes_api, campaigns=campaigns)
        matches = MemoryMatches()
        matching = Matching(
            collector.matching.keys, matches, matches, matches, collector.matching.patience
        )
        made.append(
            replace(collector, publisher=publisher, codes=codes, codes_api=api, matching=matching)
        )
        return application(made[0])

    with served(app) as url:
        edge = RunningEdge(url, made[0])
        try:
            yield edge
        finally:
            edge.close()
