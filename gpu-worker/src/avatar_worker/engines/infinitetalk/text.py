"""Prompts, encoded. The encoder has 11 GB and is read only for a prompt that nobody used before."""

import hashlib
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from avatar_worker.engines.infinitetalk.blocks import Blocks
from avatar_worker.engines.infinitetalk.loader import load_checkpoint
from avatar_worker.engines.infinitetalk.upstream import Upstream
from avatar_worker.stop import Stop

_log = logging.getLogger(__name__)

TEXT_LENGTH: Final = 512
#: Of 4 MB each at most.
_MAX_CACHED: Final = 2000
#: Whoever changes how prompts are encoded counts this up.
_FORMAT: Final = b"umt5-xxl-enc-bf16/1:"

Encode = Callable[[str, Stop], Tensor]


class PromptCache:
    """Embeddings on the volume, by the hash of their prompt; the prompt itself is not kept."""

    def __init__(self, folder: Path, encode: Encode) -> None:
        self._folder = folder
        self._encode = encode

    def get(self, prompt: str, stop: Stop) -> Tensor:
        """Of shape (tokens, channels), in the host's memory."""
        path = self._folder / f"{hashlib.sha256(_FORMAT + prompt.encode()).hexdigest()}.pt"
        try:
            embedding: Tensor = torch.load(path, map_location="cpu", weights_only=True)
            os.utime(path)
            return embedding
        except FileNotFoundError:
            pass
        except Exception as error:  # Whatever is there is not what was written: it is made anew.
            _log.warning("a cached prompt cannot be read: %s", type(error).__name__)
        embedding = self._encode(prompt, stop)
        self._put(path, embedding)
        return embedding

    def _put(self, path: Path, embedding: Tensor) -> None:
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            torch.save(embedding, part)
            part.replace(path)
            by_age = sorted(self._folder.glob("*.pt"), key=lambda each: each.stat().st_mtime)
            for old in by_age[:-_MAX_CACHED]:
                old.unlink(missing_ok=True)
        except (OSError, RuntimeError) as error:
            # A full or read-only volume costs time at the next start, and no video.
            _log.warning("a prompt cannot be cached: %s", type(error).__name__)
            with suppress(OSError):
                part.unlink()


class TextEncoder:
    """Reads its weights from the disk block by block as it goes, so it needs 2 GB beside the other models."""

    def __init__(self, upstream: Upstream, folder: Path, device: torch.device, **shape: Any) -> None:  # noqa: ANN401
        self._upstream = upstream
        self._folder = folder
        self._device = device
        self._shape = shape

    @torch.no_grad()
    def encode(self, prompt: str, stop: Stop) -> Tensor:
        """Of shape (tokens, 4096)."""
        tokenizer = self._upstream.HuggingfaceTokenizer(
            name=str(self._folder / "google/umt5-xxl"), seq_len=TEXT_LENGTH, clean="whitespace"
        )
        ids, mask = tokenizer([prompt], return_mask=True, add_special_tokens=True)
        with self._loaded(stop) as model:
            encoded: Tensor = model(ids, mask.to(self._device))[0, : int(mask.gt(0).sum())]
        return encoded.cpu()

    @contextmanager
    def _loaded(self, stop: Stop) -> Iterator[Any]:
        model = self._upstream.umt5_xxl(
            encoder_only=True, return_tokenizer=False, dtype=torch.bfloat16, device=torch.device("meta"), **self._shape
        )
        weights = load_checkpoint(self._folder / "models_t5_umt5-xxl-enc-bf16.pth")
        model.load_state_dict(weights, assign=True)
        model.eval().requires_grad_(False)
        blocks = Blocks(model.blocks, self._device)
        blocks.keep(0)
        blocks.watch(stop.check)
        model.norm.to(self._device)
        # The table of words is larger than the other models leave room for; what is looked up in it is small.
        model.token_embedding.register_forward_hook(lambda _module, _args, found: found.to(self._device))
        if model.pos_embedding is not None:
            model.pos_embedding.to(self._device)
        try:
            yield model
        finally:
            blocks.release()
