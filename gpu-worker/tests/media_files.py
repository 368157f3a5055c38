"""Images and recordings for tests, and what ffprobe says of videos."""

import json
import math
import struct
import subprocess
import wave
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw


def an_image(path: Path, size: tuple[int, int] = (640, 800), **options: Any) -> Path:
    """A light disc on blue, whose upper half is red."""
    image = Image.new("RGB", size, (30, 60, 120))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, size[0], size[1] // 2), fill=(200, 40, 40))
    draw.ellipse((size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4), fill=(240, 220, 200))
    image.save(path, **options)
    return path


def a_recording(path: Path, seconds: float, rate: int = 16_000, channels: int = 1, loud: float = 0.5) -> Path:
    """A tone that swells twice a second, or silence with ``loud`` 0."""
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        block = bytearray()
        for index in range(int(seconds * rate)):
            swell = math.sin(2 * math.pi * index / rate) ** 2
            block += (
                struct.pack("<h", int(32767 * loud * swell * math.sin(2 * math.pi * 220 * index / rate))) * channels
            )
        wav.writeframes(bytes(block))
    return path


def probe(path: Path) -> dict[str, Any]:
    """Tracks and container of a file, with its frames counted."""
    show = ("-show_streams", "-show_format", "-count_frames", "-of", "json")
    done = subprocess.run(["ffprobe", "-v", "error", *show, str(path)], check=True, capture_output=True)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def top_level_boxes(path: Path) -> list[str]:
    """Names of an MP4's boxes, in their order."""
    data = path.read_bytes()
    names, at = [], 0
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        names.append(name.decode())
        at += size
    return names
