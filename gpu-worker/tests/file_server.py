"""A server with Hugging Face's addresses and resumable downloads, which fails on demand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast


class FileServer(ThreadingHTTPServer):
    """``faults`` are used up one by one: a number cuts the answer after so many bytes, text is a redirect, a negative
    number is the status of an error."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.faults: list[int | str] = []
        self.ranges: list[str | None] = []
        self.tokens: list[str | None] = []
        self.takes_ranges = True
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that break off are no fault of the server."""


@contextmanager
def file_server() -> Iterator[FileServer]:
    server = FileServer()
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = cast(FileServer, self.server)
        server.ranges.append(self.headers["Range"])
        server.tokens.append(self.headers["Authorization"])
        fault = server.faults.pop(0) if server.faults else None
        if isinstance(fault, str):
            self.send_response(302)
            self.send_header("Location", fault + self.path)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        content = server.files.get(self.path)
        if content is None or (fault is not None and fault < 0):
            self.send_response(404 if fault is None else -fault)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        start = 0
        if self.headers["Range"] and server.takes_ranges:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                return self.end_headers()
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][:fault])
        self.close_connection = True
        return None

    def log_message(self, *_: Any) -> None:
        """Quiet."""
