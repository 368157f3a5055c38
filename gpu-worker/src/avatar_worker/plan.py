"""What to render for an image and a recording: sizes, windows, steps. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from avatar_worker.engines.base import FPS, Plan

Size = tuple[int, int]

#: What customers get, by aspect: (width, height).
OUTPUT_SIZES: Final[Mapping[str, Size]] = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (960, 960)}

#: Sizes that the model was trained on, (width, height): those of ``ASPECT_RATIO_627`` and ``ASPECT_RATIO_960`` in
#: upstream's ``wan/utils/multitalk_utils.py`` that come closest to the outputs above.
BUCKETS: Final[Mapping[str, Mapping[str, Size]]] = {
    "480": {"16:9": (896, 448), "9:16": (448, 832), "1:1": (640, 640)},
    "720": {"16:9": (1280, 704), "9:16": (704, 1280), "1:1": (960, 960)},
}

#: Frames of the first window, and how many each later one adds; it sees the 9 frames before as well.
FIRST_WINDOW: Final = 81
LATER_WINDOW: Final = 72


@dataclass(frozen=True)
class Output:
    """What a video must look like when it leaves."""

    width: int
    height: int
    frames: int
    #: Of the recording.
    seconds: float


def choose_aspect(aspect: str, image_size: Size) -> str:
    """``auto`` takes the output whose shape is nearest to the image's. Raises ``KeyError`` for an unknown aspect."""
    if aspect != "auto":
        return {name: name for name in OUTPUT_SIZES}[aspect]
    width, height = image_size

    def distance(name: str) -> float:
        out_width, out_height = OUTPUT_SIZES[name]
        return abs(math.log(width / height) - math.log(out_width / out_height))

    return min(OUTPUT_SIZES, key=distance)


def count_frames(seconds: float) -> int:
    """Frames that last as long as the recording, give or take half a frame."""
    return max(1, math.floor(seconds * FPS + 0.5))


def count_windows(frames: int) -> int:
    """How often the model runs for a video of so many frames."""
    return 1 if frames <= FIRST_WINDOW else 1 + math.ceil((frames - FIRST_WINDOW) / LATER_WINDOW)


def make_output(aspect: str, seconds: float) -> Output:
    """``aspect`` is one of ``OUTPUT_SIZES``."""
    width, height = OUTPUT_SIZES[aspect]
    return Output(width, height, count_frames(seconds), seconds)


def make_plan(bucket: str, aspect: str, frames: int, steps: int) -> Plan:
    """``bucket`` is one of ``BUCKETS``."""
    width, height = BUCKETS[bucket][aspect]
    return Plan(width=width, height=height, frames=frames, windows=count_windows(frames), steps=steps)
