"""How a run ends early: it was stopped, or its deadline passed."""

import threading
import time
from collections.abc import Callable

from avatar_worker.errors import Cancelled, WorkerError


class Stop:
    """One per run, shared by all threads that work on it.

    Whoever works long calls ``check`` at least every 0.2 s, or hands ``add_listener`` something that wakes it up.
    """

    def __init__(self, deadline_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends_at = clock() + deadline_seconds
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def set(self) -> None:
        """Stops the run. Can be called from any thread, and twice."""
        with self._lock:
            self._stopped.set()
            listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()

    def add_listener(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls ``listener`` once the run is stopped, at once if it is already. Returns how to forget it."""
        with self._lock:
            if not self._stopped.is_set():
                self._listeners.append(listener)
                return lambda: self._forget(listener)
        listener()
        return lambda: None

    def _forget(self, listener: Callable[[], None]) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    @property
    def seconds_left(self) -> float:
        """Until the deadline; negative afterwards."""
        return self._ends_at - self._clock()

    def is_over(self) -> bool:
        """Whether ``check`` would raise."""
        return self._stopped.is_set() or self.seconds_left <= 0

    def check(self) -> None:
        """Raises ``Cancelled`` after ``set``, ``WorkerError`` ``deadline_exceeded`` after the deadline."""
        if self._stopped.is_set():
            raise Cancelled
        if self.seconds_left <= 0:
            raise WorkerError("deadline_exceeded", "The run took longer than its deadline.")

    def wait(self, seconds: float) -> None:
        """Sleeps, then checks; wakes up when the run is stopped or its deadline comes."""
        self._stopped.wait(max(0.0, min(seconds, self.seconds_left)))
        self.check()
