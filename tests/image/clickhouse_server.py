"""ClickHouse's HTTP interface over the embedded engine: python clickhouse_server.py PORT DIRECTORY.

No server program comes from a package registry. One query at a time; settings come as parameters of
the URL, as to a server.
"""

import gzip
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import lz4.frame
from chdb import session

NO_SETTINGS = {
    "buffer_size",
    "cancel_http_readonly_queries_on_client_close",
    "client_protocol_version",
    "compress",
    "database",
    "decompress",
    "default_format",
    "enable_http_compression",
    "http_headers_progress_interval_ms",
    "http_write_exception_in_output_format",
    "http_zlib_compression_level",
    "password",
    "query",
    "query_id",
    "role",
    "send_progress_in_http_headers",
    "session_id",
    "user",
    "wait_end_of_query",
}
INSERT = re.compile(rb"\s*INSERT.*?FORMAT\s+\w+\s*?\n", re.DOTALL | re.IGNORECASE)
FORMAT = re.compile(r"(\s+SETTINGS\s+.*?)?\s*FORMAT\s+(\w+)\s*$", re.DOTALL)
UNPACKED = {"gzip": gzip.decompress, "lz4": lz4.frame.decompress, "": bytes}


class Engine:
    """The embedded engine, for one thread at a time."""

    def __init__(self, directory: str) -> None:
        opened: Any = session.Session(directory)  # type: ignore[no-untyped-call]
        self._session = opened
        self._lock = threading.Lock()
        self._session.query("CREATE DATABASE IF NOT EXISTS reftrail")

    def run(self, sql: str, data: bytes | None, query: dict[str, str]) -> tuple[bytes, str]:
        """The answer and its format."""
        params = {name[6:]: value for name, value in query.items() if name.startswith("param_")}
        settings = {
            name: value
            for name, value in query.items()
            if name not in NO_SETTINGS and not name.startswith("param_")
        }
        with self._lock:
            self._session.query(f"USE {query.get('database') or 'reftrail'}")
            for name, value in settings.items():
                self._session.query(f"SET {name} = '{value}'")
            try:
                if data is not None and sql.lstrip().upper().startswith("INSERT"):
                    return self._insert(sql, data), "TabSeparated"
                if data:
                    sql += "\n" + data.decode()
                named = re.search(r"FORMAT\s+(\w+)\s*$", sql.strip())
                form = named[1] if named else query.get("default_format", "TabSeparated")
                answer: bytes = self._session._conn.query(sql, form, params=params).bytes() or b""
                return answer, form
            finally:
                for name in settings:
                    self._session.query(f"SET {name} = DEFAULT")

    def _insert(self, sql: str, data: bytes) -> bytes:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            reading = FORMAT.sub(
                lambda found: f" FROM INFILE '{file.name}' {found[1] or ''} FORMAT {found[2]}",
                sql.strip(),
            )
            self._session.query(reading, "TabSeparated")
        return b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: Engine

    def log_message(self, *given: Any) -> None:
        pass

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        body = self._body()
        if parts.path == "/ping":
            return self._answer(200, b"Ok.\n", {})
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
