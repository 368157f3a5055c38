"""A prepared folder with random weights in the shapes of upstream's classes, small enough for a CPU."""

import importlib
import json
import wave
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Wav2Vec2Config, Wav2Vec2FeatureExtractor

from avatar_worker.engines.base import Plan, RenderRequest
from avatar_worker.engines.infinitetalk import engine as engine_module
from avatar_worker.engines.infinitetalk.engine import InfiniteTalkEngine
from avatar_worker.engines.infinitetalk.upstream import Upstream, use_upstream
from avatar_worker.profiles import PROFILES, Profile

SIZE = 64
TEXT = {"vocab_size": 64, "dim": 32, "dim_attn": 32, "dim_ffn": 64, "num_heads": 4, "encoder_layers": 2}
TRANSFORMER = {
    "_class_name": "WanModel",
    "model_type": "i2v",
    "text_len": 512,
    "in_dim": 36,
    "dim": 24,
    "ffn_dim": 48,
    "freq_dim": 32,
    "text_dim": 32,
    "out_dim": 16,
    "num_heads": 2,
    "num_layers": 3,
    "intermediate_dim": 8,
    "output_dim": 16,
    "context_tokens": 4,
}
VAE = {
    "dim": 8,
    "z_dim": 16,
    "dim_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "attn_scales": [],
    "temperal_downsample": [False, True, True],
    "dropout": 0.0,
}
VISION = {
    "image_size": 224,
    "patch_size": 14,
    "dim": 1280,
    "mlp_ratio": 4,
    "out_dim": 1024,
    "num_heads": 16,
    "num_layers": 2,
    "pool_type": "token",
    "pre_norm": True,
    "post_norm": False,
    "activation": "gelu",
}
FAST = replace(PROFILES["fast"], steps=2, color_correction=0.0)


@dataclass(frozen=True)
class TinyModel:
    folder: Path
    checkout: Path
    upstream: Upstream

    def engine(self, prompts: Path, profile: Profile = FAST, **options: Any) -> InfiniteTalkEngine:
        return InfiniteTalkEngine(
            profile,
            lambda _on_ready, _stop: (self.folder, sum(file.stat().st_size for file in self.folder.rglob("*.*"))),
            self.checkout,
            prompts,
            device="cpu",
            dtype=torch.float32,
            text_shape=TEXT,
            **options,
        )


@contextmanager
def make_tiny_model(folder: Path, checkout: Path) -> Iterator[TinyModel]:
    upstream = use_upstream(checkout)
    vae = importlib.import_module("wan.modules.vae")
    # The real classes, thinner and with fewer layers: nothing asks for their number.
    fewer = replace(
        upstream, VisionTransformer=lambda **shape: upstream.VisionTransformer(**{**shape, "num_layers": 2})
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vae, "_video_vae", partial(vae._video_vae, dim=8))
        patch.setattr(engine_module, "use_upstream", lambda _folder: fewer)
        torch.manual_seed(7)
        _write_transformer(upstream, folder / "dit")
        _save(vae.WanVAE_(**VAE).state_dict(), folder / "vae/Wan2.1_VAE.pth")
        visual = upstream.VisionTransformer(**VISION).state_dict()
        _save({f"visual.{name}": weight for name, weight in visual.items()}, folder / "clip/models_clip_tiny.pth")
        _write_text_encoder(upstream, folder / "t5")
        _write_speech_encoder(upstream, folder / "wav2vec")
        yield TinyModel(folder, checkout, fewer)


def make_request(
    folder: Path, frames: int, windows: int, *, steps: int = 2, seed: int = 1, **plan: Any
) -> RenderRequest:
    """A portrait and a tone that swells, as long as the frames."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    picture = np.stack([rows * 4, columns * 4, 255 - rows * 2 - columns * 2], axis=-1).clip(0, 255).astype(np.uint8)
    Image.fromarray(picture).save(folder / "portrait.png")
    count = max(frames, 83) * 640
    time = np.arange(count) / 16_000
    sound = np.sin(2 * np.pi * 220 * time) * (0.2 + 0.2 * np.sin(2 * np.pi * 3 * time))
    with wave.open(str(folder / "speech.wav"), "wb") as wav:
        wav.setparams((1, 2, 16_000, count, "NONE", ""))
        wav.writeframes((sound * 32_000).astype("<i2").tobytes())
    return RenderRequest(
        folder / "portrait.png",
        folder / "speech.wav",
        Plan(SIZE, SIZE, frames, windows, steps, **plan),
        "A person talks",
        seed,
    )


def _save(weights: Mapping[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(weights), path)


def _write_transformer(upstream: Upstream, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(TRANSFORMER))
    model = upstream.WanModel(weight_init=False, **TRANSFORMER)
    # Each layer says something, so that nothing that is lost goes unnoticed.
    weights = {name: torch.randn_like(weight) * 0.1 for name, weight in model.state_dict().items()}
    names = sorted(weights)
    audio = [name for name in names if "audio" in name or "norm_x" in name]
    base = [name for name in names if name not in audio]
    shards = {"00001-of-00002": base[::2], "00002-of-00002": base[1::2], "adapter": audio}
    for shard, of_shard in shards.items():
        save_file({name: weights[name].contiguous() for name in of_shard}, folder / f"{shard}.safetensors")


def _write_text_encoder(upstream: Upstream, folder: Path) -> None:
    model = upstream.umt5_xxl(
        encoder_only=True, return_tokenizer=False, dtype=torch.bfloat16, device=torch.device("cpu"), **TEXT
    )
    _save(model.state_dict(), folder / "models_t5_umt5-xxl-enc-bf16.pth")
    words = ["<pad>", "</s>", "<unk>", "A", "a", "person", "talks", "looks", "into", "the", "camera", "and", "bright"]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    fast.save_pretrained(folder / "google/umt5-xxl")


def _write_speech_encoder(upstream: Upstream, folder: Path) -> None:
    config = Wav2Vec2Config(
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=4,
        intermediate_size=32,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        attn_implementation="eager",
    )
    upstream.Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(feature_size=1, sampling_rate=16_000, do_normalize=True).save_pretrained(folder)
