"""The models are made ready once, whoever starts and whatever breaks."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from file_server import FileServer, file_server
from model_files import ADAPTER, COMMIT, CONTENTS, FILES, WAN, read_bfloat16, serve

from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.models import store as store_module
from avatar_worker.models.__main__ import main
from avatar_worker.models.download import Downloader
from avatar_worker.models.manifest import read_manifest
from avatar_worker.models.recipe import make_steps, name_variant
from avatar_worker.models.store import READY, ModelStore
from avatar_worker.stop import Stop

HERE = Path(__file__).parent


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as running:
        serve(running)
        yield running


def make_store(root: Path, url: str, lora: str = "lightx2v", **options: Any) -> ModelStore:
    files = options.pop("files", FILES)
    return ModelStore(
        root,
        files,
        lora,
        lambda stop: Downloader(url, None, stop, pause_seconds=0),
        "worker",
        wait_seconds=0.02,
        **options,
    )


def ensure(store: ModelStore, stop: Stop | None = None) -> list[tuple[str, float]]:
    told: list[tuple[str, float]] = []
    store.ensure(lambda phase, done: told.append((phase, done)), stop or Stop(60))
    return told


def test_the_published_files_become_one_folder_that_a_start_reads(server: FileServer, tmp_path: Path) -> None:
    store = make_store(tmp_path, server.url)
    assert store.find() is None
    told = ensure(store)
    prepared = store.find()
    assert prepared and prepared.folder == tmp_path / "prepared" / name_variant(FILES, "lightx2v")
    assert sorted(
        str(path.relative_to(prepared.folder)) for path in prepared.folder.rglob("*[!n]") if path.is_file()
    ) == [
        "clip/models_clip_tiny.pth",
        "dit/00001-of-00002.safetensors",
        "dit/00002-of-00002.safetensors",
        "dit/adapter.safetensors",
        "t5/models_t5_umt5-xxl-enc-bf16.pth",
        "vae/Wan2.1_VAE.pth",
        "wav2vec/model.safetensors",
    ]
    assert (prepared.folder / "vae/Wan2.1_VAE.pth").read_bytes() == CONTENTS[WAN, "Wan2.1_VAE.pth"]
    adapter = read_bfloat16(prepared.folder / "dit/adapter.safetensors")["blocks.0.audio.weight"]
    assert np.abs(adapter / ADAPTER["blocks.0.audio.weight"].astype(np.float32) - 1).max() <= 2**-8
    # The text encoder is read only for a new prompt.
    whole = sum(path.stat().st_size for path in prepared.folder.rglob("*.*") if "record" not in path.name)
    assert 0 < prepared.bytes < whole - 5000
    assert not (tmp_path / "source").exists() and not (tmp_path / "prepare.lock").exists()
    phases = [phase for phase, _ in told]
    assert phases == sorted(phases) and set(phases) == {"download", "prepare"}
    assert told[-1] == ("prepare", 1.0)


def test_what_is_ready_is_neither_downloaded_nor_hashed_again(server: FileServer, tmp_path: Path) -> None:
    ensure(make_store(tmp_path, server.url))
    asked = len(server.ranges)
    # The other LoRA is not needed, and is not downloaded.
    assert asked == len(FILES) - 1
    assert ensure(make_store(tmp_path, server.url)) == []
    assert len(server.ranges) == asked


def test_a_cached_folder_comes_first_and_is_never_written_to(server: FileServer, tmp_path: Path) -> None:
    ensure(make_store(tmp_path / "volume", server.url))
    volume = make_store(tmp_path / "volume", server.url).folder
    cached = volume.rename(tmp_path / "cached")
    before = {path: path.stat().st_mtime_ns for path in cached.rglob("*")}
    store = make_store(tmp_path / "volume", "http://127.0.0.1:1", cached=cached)
    assert store.ensure(lambda *_: None, Stop(5)).folder == cached
    assert {path: path.stat().st_mtime_ns for path in cached.rglob("*")} == before
    assert not store.folder.exists()


def test_two_processes_that_start_at_once_download_each_file_once(server: FileServer, tmp_path: Path) -> None:
    workers = [run_script(tmp_path, server.url, "store.ensure(lambda *_: None, Stop(60))") for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert len(server.ranges) == len(FILES) - 1
    assert make_store(tmp_path, server.url, verify_hashes=True).find()


@pytest.mark.parametrize(
    ("crash", "done"),
    [
        ("store_module._Work.run = lambda self: os._exit(9)", 0),
        ("count(3, store_module._write)", None),
        ("count(9, store_module._write)", None),
        ("store_module.sync_folder = lambda folder: os._exit(9)", 9),
        ("Path.rename = lambda self, other: os._exit(9)", 9),
    ],
)
def test_after_a_crash_what_was_done_is_not_done_again(
    server: FileServer, tmp_path: Path, crash: str, done: int | None
) -> None:
    worker = run_script(tmp_path, server.url, crash + "\nstore.ensure(lambda *_: None, Stop(60))")
    assert worker.wait(60) == 9
    recorded = {path.name.removesuffix(".record.json") for path in tmp_path.rglob("*.record.json")}
    outputs = {step.output.rpartition("/")[2]: step for step in make_steps(FILES)}
    kept = {
        f"/{outputs[name].source.repo}/resolve/{COMMIT}/{outputs[name].source.path}"
        for name in recorded
        if list(tmp_path.rglob(f"prepared/*/*/{name}")) or list(tmp_path.rglob(f"prepared/*/*/google/umt5-xxl/{name}"))
    }
    assert done in (None, len(kept))
    (tmp_path / "prepare.lock").unlink(missing_ok=True)  # Its owner is gone; test_lock.py shows how that is found out.
    for path in kept:
        del server.files[path]
    ensure(make_store(tmp_path, server.url))
    assert make_store(tmp_path, server.url, verify_hashes=True).find()


def run_script(root: Path, url: str, code: str) -> subprocess.Popen[bytes]:
    script = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(HERE)!r})
from test_store import make_store
from avatar_worker.models import store as store_module
from avatar_worker.stop import Stop

def count(calls, original):
    left = [calls]
    def write(*args):
        left[0] -= 1
        if left[0] == 0:
            os._exit(9)
        original(*args)
    store_module._write = write

store = make_store(Path({str(root)!r}), {url!r})
{code}
"""
    return subprocess.Popen([sys.executable, "-c", script])


def test_a_damaged_file_is_made_anew_and_the_others_stay(server: FileServer, tmp_path: Path) -> None:
    store = make_store(tmp_path, server.url)
    ensure(store)
    (store.folder / "vae/Wan2.1_VAE.pth").write_bytes(b"short")
    asked = len(server.ranges)
    assert store.find() is None
    ensure(store)
    assert (store.folder / "vae/Wan2.1_VAE.pth").read_bytes() == CONTENTS[WAN, "Wan2.1_VAE.pth"]
    # The file, and the LoRA, of which it is only known afterwards that nothing needs it.
    assert len(server.ranges) == asked + 2


def test_a_changed_file_of_the_same_size_is_found_by_its_hash(server: FileServer, tmp_path: Path) -> None:
    store = make_store(tmp_path, server.url)
    ensure(store)
    shard = store.folder / "dit/00001-of-00002.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    assert store.find()
    careful = make_store(tmp_path, server.url, verify_hashes=True)
    assert careful.find() is None
    ensure(careful)
    assert careful.find()


@pytest.mark.parametrize("ready", ["", "{}", "[]", '{"variant": "another"}', "not json"])
def test_a_folder_that_does_not_say_that_it_is_ready_is_not_used(
    server: FileServer, tmp_path: Path, ready: str
) -> None:
    store = make_store(tmp_path, server.url)
    ensure(store)
    (store.folder / READY).write_text(ready)
    assert store.find() is None
    ensure(store)
    assert json.loads((store.folder / READY).read_text())["variant"] == name_variant(FILES, "lightx2v")


def fail(store: ModelStore, stop: Stop | None = None) -> WorkerError:
    with pytest.raises(WorkerError) as failure:
        ensure(store, stop)
    assert "/" not in failure.value.detail.replace("/s", "")
    return failure.value


def test_a_volume_that_is_too_small_is_refused_before_a_byte_comes(server: FileServer, tmp_path: Path) -> None:
    error = fail(make_store(tmp_path, server.url, free_bytes=lambda _: 100))
    assert error.code == "disk_full" and "GB" in error.detail
    assert server.ranges == []


def test_gaps_in_the_manifest_are_refused_before_a_byte_comes(server: FileServer, tmp_path: Path) -> None:
    files = [replace(file, sha256=None) if file.path == "config.json" else file for file in FILES]
    with pytest.raises(WorkerError) as failure:
        ensure(make_store(tmp_path, server.url, files=files))
    assert failure.value.code == "models_invalid" and server.ranges == []


def test_distilled_weights_for_another_model_are_refused_and_nothing_is_published(
    server: FileServer, tmp_path: Path
) -> None:
    store = make_store(tmp_path, server.url, lora="fusionx")
    assert fail(store).code == "models_invalid"
    assert store.find() is None


def test_a_file_that_is_gone_ends_the_others_too(server: FileServer, tmp_path: Path) -> None:
    del server.files[f"/{WAN}/resolve/{COMMIT}/Wan2.1_VAE.pth"]
    with pytest.raises(WorkerError) as failure:
        ensure(make_store(tmp_path, server.url))
    assert failure.value.code == "models_unavailable"
    assert not (tmp_path / "prepare.lock").exists()


def test_a_stop_ends_the_preparation_and_the_wait_for_another(server: FileServer, tmp_path: Path) -> None:
    stop = Stop(60)
    store = make_store(tmp_path, server.url)
    with pytest.raises(Cancelled):
        store.ensure(lambda *_: stop.set(), stop)
    (tmp_path / "prepare.lock").write_text("another's")
    waiting = Stop(60)
    with pytest.raises(Cancelled):
        make_store(tmp_path, server.url).ensure(lambda *_: waiting.set(), waiting)
    assert (tmp_path / "prepare.lock").read_text() == "another's"


def test_who_waits_tells_how_far_the_other_is(tmp_path: Path) -> None:
    (tmp_path / "prepare.lock").write_text("another's")
    (tmp_path / "progress.json").write_text('{"done": 0.25}')
    told: list[tuple[str, float]] = []
    stop = Stop(60)

    def on_ready(phase: str, done: float) -> None:
        told.append((phase, done))
        stop.set()

    with pytest.raises(Cancelled):
        make_store(tmp_path, "http://127.0.0.1:1").ensure(on_ready, stop)
    assert told == [("download", 0.25)]


def test_the_name_of_what_is_prepared_changes_with_whatever_goes_into_it() -> None:
    names = Counter([name_variant(FILES, "lightx2v"), name_variant(FILES, "fusionx")])
    for index, file in enumerate(FILES):
        changed = [*FILES]
        changed[index] = replace(file, revision="d" * 40)
        names[name_variant(changed, "lightx2v")] += 1
    # Only the LoRA that is not used changes nothing.
    assert len(names) == 1 + len(FILES)
    assert names[name_variant(FILES, "lightx2v")] == 2


def test_every_file_of_the_bundled_manifest_has_a_place() -> None:
    files = read_manifest()
    outputs = [step.output for step in make_steps(files)]
    assert len(outputs) == len(set(outputs)) == len(files) - 2
    assert {file.lora for file in files if file.lora} == {"lightx2v", "fusionx"}
    assert sum(step.merge for step in make_steps(files)) == 8
    assert {output.partition("/")[0] for output in outputs} == {"dit", "t5", "clip", "vae", "wav2vec"}


def test_the_commands_prepare_the_models_and_say_how_fast_a_volume_must_be(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    assert main(["prepare"]) == 1
    assert "avatar_worker.models pin" in capsys.readouterr().err, "the manifest that is delivered has gaps"
    monkeypatch.setattr(store_module, "read_manifest", lambda: FILES)
    assert main(["status"]) == 1
    assert "not prepared" in capsys.readouterr().out
    assert main(["prepare"]) == 0
    out = capsys.readouterr().out
    assert "download: " in out and "in 60 s takes" in out
    assert main(["status"]) == 0
    assert "are ready" in capsys.readouterr().out
    monkeypatch.setenv("PROFILE", "best")
    assert main(["status"]) == 1
    assert "PROFILE" in capsys.readouterr().err
