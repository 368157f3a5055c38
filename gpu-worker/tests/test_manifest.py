"""What the models consist of."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from avatar_worker.errors import WorkerError
from avatar_worker.models.manifest import BUNDLED, ModelFile, read_manifest, require_pinned

PINNED = ModelFile("org/model", "a" * 40, "weights.bin", 5, "b" * 64)


def write(target: Path, **changes: Any) -> Path:
    file = {"path": "weights.bin", "bytes": 5, "sha256": "b" * 64}
    repo = {"repo": "org/model", "revision": "a" * 40, "files": [file]}
    for name, value in changes.items():
        (file if name in file else repo)[name] = value
    target.write_text(json.dumps({"v": 1, "repos": [repo]}))
    return target


def test_a_manifest_is_read(tmp_path: Path) -> None:
    assert read_manifest(write(tmp_path / "a")) == [PINNED]
    require_pinned([PINNED])


def test_ours_names_every_file_and_invents_nothing() -> None:
    files = read_manifest(BUNDLED)
    assert sum("diffusion_pytorch_model-0000" in file.path for file in files) == 7
    assert {file.is_pinned for file in files} <= {True, False}
    if not all(file.is_pinned for file in files):
        with pytest.raises(WorkerError) as error:
            require_pinned(files)
        assert error.value.code == "models_invalid" and "pin" in error.value.detail


@pytest.mark.parametrize(
    "file", [replace(PINNED, revision=None), replace(PINNED, bytes=None), replace(PINNED, sha256=None)]
)
def test_what_cannot_be_verified_is_refused(file: ModelFile) -> None:
    with pytest.raises(WorkerError):
        require_pinned([PINNED, file])


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "../weights"},
        {"path": "/weights"},
        {"path": "a//b"},
        {"repo": "../model"},
        {"repo": "model"},
        {"revision": "main"},
        {"sha256": "b"},
        {"bytes": "5"},
        {"bytes": -1},
        {"bytes": True},
    ],
)
def test_a_manifest_that_leads_elsewhere_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(WorkerError) as error:
        read_manifest(write(tmp_path / "a", **changes))
    assert error.value.code == "models_invalid"


def test_what_is_no_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("[]")
    for path in (tmp_path / "a", tmp_path / "missing"):
        with pytest.raises(WorkerError):
            read_manifest(path)
