"""InfiniteTalk on one GPU: loads once, renders many."""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from avatar_worker.engines.base import Frames, OnReady, OnStep, Plan, RenderRequest
from avatar_worker.engines.infinitetalk.blocks import Blocks
from avatar_worker.engines.infinitetalk.loader import ImageEncoder, load_transformer
from avatar_worker.engines.infinitetalk.sampler import Conditions, Models, sample
from avatar_worker.engines.infinitetalk.speech import SpeechEncoder
from avatar_worker.engines.infinitetalk.text import PromptCache, TextEncoder
from avatar_worker.engines.infinitetalk.upstream import use_upstream
from avatar_worker.errors import WorkerError
from avatar_worker.plan import BUCKETS, FIRST_WINDOW, make_plan
from avatar_worker.profiles import Profile
from avatar_worker.stop import Stop

_log = logging.getLogger(__name__)

DEFAULT_PROMPT: Final = "A person looks into the camera and talks naturally, with small movements of the head."
#: As upstream's ``wan/configs/wan_multitalk_14B.py`` has it.
NEGATIVE_PROMPT: Final = (
    "bright tones, overexposed, static, blurred details, subtitles, style, works, paintings, images, static, overall "
    "gray, worst quality, low quality, JPEG compression residue, ugly, incomplete, extra fingers, poorly drawn hands, "
    "poorly drawn faces, deformed, disfigured, misshapen limbs, fused fingers, still picture, messy background, three "
    "legs, many people in the background, walking backwards"
)

#: Estimated from the shapes of the layers, not measured: what a forward needs for each token besides the weights.
_BYTES_PER_TOKEN: Final = 112_000
#: Estimated: the other models, CUDA itself, and room for fragments.
_BYTES_BESIDE: Final = 4_500_000_000
#: 16-bit weights of one of the 40 blocks with its part of the adapter, and of all that is no block.
_BYTES_PER_BLOCK: Final = 920_000_000
_BYTES_OUTSIDE_BLOCKS: Final = 1_400_000_000
_LOAD_SECONDS: Final = 24 * 3600.0

#: Makes the prepared folder ready and says where it is, and how many bytes a start reads of it.
PrepareModels = Callable[[OnReady, Stop], tuple[Path, int]]


class InfiniteTalkEngine:
    """``engines.base.Engine`` with a model. All but ``plan``, ``smaller_plan`` and ``gpu`` belong on one thread."""

    name = "infinitetalk"

    def __init__(
        self,
        profile: Profile,
        prepare: PrepareModels,
        upstream: Path,
        prompts: Path,
        *,
        device: str = "cuda",
        dtype: torch.dtype = torch.bfloat16,
        allow_smaller_plan: bool = False,
        text_shape: dict[str, Any] | None = None,
    ) -> None:
        """``upstream``: a checkout of the model's code. ``prompts``: where encoded prompts are kept.

        ``dtype`` and ``text_shape`` are for models other than the published one.
        """
        self._profile = profile
        self._prepare = prepare
        self._upstream = upstream
        self._prompts_folder = prompts
        self._device = torch.device(device)
        self._dtype = dtype
        self._allow_smaller_plan = allow_smaller_plan
        self._text_shape = text_shape or {}
        self._stop_load = Stop(_LOAD_SECONDS)
        self._models: Models
        self._speech: SpeechEncoder
        self._prompts: PromptCache
        self._resident = 0
        #: That a start reads of the prepared models.
        self.bytes_at_start = 0

    def plan(self, aspect: str, frames: int) -> Plan:
        """As the engine protocol has it."""
        return make_plan(self._profile.bucket, aspect, frames, self._profile.steps)

    def smaller_plan(self, plan: Plan) -> Plan | None:
        """The same with no block of the model resident on the GPU: each comes to it for each forward."""
        return replace(plan, offload=True) if self._allow_smaller_plan and not plan.offload else None

    def load(self, on_ready: OnReady) -> None:
        """Prepares the models if they are not, and brings them to the GPU."""
        with _cuda_errors("model_load_failed", "The models are there but do not load."):
            upstream = use_upstream(self._upstream)
            if self._device.type == "cuda":
                # The same seed gives the same video, on the same kind of GPU.
                torch.backends.cudnn.deterministic = True
            folder, self.bytes_at_start = self._prepare(on_ready, self._stop_load)
            self._load(upstream, folder, on_ready)
        on_ready("load", 1.0)

    def _load(self, upstream: Any, folder: Path, on_ready: OnReady) -> None:  # noqa: ANN401
        read = 0

        def on_bytes(count: int) -> None:
            nonlocal read
            read += count
            on_ready("load", min(0.99, read / max(1, self.bytes_at_start)))

        on_ready("load", 0.0)
        self._resident = self._count_resident()
        transformer = load_transformer(upstream, folder / "dit", self._device, self._dtype, self._resident, on_bytes)
        blocks = Blocks(transformer.blocks, self._device)
        blocks.keep(self._resident)
        _log.info(
            "%d of %d blocks stay on the GPU", min(self._resident, len(transformer.blocks)), len(transformer.blocks)
        )
        vae = upstream.WanVAE(vae_pth=str(folder / "vae/Wan2.1_VAE.pth"), device=self._device)
        clip = next((folder / "clip").glob("models_clip_*.pth"))
        image = ImageEncoder(
            upstream, clip, self._device, torch.float16 if self._device.type == "cuda" else self._dtype
        )
        self._speech = SpeechEncoder(upstream, folder / "wav2vec", self._device)
        self._models = Models(
            transformer,
            blocks,
            vae,
            Blocks([vae.model.encoder, vae.model.decoder], self._device),
            image,
            self._device,
            self._dtype,
        )
        encoder = TextEncoder(upstream, folder / "t5", self._device, **self._text_shape)
        self._prompts = PromptCache(self._prompts_folder, encoder.encode)
        # So that no customer waits for it.
        self._prompts.get(DEFAULT_PROMPT, self._stop_load)

    def _count_resident(self) -> int:
        """How many blocks there is room for, beside what the largest window of the profile needs."""
        if self._device.type != "cuda":
            return 1 << 30
        latents = (FIRST_WINDOW - 1) // 4 + 1
        tokens = max(
            latents * (width // 16) * (height // 16) for width, height in BUCKETS[self._profile.bucket].values()
        )
        free, _ = torch.cuda.mem_get_info()
        room = free - tokens * _BYTES_PER_TOKEN - _BYTES_BESIDE - _BYTES_OUTSIDE_BLOCKS
        return max(0, int(room // _BYTES_PER_BLOCK))

    def render(self, request: RenderRequest, on_step: OnStep, stop: Stop) -> Iterator[Frames]:
        """As the engine protocol has it."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        with _cuda_errors("gpu_failed", "The GPU or its driver failed."):
            self._models.blocks.keep(0 if request.plan.offload else self._resident)
            given = Conditions(
                image=_read_image(request.image),
                speech=self._speech.encode(request.audio, stop),
                prompt=self._prompts.get(request.prompt or DEFAULT_PROMPT, stop),
                negative_prompt=(
                    self._prompts.get(NEGATIVE_PROMPT, stop) if self._profile.text_guidance != 1 else None
                ),
            )
            yield from sample(self._models, self._profile, given, request.plan, request.seed, on_step, stop)

    def recover(self) -> None:
        """As the engine protocol has it. Raises if the GPU does not answer."""
        self._models.release()
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.synchronize()
            torch.cuda.empty_cache()

    def gpu(self) -> dict[str, Any] | None:
        """As the engine protocol has it."""
        if self._device.type != "cuda":
            return None
        facts = torch.cuda.get_device_properties(self._device)
        peak = torch.cuda.max_memory_allocated() // 2**20
        return {"name": facts.name, "memoryMb": facts.total_memory // 2**20, "peakMb": peak}


@contextmanager
def _cuda_errors(code: str, detail: str) -> Iterator[None]:
    """Says what failed in the codes of the wire."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise WorkerError("gpu_out_of_memory", "The GPU has too little memory for the run.") from None
    except RuntimeError as error:
        if not any(word in str(error) for word in ("CUDA", "cuDNN", "cuBLAS", "CUBLAS", "NCCL")):
            raise
        _log.error("the GPU fails: %s", type(error).__name__)
        raise WorkerError(code, detail) from None


def _read_image(path: Path) -> Tensor:
    """(3, 1, height, width), -1 to 1."""
    with Image.open(path) as image:
        pixels = torch.from_numpy(np.array(image.convert("RGB")))
    return pixels.permute(2, 0, 1).unsqueeze(1).float() / 127.5 - 1
