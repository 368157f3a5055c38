"""A recording, decoded to what the model hears, in bounded memory."""

import logging
import wave
from pathlib import Path
from typing import IO, Final

from avatar_worker.engines.base import FPS
from avatar_worker.errors import WorkerError
from avatar_worker.media.process import FFMPEG, SAFE_INPUT, running
from avatar_worker.stop import Stop

log = logging.getLogger(__name__)

SAMPLE_RATE: Final = 16_000
MAX_BYTES: Final = 100 * 1024 * 1024
MIN_SECONDS: Final = 0.5
#: The model's first window has 81 frames and drops a recording that does not last longer.
MIN_MODEL_FRAMES: Final = 83
_BYTES_PER_SECOND: Final = SAMPLE_RATE * 2
_BLOCK: Final = 64 * 1024


def decode_audio(source: Path, target: Path, *, max_seconds: float, pad_frames: int, stop: Stop) -> float:
    """Writes ``target``: WAV, 16 kHz, mono, 16 bits, padded with silence to ``pad_frames`` and the model's minimum.

    Returns the seconds that were decoded, whatever the header says. Raises ``WorkerError`` ``unsupported_audio``,
    ``audio_too_short``, ``audio_too_long`` as soon as that is known, and what ``stop.check`` raises.
    """
    if source.stat().st_size > MAX_BYTES:
        raise WorkerError("audio_too_long", f"The recording has more than {MAX_BYTES} bytes.")
    decode = ("-map", "0:a:0", "-vn", "-sn", "-dn", "-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "s16le", "pipe:1")
    with (
        running([*FFMPEG, *SAFE_INPUT, "-i", f"file:{source}", *decode], stop, read=True) as ffmpeg,
        wave.open(str(target), "wb") as wav,
    ):
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        assert ffmpeg.process.stdout is not None
        decoded = _copy(ffmpeg.process.stdout, wav, max_seconds, stop)
        if ffmpeg.wait() != 0 or decoded == 0:
            log.info("a recording cannot be decoded: %s", ffmpeg.errors())
            raise WorkerError("unsupported_audio", "The recording is damaged, or has no sound that can be decoded.")
        seconds = decoded / _BYTES_PER_SECOND
        if seconds < MIN_SECONDS:
            raise WorkerError("audio_too_short", f"The recording lasts {seconds:.2f} s; at least {MIN_SECONDS} s.")
        wanted = max(pad_frames, MIN_MODEL_FRAMES) * _BYTES_PER_SECOND // FPS
        wav.writeframes(bytes(max(0, wanted - decoded)))
    return seconds


def _copy(pcm: IO[bytes], wav: wave.Wave_write, max_seconds: float, stop: Stop) -> int:
    """Bytes that were copied."""
    decoded = 0
    while block := pcm.read(_BLOCK):
        stop.check()
        decoded += len(block)
        if decoded > max_seconds * _BYTES_PER_SECOND:
            raise WorkerError("audio_too_long", f"The recording lasts longer than {max_seconds:g} s.")
        wav.writeframesraw(block)
    return decoded
