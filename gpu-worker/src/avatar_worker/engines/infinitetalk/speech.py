"""What the model hears: 25 embeddings a second of a recording."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyloudnorm
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import Wav2Vec2FeatureExtractor

from avatar_worker.engines.base import FPS
from avatar_worker.engines.infinitetalk.upstream import Upstream
from avatar_worker.media.audio import SAMPLE_RATE
from avatar_worker.stop import Stop

_PER_FRAME: Final = SAMPLE_RATE // FPS
_LUFS: Final = -23.0
#: Attention grows with the square of the length: 1.3 GB for a minute. Longer ones are heard in pieces that overlap.
_PIECE_FRAMES: Final = 60 * FPS
_OVERLAP_FRAMES: Final = 4 * FPS


class SpeechEncoder:
    """wav2vec 2.0 as upstream has it, with the recording at -23 LUFS."""

    def __init__(self, upstream: Upstream, folder: Path, device: torch.device) -> None:
        # Other implementations of attention refuse a setting that upstream makes.
        model: Any = upstream.Wav2Vec2Model.from_pretrained(folder, local_files_only=True, attn_implementation="eager")
        self._model = model.eval().requires_grad_(False).to(device)
        self._features = Wav2Vec2FeatureExtractor.from_pretrained(folder, local_files_only=True)
        self._device = device

    @torch.no_grad()
    def encode(self, wav: Path, stop: Stop) -> Tensor:
        """``wav`` is mono and has 16 kHz. Returns (frames, layers, channels) in the host's memory."""
        samples, _ = soundfile.read(wav, dtype="float64")
        heard = self._features(_normalize(samples), sampling_rate=SAMPLE_RATE).input_values[0]
        frames = len(samples) // _PER_FRAME
        pieces = []
        for first in range(0, frames, _PIECE_FRAMES):
            stop.check()
            last = min(frames, first + _PIECE_FRAMES)
            begin, end = max(0, first - _OVERLAP_FRAMES), min(frames, last + _OVERLAP_FRAMES)
            # The last piece has what is left of a frame, too.
            sound = heard[begin * _PER_FRAME : end * _PER_FRAME if end < frames else None]
            pieces.append(self._hear(sound, end - begin)[first - begin : last - begin])
        return torch.cat(pieces)

    def _hear(self, sound: NDArray[Any], frames: int) -> Tensor:
        batch = torch.from_numpy(sound).float().unsqueeze(0).to(self._device)
        layers = self._model(batch, seq_len=frames, output_hidden_states=True).hidden_states[1:]
        return torch.stack(layers, dim=2).squeeze(0).cpu()


def _normalize(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    loudness = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(samples)
    if abs(loudness) > 100:  # Silence has none.
        return samples
    normalized: NDArray[np.float64] = pyloudnorm.normalize.loudness(samples, loudness, _LUFS)
    return normalized
