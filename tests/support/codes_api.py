"""The API of codes in tests: requests, a relay of its store, and the warehouse that it asks."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx

from reftrail.codes.host.relay import Relay
from reftrail.codes.store import Store
from support.kafka import TestInstallation

SPRING = {"kind": "derived", "pattern": "SPR{body:8}{check}", "campaign_id": "spring"}
"""A format of derived codes."""


class Reports:
    """A warehouse that counts two users under each code, but for those it has not heard of."""

    def __init__(self) -> None:
        outer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.keys.add(self.headers["authorization"])
                body = json.dumps(
                    {
                        "as_of": "2026-09-21T14:13:20Z",
                        "views": 5,
                        "clicks": 4,
                        "signups": 3,
                        "purchases": 2,
                        "attributed": 3,
                        "rewards_granted": 4,
                        "users_rewarded": 2,
                    }
                ).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.keys: set[str | None] = set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@contextmanager
def relaying(installation: TestInstallation, store_url: str) -> Iterator[None]:
    """The work of the host of codes for a store."""
    with closing(Store.open(store_url)) as store:
        loop = asyncio.new_event_loop()
        relaying = loop.create_task(Relay(installation, store).run())

        def run() -> None:
            with suppress(asyncio.CancelledError):
                loop.run_until_complete(relaying)

        thread = Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(relaying.cancel)
            thread.join()
            loop.close()


def issued(api: httpx.Client, **body: Any) -> Any:
    answer = api.post("/v1/codes", json={"campaign_id": "summer"} | body)
    assert answer.status_code == 201, answer.text
    return answer.json()["codes"][0]
