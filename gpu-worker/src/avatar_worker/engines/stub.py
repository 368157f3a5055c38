"""An engine without a model: it moves a mouth with the sound, so that everything around it is real."""

import json
import os
import wave
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar_worker.engines.base import FPS, Frames, OnReady, OnStep, Plan, RenderRequest
from avatar_worker.errors import WorkerError
from avatar_worker.plan import FIRST_WINDOW, LATER_WINDOW, make_plan
from avatar_worker.settings import Settings
from avatar_worker.stop import Stop

_LOUD: Final = 6000.0


@dataclass(frozen=True)
class StubFaults:
    """What goes wrong, on request."""

    #: So many renders run out of memory before one succeeds; with a smaller plan none does.
    out_of_memory: int = 0
    #: A step that never ends, unless it is stopped.
    hang: bool = False
    #: The process dies, as after a fault of the driver.
    crash: bool = False
    #: The render fails as the GPU would.
    gpu_failed: bool = False
    load_failed: bool = False


class StubEngine:
    """Sleeps for each step, as the GPU would work."""

    name = "stub"

    def __init__(
        self,
        *,
        step_seconds: float = 0.0,
        load_seconds: float = 0.0,
        steps: int = 4,
        bucket: str = "480",
        allow_smaller_plan: bool = False,
        faults: StubFaults | None = None,
    ) -> None:
        self._step_seconds = step_seconds
        self._load_seconds = load_seconds
        self._steps = steps
        self._bucket = bucket
        self._allow_smaller_plan = allow_smaller_plan
        self._faults = faults or StubFaults()
        self._out_of_memory = self._faults.out_of_memory
        self._stop_load = Stop(3600)
        self.loads = 0

    def plan(self, aspect: str, frames: int) -> Plan:
        """As the engine protocol has it."""
        return make_plan(self._bucket, aspect, frames, self._steps)

    def smaller_plan(self, plan: Plan) -> Plan | None:
        """The same with its weights in the memory of the host."""
        return replace(plan, offload=True) if self._allow_smaller_plan and not plan.offload else None

    def load(self, on_ready: OnReady) -> None:
        """Takes ``load_seconds``."""
        self.loads += 1
        for tenth in range(10):
            on_ready("load", tenth / 10)
            self._stop_load.wait(self._load_seconds / 10)
        if self._faults.load_failed:
            raise WorkerError("model_load_failed", "The models do not load.")
        on_ready("load", 1.0)

    def render(self, request: RenderRequest, on_step: OnStep, stop: Stop) -> Iterator[Frames]:
        """The portrait, with a mouth that opens as loud as the sound is at each frame."""
        plan = request.plan
        if self._out_of_memory > 0 and not plan.offload:
            self._out_of_memory -= 1
            raise WorkerError("gpu_out_of_memory", "The GPU has too little memory for the run.")
        with Image.open(request.image) as image:
            portrait = np.asarray(image.convert("RGB"))
        loudness = _loudness(request.audio, plan.frames)
        first = 0
        for window in range(1, plan.windows + 1):
            for step in range(1, plan.steps + 1):
                self._work(stop)
                on_step(window, plan.windows, step, plan.steps)
            last = min(plan.frames, first + (FIRST_WINDOW if window == 1 else LATER_WINDOW))
            yield np.stack([_draw(portrait, loudness[index], index) for index in range(first, last)])
            first = last

    def _work(self, stop: Stop) -> None:
        if self._faults.crash:
            os._exit(139)
        if self._faults.gpu_failed:
            raise WorkerError("gpu_failed", "The GPU or its driver failed.")
        stop.wait(3600 if self._faults.hang else self._step_seconds)

    def recover(self) -> None:
        """Nothing is left behind."""

    def gpu(self) -> dict[str, Any] | None:
        """There is none."""
        return None


def make_engine(settings: Settings) -> StubEngine:
    """``STUB_ENGINE`` may hold JSON: arguments of ``StubEngine``, and in ``faults`` those of ``StubFaults``."""
    options = json.loads(os.environ.get("STUB_ENGINE", "{}"))
    faults = StubFaults(**options.pop("faults", {}))
    return StubEngine(allow_smaller_plan=settings.allow_smaller_plan, faults=faults, **options)


def _loudness(path: Path, frames: int) -> NDArray[np.float64]:
    """Of shape (frames,), 0 to 1: the RMS of the sound during each frame."""
    with wave.open(str(path), "rb") as wav:
        per_frame = wav.getframerate() // FPS
        loudness = np.zeros(frames)
        for index in range(frames):
            samples = np.frombuffer(wav.readframes(per_frame), dtype="<i2").astype(np.float64)
            if len(samples):
                loudness[index] = min(1.0, float(np.sqrt(np.mean(samples**2))) / _LOUD)
    return loudness


def _draw(portrait: Frames, loudness: float, index: int) -> Frames:
    frame: Frames = portrait.copy()
    height, width = frame.shape[:2]
    centre_y, centre_x = int(height * 0.62), width // 2
    half_height = 2 + int(loudness * height * 0.06)
    half_width = width // 12
    frame[centre_y - half_height : centre_y + half_height, centre_x - half_width : centre_x + half_width] = (
        120,
        20,
        30,
    )
    # A clock, so that no two frames are alike even in silence.
    edge = 4 + index * (width - 8) // 250 % (width - 8)
    frame[height - 8 : height - 4, 4:edge] = 255
    return frame
