"""Tells RunPod how far a run is: seldom, never backwards, and never after the end."""

import threading
import time
from collections.abc import Callable
from typing import Final

from avatar_worker.messages import PHASES, Message, progress_message

#: Where each phase begins, as a fraction of the whole run; a guess that only has to be pleasant.
_COLD: Final = (0.0, 0.3, 0.4, 0.5, 0.52, 0.97, 1.0)
_WARM: Final = (0.0, 0.0, 0.0, 0.0, 0.03, 0.96, 1.0)
_EVERY_SECONDS: Final = 2.0
#: RunPod's SDK sends each report on a thread of its own: one from just before the end could come after the
#: result.
_QUIET_SECONDS: Final = 1.0


class Progress:
    """Of one run; can be used from any thread. ``send`` gets messages as the contract has them."""

    def __init__(
        self, send: Callable[[Message], None], *, cold: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send = send
        self.cold = cold
        self._clock = clock
        self._lock = threading.Lock()
        self._fraction = 0.0
        self._sent_at: float | None = None
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
            self._send(message)

    def end(self) -> float:
        """Nothing is sent after this. Returns the seconds until what was sent has surely arrived."""
        with self._lock:
            self._is_over = True
            if self._sent_at is None:
                return 0.0
            return max(0.0, self._sent_at + _QUIET_SECONDS - self._clock())
