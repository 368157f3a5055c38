"""The worker as it is delivered, but for the model: RunPod's SDK, the stub engine, real files, real ffmpeg."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fake_control_plane import FakeControlPlane, fake_control_plane
from fake_store import SECRET, FakeStore, fake_store
from job_builders import a_job
from media_files import a_recording, an_image, probe
from test_protocol import is_valid


@contextmanager
def a_worker(plane: FakeControlPlane, store: FakeStore, folder: Path, **env: str) -> Iterator["subprocess.Popen[str]"]:
    settings = {"ENGINE": "stub", "ALLOWED_HOSTS": store.host, "TEMP_DIR": str(folder), **env}
    process = subprocess.Popen(
        [sys.executable, "-m", "avatar_worker"],
        env={"PATH": os.environ["PATH"], **plane.environment("pod-1"), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=20)
        assert SECRET not in output and "Traceback" not in output, output


def run(plane: FakeControlPlane, store: FakeStore, folder: Path, run_id: str, **changes: Any) -> dict[str, Any]:
    """What RunPod gets to hear of a job with a portrait and a recording of two seconds."""
    image = an_image(folder / "image.jpg").read_bytes()
    audio = a_recording(folder / "audio.wav", 2).read_bytes()
    files = {"image": store.get("portrait", image), "audio": store.get("speech", audio)}
    job_id = changes.pop("job_id", f"job-{run_id}")
    job = a_job(store, run_id, **{**files, "audioSeconds": 2.0, "deadlineSeconds": 60.0, **changes})
    plane.submit({**job, "id": job_id})
    plane.wait_for(lambda: bool(plane.results(job_id)))
    (result,) = plane.results(job_id)
    return result


def test_a_portrait_and_a_recording_become_a_video(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    with fake_store() as store, fake_control_plane() as plane, a_worker(plane, store, runs):
        output = run(plane, store, tmp_path, "run_1", aspect="16:9")["output"]
        assert is_valid("output", output)
        path = tmp_path / "video.mp4"
        path.write_bytes(store.objects["videos/run_1"])
        picture, sound = probe(path)["streams"]
        assert (picture["width"], picture["height"], picture["nb_read_frames"]) == (1280, 720, "50")
        assert sound["codec_name"] == "aac"
        assert list(runs.iterdir()) == []

        again = json.loads(run(plane, store, tmp_path, "run_1", job_id="job-again")["error"])
        assert again["code"] == "run_already_claimed"


def test_what_cannot_be_rendered_is_refused_with_a_code(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    with fake_store() as store, fake_control_plane() as plane, a_worker(plane, store, runs):
        other = a_recording(tmp_path / "other.wav", 3).read_bytes()
        result = run(plane, store, tmp_path, "run_1", audio=store.get("other", other))
        assert json.loads(result["error"])["code"] == "unsupported_audio"
        result = run(plane, store, tmp_path, "run_2", image=store.get("text", b"hello " * 100))
        error = json.loads(result["error"])
        assert is_valid("error", error) and error["code"] == "unsupported_image"
        assert list(runs.iterdir()) == [] and not any(name.startswith("videos/") for name in store.objects)


def test_a_crash_of_the_gpu_replaces_the_worker(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    faults = json.dumps({"faults": {"gpu_failed": True}})
    with fake_store() as store, fake_control_plane() as plane, a_worker(plane, store, runs, STUB_ENGINE=faults):
        result = run(plane, store, tmp_path, "run_1")
        assert json.loads(result["error"])["code"] == "gpu_failed"
        assert result["stopPod"] is True


def test_an_engine_that_is_not_there_is_told_before_any_job_is_taken(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "ENGINE": "infinitetalk", "ALLOWED_HOSTS": "store.example"}
    args = [sys.executable, "-m", "avatar_worker"]
    done = subprocess.run(args, env={**env, "MODEL_DIR": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 2
    assert "the engine cannot be made" in done.stdout + done.stderr
