"""The operator's profiles: what a video costs and how good it is. Customers cannot choose one."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from avatar_worker.plan import BUCKETS


@dataclass(frozen=True)
class Profile:
    """Of the sampler. A step takes two forwards, one if ``audio_guidance`` is 1, three if ``text_guidance`` is not."""

    #: Of ``plan.BUCKETS``; the video is scaled to its size afterwards.
    bucket: str
    #: Distilled weights that are merged into the model when it is prepared; cannot be overridden.
    lora: Literal["lightx2v", "fusionx"]
    steps: int
    shift: float
    text_guidance: float
    audio_guidance: float
    #: 0 to 1: how much of the portrait's colours each window gets back.
    color_correction: float


#: Steps, shift and guidance as upstream's README recommends for each LoRA, except for the audio guidance of ``fast``,
#: which halves its price.
PROFILES: Final[Mapping[str, Profile]] = {
    "fast": Profile("480", "lightx2v", 4, 2.0, 1.0, 1.0, 1.0),
    "balanced": Profile("720", "lightx2v", 4, 2.0, 1.0, 2.0, 1.0),
    "quality": Profile("720", "fusionx", 8, 2.0, 1.0, 2.0, 1.0),
}

_OVERRIDES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "bucket": lambda value: isinstance(value, str) and value in BUCKETS,
    "steps": lambda value: type(value) is int and 1 <= value <= 100,
    "shift": lambda value: _is_within(value, 0.1, 20),
    "text_guidance": lambda value: _is_within(value, 1, 20),
    "audio_guidance": lambda value: _is_within(value, 1, 20),
    "color_correction": lambda value: _is_within(value, 0, 1),
}


def choose_profile(name: str, overrides: str) -> Profile:
    """``overrides`` is a JSON object of fields. Raises ``ValueError`` for what is no setting of a profile."""
    changes = json.loads(overrides)
    if not isinstance(changes, dict) or not all(
        field in _OVERRIDES and _OVERRIDES[field](value) for field, value in changes.items()
    ):
        raise ValueError("no setting of a profile")
    return replace(PROFILES[name], **changes)


def _is_within(value: object, low: float, high: float) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and low <= value <= high
    )
