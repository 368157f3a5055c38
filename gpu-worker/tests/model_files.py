"""Tiny models in the shape of the published ones: a base in two shards, an adapter, and two LoRAs."""

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from file_server import FileServer

from avatar_worker.models.manifest import ModelFile

COMMIT = "c" * 40
WAN, TALK, WAV2VEC = "Wan-AI/Wan2.1-I2V-14B-480P", "MeiGen-AI/InfiniteTalk", "TencentGameMate/chinese-wav2vec2-base"
LORAS = "Kijai/WanVideo_comfy"
_NAMES = {"float32": "F32", "float16": "F16"}

random = np.random.default_rng(5)


def floats(*shape: int, dtype: str = "float32") -> Any:
    return random.standard_normal(shape).astype(dtype)


def make_safetensors(tensors: Mapping[str, Any]) -> bytes:
    """Arrays of bits (uint16) are written as bfloat16."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, tensor in tensors.items():
        dtype = _NAMES.get(str(tensor.dtype), "BF16")
        header[name] = {"dtype": dtype, "shape": tensor.shape, "data_offsets": [len(data), len(data) + tensor.nbytes]}
        data += tensor.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def read_bfloat16(path: Path) -> dict[str, Any]:
    """What a safetensors file of bfloat16 holds, as float32."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0
    found = {}
    for name, entry in json.loads(content[8 : 8 + length]).items():
        assert entry["dtype"] == "BF16"
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        bits = np.frombuffer(content[begin:end], "<u2").astype(np.uint32) << 16
        found[name] = bits.view(np.float32).reshape(entry["shape"])
    return found


BASE = [
    {"blocks.0.q.weight": floats(6, 4), "blocks.0.q.bias": floats(6)},
    {"blocks.1.q.weight": floats(6, 4), "head.weight": floats(3, 5)},
]
ADAPTER = {"blocks.0.audio.weight": floats(2, 2, dtype="float16")}
LORA = {
    "diffusion_model.blocks.0.q.lora_down.weight": floats(2, 4),
    "diffusion_model.blocks.0.q.lora_up.weight": floats(6, 2),
    "diffusion_model.blocks.0.q.diff_b": floats(6),
    "diffusion_model.head.diff": floats(3, 5),
}

CONTENTS = {
    (WAN, "config.json"): b"{}",
    (WAN, "diffusion_pytorch_model-00001-of-00002.safetensors"): make_safetensors(BASE[0]),
    (WAN, "diffusion_pytorch_model-00002-of-00002.safetensors"): make_safetensors(BASE[1]),
    (WAN, "models_t5_umt5-xxl-enc-bf16.pth"): random.bytes(5000),
    (WAN, "google/umt5-xxl/tokenizer.json"): b"[]",
    (WAN, "models_clip_tiny.pth"): random.bytes(3000),
    (WAN, "Wan2.1_VAE.pth"): random.bytes(2000),
    (TALK, "single/infinitetalk.safetensors"): make_safetensors(ADAPTER),
    (WAV2VEC, "model.safetensors"): random.bytes(1000),
    (LORAS, "a.safetensors"): make_safetensors(LORA),
    (LORAS, "b.safetensors"): make_safetensors({"diffusion_model.other.diff": floats(3)}),
}
LORA_NAMES = {"a.safetensors": "lightx2v", "b.safetensors": "fusionx"}
FILES = [
    ModelFile(repo, COMMIT, path, len(content), hashlib.sha256(content).hexdigest(), LORA_NAMES.get(path))
    for (repo, path), content in CONTENTS.items()
]


def serve(server: FileServer) -> None:
    for (repo, path), content in CONTENTS.items():
        server.files[f"/{repo}/resolve/{COMMIT}/{path}"] = content
