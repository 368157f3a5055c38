"""Tells RunPod how far a run is: seldom, never backwards, and never after the end."""

import threading
import time
from collections.abc import Awaitable, Callable
from typing import Final

from avatar_worker.messages import PHASES, Message, progress_message

#: Where each phase begins, as a fraction of the whole run; a guess that only has to be pleasant.
_COLD: Final = (0.0, 0.3, 0.4, 0.5, 0.52, 0.97, 1.0)
_WARM: Final = (0.0, 0.0, 0.0, 0.0, 0.03, 0.96, 1.0)
_EVERY_SECONDS: Final = 2.0
#: RunPod's SDK posts each report on a thread of its own, and posts it again 2 and 5 s later when RunPod answers 5xx.
#: Were one to come after the result, the run would be IN_PROGRESS for ever: github.com/runpod/runpod-python/issues/250.
#: The end therefore waits for these threads, which as a rule are done; a fixed pause would be paid for by every run.
#: One that hangs is not waited for any longer than those attempts take.
_LONGEST_POST_SECONDS: Final = 8.0
_POLL_SECONDS: Final = 0.05


class Progress:
    """Of one run; can be used from any thread. ``send`` gets messages as the contract has them, and may go on with
    them on daemon threads that it starts."""

    def __init__(
        self, send: Callable[[Message], None], *, cold: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send = send
        self.cold = cold
        self._clock = clock
        self._lock = threading.Lock()
        self._fraction = 0.0
        self._sent_at: float | None = None
        self._posts: set[threading.Thread] = set()
        self._is_over = False

    def report(self, phase: str, done: float, window: int | None = None, windows: int | None = None) -> None:
        """``done``: how much of the phase, 0 to 1. Most reports are dropped."""
        marks = _COLD if self.cold else _WARM
        index = PHASES.index(phase)
        share = max(0.0, min(1.0, done))
        fraction = marks[index] + (marks[index + 1] - marks[index]) * share
        with self._lock:
            self._fraction = max(self._fraction, fraction)
            now = self._clock()
            if self._is_over or (self._sent_at is not None and now - self._sent_at < _EVERY_SECONDS):
                return
            self._sent_at = now
            message = progress_message(phase, round(self._fraction, 4), cold=self.cold, window=window, windows=windows)
            # The SDK does not hand out its thread.
            others = set(threading.enumerate())
            self._send(message)
            begun = {thread for thread in threading.enumerate() if thread.daemon} - others
            self._posts = {post for post in self._posts | begun if post.is_alive()}

    def end(self) -> None:
        """Nothing is sent after this."""
        with self._lock:
            self._is_over = True

    async def arrived(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """After the end: waits until what was sent is there, or given up."""
        while (
            self._sent_at is not None
            and self._clock() - self._sent_at < _LONGEST_POST_SECONDS
            and any(post.is_alive() for post in self._posts)
        ):
            # Threads tell nobody when they end, and to join them would hold the loop, which may have to stop the job.
            await sleep(_POLL_SECONDS)
