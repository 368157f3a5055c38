"""The engine and its one thread: it loads once, in the background, and then renders."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Literal, TypeVar

from avatar_worker.disk import is_full
from avatar_worker.engines.base import Engine, OnReady
from avatar_worker.errors import WorkerError
from avatar_worker.logs import where
from avatar_worker.stop import Stop

State = Literal["cold", "loading", "ready", "broken"]
Value = TypeVar("Value")

_POLL_SECONDS: Final = 0.2
_log = logging.getLogger(__name__)


class Runtime:
    """``engine`` is used on ``thread`` only, except for ``plan``, ``smaller_plan`` and ``gpu``."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._lock = threading.Lock()
        self._loading: Future[None] | None = None
        self._report: tuple[str, float] | None = None
        self._fault: WorkerError | None = None

    @property
    def state(self) -> State:
        """Of the models."""
        with self._lock:
            if self._fault or (self._loading and self._loading.done() and self._loading.exception()):
                return "broken"
            if self._loading is None:
                return "cold"
            return "ready" if self._loading.done() else "loading"

    def begin(self) -> None:
        """Starts to load, unless that goes on or is done. A load that failed is tried again."""
        with self._lock:
            if self._loading is None or (self._loading.done() and self._loading.exception()):
                self._report = None
                self._loading = self.thread.submit(self._load)

    async def ready(self, stop: Stop, on_ready: OnReady) -> None:
        """Waits for the load. Raises why it failed, or what ``stop.check`` raises, 0.2 s late at most."""
        self.begin()
        loading = self._loading
        if loading is None:
            raise AssertionError("it has begun")
        waiter = asyncio.wrap_future(loading)
        waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
        while True:
            stop.check()
            if self._fault:
                raise self._fault
            if loading.done():
                return loading.result()
            if self._report:
                on_ready(*self._report)
            await asyncio.wait({waiter}, timeout=_POLL_SECONDS)

    def distrust(self, fault: WorkerError) -> None:
        """No run is rendered any more; each ends with ``fault``."""
        self._fault = fault

    def _load(self) -> None:
        try:
            self.engine.load(self._on_ready)
            _log.info("the models are loaded")
        except WorkerError as error:
            _log.error("the models cannot be used: %s", error.code)
            raise
        except Exception as error:
            _log.error("the models do not load: %s", where(error))
            if is_full(error):
                raise WorkerError("disk_full", "The disk of the worker is full.") from None
            raise WorkerError("model_load_failed", "The models are there but do not load.") from None

    def _on_ready(self, phase: str, done: float) -> None:
        self._report = (phase, done)


async def finish(future: Future[Value], on_cancel: Callable[[], None]) -> Value:
    """Waits for a thread. When the task is cancelled it calls ``on_cancel``, and raises only after the
    thread's end: until then the GPU is not free."""
    waiter = asyncio.wrap_future(future)
    is_cancelled = False
    while not waiter.done():
        try:
            await asyncio.wait({waiter})
        except asyncio.CancelledError:
            is_cancelled = True
            on_cancel()
    if is_cancelled:
        waiter.exception()  # seen, and of no interest
        raise asyncio.CancelledError
    return waiter.result()
