"""An object store over real HTTP: signed-like links, conditional writes, and faults on request."""

import hashlib
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "canary-7f3a9c"


class FakeStore(ThreadingHTTPServer):
    """``faults[name]`` is a list; each request for ``name`` uses up the first. A fault is a status or a word:

    ``reset``, ``reset_after`` (the object is written, the reply lost), ``hang``, ``drip``, ``slow``,
    ``truncate``, ``longer``, ``unannounced``, ``redirect``.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.faults: dict[str, list[int | str]] = defaultdict(list)
        self.requests: list[tuple[str, str]] = []
        self.headers: dict[str, dict[str, str]] = {}
        self.hanging = threading.Event()
        self.over = threading.Event()
        self.lock = threading.Lock()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def url(self, name: str) -> str:
        return f"http://{self.host}/bucket/{name}?X-Amz-Signature={SECRET}"

    def get(self, name: str, content: bytes) -> dict[str, Any]:
        """Stores the object; returns the link for the input of a job."""
        self.objects[name] = content
        return {"url": self.url(name), "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

    def put(self, name: str, **headers: str) -> dict[str, Any]:
        return {"url": self.url(name), "headers": headers}

    def seen(self, name: str) -> list[str]:
        return [method for method, asked in self.requests if asked == name]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what is tested."""


@contextmanager
def fake_store() -> Iterator[FakeStore]:
    store = FakeStore()
    thread = threading.Thread(target=store.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        store.over.set()
        store.shutdown()
        store.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FakeStore
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fault = self._begin()
        if fault is None:
            return None
        content = self.server.objects.get(self._name)
        if content is None:
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        if fault == "longer":
            return self._answer(200, content + b"x")
        if fault == "unannounced":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content + b"x" * 1000)
            self.close_connection = True
            return None
        if fault in ("truncate", "drip"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if fault == "truncate":
                self.wfile.write(content[: len(content) // 2])
                self.close_connection = True
                return None
            return self._drip(content)
        return self._answer(200, content)

    def do_PUT(self) -> None:
        fault = self._begin()
        if fault is None:
            return None
        left, content = int(self.headers["Content-Length"]), b""
        while left > 0:
            block = self.rfile.read(min(left, 4096))
            if not block:
                return None
            content += block
            left -= len(block)
            if fault == "slow" and len(content) > 4096:
                return self._hang()
        with self.server.lock:
            if self.headers.get("If-None-Match") == "*" and self._name in self.server.objects:
                return self._answer(412, b"")
            self.server.objects[self._name] = content
            self.server.headers[self._name] = dict(self.headers)
        if fault == "reset_after":
            return self._reset()
        return self._answer(200, b"")

    def _begin(self) -> int | str | None:
        path, _, query = self.path.partition("?")
        self._name = path.removeprefix("/bucket/")
        with self.server.lock:
            self.server.requests.append((self.command, self._name))
            faults = self.server.faults[self._name]
            fault = faults.pop(0) if faults else 0
        if query != f"X-Amz-Signature={SECRET}":
            fault = 403
        if fault == "reset":
            self._reset()
        elif fault == "hang":
            self._hang()
        elif fault == "redirect":
            self.send_response(302)
            self.send_header("Location", self.server.url("secret"))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif isinstance(fault, int) and fault:
            self.close_connection = True
            self._answer(fault, f"<Error>{self.path}</Error>".encode())
        else:
            return fault
        return None

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _drip(self, content: bytes) -> None:
        for byte in content:
            self.wfile.write(bytes([byte]))
            self.server.hanging.set()
            if self.server.over.wait(0.05):
                return

    def _hang(self) -> None:
        self.server.hanging.set()
        self.server.over.wait()
        self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass
