"""Merges distilled weights into a shard and rounds it to 16 bits, one tensor at a time and without torch.

The format: https://huggingface.co/docs/safetensors: a header's length in 8 bytes, its JSON, the tensors.
"""

import json
import math
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from avatar_worker.errors import WorkerError

_MAX_HEADER: Final = 100_000_000
_BYTES: Final = {"F32": 4, "F16": 2, "BF16": 2}
_PREFIX: Final = "diffusion_model."
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Entry:
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class TensorFile:
    """A safetensors file of floats. Raises ``WorkerError`` ``models_invalid`` if it is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        size = path.stat().st_size
        try:
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                if length > min(size, _MAX_HEADER):
                    raise ValueError("a header longer than the file")
                header = json.loads(file.read(length))
            self._entries = {
                name: _read_entry(entry, 8 + length, size) for name, entry in header.items() if name != "__metadata__"
            }
        except (struct.error, ValueError, KeyError, TypeError, AttributeError):
            raise WorkerError("models_invalid", "A file of the models is no safetensors file of floats.") from None

    def names(self) -> list[str]:
        """Of its tensors, in their order in the file."""
        return sorted(self._entries, key=lambda name: self._entries[name].begin)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._entries[name].shape

    def read(self, name: str) -> Floats:
        """A copy, in float32."""
        entry = self._entries[name]
        with self._path.open("rb") as file:
            file.seek(entry.begin)
            data = file.read(entry.end - entry.begin)
        if entry.dtype == "BF16":
            values = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(data, "<f4" if entry.dtype == "F32" else "<f2").astype(np.float32)
        return values.reshape(entry.shape)


def _read_entry(entry: Mapping[str, Any], data: int, size: int) -> _Entry:
    dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
        raise ValueError("not a shape")
    if end - begin != math.prod(shape) * _BYTES[dtype] or data + end > size:
        raise ValueError("another size than the shape's")
    return _Entry(dtype, shape, data + begin, data + end)


class Lora:
    """What is added to a model's weights. ``scale`` as upstream's ``--lora_scale``; its keys are those that upstream's
    ``wan/wan_lora.py`` reads, and like there no alpha is applied."""

    def __init__(self, path: Path, scale: float) -> None:
        self._file = TensorFile(path)
        self._scale = scale
        self._parts: dict[str, tuple[str, ...]] = {}
        names = set(self._file.names())
        for name in names:
            if not name.startswith(_PREFIX):
                continue
            base = name[len(_PREFIX) :]
            if name.endswith(".lora_down.weight") and (up := name.replace("lora_down", "lora_up")) in names:
                self._parts[base.replace("lora_down.weight", "weight")] = (up, name)
            elif name.endswith(".diff_b"):
                self._parts[base.removesuffix("diff_b") + "bias"] = (name,)
            elif name.endswith(".diff"):
                self._parts[base.removesuffix("diff") + "weight"] = (name,)

    @property
    def targets(self) -> set[str]:
        """Names of the weights that it changes."""
        return set(self._parts)

    def delta(self, name: str) -> Floats | None:
        """What is added to that weight."""
        parts = [self._file.read(part) for part in self._parts.get(name, ())]
        if not parts:
            return None
        product = parts[0] @ parts[1] if len(parts) == 2 else parts[0]
        scaled: Floats = (product * np.float32(self._scale)).astype(np.float32)
        return scaled


def merge(source: Path, target: Path, lora: Lora, check: Callable[[], None]) -> set[str]:
    """Writes ``source`` plus ``lora`` to ``target`` in bfloat16. Returns the names of the weights that were changed.

    ``check`` is called before each tensor. Raises ``WorkerError`` ``models_invalid``.
    """
    file = TensorFile(source)
    header: dict[str, Any] = {}
    offset = 0
    for name in file.names():
        end = offset + math.prod(file.shape(name)) * 2
        header[name] = {"dtype": "BF16", "shape": file.shape(name), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    changed = set()
    with target.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name in file.names():
            check()
            weight = file.read(name)
            delta = lora.delta(name)
            if delta is not None:
                if delta.shape != weight.shape:
                    raise WorkerError("models_invalid", "The distilled weights are not for this model.")
                weight += delta
                changed.add(name)
            for rows in _pieces(weight):
                out.write(to_bfloat16(rows).tobytes())
        out.flush()
        os.fsync(out.fileno())
    return changed


def to_bfloat16(values: Floats) -> NDArray[np.uint16]:
    """The nearest, of two that are equally near the even one; what is not a number stays so."""
    bits = values.view(np.uint32)
    rounded = ((bits + (((bits >> 16) & 1) + np.uint32(0x7FFF))) >> 16).astype("<u2")
    result: NDArray[np.uint16] = np.where(np.isnan(values), np.uint16(0x7FC0), rounded)
    return result


def _pieces(weight: Floats) -> Iterator[Floats]:
    flat = np.ascontiguousarray(weight).reshape(-1)
    for first in range(0, len(flat), 1 << 22):
        yield flat[first : first + (1 << 22)]
