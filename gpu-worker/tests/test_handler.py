import asyncio
import errno
import hashlib
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_store import SECRET, FakeStore, fake_store
from job_builders import AUDIO, IMAGE, World, a_job, until
from test_protocol import is_valid

from avatar_worker.errors import WorkerError


@pytest.fixture
def store() -> Iterator[FakeStore]:
    with fake_store() as running:
        yield running


@pytest.fixture
def world(store: FakeStore, tmp_path: Path) -> World:
    return World(store, tmp_path)


def oom() -> WorkerError:
    return WorkerError("gpu_out_of_memory", "The GPU has too little memory for the run.")


async def test_a_job_becomes_a_video_in_the_store(world: World) -> None:
    answer = await world.handler(a_job(world.store))
    video = world.store.objects["videos/run_1"]
    assert is_valid("output", answer), answer
    assert video.startswith(IMAGE + AUDIO) and len(video) > len(IMAGE + AUDIO)
    assert answer["video"]["sha256"] == hashlib.sha256(video).hexdigest()
    assert answer["video"]["bytes"] == len(video)
    assert answer["runId"] == "run_1" and answer["gpu"] == {"name": "Scripted", "memoryMb": 1, "peakMb": 0}
    assert answer["cold"] is True and answer["seconds"]["total"] >= answer["seconds"]["render"]
    assert world.left_over() == []


async def test_the_claim_comes_before_everything_else(world: World) -> None:
    await world.handler(a_job(world.store))
    assert [name for _, name in world.store.requests] == ["claims/run_1", "image", "audio", "videos/run_1"]


async def test_the_claim_does_not_wait_for_the_models(world: World) -> None:
    world.engine.may_load.clear()
    task = asyncio.create_task(world.handler(a_job(world.store)))
    await until(lambda: "claims/run_1" in world.store.objects)
    await until(lambda: bool(world.progress))
    assert world.progress[0]["phase"] == "download" and world.progress[0]["cold"] is True
    assert world.store.seen("image") == []
    world.engine.may_load.set()
    assert "video" in await task


async def test_a_second_job_finds_the_models_loaded(world: World) -> None:
    await world.handler(a_job(world.store))
    answer = await world.handler(a_job(world.store, "run_2"))
    assert answer["cold"] is False and world.engine.loads == 1
    assert len(world.engine.threads) == 1


async def test_progress_fits_the_schema(world: World) -> None:
    await world.handler(a_job(world.store))
    assert world.progress and all(is_valid("progress", message) for message in world.progress)


async def test_an_answer_waits_for_nothing_once_its_progress_has_arrived(world: World) -> None:
    await world.handler(a_job(world.store))
    assert world.progress and world.pauses == []


@pytest.mark.parametrize("faults", [[], [RuntimeError()]])
async def test_no_answer_comes_before_a_progress_that_is_still_on_its_way(
    world: World, faults: list[Exception | str]
) -> None:
    world.engine.faults = [*faults]
    arrives = threading.Event()
    world.send = lambda _: threading.Thread(target=arrives.wait, daemon=True).start()
    task = asyncio.create_task(world.handler(a_job(world.store)))
    await until(lambda: task.done() or bool(world.pauses))
    assert not task.done()
    arrives.set()
    assert ("error" in await task) is bool(faults)


async def test_a_claimed_run_is_neither_fetched_nor_rendered(world: World) -> None:
    world.store.objects["claims/run_1"] = b'{"nonce":"of another"}'
    answer = await world.handler(a_job(world.store))
    assert world.error_of(answer) == "run_already_claimed"
    assert world.store.seen("image") == [] and world.engine.plans == []


async def test_a_recording_over_the_limit_costs_nothing(store: FakeStore, tmp_path: Path) -> None:
    world = World(store, tmp_path, MAX_SECONDS="60")
    answer = await world.handler(a_job(store, audioSeconds=60.1))
    assert world.error_of(answer) == "audio_too_long" and "60 s" in answer["error"]
    assert store.requests == [] and world.runtime.state == "cold"
    assert "video" in await world.handler(a_job(store, audioSeconds=60.0))


async def test_an_invalid_input_costs_nothing(world: World) -> None:
    job = a_job(world.store, seed="7")
    assert world.error_of(await world.handler(job)) == "invalid_input"
    assert world.error_of(await world.handler({"id": "a"})) == "invalid_input"
    assert world.store.requests == []


@pytest.mark.parametrize("link", ["image", "audio", "video"])
async def test_a_link_to_elsewhere_is_refused_before_the_claim(world: World, link: str) -> None:
    job = a_job(world.store)
    job["input"][link] = {**job["input"][link], "url": "https://evil.example/a"}
    assert world.error_of(await world.handler(job)) == "url_not_allowed"
    assert world.store.requests == []


@pytest.mark.parametrize(
    ("name", "faults", "code"),
    [
        ("image", [403], "input_link_expired"),
        ("audio", [500] * 9, "fetch_failed"),
        ("audio", ["longer"], "sha256_mismatch"),
        ("videos/run_1", [403], "video_link_expired"),
        ("videos/run_1", [400], "upload_failed"),
        ("claims/run_1", [500] * 9, "claim_failed"),
    ],
)
async def test_a_fault_of_the_store_has_its_code(world: World, name: str, faults: list[int | str], code: str) -> None:
    world.store.faults[name] = faults
    assert world.error_of(await world.handler(a_job(world.store))) == code
    assert world.left_over() == []


async def test_a_store_that_is_down_for_long_does_not_cost_the_video(world: World) -> None:
    world.store.faults["videos/run_1"] = [503] * 9
    assert "video" in await world.handler(a_job(world.store))
    assert len(world.store.seen("videos/run_1")) == 10 and len(world.engine.plans) == 1


async def test_an_error_of_the_renderer_goes_out_as_it_is(world: World) -> None:
    image = world.store.get("other", b"not an image")
    answer = await world.handler(a_job(world.store, image=image))
    assert world.error_of(answer) == "unsupported_image" and answer["refresh_worker"] is False


async def test_a_fault_of_the_worker_says_nothing_of_itself(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.engine.faults = [RuntimeError(f"/secret/path?X-Amz-Signature={SECRET}")]
    with caplog.at_level(logging.DEBUG):
        answer = await world.handler(a_job(world.store))
    assert world.error_of(answer) == "internal"
    assert SECRET not in str(answer) + caplog.text and "/secret" not in str(answer) + caplog.text
    assert "RuntimeError at scripted_engine.py:" in caplog.text
    assert world.engine.recoveries == 1 and world.left_over() == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_replaces_the_worker(world: World, number: int) -> None:
    world.engine.faults = [OSError(number, "No space left on device", "/secret")]
    answer = await world.handler(a_job(world.store))
    assert world.error_of(answer) == "disk_full" and answer["refresh_worker"] is True


async def test_a_folder_that_cannot_be_made_ends_the_run(store: FakeStore, tmp_path: Path) -> None:
    world = World(store, tmp_path / "missing")
    assert world.error_of(await world.handler(a_job(store))) == "internal"


async def stop_at(world: World, reached: Any) -> float:
    """Seconds from the stop of a job, at the given point, to its end."""
    task = asyncio.create_task(world.handler(a_job(world.store)))
    await until(reached)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - began


async def test_a_stop_in_mid_render_frees_the_gpu_and_the_next_job_runs(world: World) -> None:
    world.engine.faults = ["hang"]
    assert await stop_at(world, world.engine.hanging.is_set) < 1
    assert world.engine.recoveries == 1 and world.left_over() == []
    assert "videos/run_1" not in world.store.objects
    assert "video" in await world.handler(a_job(world.store, "run_2"))


async def test_a_second_stop_does_not_leave_the_thread_behind(world: World) -> None:
    world.engine.faults = ["hang"]
    task = asyncio.create_task(world.handler(a_job(world.store)))
    await until(world.engine.hanging.is_set)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.engine.recoveries == 1 and world.left_over() == []


@pytest.mark.parametrize(("name", "fault"), [("image", "hang"), ("claims/run_1", "hang"), ("videos/run_1", "hang")])
async def test_a_stop_ends_a_transfer(world: World, name: str, fault: str) -> None:
    world.store.faults[name] = [fault]
    assert await stop_at(world, world.store.hanging.is_set) < 1
    assert world.left_over() == []


async def test_a_stop_ends_the_wait_for_the_models_and_the_load_goes_on(world: World) -> None:
    world.engine.may_load.clear()
    assert await stop_at(world, lambda: bool(world.progress)) < 1
    assert world.runtime.state == "loading"
    world.engine.may_load.set()
    assert "video" in await world.handler(a_job(world.store, "run_2"))
    assert world.engine.loads == 1


async def test_nothing_is_told_of_a_stopped_job_any_more(world: World) -> None:
    world.engine.faults = ["hang"]
    await stop_at(world, world.engine.hanging.is_set)
    told = len(world.progress)
    await world.handler({"id": "a", "input": {"v": 1, "op": "info"}})
    assert len(world.progress) == told


async def test_the_deadline_ends_a_render(world: World) -> None:
    world.engine.faults = ["hang"]
    answer = await world.handler(a_job(world.store, deadlineSeconds=0.5))
    assert world.error_of(answer) == "deadline_exceeded"
    assert world.engine.recoveries == 1 and world.left_over() == []


async def test_the_deadline_ends_the_wait_for_the_models(world: World) -> None:
    world.engine.may_load.clear()
    answer = await world.handler(a_job(world.store, deadlineSeconds=0.3))
    assert world.error_of(answer) == "deadline_exceeded"
    world.engine.may_load.set()


async def test_too_little_memory_replaces_the_worker(world: World) -> None:
    world.engine.faults = [oom()]
    answer = await world.handler(a_job(world.store))
    assert world.error_of(answer) == "gpu_out_of_memory" and answer["refresh_worker"] is True
    assert len(world.engine.plans) == 1 and world.engine.recoveries == 1


async def test_too_little_memory_is_met_once_with_a_smaller_plan(store: FakeStore, tmp_path: Path) -> None:
    world = World(store, tmp_path, ALLOW_SMALLER_PLAN="true")
    world.engine.faults = [oom()]
    assert "video" in await world.handler(a_job(store))
    assert [plan.offload for plan in world.engine.plans] == [False, True]
    assert world.engine.recoveries == 1

    world.engine.faults = [oom(), oom(), oom()]
    answer = await world.handler(a_job(store, "run_2"))
    assert world.error_of(answer) == "gpu_out_of_memory" and answer["refresh_worker"] is True
    assert len(world.engine.faults) == 1 and world.engine.recoveries == 3


async def test_without_a_smaller_plan_nothing_is_rendered_again(store: FakeStore, tmp_path: Path) -> None:
    world = World(store, tmp_path, ALLOW_SMALLER_PLAN="true")
    world.engine.faults = [oom()]
    world.engine.has_smaller_plan = False
    assert world.error_of(await world.handler(a_job(store))) == "gpu_out_of_memory"
    assert len(world.engine.plans) == 1


async def test_a_gpu_that_cannot_be_freed_renders_no_more(world: World) -> None:
    world.engine.faults = ["hang"]
    world.engine.recover_fault = RuntimeError("CUDA")
    await stop_at(world, world.engine.hanging.is_set)
    answer = await world.handler(a_job(world.store, "run_2"))
    assert world.error_of(answer) == "gpu_failed" and answer["refresh_worker"] is True
    assert world.runtime.state == "broken" and len(world.engine.plans) == 1


async def test_a_failed_run_whose_gpu_cannot_be_freed_replaces_the_worker(world: World) -> None:
    world.engine.faults = [ValueError()]
    world.engine.recover_fault = RuntimeError("CUDA")
    answer = await world.handler(a_job(world.store))
    assert world.error_of(answer) == "gpu_failed" and answer["refresh_worker"] is True


@pytest.mark.parametrize(
    ("fault", "code", "refresh"),
    [
        (WorkerError("models_unavailable", "Not there."), "models_unavailable", False),
        (WorkerError("models_invalid", "No hash."), "models_invalid", False),
        (RuntimeError(SECRET), "model_load_failed", True),
        (OSError(errno.ENOSPC, SECRET), "disk_full", True),
    ],
)
async def test_models_that_do_not_load_end_the_run(world: World, fault: Exception, code: str, refresh: bool) -> None:
    world.engine.load_faults = [fault]
    answer = await world.handler(a_job(world.store))
    assert world.error_of(answer) == code and answer["refresh_worker"] is refresh
    assert SECRET not in str(answer) and world.runtime.state == "broken"
    assert "video" in await world.handler(a_job(world.store, "run_2"))


async def test_a_shutdown_ends_the_run_with_stopped_and_takes_no_other(world: World) -> None:
    world.engine.faults = ["hang"]
    task = asyncio.create_task(world.handler(a_job(world.store)))
    await until(world.engine.hanging.is_set)
    began = time.monotonic()
    world.handler.shut_down()
    drained = asyncio.create_task(world.handler.drained())
    answer = await task
    assert world.error_of(answer) == "stopped" and json.loads(answer["error"])["retryable"] is True
    assert time.monotonic() - began < 2
    await drained
    assert world.error_of(await world.handler(a_job(world.store, "run_2"))) == "stopped"
    assert world.store.seen("claims/run_2") == [] and world.left_over() == []


async def test_info_answers_while_the_models_load(world: World) -> None:
    info = {"id": "a", "input": {"v": 1, "op": "info"}}
    assert (await world.handler(info))["state"] == "cold"
    world.engine.may_load.clear()
    world.runtime.begin()
    answer = await world.handler(info)
    assert answer["state"] == "loading" and "gpu" not in answer
    world.engine.may_load.set()
    await until(lambda: world.runtime.state == "ready")
    answer = await world.handler(info)
    assert is_valid("output", answer) and answer["gpu"]["name"] == "Scripted"


async def test_prepare_waits_for_the_models_and_renders_nothing(world: World) -> None:
    answer = await world.handler({"id": "a", "input": {"v": 1, "op": "prepare"}})
    assert is_valid("output", answer) and answer["bytes"] == 38
    assert world.runtime.state == "ready" and world.engine.plans == []


async def test_no_secret_is_told_or_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.store.faults["image"] = [500, "reset", "truncate"]
    world.store.faults["videos/run_2"] = [403]
    with caplog.at_level(logging.DEBUG):
        answers = [await world.handler(a_job(world.store, f"run_{number}")) for number in (1, 2, 3)]
    told = json.dumps(answers + world.progress) + caplog.text
    assert SECRET not in told and "127.0.0.1" not in told and str(world.temp_dir) not in told


async def test_the_log_names_the_run_and_the_request(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await world.handler(a_job(world.store, requestId="req_1"))
    assert "run run_1 of request req_1 began as RunPod's job" in caplog.text
