"""Receivers of webhooks in threads, and real webhooks hosts."""

import hmac
import json
import os
import signal
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from reftrail.contracts.installation import Installation
from reftrail.local.ports import free_port
from support import local_http
from support.fulfilment import wait_until
from support.host_process import HostProcess, run_command


@dataclass(frozen=True)
class Received:
    """A request: its headers in lower case, its body, and the path."""

    headers: dict[str, str]
    body: str
    path: str

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    def is_signed_by(self, secret: str) -> bool:
        """Whether the secret signed this, as the standard says; whenever that was."""
        key = b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.message_id}.{self.headers['webhook-timestamp']}.{self.body}".encode()
        signature = b64encode(hmac.digest(key, signed, "sha256")).decode()
        return f"v1,{signature}" in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """A receiver that keeps what it gets; answer says how it answers, None holds the request."""

    url: str = ""
    answer: Callable[[Received], tuple[int, dict[str, str]] | None] = lambda _: (204, {})
    received: list[Received] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> set[str]:
        return {request.message_id for request in self.received}


@contextmanager
def receiver(**given: Any) -> Iterator[Receiver]:
    """A receiver at a port of this machine."""
    made = Receiver(**given)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            if len(body) < length:  # its sender was killed meanwhile
                return
            found = Received(headers, body.decode(), self.path)
            made.received.append(found)
            answer = made.answer(found)
            if answer is None:
                made.released.wait()
                return
            self.send_response(answer[0])
            for name, value in answer[1].items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  what would come after a redirect

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


class RunningWebhooks:
    """One `python -m reftrail.webhooks`, with the command beside it."""

    def __init__(self, installation: Installation, directory: Path, **settings: str) -> None:
        self.port = free_port()
        self.directory = directory
        self.log = directory / "webhooks.log"
        variables = {
            "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
            "REFTRAIL_WEBHOOKS_STORE": str(directory / "webhooks.sqlite"),
            "REFTRAIL_WEBHOOKS_PORT": str(self.port),
            "REFTRAIL_WEBHOOKS_PRIVATE_NETWORKS": "127.0.0.0/8",
            "REFTRAIL_WEBHOOKS_RETRY_FIRST_SECONDS": "0.1",
            "REFTRAIL_WEBHOOKS_RETRY_MOST_SECONDS": "0.5",
        } | {f"REFTRAIL_WEBHOOKS_{name.upper()}": value for name, value in settings.items()}
        self.environment = os.environ | variables
        self.start()

    def start(self) -> None:
        self.process = HostProcess("reftrail.webhooks", self.environment, self.log)

    def wait_until_ready(self) -> None:
        wait_until(self._is_ready, 300)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """The output of `reftrail webhooks`."""
        done = run_command(
            "webhooks", *arguments, environment=self.environment, directory=self.directory
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if exit_code == 0 else done.stderr

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run(*arguments, "--json"))
        return found

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            return (
                local_http.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
            )
        except httpx.HTTPError:
            return False


@contextmanager
def running_webhooks(
    installation: Installation, directory: Path, **settings: str
) -> Iterator[RunningWebhooks]:
    """Ready; killed at the end if it is still there."""
    directory.mkdir(parents=True, exist_ok=True)
    running = RunningWebhooks(installation, directory, **settings)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.kill()
