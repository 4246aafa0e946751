"""A connection of a host's HTTP server: uvicorn's, with limits, and a short way for requests.

The short way is for requests that are here as a whole, head and body, when they are read: where the
application has a handler for such (`whole`), it is called with a `WholeRequest`, and its answer
written, without the messages of ASGI between them. Those whose head was met before may be begun at
once (`at_once`), without a parser and a task.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.datastructures import Headers
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from reftrail.hosting.json_answer import FixedAnswer, wire_form
from reftrail.hosting.problems import problem
from reftrail.hosting.watched_connection import WatchedConnection
from reftrail.hosting.whole_requests import Handler, WholeCycle, WholeRequest

_MOST_BYTES: Final = 64 * 1024
"""The longest head of a request; the most bytes between two parts of a body, which say no more."""

_READ_AT_ONCE: Final = 4096
"""Bytes that are read before a look at whether requests in them wait for their turn."""


class Connection(WatchedConnection):
    """A connection whose requests are read, and answered in their order."""

    _refusal: Response | None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        super().connection_made(transport)
        self._vain_bytes = 0
        self._is_refused, self._refusal = False, None
        self._is_in_message = False

    def data_received(self, data: bytes) -> None:
        """Read on, until requests wait for their turn: a few bytes make a large object of each."""
        is_between = self.waits_since is not None and not self._is_in_message
        if is_between and self._begins(data):
            return
        if self.is_behind:
            self._unread += data
            self.flow.pause_reading()
            return
        if len(data) <= _READ_AT_ONCE:
            self._read(data)
        else:
            self._read_on(data)
        cycle: Any = self.cycle
        if type(cycle) is not WholeCycle or cycle.response_complete:
            return
        if cycle.more_body:
            self._take_the_long_way(cycle)
        elif is_between:
            self._remember(data, cycle)

    def _begins(self, data: bytes) -> bool:
        """Begin a request at once; whether this is a whole one for which there is such a way."""
        found = self.server_state.heads.find(data)
        if found is None:
            return False
        (begin, _, keeps_alive), body = found
        cycle = WholeCycle.begun(keep_alive=keeps_alive)
        if not begin(body, partial(self._respond, cycle)):
            return False
        self.cycle, self.waits_since = cycle, None  # type: ignore[assignment]
        return True

    def _remember(self, data: bytes, cycle: WholeCycle) -> None:
        at_once = self.server_state.at_once.get((self.parser.get_method(), self.url))
        if at_once is not None and not (self._is_in_message or self._is_refused or self.pipeline):
            headers = Headers(raw=cycle.scope["headers"])
            self.server_state.heads.remember(data, headers, at_once, keeps_alive=cycle.keep_alive)

    def _read_on(self, data: bytes) -> None:
        """Read until requests wait, and keep what is behind them."""
        for first in range(0, len(data), _READ_AT_ONCE):
            if self._is_refused:
                return
            if self.pipeline:
                self._unread = data[first:]
                self.flow.pause_reading()
                return
            self._read(data[first : first + _READ_AT_ONCE])

    def _read(self, data: bytes) -> None:
        """Read on. What has no end, and isn't a body, is refused."""
        if self._is_refused:
            return
        self._vain_bytes += len(data)
        while data:
            try:
                self.parser.feed_data(data)
            except HttpParserUpgrade as offered:
                data = self._without_offer(data[offered.args[0] :])
            except HttpParserError:
                self.refuse(400, "this is no request of HTTP/1.1; each has one Host header")
                break
            else:
                break
        if self._vain_bytes > _MOST_BYTES and not self.transport.is_closing():
            self.refuse(431, f"the head of the request has more than {_MOST_BYTES} bytes")

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more: a request that is here as a whole is still answered."""
        cycle: Any = self.cycle
        if cycle is None or cycle.more_body or cycle.response_complete:
            return False
        if self._refusal is None:
            cycle.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._is_in_head, self._is_in_message, self._hosts = True, True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header was read; those behind a body are left out."""
        if self._is_in_head:
            name = name.lower()
            self._hosts += name == b"host"
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """A head was read: choose the request's way.

        Raises ValueError, which the parser takes for an error of its own, unless it has one Host
        (https://www.rfc-editor.org/rfc/rfc9112#section-3.2); HTTP/1.0 knew none.
        """
        self._is_in_head = False
        if self._hosts > 1 or (not self._hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("not one Host")
        if self.parser.should_upgrade():
            return
        self.waits_since = None
        self._vain_bytes = 0
        handler = self.server_state.whole.get((self.parser.get_method(), self.url))
        is_free = self.cycle is None or self.cycle.response_complete
        if handler is not None and is_free and self.parser.get_http_version() == "1.1":
            fields = dict(reversed(self.headers))
            if b"origin" not in fields and b"expect" not in fields:
                self.cycle = self._short_way(handler, fields)
                return
        self.expect_100_continue = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in self.headers
        )
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body was read."""
        self._vain_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request was read to its end."""
        self._is_in_message = False
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        cycle: Any = self.cycle
        if type(cycle) is WholeCycle:
            self._start(self._answer(cycle))

    def _start(self, answering: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(answering)
        self.tasks.add(task)
        task.add_done_callback(self._answered)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        if not self.transport.is_closing():
            if self.pipeline:
                cycle, app = self.pipeline.pop()
                self._start_asgi_task(cycle, app)
            elif self.cycle.response_complete:
                if self._refusal is not None:
                    self._close_with(self._refusal)
                    return
                self.waits_since = self.loop.time()
            if self._unread and not self.pipeline:
                unread, self._unread = self._unread, b""
                self.data_received(unread)
            self.flow.resume_reading()

    def refuse(self, status: int, detail: str) -> None:
        """Answer what is no request, and close; behind the answers to what came before it."""
        self._is_refused, is_begun = True, False
        cycle: Any = self.cycle
        answer = problem(status, detail, {"connection": "close"})
        if cycle is not None and not cycle.response_complete:
            if cycle.more_body and self.pipeline:
                self.pipeline[0] = (cycle, answer)  # type: ignore[assignment]
                cycle.keep_alive = cycle.more_body = False
                self.flow.pause_reading()
                return
            if not cycle.more_body:
                self._refusal = answer
                self.flow.pause_reading()
                return
            is_begun = getattr(cycle, "response_started", False)
        if is_begun:
            self.transport.close()
        else:
            self._close_with(answer)

    def _close_with(self, answer: Response) -> None:
        self._write(answer.status_code, answer.raw_headers, bytes(answer.body))
        self.transport.close()

    def _without_offer(self, rest: bytes) -> bytes:
        """A request, to be read again without its offer of another protocol, and what follows it.

        The parser takes what follows for the other protocol: the request's body, too.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.refuse(400, "this is no proxy")
            return b""
        kept = [field for field in self.headers if field[0] != b"upgrade"]
        version = self.parser.get_http_version().encode()
        begin = b"%b %b HTTP/%b" % (method, self.url, version)
        lines = (begin, *(b"%b: %b" % field for field in kept))
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join((*lines, b"", rest))

    def _short_way(self, handler: Handler, fields: dict[bytes, bytes]) -> Any:
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["path"] = self.url.decode("ascii")
        scope["raw_path"], scope["query_string"] = self.url, b""
        cycle = WholeCycle(handler, scope, fields)
        cycle.keep_alive = self.parser.should_keep_alive()
        return cycle

    async def _answer(self, cycle: WholeCycle) -> None:
        """Answer a request that is here."""
        request = WholeRequest(cycle.scope, cycle.fields, bytes(cycle.body))
        await self._send(cycle, await cycle.handler(request))

    def _respond(self, cycle: WholeCycle, response: Response) -> None:
        """Answer a request that was begun at once."""
        if self.flow.write_paused:
            self._start(self._send(cycle, response))
        else:
            self._end(cycle, response)

    async def _send(self, cycle: WholeCycle, response: Response) -> None:
        if self.flow.write_paused:
            await self.flow.drain()
        self._end(cycle, response)

    def _end(self, cycle: WholeCycle, response: Response) -> None:
        """Write the answer to a request, and go on."""
        cycle.response_complete = True
        if self.transport.is_closing():
            return
        if type(response) is FixedAnswer and cycle.keep_alive:
            self.transport.write(response.joined(self.server_state.default_headers))
            self.on_response_complete()
            return
        headers = response.raw_headers
        if (b"connection", b"close") in headers:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            headers = [*headers, (b"connection", b"close")]
        self._write(response.status_code, headers, bytes(response.body))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _answered(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if task.cancelled() or task.exception() is not None:
            self.transport.close()

    def _write(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        headers = (*self.server_state.default_headers, *headers)
        self.transport.write(wire_form(status, headers, body))

    def _take_the_long_way(self, whole: WholeCycle) -> None:
        """Start a request that isn't here as a whole as uvicorn does."""
        self.cycle = None  # type: ignore[assignment]
        HttpToolsProtocol.on_headers_complete(self)
        cycle: RequestResponseCycle = self.cycle
        cycle.body += whole.body
        cycle.message_event.set()
