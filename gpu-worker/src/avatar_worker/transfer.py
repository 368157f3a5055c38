"""Reads the inputs from the store and writes the video to it, over links signed for one object each."""

import hashlib
import http.client
import random
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeVar
from urllib.parse import urlsplit

from avatar_worker.connection import Timeouts, connection
from avatar_worker.disk import disk_faults
from avatar_worker.errors import WorkerError
from avatar_worker.protocol import SignedGet, SignedPut
from avatar_worker.settings import AllowedHosts
from avatar_worker.stop import Stop

_BLOCK: Final = 64 * 1024
#: S3 answers 409 to conditional writes that meet; the others mean "later".
_TRY_AGAIN: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_FORBIDDEN: Final = 403

Value = TypeVar("Value")


class Unreachable(Exception):  # noqa: N818 - a reason to try again, not the end
    """The store did not answer, or asked to come again later. A write may have happened."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    #: Less came than was announced.
    is_cut: bool

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def jittered(attempt: int) -> float:
    """Seconds to wait after this many attempts: doubles up to 8, and differs between workers."""
    return float(0.25 * 2 ** min(attempt, 5) * random.uniform(0.5, 1.0))


class Transfer:
    """Holds no state between calls. Methods also raise what ``stop.check`` does."""

    def __init__(
        self,
        allowed: AllowedHosts,
        *,
        tls: ssl.SSLContext | None = None,
        timeouts: Timeouts | None = None,
        attempts: int = 5,
        backoff: Callable[[int], float] = jittered,
    ) -> None:
        self._allowed = allowed
        self._tls = tls or ssl.create_default_context()
        self._timeouts = timeouts or Timeouts()
        self._attempts = attempts
        self._backoff = backoff

    def check(self, url: str) -> None:
        """Raises ``url_not_allowed``."""
        if not self._allowed.allows(url):
            raise WorkerError("url_not_allowed", "A link leads to a host that this worker does not allow.")

    def fetch(self, link: SignedGet, target: Path, stop: Stop) -> None:
        """Writes exactly the promised file, or raises ``fetch_failed``, ``input_link_expired``,
        ``sha256_mismatch``, ``disk_full``."""

        def attempt() -> None:
            with self._request("GET", link.url, {"Accept-Encoding": "identity"}, None, stop) as response:
                if response.status == _FORBIDDEN:
                    raise WorkerError("input_link_expired", "The link of an input is not valid any more.")
                if response.status != http.HTTPStatus.OK:
                    raise WorkerError("fetch_failed", f"The store answered {response.status} for an input.")
                _save(response, link, target, stop)

        failure = WorkerError("fetch_failed", "An input could not be read from the store.")
        self.retry(attempt, stop, failure)

    def upload(self, file: Path, link: SignedPut, stop: Stop, on_sent: Callable[[float], None]) -> None:
        """Stores the file, trying until the deadline; calls ``on_sent`` with the fraction that was sent. Raises
        ``upload_failed`` and ``video_link_expired``."""
        size = file.stat().st_size

        def attempt() -> None:
            with file.open("rb") as body:
                counted = _Counted(body, size, stop, on_sent)
                answer = self.send("PUT", link.url, {**link.headers, "Content-Length": str(size)}, counted, stop)
            if answer.status == _FORBIDDEN:
                raise WorkerError("video_link_expired", "The link for the video is not valid any more.")
            if not answer.is_success:
                raise WorkerError("upload_failed", f"The store answered {answer.status} to the video.")

        failure = WorkerError("upload_failed", "The video could not be written to the store.")
        # This is the only copy, and its GPU time is paid: a store that is down for a minute must not cost it.
        self.retry(attempt, stop, failure, until_deadline=True)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: "bytes | _Counted | None",
        stop: Stop,
        most: int = 64 * 1024,
    ) -> Answer:
        """Asks once. Returns the first ``most`` bytes of what is answered; raises ``Unreachable``."""
        with self._request(method, url, headers, body, stop) as response:
            announced, body = response.length, response.read(most)
            return Answer(response.status, body, is_cut=len(body) < min(most, announced or 0))

    def retry(
        self, attempt: Callable[[], Value], stop: Stop, failure: WorkerError, *, until_deadline: bool = False
    ) -> Value:
        """Repeats what is ``Unreachable``, with growing pauses. Raises ``failure`` after a few attempts or, with
        ``until_deadline``, when there is no time left for another."""
        number = 0
        while True:
            stop.check()
            with suppress(Unreachable):
                return attempt()
            number += 1
            if not until_deadline and number >= self._attempts:
                raise failure
            pause = self._backoff(number)
            if until_deadline and pause >= stop.seconds_left:
                raise failure
            stop.wait(pause)

    @contextmanager
    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: "bytes | _Counted | None", stop: Stop
    ) -> Iterator[http.client.HTTPResponse]:
        self.check(url)
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            with connection(url, stop, self._timeouts, self._tls) as http_connection:
                try:
                    http_connection.request(method, target, body, dict(headers))
                except (BrokenPipeError, ConnectionResetError):
                    stop.check()  # a refusal may be there to read although the store did not take the body
                with closing(http_connection.getresponse()) as response:
                    if response.status in _TRY_AGAIN:
                        raise Unreachable
                    yield response
        except (http.client.HTTPException, OSError):
            stop.check()
            raise Unreachable from None  # the cause holds addresses


class _Counted:
    """The body of a request; tells how much of it was taken."""

    def __init__(self, body: BinaryIO, size: int, stop: Stop, on_sent: Callable[[float], None]) -> None:
        self._body = body
        self._size = size
        self._stop = stop
        self._on_sent = on_sent
        self._sent = 0

    def read(self, most: int = -1, /) -> bytes:
        self._stop.check()
        self._on_sent(self._sent / self._size if self._size else 1.0)
        block = self._body.read(most)
        self._sent += len(block)
        return block


def _save(response: http.client.HTTPResponse, link: SignedGet, target: Path, stop: Stop) -> None:
    wrong = WorkerError("sha256_mismatch", "An input is not the file that was promised.")
    # None: the length is not announced, so too little of it looks like a connection that was cut.
    if response.length not in (None, link.bytes):
        raise wrong
    digest, left = hashlib.sha256(), link.bytes
    with disk_faults():
        file = target.open("wb")
    with file:
        while block := response.read(min(_BLOCK, left + 1)):
            stop.check()
            left -= len(block)
            if left < 0:
                raise wrong
            digest.update(block)
            with disk_faults():
                file.write(block)
        with disk_faults():
            file.flush()
    if left:
        raise Unreachable
    if link.sha256 not in (None, digest.hexdigest()):
        raise wrong
