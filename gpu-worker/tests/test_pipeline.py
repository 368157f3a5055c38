"""From the files of a run to its video, with the stub engine and real ffmpeg."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_files import a_recording, an_image, probe, top_level_boxes
from numpy.typing import NDArray

from avatar_worker.engines.base import Plan
from avatar_worker.engines.stub import StubEngine, StubFaults
from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.pipeline import RenderedVideo, render_video
from avatar_worker.stop import Stop


def render(folder: Path, engine: StubEngine | None = None, **options: Any) -> RenderedVideo:
    """A square portrait and a recording of four seconds."""
    seconds = options.get("audio_seconds", 4.0)
    arguments = {
        "image": options.get("image") or an_image(folder / "image.jpg", (700, 720)),
        "audio": options.get("audio") or a_recording(folder / "audio.wav", seconds),
        "audio_seconds": seconds,
        "aspect": "auto",
        "fit": "crop",
        "prompt": None,
        "seed": 7,
        "max_seconds": 60,
        "folder": folder,
        "on_step": lambda *_: None,
        "stop": Stop(120),
    }
    return render_video(engine=engine or StubEngine(), **{**arguments, **options})


class Planned(StubEngine):
    """Renders by another plan than its own."""

    def __init__(self, planned: Plan) -> None:
        super().__init__()
        self._planned = planned

    def plan(self, aspect: str, frames: int) -> Plan:
        del aspect, frames
        return self._planned


def frames_of(path: Path, width: int = 64, height: int = 64) -> NDArray[np.uint8]:
    raw = ("-vf", f"scale={width}:{height}", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1")
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", path, *raw], check=True, capture_output=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width)


def samples_of(path: Path) -> NDArray[np.float64]:
    raw = ("-ac", "1", "-ar", "16000", "-f", "s16le", "pipe:1")
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", path, *raw], check=True, capture_output=True)
    return np.frombuffer(done.stdout, np.int16).astype(np.float64)


@pytest.mark.parametrize(("aspect", "size"), [("16:9", (1280, 720)), ("9:16", (720, 1280)), ("1:1", (960, 960))])
def test_a_video_is_exactly_what_was_promised(tmp_path: Path, aspect: str, size: tuple[int, int]) -> None:
    video = render(tmp_path, aspect=aspect, audio_seconds=3.5)
    assert (video.width, video.height, video.frames, video.windows) == (*size, 88, 2)
    facts = probe(video.path)
    picture, sound = facts["streams"]
    assert (picture["width"], picture["height"]) == size
    assert (picture["codec_name"], picture["pix_fmt"], picture["profile"]) == ("h264", "yuv420p", "High")
    assert (picture["avg_frame_rate"], picture["nb_read_frames"], picture["color_space"]) == ("25/1", "88", "bt709")
    assert (sound["codec_name"], sound["sample_rate"], sound["channels"]) == ("aac", "48000", 2)
    assert float(picture["duration"]) == pytest.approx(3.52)
    assert abs(float(sound["duration"]) - 3.52) <= 0.04
    assert '"aiGenerated": true' in facts["format"]["tags"]["comment"]
    boxes = top_level_boxes(video.path)
    assert boxes.index("moov") < boxes.index("mdat")
    assert video.bytes == video.path.stat().st_size


def test_the_mouth_moves_with_the_sound_and_the_sound_is_the_customers(tmp_path: Path) -> None:
    video = render(tmp_path)
    frames = frames_of(video.path).astype(float)
    mouth = frames[:, 36:44, 28:36].mean(axis=(1, 2))
    still = frames[:, 2:10, 2:10].mean(axis=(1, 2))
    assert mouth.std() > 5 > still.std()
    heard, said = samples_of(video.path), samples_of(tmp_path / "audio.wav")
    length = min(len(heard), len(said))
    assert np.corrcoef(heard[:length], said[:length])[0, 1] > 0.95


def test_the_same_seed_gives_the_same_video(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert render(tmp_path / "a").sha256 == render(tmp_path / "b").sha256


def test_progress_counts_windows_and_steps(tmp_path: Path) -> None:
    seen: list[tuple[int, int, int, int]] = []
    render(tmp_path, StubEngine(steps=2), on_step=lambda *step: seen.append(step))
    assert seen == [(1, 2, 1, 2), (1, 2, 2, 2), (2, 2, 1, 2), (2, 2, 2, 2)]


def test_a_stop_in_mid_render_leaves_no_program_behind(tmp_path: Path) -> None:
    stop = Stop(120)
    stopped_at: list[float] = []

    def stop_it() -> None:
        stopped_at.append(time.monotonic())
        stop.set()

    def on_step(window: int, *_: int) -> None:
        if window == 2:
            threading.Thread(target=stop_it).start()

    with pytest.raises(Cancelled):
        render(tmp_path, StubEngine(step_seconds=0.3), on_step=on_step, stop=stop)
    assert time.monotonic() - stopped_at[0] < 1
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    assert not children.exists() or children.read_text() == ""


def test_a_render_that_hangs_ends_at_its_deadline(tmp_path: Path) -> None:
    with pytest.raises(WorkerError) as error:
        render(tmp_path, StubEngine(faults=StubFaults(hang=True)), stop=Stop(2))
    assert error.value.code == "deadline_exceeded"


def test_out_of_memory_is_told_and_a_smaller_plan_gives_the_same_video(tmp_path: Path) -> None:
    engine = StubEngine(allow_smaller_plan=True, faults=StubFaults(out_of_memory=1))
    with pytest.raises(WorkerError) as error:
        render(tmp_path, engine)
    assert error.value.code == "gpu_out_of_memory"
    smaller = engine.smaller_plan(engine.plan("1:1", 100))
    assert smaller is not None
    assert render(tmp_path, Planned(smaller)).frames == 100
    assert engine.smaller_plan(smaller) is None


@pytest.mark.parametrize("seconds", [4.6, 3.4])
def test_another_recording_than_announced_is_refused(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(WorkerError) as error:
        render(tmp_path, audio=a_recording(tmp_path / "other.wav", seconds))
    assert error.value.code == "unsupported_audio"


def test_a_recording_that_is_longer_than_allowed_is_refused_whatever_was_announced(tmp_path: Path) -> None:
    with pytest.raises(WorkerError) as error:
        render(tmp_path, audio=a_recording(tmp_path / "long.wav", 6), audio_seconds=4.0, max_seconds=4)
    assert error.value.code == "audio_too_long"


def test_an_engine_that_gives_too_few_frames_fails_the_run(tmp_path: Path) -> None:
    engine = Planned(replace(StubEngine().plan("1:1", 100), frames=99))
    with pytest.raises(WorkerError) as error:
        render(tmp_path, engine)
    assert error.value.code == "render_failed"


def test_a_long_video_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    program = """
import resource, sys
from pathlib import Path
from test_pipeline import render
from avatar_worker.engines.stub import StubEngine
for seconds in (12.0, 60.0):
    render(Path(sys.argv[1]), StubEngine(steps=1), audio_seconds=seconds)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    args = [sys.executable, "-c", program, str(tmp_path)]
    here = Path(__file__).parent
    short, long = subprocess.run(args, check=True, capture_output=True, text=True, cwd=here).stdout.split()
    assert int(long) - int(short) < 60_000, "KB; all of its frames would be 1.2 GB more"
