"""A collector of a few lines, whose answers a test sets."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest


class FakeCollector(BaseHTTPRequestHandler):
    """Answers with what is next in answers; then accepts what isn't called "bad"."""

    answers: ClassVar[list[tuple[int, bytes]]] = []
    bodies: ClassVar[list[dict[str, Any]]] = []
    keys: ClassVar[list[str | None]] = []
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.bodies.append(body)
        self.keys.append(self.headers["authorization"])
        status, content = self.answers.pop(0) if self.answers else (202, self.judged(body))
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(content)

    def judged(self, body: dict[str, Any]) -> bytes:
        bad = [n for n, event in enumerate(body["events"]) if event.get("visitor_id") == "bad"]
        rejected = [{"index": n, "pointer": "/visitor_id", "reason": "is bad"} for n in bad]
        accepted = len(body["events"]) - len(bad)
        return json.dumps({"accepted": accepted, "rejected": rejected}).encode()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def server() -> Iterator[str]:
    FakeCollector.answers, FakeCollector.bodies, FakeCollector.keys = [], [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeCollector) as http:
        thread = Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()
