"""The example shop and a collector, under names of one site: www, blog and events."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Route
from support.edge import RunningEdge, running_edge
from support.http_server import served
from support.metrics import wait_until

from examples.shop.server import Shop, application
from reftrail.client import AsyncReftrail
from reftrail.contracts.events import Event
from reftrail.local.ports import free_port

SHOP = "shop.test"


class RunningShop:
    """A shop that is open. Its collector accepts events from pages of its site."""

    def __init__(self, port: int, edge: RunningEdge, endpoint: str) -> None:
        self.port = port
        self.edge = edge
        self.endpoint = endpoint
        self._first = 0

    def url(self, path: str = "/", host: str = "www") -> str:
        return f"http://{host}.{SHOP}:{self.port}{path}"

    def forget(self) -> None:
        """Look at later events alone."""
        self._first = len(self.edge.written.messages)

    def received(self) -> list[Event]:
        """All events that the collector accepted, repeated ones too."""
        return self.edge.written.events(self._first)

    def events(self, kind: type[Event] = Event) -> list[Event]:
        """The events of a type that the collector accepted, each once."""
        found = {event.event_id: event for event in self.received()}
        return [event for event in found.values() if isinstance(event, kind)]

    def wait_for(self, count: int, kind: type[Event] = Event) -> list[Event]:
        """The events of a type, once there are so many."""
        wait_until(lambda: len(self.events(kind)) >= count, seconds=10)
        return self.events(kind)


@contextmanager
def running_shop(
    directory: Path, *, asks_consent: bool = False, more: Sequence[Route] = ()
) -> Iterator[RunningShop]:
    """The shop with more routes, and its collector, which sets cookies for the whole site."""
    port = free_port()
    origins = [f"http://{host}.{SHOP}:{port}" for host in ("www", "blog")]
    with running_edge(
        directory,
        landing_url=f"{origins[0]}/",
        cookie_domain=SHOP,
        cors_origins=",".join(origins),
    ) as edge:
        endpoint = f"http://events.{SHOP}:{urlsplit(edge.url).port}"

        def app() -> Starlette:
            made = application(Shop(endpoint, "pk", AsyncReftrail(edge.url, "sk"), asks_consent))
            made.router.routes[:0] = more
            return made

        with served(app, port):
            edge.codes.add("AMY")
            edge.codes.add("BOB")
            yield RunningShop(port, edge, endpoint)
