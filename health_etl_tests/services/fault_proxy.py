"""A proxy between the pipeline and the S3 server that can be made to fail as networks and servers do.

It forwards what it receives: method, path, headers and bodies stay as they were, so that signatures remain valid.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = "127.0.0.1"
SERVER_TIMEOUT_SECONDS = 30
BODY = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
CONNECTION_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case

    def holds(self, part: str) -> bool:
        """Say whether the address (path and query) contains this."""
        return part in self.path


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request. `meanwhile` is called as it happens, to act as another client."""

    status: int | None = None  # sent instead of the server's response
    code: str = ""  # S3's word for that status
    delay_seconds: float = 0.0  # before the request is forwarded
    cut_after_bytes: int | None = None  # of the response body; then the connection breaks
    stall_after_bytes: int | None = None  # of the response body; then nothing more comes
    pause_after_bytes: int | None = None  # of the response body, as long as `meanwhile` takes; then the rest comes
    lose_answer: bool = False  # the server obeys the request; the connection breaks before it says so
    extra_bytes: int = 0  # in front of the response body, as from a server that mistakes one range for another
    meanwhile: Callable[[], object] | None = None

    @property
    def within_bytes(self) -> int | None:
        """Where in the response body it happens, if there."""
        places = (self.cut_after_bytes, self.stall_after_bytes, self.pause_after_bytes)
        return next((place for place in places if place is not None), None)


SLOW_DOWN = Fault(status=503, code="SlowDown")
DENIED = Fault(status=403, code="AccessDenied")

Where = Callable[[Request], bool]


def everywhere(_: Request) -> bool:
    """Choose every request."""
    return True


def reads(part: str) -> Where:
    """Choose the requests that read an object whose key holds this."""
    return lambda request: request.method == "GET" and request.holds(part) and not request.holds("list-type")


def writes(part: str) -> Where:
    """Choose the requests that write an object whose key holds this."""
    return lambda request: request.method in ("PUT", "POST") and request.holds(part)


@dataclass
class _Rule:
    fault: Fault
    where: Where
    first: int  # of the requests that it chooses, counted from 0
    end: int | None
    every: int
    chosen: int = 0
    hits: int = 0

    def applies(self, request: Request) -> bool:
        if not self.where(request):
            return False
        number, self.chosen = self.chosen, self.chosen + 1
        hit = (
            number >= self.first and (self.end is None or number < self.end) and (number - self.first) % self.every == 0
        )
        self.hits += hit
        return hit


@dataclass
class FaultProxy:
    """Listens on a port of its own and forwards to the server's, until it is made to fail."""

    server_port: int
    seen: list[Request] = field(default_factory=list)
    _rules: list[_Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listener: _Listener | None = None
    port: int = 0

    @property
    def url(self) -> str:
        """Address of the proxy."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._listener = _Listener((HOST, self.port), self)
        self.port = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on, and break the open ones."""
        if self._listener is not None:
            self._listener.end()
            self._listener = None

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse connections for the length of the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def fail(
        self,
        fault: Fault,
        where: Where = everywhere,
        *,
        times: int | None = None,
        after: int = 0,
        every: int = 1,
    ) -> Callable[[], int]:
        """Fail this way at the requests that `where` chooses: skip `after`, then every `every`-th, `times` at most.

        Returns a function that says how often it has happened.
        """
        rule = _Rule(fault, where, after, None if times is None else after + times * every, every)
        with self._lock:
            self._rules.append(rule)
        return lambda: rule.hits

    def behave(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._rules.clear()

    def fault_of(self, request: Request) -> Fault | None:
        """Note a request; return what is to go wrong with it."""
        with self._lock:
            self.seen.append(request)
            hits = [rule.fault for rule in self._rules if rule.applies(request)]
        return hits[0] if hits else None


class _Listener(ThreadingHTTPServer):
    """The port; knows its open connections, so that they can be broken."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], proxy: FaultProxy) -> None:
        super().__init__(address, _Handler)
        self.proxy = proxy
        self.ended = threading.Event()
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""

    def end(self) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            _break(connection)


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server: _Listener

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        fault = self.server.proxy.fault_of(request) or Fault()
        if fault.meanwhile is not None and fault.within_bytes is None:
            fault.meanwhile()
        self.server.ended.wait(fault.delay_seconds)
        if fault.status is not None:
            self._answer(fault.status, BODY.format(code=fault.code).encode())
            return
        upstream = HTTPConnection(HOST, self.server.proxy.server_port, timeout=SERVER_TIMEOUT_SECONDS)
        try:
            self._send_on(upstream, body)
            self._send_back(upstream.getresponse(), fault)
        except OSError:
            self._break_off()
        finally:
            upstream.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _forward  # noqa: N815 - the names that the library calls

    def _send_on(self, upstream: HTTPConnection, body: bytes) -> None:
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(body)

    def _send_back(self, answer: HTTPResponse, fault: Fault) -> None:
        size_bytes = answer.headers.get("Content-Length")
        if self.command == "HEAD" or answer.status in (204, 304):
            self._head(answer, size_bytes)
        elif fault.within_bytes is not None:
            self._head(answer, size_bytes)
            self._interrupted(answer, fault, fault.within_bytes)
        else:
            content = b"?" * fault.extra_bytes + answer.read()
            if fault.lose_answer:
                self._break_off()
                return
            self._head(answer, str(len(content)))
            self.wfile.write(content)

    def _interrupted(self, answer: HTTPResponse, fault: Fault, after_bytes: int) -> None:
        self.wfile.write(answer.read(after_bytes))
        self.wfile.flush()
        if fault.meanwhile is not None:
            fault.meanwhile()
        if fault.pause_after_bytes is not None:
            self.wfile.write(answer.read())
            return
        if fault.stall_after_bytes is not None:
            self.server.ended.wait(SERVER_TIMEOUT_SECONDS)
        self._break_off()

    def _head(self, answer: HTTPResponse, size_bytes: str | None) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in CONNECTION_HEADERS:
                self.send_header(name, value)
        if size_bytes is not None:
            self.send_header("Content-Length", size_bytes)
        self.end_headers()

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _break_off(self) -> None:
        self.close_connection = True
        time.sleep(0.02)  # what was sent before arrives; a reset may overtake it
        _break(self.connection)


def _break(connection: socket.socket) -> None:
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
