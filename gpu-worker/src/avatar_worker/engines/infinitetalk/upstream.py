"""The model's own code, imported from a checkout at one commit, with its faults patched.

Facts about it are from https://github.com/MeiGen-AI/InfiniteTalk at that commit.
"""

import importlib
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch

from avatar_worker.engines.infinitetalk.kernels import attend, attend_to_audio, rotate
from avatar_worker.errors import WorkerError

_log = logging.getLogger(__name__)

#: The patches were written for this one.
COMMIT: Final = "0107cd96421b3b1bef7728bde14447dbff7b2db2"

#: Their ``__init__`` imports models that are not used here, and their dependencies.
_PACKAGES: Final = ("wan", "wan.modules", "wan.utils", "src", "src.audio_analysis")


_STAND_INS: Final = frozenset(
    (
        *("xfuser", "xfuser.core", "xfuser.core.distributed", "optimum", "optimum.quanto"),
        *("imageio", "skimage", "xformers", "xformers.ops"),
    )
)


@dataclass(frozen=True)
class Upstream:
    """Its classes. Each stands for the one of the same name."""

    WanModel: Any
    WanVAE: Any
    VisionTransformer: Any
    #: Makes the text encoder.
    umt5_xxl: Any
    HuggingfaceTokenizer: Any
    Wav2Vec2Model: Any


def use_upstream(folder: Path) -> Upstream:
    """Raises ``WorkerError`` ``model_load_failed`` unless ``folder`` has the code at ``COMMIT``."""
    found = _commit_of(folder)
    if found != COMMIT:
        _log.error("the model's code is at %s, and its patches are for %s", found or "no commit", COMMIT)
        raise WorkerError("model_load_failed", "The model's code is not at the commit that the worker was made for.")
    # These look for some of what is replaced below.
    for name in ("diffusers.models.modeling_utils", "diffusers.configuration_utils", "transformers"):
        importlib.import_module(name)
    with _stand_ins():
        for name in _PACKAGES:
            _define(name, folder.joinpath(*name.split(".")))
        names = [f"wan.modules.{name}" for name in ("multitalk_model", "vae", "clip", "tokenizers")]
        model, vae, clip, tokenizers, wav2vec2 = map(importlib.import_module, [*names, "src.audio_analysis.wav2vec2"])
        t5 = _import_text_encoder()
    _patch(model, "flash_attention", attend, "attention by torch instead of flash_attn")
    _patch(clip, "flash_attention", attend, "the same for the image encoder")
    _patch(model, "rope_apply", rotate, "rotary embedding one latent frame after the other: 9 GB less at 720")
    _patch(model, "get_attn_map_with_target", _no_map, "no map of who speaks: one person does, and nothing reads it")
    return Upstream(
        WanModel=model.WanModel,
        WanVAE=vae.WanVAE,
        VisionTransformer=clip.VisionTransformer,
        umt5_xxl=t5.umt5_xxl,
        HuggingfaceTokenizer=tokenizers.HuggingfaceTokenizer,
        Wav2Vec2Model=wav2vec2.Wav2Vec2Model,
    )


def _commit_of(folder: Path) -> str:
    """The image has it in a file; a checkout is asked."""
    try:
        return (folder / "COMMIT").read_text().strip()
    except OSError:
        pass
    try:
        git = ("git", "-C", str(folder), "rev-parse", "HEAD")
        return subprocess.run(git, capture_output=True, text=True, timeout=30, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _import_text_encoder() -> ModuleType:
    # The default of an argument asks for the current device while the module is imported, GPU or not.
    current_device = torch.cuda.current_device
    if not torch.cuda.is_available():
        torch.cuda.current_device = lambda: 0
    try:
        return importlib.import_module("wan.modules.t5")
    finally:
        torch.cuda.current_device = current_device


def _define(name: str, folder: Path) -> None:
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)


@contextmanager
def _stand_ins() -> Iterator[None]:
    """For what is imported there and not used here: several GPUs (``xfuser``), quantised weights (``optimum``), files
    (``imageio``, ``skimage``), and one function of ``xformers``. The first wants a driver, the last its own torch."""
    before = dict(sys.modules)
    _provide(
        "xfuser.core.distributed",
        get_sequence_parallel_rank=_unused,
        get_sequence_parallel_world_size=_unused,
        get_sp_group=_unused,
    )
    _provide("optimum.quanto", quantize=_unused, freeze=_unused, qint8=_unused, requantize=_unused)
    _provide("imageio")
    _provide("skimage", color=_unused)
    _provide("xformers.ops", memory_efficient_attention=attend_to_audio)
    try:
        yield
    finally:
        for name in set(sys.modules) & _STAND_INS:
            del sys.modules[name]
        sys.modules.update({name: module for name, module in before.items() if name in _STAND_INS})


def _provide(name: str, **functions: object) -> None:
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        _define(".".join(parts[:end]), Path("/nonexistent"))
    for function, stand_in in functions.items():
        setattr(sys.modules[name], function, stand_in)


def _unused(*_: object, **__: object) -> None:
    raise NotImplementedError("not used with one GPU and unquantised weights")


def _patch(module: ModuleType, name: str, replacement: object, why: str) -> None:
    if not hasattr(module, name):
        raise WorkerError("model_load_failed", "The model's code lacks what the worker patches.")
    setattr(module, name, replacement)
    _log.info("patched %s.%s: %s", module.__name__, name, why)


def _no_map(*_: object, **__: object) -> None:
    return None
