"""An HTTP server that gives one answer to every request, as a store in trouble or something that is no store does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"


@dataclass
class Answer:
    """What it answers; may be changed while it runs."""

    url: str
    status: int = 200
    body: bytes = b""

    def refuse(self, status: int, code: str | None = None, message: str = "") -> None:
        """Answer as S3 does to a request that it refuses; without a code, with a status alone."""
        self.status = status
        xml = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        self.body = xml.encode() if code else b""


@contextmanager
def answering() -> Iterator[Answer]:
    """Serve on a free port for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response_only(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_PUT = do_DELETE = _answer  # noqa: N815 - the names that the library calls

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    answer = Answer(f"http://{HOST}:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield answer
    finally:
        server.shutdown()
        server.server_close()
