"""What the worker needs of a model. Importing this costs nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy import uint8
from numpy.typing import NDArray

from avatar_worker.stop import Stop

FPS = 25

#: Frames of one window, RGB, of shape (frames, height, width, 3).
Frames = NDArray[uint8]


@dataclass(frozen=True)
class Plan:
    """All that decides what a render costs. A run whose plan cannot be met fails; it gets no smaller one unasked."""

    #: Size that the model renders, multiples of 64.
    width: int
    height: int
    frames: int
    windows: int
    steps: int
    #: The model's weights wait in the memory of the host: slower, and needs less of the GPU's.
    offload: bool = False


@dataclass(frozen=True)
class RenderRequest:
    """Files are in the folder of the run, which is deleted after it."""

    #: PNG, RGB, exactly ``plan.width`` x ``plan.height``.
    image: Path
    #: WAV, 16 kHz, mono, 16 bits; padded with silence to ``plan.frames`` and to what the model needs.
    audio: Path
    plan: Plan
    prompt: str | None
    seed: int


#: Called with (window, windows, step, steps), each from 1, after each step.
OnStep = Callable[[int, int, int, int], None]
#: Called with what goes on ("download", "prepare", "load") and how much of it is done, 0 to 1.
OnReady = Callable[[str, float], None]


class Engine(Protocol):
    """Loads once and renders many videos, one at a time, all on one thread."""

    name: str

    def plan(self, aspect: str, frames: int) -> Plan:
        """The plan for a video of this aspect (16:9, 9:16, 1:1) and length. Cheap; the model need not be loaded."""

    def smaller_plan(self, plan: Plan) -> Plan | None:
        """The same video with less memory and more time; None if there is no such plan or the operator forbids it."""

    def load(self, on_ready: OnReady) -> None:
        """Makes ``render`` possible. Raises ``WorkerError`` ``models_…``, ``model_load_failed``, ``disk_full``."""

    def render(self, request: RenderRequest, on_step: OnStep, stop: Stop) -> Iterator[Frames]:
        """Yields the video window by window, ``plan.frames`` frames in all.

        Raises ``WorkerError`` ``gpu_out_of_memory``, ``gpu_failed``, ``render_failed``, and what ``stop.check`` raises,
        at most 0.5 s after the stop while a step takes no longer than that.
        """

    def recover(self) -> None:
        """Frees what a render that failed or was stopped left on the GPU."""

    def gpu(self) -> dict[str, Any] | None:
        """``{name, memoryMb, peakMb}``, or None without a GPU. The peak is that of the last render."""
