"""The worker as a process, in the loop of RunPod's real SDK."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_control_plane import KEY, TOKEN, FakeControlPlane, fake_control_plane
from fake_store import SECRET, FakeStore, fake_store
from job_builders import a_job
from test_protocol import is_valid

HERE = Path(__file__).parent


@pytest.fixture
def store() -> Iterator[FakeStore]:
    with fake_store() as running:
        yield running


@pytest.fixture
def plane() -> Iterator[FakeControlPlane]:
    with fake_control_plane() as running:
        yield running


class Worker:
    def __init__(self, process: "subprocess.Popen[str]", plane: FakeControlPlane, temp_dir: Path) -> None:
        self.process = process
        self.plane = plane
        self.temp_dir = temp_dir
        self.output = ""

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Returns the exit code, and keeps what was printed."""
        self.process.send_signal(number)
        self.output, _ = self.process.communicate(timeout=20)
        assert not any(canary in self.output for canary in (SECRET, KEY, TOKEN)), self.output
        assert "Traceback" not in self.output and "DEBUG" not in self.output, self.output
        return self.process.returncode

    def result_of(self, job_id: str) -> dict[str, Any]:
        self.plane.wait_for(lambda: bool(self.plane.results(job_id)))
        (result,) = self.plane.results(job_id)
        return result


@contextmanager
def a_worker(plane: FakeControlPlane, store: FakeStore, temp_dir: Path, script: str, **env: str) -> Iterator[Worker]:
    settings = {"ENGINE": "stub", "ALLOWED_HOSTS": store.host, "TEMP_DIR": str(temp_dir), "SCRIPT": script}
    process = subprocess.Popen(
        [sys.executable, str(HERE / "worker_main.py"), "--rp_log_level", "DEBUG"],
        env={
            "PATH": os.environ["PATH"],
            "RUNPOD_DEBUG_LEVEL": "DEBUG",
            **plane.environment("pod-1"),
            **settings,
            **env,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Worker(process, plane, temp_dir)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def within(seconds: float, condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at
        os.sched_yield()


def test_a_job_is_taken_and_its_video_stored(plane: FakeControlPlane, store: FakeStore, tmp_path: Path) -> None:
    with a_worker(plane, store, tmp_path, "ok") as worker:
        result = worker.result_of(plane.submit(a_job(store)))
        assert result.keys() == {"output"} and is_valid("output", result["output"])
        assert result["output"]["video"]["bytes"] == len(store.objects["videos/run_1"])
        assert plane.progress("job-run_1")
        assert all(is_valid("progress", message) for message in plane.progress("job-run_1"))
        assert plane.posts[-1][1].get("status") is None, "progress came after the result"
        claim = json.loads(store.objects["claims/run_1"])
        assert (claim["runpodJobId"], claim["workerId"]) == ("job-run_1", "pod-1")
        assert worker.end() == 0
        assert plane.keys == {KEY}


def test_progress_that_the_sdk_sends_again_comes_before_the_result(
    plane: FakeControlPlane, store: FakeStore, tmp_path: Path
) -> None:
    plane.progress_faults = [500]
    with a_worker(plane, store, tmp_path, "ok") as worker:
        job = plane.submit(a_job(store))
        plane.wait_for(lambda: bool(plane.results(job) and plane.progress(job)))
        assert plane.posts[-1][1].get("status") is None, "progress came after the result"
        assert worker.end() == 0


def test_a_job_is_stopped_in_mid_render_and_the_next_is_taken(
    plane: FakeControlPlane, store: FakeStore, tmp_path: Path
) -> None:
    with a_worker(plane, store, tmp_path, "hang,ok") as worker:
        first = plane.submit(a_job(store))
        plane.wait_for(lambda: first in plane.pinged)
        within(20, lambda: any(tmp_path.glob("run-*/first/video")))
        plane.stop(first)
        within(1, lambda: not any(tmp_path.iterdir()))
        result = worker.result_of(plane.submit(a_job(store, "run_2")))
        assert "video" in result["output"] and result["output"]["cold"] is False
        assert plane.results(first) == [] and "videos/run_1" not in store.objects
        assert worker.end() == 0


def test_sigterm_ends_the_run_with_stopped_and_then_the_worker(
    plane: FakeControlPlane, store: FakeStore, tmp_path: Path
) -> None:
    with a_worker(plane, store, tmp_path, "hang") as worker:
        job = plane.submit(a_job(store))
        plane.wait_for(lambda: bool(plane.progress(job)))
        began = time.monotonic()
        assert worker.end() == 0
        assert time.monotonic() - began < 10
        error = json.loads(worker.result_of(job)["error"])
        assert (error["code"], error["retryable"]) == ("stopped", True)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_still_loads_ends_at_once(
    plane: FakeControlPlane, store: FakeStore, tmp_path: Path, number: signal.Signals
) -> None:
    with a_worker(plane, store, tmp_path, "ok", LOADS="forever") as worker:
        job = plane.submit(a_job(store))
        plane.wait_for(lambda: bool(plane.progress(job)))
        assert plane.progress(job)[0]["phase"] == "download"
        began = time.monotonic()
        assert worker.end(number) == 0
        assert time.monotonic() - began < 10
        assert json.loads(worker.result_of(job)["error"])["code"] == "stopped"


def test_errors_are_strings_and_only_a_lost_gpu_replaces_the_worker(
    plane: FakeControlPlane, store: FakeStore, tmp_path: Path
) -> None:
    with a_worker(plane, store, tmp_path, "crash,oom") as worker:
        crashed = worker.result_of(plane.submit(a_job(store)))
        assert json.loads(crashed["error"])["code"] == "internal" and "stopPod" not in crashed
        starved = worker.result_of(plane.submit(a_job(store, "run_2")))
        assert json.loads(starved["error"])["code"] == "gpu_out_of_memory" and starved["stopPod"] is True
        refused = worker.result_of(plane.submit(a_job(store, "run_3", op="sing")))
        assert json.loads(refused["error"])["code"] == "invalid_input"
        assert worker.end() == 0
        assert "RuntimeError at scripted_engine.py" in worker.output


@pytest.mark.parametrize("shape", [{}, {"RUNPOD_ENDPOINT_ID": "endpoint"}])
def test_no_link_is_printed_even_when_the_platform_fails(
    plane: FakeControlPlane, store: FakeStore, tmp_path: Path, shape: dict[str, str]
) -> None:
    plane.take_faults = [500, 401]
    store.faults["image"] = [500, "reset"]
    store.faults["videos/run_1"] = [403]
    with a_worker(plane, store, tmp_path, "ok", **shape) as worker:
        result = worker.result_of(plane.submit(a_job(store)))
        assert json.loads(result["error"])["code"] == "video_link_expired"
        assert worker.end() == 0
        assert "Failed to get job" in worker.output


def test_a_worker_with_wrong_settings_says_which_and_does_not_start(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "ENGINE": "canary", "TEMP_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "avatar_worker"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "ENGINE" in ended.stderr and "ALLOWED_HOSTS" in ended.stderr and "canary" not in ended.stderr
