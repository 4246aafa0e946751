"""Test double of a ClickHouse server: its HTTP interface over the embedded engine.

    python clickhouse_server.py PORT DIRECTORY

No server program comes from a package registry. Settings come as parameters of the URL and hold for
one query, data of an insert comes in the body, and an error has its code in a header, as with a
server. Queries with the same settings wait for each other; there are no users.
"""

import gzip
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import lz4.frame
from chdb.session import Session

INSERT = re.compile(rb"\s*INSERT.*?FORMAT\s+\w+\s*?\n", re.DOTALL | re.IGNORECASE)
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*$")
UNPACKED = {"gzip": gzip.decompress, "lz4": lz4.frame.decompress, "": bytes}


class Engine:
    """The embedded engine: a session for each database and set of settings, made when needed."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, frozenset[tuple[str, str]]], LockedSession] = {}
        first = LockedSession(directory, "default", {})
        names = first.query("SELECT name FROM system.settings", "TSV", {}).decode().split()
        self._known = frozenset(names)

    def run(self, sql: str, data: bytes | None, query: dict[str, str]) -> tuple[bytes, str]:
        """The answer and its format."""
        params = {name[6:]: value for name, value in query.items() if name.startswith("param_")}
        settings = {name: value for name, value in query.items() if name in self._known}
        database = query.get("database") or "default"
        if data and sql.lstrip().upper().startswith("INSERT"):
            self._insert(self._session(database, {}), sql, data, settings)
            return b"", "TabSeparated"
        if data:
            sql += "\n" + data.decode()
        named = FORMAT.search(sql.rstrip())
        form = named[1] if named else query.get("default_format", "TabSeparated")
        return self._session(database, settings).query(sql, form, params), form

    def _session(self, database: str, settings: dict[str, str]) -> "LockedSession":
        key = database, frozenset(settings.items())
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = LockedSession(self._directory, database, settings)
            return self._sessions[key]

    def _insert(
        self, session: "LockedSession", sql: str, data: bytes, settings: dict[str, str]
    ) -> None:
        given = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            where = f"FROM INFILE '{file.name}'" + (f" SETTINGS {given}" if given else "")
            reading = FORMAT.sub(lambda found: f"{where} {found[0]}", sql.rstrip())
            session.query(reading, "TabSeparated", {})


class LockedSession:
    """A session of the engine, for one thread at a time; small queries want few threads."""

    def __init__(self, directory: str, database: str, settings: dict[str, str]) -> None:
        opened: Any = Session(directory)  # type: ignore[no-untyped-call]
        self._session = opened
        self._lock = threading.Lock()
        self._session.query(f"USE `{database}`")
        settings = {"max_threads": "1", **settings}
        for name, value in sorted(settings.items(), key=lambda item: item[0] == "readonly"):
            self._session.query(f"SET {name} = {quoted(value)}")

    def query(self, sql: str, form: str, params: dict[str, str]) -> bytes:
        with self._lock:
            return self._session.query(sql, form, params=params).bytes() or b""


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def form_fields(kind: str, body: bytes) -> dict[str, str]:
    """The fields of a form, in which a client sends a query whose parameters are long."""
    form = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    fields = {}
    for part in form.iter_parts():
        value = part.get_payload(decode=True)
        assert isinstance(value, bytes)
        fields[str(part.get_param("name", header="content-disposition"))] = value.decode()
    return fields


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: the second one waited 40 ms for an acknowledgement
    disable_nagle_algorithm = True
    engine: Engine

    def log_message(self, *given: Any) -> None:
        pass

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        body = self._body()
        if parts.path == "/ping":
            return self._answer(200, b"Ok.\n", {})
        if (kind := self.headers.get("Content-Type", "")).startswith("multipart/form-data"):
            query |= form_fields(kind, body)
            body = b""
        sql, data = query.get("query"), body or None
        if sql is None:
            found = INSERT.match(body)
            end = found.end() if found and len(body) > found.end() else len(body)
            sql, data = body[:end].decode(), body[end:] or None
        try:
            answer, form = self.engine.run(sql, data, query)
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            sys.stderr.write(f"{error} {sql[:200]}\n")
            headers = {"X-ClickHouse-Exception-Code": code[1] if code else "1"}
            return self._answer(500, str(error).encode(), headers)
        return self._answer(200, answer, {"X-ClickHouse-Format": form})

    do_GET = do_POST  # noqa: N815

    def _body(self) -> bytes:
        packed = b"".join(self._chunks())
        unpacked: bytes = UNPACKED[self.headers.get("Content-Encoding", "")](packed)
        return unpacked

    def _chunks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        common = {
            "Content-Length": str(len(body)),
            "X-ClickHouse-Query-Id": "q",
            "X-ClickHouse-Summary": '{"read_rows":"0","written_rows":"0"}',
            "X-ClickHouse-Timezone": "UTC",
        }
        for name, value in (common | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    os.umask(0o077)
    Handler.engine = Engine(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
