"""Our loader, patches and loop with the model's real code."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import FAST, SIZE, TinyModel, make_request

from avatar_worker.engines.infinitetalk import upstream as upstream_module
from avatar_worker.engines.infinitetalk.engine import InfiniteTalkEngine
from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.stop import Stop

pytestmark = pytest.mark.upstream


def render(engine: InfiniteTalkEngine, request: Any, stop: Stop | None = None) -> tuple[list[Any], list[Any]]:
    steps: list[tuple[int, ...]] = []
    windows = list(engine.render(request, lambda *step: steps.append(step), stop or Stop(600)))
    return windows, steps


def test_one_window_reports_each_step_and_yields_the_frames_of_the_plan(
    engine: InfiniteTalkEngine, tmp_path: Path
) -> None:
    windows, steps = render(engine, make_request(tmp_path, frames=30, windows=1))
    assert [window.shape for window in windows] == [(30, SIZE, SIZE, 3)]
    assert windows[0].dtype == np.uint8
    assert steps == [(1, 1, 1, 2), (1, 1, 2, 2)]
    assert engine.gpu() is None
    assert engine.bytes_at_start > 0


def test_three_windows_come_one_after_the_other_and_continue_each_other(
    engine: InfiniteTalkEngine, tmp_path: Path
) -> None:
    request = make_request(tmp_path, frames=170, windows=3)
    seen: list[Any] = []
    windows: list[Any] = []
    for frames in engine.render(request, lambda *step: seen.append(step), Stop(600)):
        windows.append(frames)
        seen.append(len(frames))
    # A window is handed over before the next one begins: that bounds the memory.
    assert seen == [(1, 3, 1, 2), (1, 3, 2, 2), 81, (2, 3, 1, 2), (2, 3, 2, 2), 72, (3, 3, 1, 2), (3, 3, 2, 2), 17]
    assert np.isfinite(np.concatenate(windows)).all()


def test_the_same_seed_gives_the_same_video_and_another_seed_another(
    engine: InfiniteTalkEngine, tmp_path: Path
) -> None:
    first, _ = render(engine, make_request(tmp_path, frames=100, windows=2))
    again, _ = render(engine, make_request(tmp_path, frames=100, windows=2))
    other, _ = render(engine, make_request(tmp_path, frames=100, windows=2, seed=2))
    assert np.array_equal(np.concatenate(first), np.concatenate(again))
    assert not np.array_equal(np.concatenate(first), np.concatenate(other))


def test_the_mouth_follows_the_sound_so_another_recording_gives_another_video(
    engine: InfiniteTalkEngine, tmp_path: Path
) -> None:
    request = make_request(tmp_path, frames=40, windows=1)
    spoken, _ = render(engine, request)
    bytes_of = request.audio.read_bytes()
    request.audio.write_bytes(bytes_of[:44] + bytes(len(bytes_of) - 44))
    silent, _ = render(engine, request)
    assert not np.array_equal(spoken[0], silent[0])


def test_a_stop_ends_the_render_before_the_next_block_and_the_next_render_is_whole(
    engine: InfiniteTalkEngine, tmp_path: Path
) -> None:
    request = make_request(tmp_path, frames=100, windows=2, offload=True)
    whole, _ = render(engine, request)
    stop = Stop(600)
    forwards: list[int] = []
    block = engine._models.transformer.blocks[1]

    def stop_within(*_: Any) -> None:
        forwards.append(1)
        if len(forwards) == 3:
            stop.set()

    hook = block.register_forward_hook(stop_within)
    with pytest.raises(Cancelled):
        render(engine, request, stop)
    hook.remove()
    assert len(forwards) == 3
    engine.recover()
    again, _ = render(engine, request)
    assert np.array_equal(np.concatenate(whole), np.concatenate(again))


def test_a_deadline_ends_the_render_in_the_decoder_too(engine: InfiniteTalkEngine, tmp_path: Path) -> None:
    now = [0.0]
    stop = Stop(10, lambda: now[0])
    engine._models.vae.model.decoder.register_forward_hook(lambda *_: now.__setitem__(0, 11.0))
    with pytest.raises(WorkerError, match="deadline"):
        render(engine, make_request(tmp_path, frames=30, windows=1), stop)


def test_blocks_that_come_to_the_gpu_for_each_forward_change_nothing(
    engine: InfiniteTalkEngine, tmp_path: Path
) -> None:
    resident, _ = render(engine, make_request(tmp_path, frames=30, windows=1))
    visiting, _ = render(engine, make_request(tmp_path, frames=30, windows=1, offload=True))
    assert np.array_equal(resident[0], visiting[0])


@pytest.mark.parametrize(("text", "audio", "forwards"), [(1.0, 1.0, 1), (1.0, 2.0, 2), (3.0, 2.0, 3)])
def test_guidance_decides_how_many_forwards_a_step_takes(
    tiny: TinyModel, tmp_path: Path, text: float, audio: float, forwards: int
) -> None:
    engine = tiny.engine(tmp_path / "prompts", replace(FAST, text_guidance=text, audio_guidance=audio))
    engine.load(lambda _phase, _done: None)
    count: list[int] = []
    engine._models.transformer.register_forward_pre_hook(lambda *_: count.append(1))
    render(engine, make_request(tmp_path, frames=30, windows=1))
    assert len(count) == 2 * forwards


def test_a_picture_that_is_none_fails_the_run(engine: InfiniteTalkEngine, tmp_path: Path) -> None:
    torch.nn.init.constant_(engine._models.transformer.head.head.bias, float("nan"))
    with pytest.raises(WorkerError) as failure:
        render(engine, make_request(tmp_path, frames=30, windows=1))
    assert failure.value.code == "render_failed"


def test_another_commit_is_refused_before_anything_is_imported(tmp_path: Path) -> None:
    (tmp_path / "COMMIT").write_text("0" * 40)
    with pytest.raises(WorkerError) as failure:
        upstream_module.use_upstream(tmp_path)
    assert failure.value.code == "model_load_failed"


def test_memory_and_faults_of_the_gpu_have_their_own_codes(engine: InfiniteTalkEngine, tmp_path: Path) -> None:
    request = make_request(tmp_path, frames=30, windows=1)
    for error, code in (
        (torch.OutOfMemoryError("CUDA out of memory"), "gpu_out_of_memory"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "gpu_failed"),
    ):

        def fail(*_: Any, error: Exception = error) -> None:
            raise error

        hook = engine._models.transformer.blocks[2].register_forward_pre_hook(fail)
        with pytest.raises(WorkerError) as failure:
            render(engine, request)
        assert failure.value.code == code
        hook.remove()
        engine.recover()
    render(engine, request)
