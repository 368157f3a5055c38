"""One worker at a time fills a folder that several share."""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

HEARTBEAT_SECONDS: Final = 10.0
#: An owner that was not heard of for so long is gone.
STALE_SECONDS: Final = 120.0


class FolderLock:
    """A file that only one can create. ``flock`` may not hold on a network volume; exclusive creation does.

    The owner touches the file; who finds it untouched for long takes it over. Two that take over at once are told apart
    by the nonce inside: whoever moved away a lock that was not the stale one puts it back.
    """

    def __init__(self, path: Path, worker_id: str, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._nonce = uuid.uuid4().hex
        self._content = json.dumps({"worker": worker_id, "nonce": self._nonce})
        self._now = now
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def try_acquire(self) -> bool:
        """Whether the lock is ours now. To be called again, by whoever waits."""
        self._remove_stale()
        try:
            handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(handle, "w") as file:
            file.write(self._content)
        self.beat()
        self._thread = threading.Thread(target=self._beat_on, name="lock", daemon=True)
        self._thread.start()
        return True

    def beat(self) -> bool:
        """Says that the owner lives. False once the lock is another's."""
        if not self.is_ours():
            return False
        now = self._now()
        try:
            os.utime(self._path, (now, now))
        except FileNotFoundError:
            return False
        return True

    def is_ours(self) -> bool:
        """Whether nobody took the lock over. To be asked before anything is published."""
        return _read(self._path) == self._content

    def release(self) -> None:
        """Harmless if the lock is another's by now."""
        self._ended.set()
        if self._thread:
            self._thread.join()
        if self.is_ours():
            self._path.unlink(missing_ok=True)

    def _beat_on(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS) and self.beat():
            pass

    def _remove_stale(self) -> None:
        stale = _read(self._path)
        try:
            is_stale = self._now() - self._path.stat().st_mtime > STALE_SECONDS
        except FileNotFoundError:
            return
        if not is_stale:
            return
        aside = self._path.with_name(f"{self._path.name}.{self._nonce}")
        try:
            self._path.rename(aside)
        except FileNotFoundError:
            return
        if _read(aside) != stale:
            # Another took the stale lock over in between, and this is its new one.
            with suppress(OSError):  # A third has it by now; the one that was moved finds out before it publishes.
                os.link(aside, self._path)
        aside.unlink(missing_ok=True)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
