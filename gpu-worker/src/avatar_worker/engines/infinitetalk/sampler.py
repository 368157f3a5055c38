"""The loop over windows and steps: upstream's ``generate_infinitetalk`` for one person and one image.

Upstream keeps all windows until the last is done, encodes the same image anew for each, and cannot be stopped. The
mathematics is the same: with the same seed both give the same video.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from avatar_worker.engines.base import Frames, OnStep, Plan
from avatar_worker.engines.infinitetalk.blocks import Blocks
from avatar_worker.engines.infinitetalk.colors import match_colors
from avatar_worker.engines.infinitetalk.loader import ImageEncoder
from avatar_worker.errors import WorkerError
from avatar_worker.plan import FIRST_WINDOW, LATER_WINDOW
from avatar_worker.profiles import Profile
from avatar_worker.stop import Stop

#: Frames that a window repeats of the one before.
_MOTION: Final = FIRST_WINDOW - LATER_WINDOW
#: A frame of latents stands for four of the video, and is an eighth as wide and high; it has 16 channels.
_STRIDE: Final = (4, 8, 8)
_CHANNELS: Final = 16
#: One token is 2 x 2 latents.
_PATCH_AREA: Final = 4
_TIMESTEPS: Final = 1000
#: Embeddings of the sound that a frame sees: its own and two on either side.
_HEARING: Final = 2


@dataclass(frozen=True)
class Models:
    """On one device."""

    transformer: Any
    blocks: Blocks
    vae: Any
    vae_blocks: Blocks
    image: ImageEncoder
    device: torch.device
    dtype: torch.dtype

    def watch(self, check: Callable[[], None]) -> None:
        """See ``Blocks.watch``."""
        self.blocks.watch(check)
        self.vae_blocks.watch(check)

    def release(self) -> None:
        """See ``Blocks.release``."""
        self.blocks.release()
        self.vae.model.clear_cache()


@dataclass(frozen=True)
class Conditions:
    """What a video is made of."""

    #: (3, 1, height, width), -1 to 1, of the plan's size.
    image: Tensor
    #: (frames, layers, channels), more of them than a window has.
    speech: Tensor
    #: (tokens, channels)
    prompt: Tensor
    #: What the video shall not show; needed only if the profile's ``text_guidance`` is not 1.
    negative_prompt: Tensor | None


def sample(
    models: Models, profile: Profile, given: Conditions, plan: Plan, seed: int, on_step: OnStep, stop: Stop
) -> Iterator[Frames]:
    """Yields the new frames of each window. Raises ``WorkerError`` ``render_failed``, and as ``stop.check``."""
    models.watch(stop.check)
    try:
        windows = _Windows(models, profile, given, plan, seed, on_step, stop)
        left = plan.frames
        for window in range(1, plan.windows + 1):
            video = windows.make(window)
            new = (video if window == 1 else video[:, _MOTION:])[:, :left]
            left -= new.shape[1]
            yield _to_frames(new)
    finally:
        models.release()


class _Windows:
    def __init__(
        self, models: Models, profile: Profile, given: Conditions, plan: Plan, seed: int, on_step: OnStep, stop: Stop
    ) -> None:
        self._models = models
        self._profile = profile
        self._plan = plan
        self._on_step = on_step
        self._stop = stop
        self._image = given.image.to(models.device)
        self._speech = given.speech
        self._texts = [given.prompt.to(models.device, models.dtype)]
        if given.negative_prompt is not None:
            self._texts.append(given.negative_prompt.to(models.device, models.dtype))
        self._random = torch.Generator(models.device).manual_seed(seed)
        self._last_frames: Tensor | None = None
        self._fixed = self._encode_image()

    @torch.no_grad()
    def make(self, window: int) -> Tensor:
        """Of shape (3, 81, height, width), -1 to 1. To be called in order."""
        models, plan = self._models, self._plan
        frames = (FIRST_WINDOW - 1) // _STRIDE[0] + 1
        latent = self._noise((_CHANNELS, frames, plan.height // _STRIDE[1], plan.width // _STRIDE[2]))
        is_first = self._last_frames is None
        known = models.vae.encode([self._image if self._last_frames is None else self._last_frames])[0]
        sound = self._hear((window - 1) * LATER_WINDOW)
        times = self._times()
        if not is_first:
            latent[:, : known.shape[1]] = self._noised(known, times[0])
        for step in range(1, plan.steps + 1):
            self._stop.check()
            now, then = times[step - 1], times[step]
            latent[:, : known.shape[1]] = known
            latent = latent - self._predict(latent, now, sound) * ((now - then) / _TIMESTEPS)
            if not is_first:
                # Drawn and not used after all, as upstream does: what follows depends on it.
                self._noised(known, then)
            latent[:, : known.shape[1]] = known
            self._on_step(window, plan.windows, step, plan.steps)
        if not bool(torch.isfinite(latent).all()):
            raise WorkerError("render_failed", "The model rendered no valid picture.")
        video = models.vae.decode([latent])[0]
        video = match_colors(video, self._image, self._profile.color_correction)
        self._last_frames = video[:, -_MOTION:].float()
        return video

    @torch.no_grad()
    def _encode_image(self) -> dict[str, Any]:
        models, image = self._models, self._image
        blank = image.new_zeros(3, FIRST_WINDOW - 1, *image.shape[2:])
        encoded = models.vae.encode([torch.cat([image, blank], dim=1)])[0].to(models.dtype)
        # Which frames are given: of the first latent frame all four, of the others none.
        mask = encoded.new_zeros(_STRIDE[0], *encoded.shape[1:])
        mask[:, 0] = 1
        area = encoded.shape[1] * encoded.shape[2] * encoded.shape[3]
        return {
            "clip_fea": models.image.encode(image).to(models.dtype),
            "y": torch.cat([mask, encoded]).unsqueeze(0),
            "seq_len": area // _PATCH_AREA,
            # All of the picture is the one person's.
            "ref_target_masks": encoded.new_ones(3, *encoded.shape[2:], dtype=torch.float32),
        }

    def _hear(self, first: int) -> Tensor:
        """What the frames from ``first`` on hear, of shape (1, frames, 5, layers, channels)."""
        missing = first + FIRST_WINDOW - len(self._speech)
        if missing >= 0 and first > 0:
            # Beyond its end the recording is heard backwards.
            self._speech = torch.cat([self._speech, self._speech[-(missing + 3) :].flip(0)])
        centres = torch.arange(first, first + FIRST_WINDOW).unsqueeze(1)
        heard = (centres + torch.arange(-_HEARING, _HEARING + 1)).clamp(0, len(self._speech) - 1)
        return self._speech[heard].unsqueeze(0).to(self._models.device, self._models.dtype)

    def _times(self) -> list[Tensor]:
        """From 1000 to 0, one more than there are steps."""
        shift = self._profile.shift
        spaced = [*np.linspace(_TIMESTEPS, 1, self._plan.steps, dtype=np.float32), np.float32(0)]
        times = [torch.tensor([time], device=self._models.device) / _TIMESTEPS for time in spaced]
        return [shift * time / (1 + (shift - 1) * time) * _TIMESTEPS for time in times]

    def _predict(self, latent: Tensor, time: Tensor, sound: Tensor) -> Tensor:
        profile, silence = self._profile, torch.zeros_like(sound)
        cond = self._forward(latent, time, self._texts[0], sound)
        if math.isclose(profile.text_guidance, 1):
            if math.isclose(profile.audio_guidance, 1):
                return cond
            unheard = self._forward(latent, time, self._texts[0], silence)
            return unheard + profile.audio_guidance * (cond - unheard)
        unsaid = self._forward(latent, time, self._texts[1], sound)
        neither = self._forward(latent, time, self._texts[1], silence)
        return neither + profile.text_guidance * (cond - unsaid) + profile.audio_guidance * (unsaid - neither)

    def _forward(self, latent: Tensor, time: Tensor, text: Tensor, sound: Tensor) -> Tensor:
        predicted: Tensor = self._models.transformer([latent], t=time, context=[text], audio=sound, **self._fixed)[0]
        return predicted

    def _noised(self, known: Tensor, time: Tensor) -> Tensor:
        share = time / _TIMESTEPS
        return (1 - share) * known + share * self._noise(known.shape)

    def _noise(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self._random, device=self._models.device)


def _to_frames(video: Tensor) -> Frames:
    pixels: Frames = ((video + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 3, 0).cpu().numpy()
    return pixels
