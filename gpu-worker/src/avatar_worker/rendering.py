"""What a run needs of the code that makes videos, and what it does when the GPU has too little memory."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from avatar_worker.engines.base import Engine, Frames, OnReady, OnStep, Plan, RenderRequest
from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.logs import where
from avatar_worker.messages import RenderedVideo
from avatar_worker.protocol import Aspect, Fit
from avatar_worker.stop import Stop

_log = logging.getLogger(__name__)


class Render(Protocol):
    """Checks the files, renders with ``engine`` and encodes the video into ``folder``, which is empty."""

    def __call__(
        self,
        *,
        engine: Engine,
        image: Path,
        audio: Path,
        audio_seconds: float,
        aspect: Aspect,
        fit: Fit,
        prompt: str | None,
        seed: int,
        max_seconds: float,
        folder: Path,
        on_step: OnStep,
        stop: Stop,
    ) -> RenderedVideo: ...


def render_twice_at_most(
    engine: Engine,
    render_with: Callable[[Engine, str], RenderedVideo],
    *,
    allow_smaller_plan: bool,
    distrust: Callable[[WorkerError], None],
) -> RenderedVideo:
    """``render_with(engine, folder name)`` renders once. When the GPU has too little memory, and the operator
    allows it, it is asked once more with an engine that plans smaller. Whatever fails, the GPU is freed."""
    try:
        return _clean(engine, lambda: render_with(engine, "first"), distrust)
    except WorkerError as error:
        if error.code != "gpu_out_of_memory" or not allow_smaller_plan:
            raise
    _log.warning("the GPU has too little memory: once more with a smaller plan")
    return _clean(engine, lambda: render_with(SmallerPlans(engine), "second"), distrust)


def _clean(
    engine: Engine, render: Callable[[], RenderedVideo], distrust: Callable[[WorkerError], None]
) -> RenderedVideo:
    try:
        return render()
    except BaseException as error:
        try:
            engine.recover()
        except Exception as fault:
            _log.error("the GPU cannot be freed: %s", where(fault))
            failure = WorkerError("gpu_failed", "The GPU could not be freed after a run.")
            distrust(failure)
            if not isinstance(error, Cancelled):
                raise failure from None
        raise


class SmallerPlans:
    """The same engine with smaller plans. ``plan`` raises ``gpu_out_of_memory`` if there is none."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.name

    def plan(self, aspect: str, frames: int) -> Plan:
        smaller = self._engine.smaller_plan(self._engine.plan(aspect, frames))
        if smaller is None:
            raise WorkerError("gpu_out_of_memory", "The GPU has too little memory for the run.")
        return smaller

    def smaller_plan(self, plan: Plan) -> Plan | None:
        return self._engine.smaller_plan(plan)

    def load(self, on_ready: OnReady) -> None:
        self._engine.load(on_ready)

    def render(self, request: RenderRequest, on_step: OnStep, stop: Stop) -> Iterator[Frames]:
        return self._engine.render(request, on_step, stop)

    def recover(self) -> None:
        self._engine.recover()

    def gpu(self) -> dict[str, Any] | None:
        return self._engine.gpu()
