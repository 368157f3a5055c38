"""What the worker answers: the output and the progress of a RunPod job, as ``packages/contract`` has them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from avatar_worker import __version__
from avatar_worker.errors import WIRE_VERSION

PHASES: Final = ("download", "prepare", "load", "fetch", "render", "upload")
TIMED: Final = ("ready", "fetch", "render", "upload", "total")

Message = dict[str, Any]


class RenderedVideo(Protocol):
    """A video that can be uploaded."""

    @property
    def path(self) -> Path: ...
    @property
    def bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def native_width(self) -> int: ...
    @property
    def native_height(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def duration_seconds(self) -> float: ...
    @property
    def steps(self) -> int: ...
    @property
    def windows(self) -> int: ...


def generate_output(
    run_id: str,
    video: RenderedVideo,
    *,
    engine: str,
    profile: str,
    cold: bool,
    seconds: Mapping[str, float],
    gpu: Mapping[str, Any] | None,
) -> Message:
    """``seconds`` has the keys ``TIMED``."""
    facts = {
        "bytes": video.bytes,
        "sha256": video.sha256,
        "width": video.width,
        "height": video.height,
        "nativeWidth": video.native_width,
        "nativeHeight": video.native_height,
        "frames": video.frames,
        "durationSeconds": video.duration_seconds,
    }
    return {
        "v": WIRE_VERSION,
        "op": "generate",
        "runId": run_id,
        "video": facts,
        "engine": engine,
        "profile": profile,
        "steps": video.steps,
        "windows": video.windows,
        "cold": cold,
        "seconds": {name: round(seconds.get(name, 0.0), 3) for name in TIMED},
        **_gpu(gpu),
    }


def prepare_output(bytes_read: int, seconds: float) -> Message:
    """``bytes_read``: that a start reads."""
    return {
        "v": WIRE_VERSION,
        "op": "prepare",
        "ready": True,
        "bytes": bytes_read,
        "seconds": round(seconds, 3),
    }


def info_output(*, engine: str, profile: str, state: str, max_seconds: float, gpu: Mapping[str, Any] | None) -> Message:
    """``state`` is that of the models."""
    return {
        "v": WIRE_VERSION,
        "op": "info",
        "worker": __version__,
        "engine": engine,
        "profile": profile,
        "state": state,
        "maxSeconds": max_seconds,
        **_gpu(gpu),
    }


def progress_message(
    phase: str, fraction: float, *, cold: bool, window: int | None = None, windows: int | None = None
) -> Message:
    """``fraction`` of the whole run."""
    message: Message = {"v": WIRE_VERSION, "phase": phase, "fraction": fraction, "cold": cold}
    if window is not None and windows is not None:
        message |= {"window": window, "windows": windows}
    return message


def _gpu(gpu: Mapping[str, Any] | None) -> Message:
    return {} if gpu is None else {"gpu": {name: gpu[name] for name in ("name", "memoryMb", "peakMb")}}
