"""``python -m avatar_worker.bench``: how long this machine takes, and what that costs. Prints JSON."""

import argparse
import importlib
import json
import logging
import os
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from avatar_worker import __version__, logs
from avatar_worker.engines.base import FPS, Engine
from avatar_worker.errors import WorkerError
from avatar_worker.media.audio import SAMPLE_RATE
from avatar_worker.pipeline import render_video
from avatar_worker.settings import SettingsError, read_settings
from avatar_worker.stop import Stop

_DAY: Final = 24 * 3600.0


def main(args: Sequence[str]) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m avatar_worker.bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each video (5)")
    parser.add_argument("--videos", type=int, default=3, help="how many (3)")
    parser.add_argument("--aspect", choices=("16:9", "9:16", "1:1"), default="16:9")
    parser.add_argument("--price", type=float, help="of a second of this GPU, in dollars")
    options = parser.parse_args(args)
    if options.seconds < 0.5 or options.videos < 1 or (options.price is not None and options.price < 0):
        parser.error("at least 0.5 seconds, one video, and no negative price")
    logs.configure("WARN")
    try:
        settings = read_settings({"ALLOWED_HOSTS": "bench.invalid", **os.environ})
        engine: Engine = importlib.import_module(f"avatar_worker.engines.{settings.engine}").make_engine(settings)
        facts = {"v": 1, "worker": __version__, "engine": engine.name, "profile": settings.profile}
        facts |= measure(engine, options.seconds, options.videos, options.aspect, options.price)
    except (WorkerError, SettingsError) as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    sys.stdout.write(json.dumps(facts, indent=2) + "\n")
    return 0


def measure(engine: Engine, seconds: float, videos: int, aspect: str, price: float | None) -> dict[str, Any]:
    """Loads, then renders so many videos of that length. The first is apart: it has what only happens once."""
    began = time.monotonic()
    engine.load(lambda _phase, _done: None)
    load_seconds = time.monotonic() - began
    read = int(getattr(engine, "bytes_at_start", 0))
    with tempfile.TemporaryDirectory() as folder:
        image, audio = Path(folder) / "image.png", Path(folder) / "audio.wav"
        _write_portrait(image)
        _write_sound(audio, seconds)
        made = [_measure_video(engine, image, audio, seconds, aspect, Path(folder)) for _ in range(videos)]
    typical = sorted(video["totalSeconds"] for video in made[1:] or made)[len(made[1:] or made) // 2]
    return {
        "gpu": engine.gpu(),
        "load": {"seconds": round(load_seconds, 3), "bytes": read, "mbPerSecond": round(read / 1e6 / load_seconds, 1)},
        "videoSeconds": seconds,
        "videos": made,
        "medianSeconds": typical,
        "secondsPerVideoSecond": round(typical / seconds, 3),
        "dollarsPerVideoSecond": None if price is None else round(typical / seconds * price, 6),
        "dollarsPerVideo": None if price is None else round(typical * price, 6),
    }


def _measure_video(
    engine: Engine, image: Path, audio: Path, seconds: float, aspect: str, folder: Path
) -> dict[str, Any]:
    steps: list[float] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder) as run:
        video = render_video(
            engine=engine,
            image=image,
            audio=audio,
            audio_seconds=seconds,
            aspect=aspect,
            fit="crop",
            prompt=None,
            seed=1,
            max_seconds=seconds,
            folder=Path(run),
            on_step=lambda *_: steps.append(time.monotonic()),
            stop=Stop(_DAY),
        )
    total = time.monotonic() - began
    per_window = video.steps
    # From one step to the next of the same window; what lies between windows is decoding and encoding.
    within = [late - early for index, (early, late) in enumerate(pairwise(steps), 1) if index % per_window]
    return {
        "totalSeconds": round(total, 3),
        "beforeFirstStepSeconds": round(steps[0] - began, 3),
        "afterLastStepSeconds": round(began + total - steps[-1], 3),
        "meanStepSeconds": round(sum(within) / len(within), 4) if within else None,
        "windows": video.windows,
        "steps": video.steps,
        "nativeWidth": video.native_width,
        "nativeHeight": video.native_height,
        "bytes": video.bytes,
        "peakMb": (engine.gpu() or {}).get("peakMb"),
    }


def _write_portrait(path: Path) -> None:
    rows, columns = np.mgrid[0:720, 0:1280]
    picture = np.stack([rows // 3, columns // 5, (rows + columns) // 8], axis=-1)
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path)


def _write_sound(path: Path, seconds: float) -> None:
    at = np.arange(round(seconds * FPS) * SAMPLE_RATE // FPS) / SAMPLE_RATE
    sound = np.sin(2 * np.pi * 180 * at) * np.abs(np.sin(2 * np.pi * 2 * at)) * 0.5
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, SAMPLE_RATE, len(at), "NONE", ""))
        wav.writeframes((sound * 32_000).astype("<i2").tobytes())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
