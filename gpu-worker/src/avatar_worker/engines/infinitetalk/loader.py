"""From the prepared folder to models on the GPU, without a copy of them in the host's memory."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from zipfile import is_zipfile

import torch
from safetensors import safe_open
from torch import Tensor, nn

from avatar_worker.engines.infinitetalk.upstream import Upstream
from avatar_worker.errors import WorkerError

_HOST: Final = torch.device("cpu")
_BLOCK: Final = re.compile(r"blocks\.(\d+)\.")
#: One reader alone does not fill a network volume's line.
_READERS: Final = 4
_CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD: Final = (0.26862954, 0.26130258, 0.27577711)


def load_transformer(
    upstream: Upstream,
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
    resident: int,
    on_bytes: Callable[[int], None],
) -> Any:  # noqa: ANN401 - upstream's class
    """``folder`` has ``config.json`` and shards. Blocks from number ``resident`` on stay in the host's memory.

    Raises ``WorkerError`` ``model_load_failed`` unless the shards have exactly the model's weights.
    """
    config = json.loads((folder / "config.json").read_text())
    with torch.device("meta"):
        model = upstream.WanModel(weight_init=False, **config)
    wanted = set(model.state_dict())
    loaded: set[str] = set()

    def read(shard: Path) -> dict[str, Tensor]:
        return _read(shard, lambda name: device if _block_of(name) < resident else _HOST, dtype)

    # The adapter comes last: what it has of the base's weights replaces them.
    shards = sorted(folder.glob("*.safetensors"), key=lambda path: (path.stem == "adapter", path.name))
    with ThreadPoolExecutor(_READERS, thread_name_prefix="shard") as pool:
        for shard, weights in zip(shards, pool.map(read, shards), strict=True):
            model.load_state_dict(weights, strict=False, assign=True)
            loaded |= weights.keys()
            on_bytes(shard.stat().st_size)
    if loaded != wanted:
        raise WorkerError(
            "model_load_failed",
            f"The model's weights are {len(wanted - loaded)} too few and {len(loaded - wanted)} too many.",
        )
    # No weight, and so still without data.
    model.init_freqs()
    model.disable_teacache()
    return model.eval().requires_grad_(False)


def _block_of(name: str) -> int:
    match = _BLOCK.match(name)
    return int(match[1]) if match else -1


def _read(shard: Path, place: Callable[[str], torch.device], dtype: torch.dtype) -> dict[str, Tensor]:
    with safe_open(shard, framework="pt") as file:
        return {name: file.get_tensor(name).to(place(name), dtype) for name in file.keys()}  # noqa: SIM118 - no mapping


def load_checkpoint(path: Path) -> dict[str, Tensor]:
    """A ``.pth`` file's weights, left on the disk until they are used if its format allows that."""
    # ``mmap`` needs the format that ``torch.save`` writes since 1.6, which is a zip file.
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", mmap=is_zipfile(path), weights_only=True)
    return weights


class ImageEncoder:
    """What upstream's ``CLIPModel.visual`` does, without its text half, which nothing uses."""

    def __init__(self, upstream: Upstream, weights: Path, device: torch.device, dtype: torch.dtype) -> None:
        # As upstream's ``clip_xlm_roberta_vit_h_14`` has it.
        shape = {"image_size": 224, "patch_size": 14, "dim": 1280, "mlp_ratio": 4, "out_dim": 1024, "num_heads": 16}
        with torch.device("meta"):
            model = upstream.VisionTransformer(
                **shape, num_layers=32, pool_type="token", pre_norm=True, post_norm=False, activation="gelu"
            )
        checkpoint = load_checkpoint(weights)
        visual = {name.removeprefix("visual."): w for name, w in checkpoint.items() if name.startswith("visual.")}
        model.load_state_dict({name: w.to(device, dtype) for name, w in visual.items()}, assign=True)
        self._model = model.eval().requires_grad_(False)
        self._device = device
        self._dtype = dtype

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """``image`` has the shape (3, 1, height, width), -1 to 1. Returns (1, 257, 1280)."""
        size = (self._model.image_size,) * 2
        pixels = nn.functional.interpolate(image.transpose(0, 1), size=size, mode="bicubic", align_corners=False)
        mean, std = (torch.tensor(of, device=self._device).view(3, 1, 1) for of in (_CLIP_MEAN, _CLIP_STD))
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            encoded: Tensor = self._model(((pixels + 1) / 2 - mean) / std, use_31_block=True)
        return encoded
