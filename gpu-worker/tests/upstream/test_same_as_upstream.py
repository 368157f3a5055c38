"""The loop, the patches and the colours give what the model's own program gives."""

import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny import FAST, SIZE, TinyModel, make_request

from avatar_worker.engines.infinitetalk import kernels
from avatar_worker.engines.infinitetalk.colors import match_colors
from avatar_worker.engines.infinitetalk.engine import DEFAULT_PROMPT, NEGATIVE_PROMPT, InfiniteTalkEngine
from avatar_worker.engines.infinitetalk.upstream import _stand_ins
from avatar_worker.stop import Stop

pytestmark = pytest.mark.upstream

SHIFT = 2.0


def import_original(tiny: TinyModel, name: str) -> ModuleType:
    """A module of upstream as it is, without our patches."""
    with _stand_ins():
        path = tiny.checkout.joinpath(*name.split(".")).with_suffix(".py")
        spec = importlib.util.spec_from_file_location(f"{name}_original", path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return module


def import_pipeline(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``wan.multitalk``; of what it imports and does not use here, names are enough."""
    for name, of_module in {
        "wan.distributed": [],
        "wan.distributed.fsdp": ["shard_model"],
        "optimum": [],
        "optimum.quanto": ["quantize", "freeze", "qint8", "requantize"],
        "optimum.quanto.nn": [],
        "optimum.quanto.nn.qlinear": ["QLinear"],
        "src.vram_management": [
            "AutoWrappedQLinear",
            "AutoWrappedLinear",
            "AutoWrappedModule",
            "enable_vram_management",
        ],
        "wan.wan_lora": ["WanLoraWrapper"],
        "wan.utils.utils": ["convert_video_to_h264", "get_video_codec", "extract_specific_frames"],
    }.items():
        module = ModuleType(name)
        module.__path__ = []
        for each in of_module:
            setattr(module, each, None)
        monkeypatch.setitem(sys.modules, name, module)
    files = sys.modules["wan.utils.utils"]
    monkeypatch.setattr(files, "get_video_codec", lambda _path: "png")
    open_image = importlib.import_module("PIL.Image").open
    monkeypatch.setattr(files, "extract_specific_frames", lambda path, _frame: open_image(path))
    monkeypatch.setattr(torch.cuda, "ipc_collect", lambda: None)
    with _stand_ins():
        # Its parent is a stand-in, which knows nothing of its children.
        for name in ("optimum", "optimum.quanto", "optimum.quanto.nn", "optimum.quanto.nn.qlinear"):
            parent, _, child = name.rpartition(".")
            if parent:
                monkeypatch.setattr(sys.modules[parent], child, sys.modules.get(name), raising=False)
        return importlib.import_module("wan.multitalk")


def generate(engine: InfiniteTalkEngine, multitalk: Any, request: Any, colors: float) -> Any:
    """What ``InfiniteTalkPipeline.generate_infinitetalk`` makes of the same models and files."""
    models, profile = engine._models, engine._profile
    clip = importlib.import_module("wan.modules.clip").CLIPModel
    encoder = clip.__new__(clip)
    encoder.dtype = torch.float32
    encoder.model = torch.nn.Module()
    encoder.model.visual = models.image._model
    encoder.model.image_size = 224
    normalize = importlib.import_module("torchvision.transforms").Normalize
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    encoder.transforms = SimpleNamespace(transforms=[normalize(mean, std)])
    prompts = {prompt: engine._prompts.get(prompt, Stop(60)).float() for prompt in ("A person talks", NEGATIVE_PROMPT)}

    class Texts:
        model = torch.nn.Module()

        def __call__(self, texts: list[str], _device: object) -> list[Any]:
            return [prompts[text] for text in texts]

    pipeline = multitalk.InfiniteTalkPipeline.__new__(multitalk.InfiniteTalkPipeline)
    for name, value in {
        "device": torch.device("cpu"),
        "rank": 0,
        "t5_cpu": False,
        "param_dtype": torch.float32,
        "text_encoder": Texts(),
        "vae_stride": (4, 8, 8),
        "patch_size": (1, 2, 2),
        "vae": models.vae,
        "clip": encoder,
        "model": models.transformer,
        "sp_size": 1,
        "sample_neg_prompt": NEGATIVE_PROMPT,
        "num_timesteps": 1000,
        "use_timestep_transform": True,
        "cpu_offload": False,
        "model_names": ["model"],
        "vram_management": False,
    }.items():
        setattr(pipeline, name, value)
    speech = request.audio.with_suffix(".pt")
    torch.save(engine._speech.encode(request.audio, Stop(60)), speech)
    made = pipeline.generate_infinitetalk(
        {"prompt": request.prompt, "cond_video": str(request.image), "cond_audio": {"person1": str(speech)}},
        size_buckget="infinitetalk-480",
        motion_frame=9,
        shift=profile.shift,
        sampling_steps=request.plan.steps,
        text_guide_scale=profile.text_guidance,
        audio_guide_scale=profile.audio_guidance,
        seed=request.seed,
        offload_model=False,
        max_frames_num=1000,
        progress=False,
        color_correction_strength=colors,
        extra_args=SimpleNamespace(use_teacache=False, use_apg=False),
    )
    return made.permute(1, 2, 3, 0).numpy()[: request.plan.frames]


@pytest.mark.parametrize(
    ("text", "audio", "colors", "tolerance"),
    [(1.0, 2.0, 0.0, 0.51), (3.0, 2.0, 0.0, 0.51), (1.0, 1.0, 0.0, 0.51), (1.0, 2.0, 1.0, 1.0)],
)
def test_our_loop_renders_the_video_that_upstreams_program_renders(
    tiny: TinyModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: float,
    audio: float,
    colors: float,
    tolerance: float,
) -> None:
    multitalk = import_pipeline(monkeypatch)
    sizes = importlib.import_module("wan.utils.multitalk_utils")
    monkeypatch.setattr(sizes, "ASPECT_RATIO_627", {"1.00": ([SIZE, SIZE], 1)})
    original = import_original(tiny, "wan.utils.multitalk_utils")
    monkeypatch.setattr(original, "color", importlib.import_module("skimage.color"))
    monkeypatch.setattr(multitalk, "match_and_blend_colors", original.match_and_blend_colors)
    profile = replace(FAST, text_guidance=text, audio_guidance=audio, color_correction=colors)
    engine = tiny.engine(tmp_path / "prompts", profile)
    engine.load(lambda _phase, _done: None)
    request = make_request(tmp_path, frames=170, windows=3)

    ours = np.concatenate(list(engine.render(request, lambda *_: None, Stop(600)))).astype(np.float64)
    theirs = (generate(engine, multitalk, request, colors) + 1) * 127.5

    assert theirs.std() > 5, "the video has a picture"
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= tolerance


def test_the_rotary_embedding_is_upstreams(tiny: TinyModel) -> None:
    original = import_original(tiny, "wan.modules.multitalk_model")
    x = torch.randn(1, 3 * 4 * 5, 2, 12)
    sizes = torch.tensor([[3, 4, 5]])
    d = 12
    freqs = torch.cat([original.rope_params(64, n) for n in (d - 4 * (d // 6), 2 * (d // 6), 2 * (d // 6))], dim=1)
    assert torch.equal(kernels.rotate(x, sizes, freqs), original.rope_apply(x, sizes, freqs))
    half = x.to(torch.bfloat16)
    assert torch.equal(kernels.rotate(half, sizes, freqs), original.rope_apply(half, sizes, freqs).to(torch.bfloat16))
    with pytest.raises(ValueError, match="padded"):
        kernels.rotate(torch.randn(1, 61, 2, 12), sizes, freqs)


def test_attention_is_softmax_of_the_products() -> None:
    q, k, v = (torch.randn(2, length, 3, 8, dtype=torch.float64) for length in (7, 5, 5))
    weights = torch.einsum("bqhc,bkhc->bhqk", q, k).div(8**0.5).softmax(-1)
    assert torch.allclose(kernels.attend(q, k, v), torch.einsum("bhqk,bkhc->bqhc", weights, v))
    assert torch.allclose(kernels.attend_to_audio(q, k, v), kernels.attend(q, k, v, k_lens=torch.tensor([5, 5])))
    with pytest.raises(ValueError, match="padded"):
        kernels.attend(q, k, v, k_lens=torch.tensor([5, 4]))
    with pytest.raises(ValueError, match="several"):
        kernels.attend_to_audio(q, k, v, attn_bias=torch.zeros(1))


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_colours_are_matched_as_upstream_does(
    tiny: TinyModel, monkeypatch: pytest.MonkeyPatch, strength: float
) -> None:
    original = import_original(tiny, "wan.utils.multitalk_utils")
    monkeypatch.setattr(original, "color", importlib.import_module("skimage.color"))
    torch.manual_seed(3)
    video = (torch.rand(3, 11, 24, 20) * torch.tensor([1.8, 1.2, 0.7]).view(3, 1, 1, 1) - 0.9).clamp(-1, 1)
    video[:, 4] = 0.25  # A frame of one colour has no deviation.
    portrait = torch.rand(3, 1, 24, 20) * 2 - 1
    ours = match_colors(video, portrait, strength)
    theirs = original.match_and_blend_colors(video.unsqueeze(0), portrait.unsqueeze(0), strength)[0]
    assert (ours - theirs).abs().max() < 2 / 255


def test_the_default_prompt_is_encoded_while_the_models_load(tiny: TinyModel, tmp_path: Path) -> None:
    engine = tiny.engine(tmp_path / "prompts")
    engine.load(lambda _phase, _done: None)
    assert len(list((tmp_path / "prompts").glob("*.pt"))) == 1
    assert engine._prompts.get(DEFAULT_PROMPT, Stop(1)).shape[1] == 32
