"""From the files that are published to the folder that a start reads. Pure."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from avatar_worker.models.manifest import ModelFile

#: Whoever changes what is written counts this up; prepared folders of before are then made anew.
_FORMAT: Final = 1
LORA_SCALE: Final = 1.0

#: Where files of a repository go, by the beginnings of their paths.
_PLACES: Final = (
    ("Wan-AI/Wan2.1-I2V-14B-480P", "diffusion_pytorch_model-", "dit/"),
    ("Wan-AI/Wan2.1-I2V-14B-480P", "config.json", "dit/config.json"),
    ("Wan-AI/Wan2.1-I2V-14B-480P", "models_t5_", "t5/models_t5_"),
    ("Wan-AI/Wan2.1-I2V-14B-480P", "google/", "t5/google/"),
    ("Wan-AI/Wan2.1-I2V-14B-480P", "models_clip_", "clip/models_clip_"),
    ("Wan-AI/Wan2.1-I2V-14B-480P", "Wan2.1_VAE.pth", "vae/Wan2.1_VAE.pth"),
    ("MeiGen-AI/InfiniteTalk", "single/infinitetalk.safetensors", "dit/adapter.safetensors"),
    ("TencentGameMate/chinese-wav2vec2-base", "", "wav2vec/"),
)


@dataclass(frozen=True)
class Step:
    """One file of the prepared folder."""

    output: str
    source: ModelFile
    #: Whether distilled weights are merged into it and it is rounded to 16 bits, or it is moved as it is.
    merge: bool

    @property
    def is_read_at_start(self) -> bool:
        """The text encoder is read only for a new prompt."""
        return not self.output.startswith("t5/")


def make_steps(files: Sequence[ModelFile]) -> list[Step]:
    """For all files that are no LoRA. Raises ``ValueError`` for one that has no place."""
    return [_make_step(file) for file in files if file.lora is None]


def find_lora(files: Sequence[ModelFile], lora: str) -> ModelFile:
    """Raises ``ValueError`` unless there is exactly one of that name."""
    (found,) = [file for file in files if file.lora == lora]
    return found


def name_variant(files: Sequence[ModelFile], lora: str) -> str:
    """16 hex digits that change with anything that goes into the prepared folder."""
    facts = [[file.name, file.revision, file.bytes, file.sha256] for file in files if file.lora in (None, lora)]
    text = json.dumps([_FORMAT, LORA_SCALE, lora, sorted(facts)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _make_step(file: ModelFile) -> Step:
    for repo, beginning, place in _PLACES:
        if file.repo == repo and file.path.startswith(beginning):
            output = place + file.path[len(beginning) :]
            return Step(output, file, merge=output.startswith("dit/") and output.endswith(".safetensors"))
    raise ValueError(f"{file.name} has no place")
