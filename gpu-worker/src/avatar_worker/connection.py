"""One HTTP connection that a stop or a deadline cuts off at once, wherever it hangs."""

import errno
import http.client
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from avatar_worker.stop import Stop

_POLL_SECONDS: Final = 0.1
_BLOCK: Final = 64 * 1024


@dataclass(frozen=True)
class Timeouts:
    """In seconds: to connect, and the longest that nothing moves afterwards."""

    connect: float = 10
    stall: float = 30


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, sock: socket.socket, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout, blocksize=_BLOCK)
        self.sock = sock

    def connect(self) -> None:
        raise ConnectionResetError("The connection is used once.")


@contextmanager
def connection(url: str, stop: Stop, timeouts: Timeouts, tls: ssl.SSLContext) -> Iterator[http.client.HTTPConnection]:
    """Connects; while the block runs, a stop or the deadline makes whatever waits for the network fail with
    ``OSError`` or ``http.client.HTTPException``: call ``stop.check`` on those."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    sock = _connect(host, port, stop, timeouts.connect)
    try:
        with _cut_off_by(stop, sock):
            sock.settimeout(timeouts.stall)
            if secure:
                # It takes over the descriptor, and the cut works on that.
                sock = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
                with _cut_off_by(stop, sock):
                    sock.do_handshake()
                    yield _Connection(host, port, sock, timeouts.stall)
            else:
                yield _Connection(host, port, sock, timeouts.stall)
    finally:
        sock.close()


@contextmanager
def _cut_off_by(stop: Stop, sock: socket.socket) -> Iterator[None]:
    def cut() -> None:
        # Closing would not wake up a thread that waits in recv; the method of SSLSocket drops the encryption.
        with suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    # Drops of a byte now and then never stall, so the deadline needs a clock of its own.
    timer = threading.Timer(min(max(0.0, stop.seconds_left), threading.TIMEOUT_MAX), cut)
    timer.daemon = True
    timer.start()
    forget = stop.add_listener(cut)
    try:
        yield
    finally:
        forget()
        timer.cancel()


def _connect(host: str, port: int, stop: Stop, seconds: float) -> socket.socket:
    ends_at = time.monotonic() + seconds
    failure: OSError = TimeoutError("connect")
    for family, address in _resolve(host, port, stop, ends_at):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            code = sock.connect_ex(address)
            while code == errno.EINPROGRESS:
                stop.check()
                if time.monotonic() > ends_at:
                    raise TimeoutError("connect")
                if select.select([], [sock], [], _POLL_SECONDS)[1]:
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, "connect")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            failure = error
    raise failure


_Address = tuple[int, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


def _resolve(host: str, port: int, stop: Stop, ends_at: float) -> list[_Address]:
    """Nothing can interrupt the system's resolver, so a thread waits for it that nobody needs to wait for."""
    found: list[_Address] = []
    failed: list[OSError] = []
    done = threading.Event()

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend((family, address) for family, _, _, _, address in answers)
        except (OSError, UnicodeError) as error:
            failed.append(error if isinstance(error, OSError) else OSError("no such host"))
        finally:
            done.set()

    threading.Thread(target=ask, daemon=True, name="resolve").start()
    while not done.wait(_POLL_SECONDS):
        stop.check()
        if time.monotonic() > ends_at:
            raise TimeoutError("resolve")
    if failed:
        raise failed[0]
    return found
