"""An engine that does what its script says, and a renderer that makes a file of its frames."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from avatar_worker.engines.base import Engine, Frames, OnReady, OnStep, Plan, RenderRequest
from avatar_worker.errors import WorkerError
from avatar_worker.protocol import Aspect, Fit
from avatar_worker.stop import Stop

STEPS = 2


@dataclass
class ScriptedEngine:
    """``faults``: one for each render, in order; ``load_faults`` likewise. ``hang`` waits to be stopped."""

    name: str = "scripted"
    faults: list[Exception | str] = field(default_factory=list)
    load_faults: list[Exception] = field(default_factory=list)
    recover_fault: Exception | None = None
    has_smaller_plan: bool = True
    #: Set: ``load`` may end.
    may_load: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    loads: int = 0
    recoveries: int = 0
    plans: list[Plan] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.may_load.set()

    def plan(self, aspect: str, frames: int) -> Plan:
        del aspect
        return Plan(width=64, height=64, frames=frames, windows=2, steps=STEPS)

    def smaller_plan(self, plan: Plan) -> Plan | None:
        return replace(plan, offload=True) if self.has_smaller_plan else None

    def load(self, on_ready: OnReady) -> None:
        self.threads.add(threading.current_thread().name)
        self.loads += 1
        on_ready("download", 0.5)
        self.may_load.wait()
        if self.load_faults:
            raise self.load_faults.pop(0)

    def render(self, request: RenderRequest, on_step: OnStep, stop: Stop) -> Iterator[Frames]:
        self.threads.add(threading.current_thread().name)
        self.plans.append(request.plan)
        fault = self.faults.pop(0) if self.faults else None
        for window in range(1, request.plan.windows + 1):
            for step in range(1, request.plan.steps + 1):
                stop.check()
                on_step(window, request.plan.windows, step, request.plan.steps)
            if fault == "hang":
                self.hanging.set()
                stop.wait(1e6)
            if isinstance(fault, Exception):
                raise fault
            yield np.full((2, 8, 8, 3), window, np.uint8)

    def recover(self) -> None:
        self.recoveries += 1
        if self.recover_fault:
            raise self.recover_fault

    def gpu(self) -> dict[str, Any] | None:
        return {"name": "Scripted", "memoryMb": 1, "peakMb": 0, "driver": "not for the wire"}


@dataclass(frozen=True)
class Video:
    path: Path
    bytes: int
    sha256: str
    width: int
    height: int
    native_width: int
    native_height: int
    frames: int
    duration_seconds: float
    steps: int
    windows: int


def render_frames(
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
) -> Video:
    """The "video" is the image, the audio and the raw frames, so that a test can tell what it was made of."""
    del aspect, fit, max_seconds, audio_seconds
    if image.read_bytes().startswith(b"not an image"):
        raise WorkerError("unsupported_image", "The image cannot be used.")
    plan = engine.plan("16:9", 4)
    path, frames = folder / "video", 0
    with path.open("xb") as file:
        file.write(image.read_bytes() + audio.read_bytes())
        for window in engine.render(RenderRequest(image, audio, plan, prompt, seed), on_step, stop):
            file.write(window.tobytes())
            frames += len(window)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return Video(path, len(content), digest, 1280, 720, 64, 64, frames, frames / 25, plan.steps, plan.windows)
