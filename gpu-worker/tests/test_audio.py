"""Recordings, good and hostile."""

import struct
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from media_files import a_recording

from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.media.audio import decode_audio
from avatar_worker.stop import Stop


def decode(source: Path, *, max_seconds: float = 60, pad_frames: int = 0) -> tuple[float, Path]:
    target = source.with_suffix(".out.wav")
    return decode_audio(source, target, max_seconds=max_seconds, pad_frames=pad_frames, stop=Stop(60)), target


def code_of(source: Path, **options: float) -> str:
    with pytest.raises(WorkerError) as error:
        decode(source, **options)  # type: ignore[arg-type]
    assert str(source.parent) not in error.value.detail
    return error.value.code


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)
        frames: int = wav.getnframes()
        return frames / 16_000


def convert(source: Path, name: str) -> Path:
    target = source.parent / name
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", source, target], check=True)
    return target


@pytest.mark.parametrize("name", ["a.mp3", "a.m4a", "a.aac", "a.ogg", "a.opus", "a.flac"])
def test_every_format_of_the_api_is_decoded(tmp_path: Path, name: str) -> None:
    source = convert(a_recording(tmp_path / "tone.wav", 5, rate=44_100, channels=2), name)
    seconds, target = decode(source)
    assert seconds == pytest.approx(5, abs=0.15)
    assert seconds_of(target) == seconds


def test_a_short_recording_is_padded_to_what_the_model_needs(tmp_path: Path) -> None:
    seconds, target = decode(a_recording(tmp_path / "a.wav", 1.2))
    assert (seconds, seconds_of(target)) == (1.2, 3.32)


def test_a_recording_is_padded_to_the_frames_of_its_video(tmp_path: Path) -> None:
    _, target = decode(a_recording(tmp_path / "a.wav", 4.01), pad_frames=101)
    assert seconds_of(target) == 4.04


def test_silence_is_no_fault(tmp_path: Path) -> None:
    assert decode(a_recording(tmp_path / "a.wav", 4, loud=0))[0] == 4


def test_a_fifth_of_a_second_is_too_short(tmp_path: Path) -> None:
    assert code_of(a_recording(tmp_path / "a.wav", 0.2)) == "audio_too_short"


def test_one_sample_too_many_is_too_long(tmp_path: Path) -> None:
    source = a_recording(tmp_path / "a.wav", 2)
    assert decode(source, max_seconds=2)[0] == 2
    assert code_of(source, max_seconds=2 - 1 / 16_000) == "audio_too_long"


def test_a_header_that_claims_18_hours_is_not_believed(tmp_path: Path) -> None:
    source = a_recording(tmp_path / "a.wav", 2)
    data = bytearray(source.read_bytes())
    data[4:8] = data[40:44] = struct.pack("<I", 0x7FFFFFF0)
    source.write_bytes(data)
    assert decode(source)[0] == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"\x1aE\xdf\xa3" + bytes(100),
    ],
    ids=["empty", "text", "cut header", "playlist", "concat", "matroska"],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert code_of(tmp_path / "a") == "unsupported_audio"


def test_a_stopped_run_decodes_no_more(tmp_path: Path) -> None:
    stop = Stop(60)
    stop.set()
    with pytest.raises(Cancelled):
        decode_audio(a_recording(tmp_path / "a.wav", 1), tmp_path / "b.wav", max_seconds=9, pad_frames=0, stop=stop)


def test_ten_minutes_are_decoded_in_bounded_memory(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    tone = "sine=frequency=300:duration=600:sample_rate=48000"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", tone, source], check=True)
    program = """
import resource, sys
from pathlib import Path
from avatar_worker.media.audio import decode_audio
from avatar_worker.stop import Stop
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seconds = decode_audio(Path(sys.argv[1]), Path(sys.argv[2]), max_seconds=600, pad_frames=15000, stop=Stop(100))
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    args = [sys.executable, "-c", program, str(source), str(tmp_path / "b.wav")]
    seconds, growth = subprocess.run(args, check=True, capture_output=True, text=True).stdout.split()
    assert float(seconds) == 600
    unit = 1024 if sys.platform == "linux" else 1
    assert int(growth) * unit < 10_000_000  # The recording has 58 MB, and 19 MB decoded.
