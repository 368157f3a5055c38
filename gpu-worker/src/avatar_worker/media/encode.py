"""Frames and the customer's own sound, to the video that is delivered."""

import errno
import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from avatar_worker.engines.base import FPS, Frames
from avatar_worker.errors import WorkerError
from avatar_worker.media.process import FFMPEG, SAFE_INPUT, Program, running
from avatar_worker.plan import Output, Size
from avatar_worker.stop import Stop

log = logging.getLogger(__name__)

#: IPTC's digital source type: https://cv.iptc.org/newscodes/digitalsourcetype/
AI_MARK: Final = json.dumps(
    {
        "aiGenerated": True,
        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        "generator": "avatar gpu-worker",
    }
)
_BT709: Final = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")


@dataclass(frozen=True)
class EncodedVideo:
    """A finished MP4: H.264, AAC, 25 fps, its header in front."""

    path: Path
    bytes: int
    sha256: str


def encode(frames: Iterable[Frames], native: Size, output: Output, audio: Path, path: Path, stop: Stop) -> EncodedVideo:
    """Writes ``path`` while ``frames`` come: windows of shape (n, height, width, 3), ``output.frames`` frames in all.

    Raises ``WorkerError`` ``render_failed``, ``disk_full``, what ``frames`` raises, and what ``stop.check``
    raises, with ffmpeg gone.
    """
    with running(_command(native, output, audio, path), stop, feed=True) as ffmpeg:
        try:
            written = sum(_feed(ffmpeg, window, native, stop) for window in frames)
            assert ffmpeg.process.stdin is not None
            ffmpeg.process.stdin.close()
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EINVAL):
                raise
            written = -1  # ffmpeg ended early; its exit code says more.
        code = ffmpeg.wait()
        if code != 0 or written != output.frames:
            complaint = ffmpeg.errors()
            log.error("ffmpeg ended with %s after %s of %s frames: %s", code, written, output.frames, complaint)
            if "No space left on device" in complaint:
                raise WorkerError("disk_full", "The disk of the worker is full.")
            raise WorkerError("render_failed", "The video could not be encoded.")
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return EncodedVideo(path, path.stat().st_size, digest.hexdigest())


def _feed(ffmpeg: Program, window: Frames, native: Size, stop: Stop) -> int:
    """Writes the frames of a window one by one, so that a stop is seen between them. Returns how many there were."""
    if window.shape[1:] != (native[1], native[0], 3) or window.dtype != "uint8":
        log.error("the engine gave frames of shape %s and type %s", window.shape, window.dtype)
        raise WorkerError("render_failed", "The engine rendered another size than was planned.")
    assert ffmpeg.process.stdin is not None
    for frame in window:
        stop.check()
        ffmpeg.process.stdin.write(frame.tobytes())
    return len(window)


def _command(native: Size, output: Output, audio: Path, path: Path) -> list[str | Path]:
    seconds = f"{output.frames / FPS:.3f}"
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{native[0]}x{native[1]}", "-r", str(FPS), "-i", "pipe:0")
    cut = (
        f"scale={output.width}:{output.height}:force_original_aspect_ratio=increase:flags=lanczos"
        f":out_color_matrix=bt709:out_range=tv,crop={output.width}:{output.height},setsar=1,format=yuv420p"
    )
    video = ("-c:v", "libx264", "-profile:v", "high", "-preset", "veryfast", "-crf", "18", "-g", str(2 * FPS), *_BT709)
    # Sound that is a little shorter than the pictures is filled up, so that both tracks last equally long. Not by
    # -frames:v: it would end the sound where the pictures end that ffmpeg has read ahead.
    sound = ("-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-ac", "2", "-af", "apad", "-t", seconds)
    marks = ("-map_metadata", "-1", "-metadata", f"comment={AI_MARK}", "-movflags", "+faststart")
    return [
        *FFMPEG,
        *raw,
        *SAFE_INPUT,
        "-i",
        f"file:{audio}",
        *("-map", "0:v:0", "-map", "1:a:0", "-vf", cut),
        *video,
        *sound,
        *marks,
        *("-f", "mp4"),
        f"file:{path}",
    ]
