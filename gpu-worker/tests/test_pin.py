"""`python -m avatar_worker.models`, against a server with Hugging Face's addresses."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from file_server import FileServer, file_server

from avatar_worker.models.__main__ import main
from avatar_worker.models.manifest import read_manifest

SHA = "c" * 40
SMALL, LARGE = b'{"a": 1}', "d" * 64


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    with file_server() as running:
        siblings: list[dict[str, Any]] = [
            {"rfilename": "config.json", "size": len(SMALL)},
            {"rfilename": "weights.bin", "size": 70_000_000_000, "lfs": {"sha256": LARGE, "size": 70_000_000_000}},
        ]
        about = json.dumps({"sha": SHA, "siblings": siblings}).encode()
        running.files["/api/models/org/model/revision/refs%2Fpr%2F1?blobs=true"] = about
        running.files[f"/org/model/resolve/{SHA}/config.json"] = SMALL
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", "secret")
        yield running


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    files = [{"path": path, "bytes": None, "sha256": None} for path in ("config.json", "weights.bin")]
    repo = {"repo": "org/model", "branch": "refs/pr/1", "revision": None, "files": files}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"v": 1, "repos": [repo]}))
    return path


def test_pin_fills_in_what_the_server_says(
    server: FileServer, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(manifest)]) == 1
    assert "pin" in capsys.readouterr().err
    assert main(["pin", str(manifest)]) == 0
    out = capsys.readouterr().out
    assert "70.00 GB" in out and "117 MB/s" in out
    small, large = read_manifest(manifest)
    assert (small.revision, small.bytes, small.sha256) == (SHA, len(SMALL), hashlib.sha256(SMALL).hexdigest())
    assert (large.bytes, large.sha256) == (70_000_000_000, LARGE)
    assert set(server.tokens) == {"Bearer secret"}
    assert main(["check", str(manifest)]) == 0


@pytest.mark.parametrize("fault", ["no such repository", "no such file", "another size", "no answer"])
def test_what_cannot_be_looked_up_leaves_the_manifest_as_it_was(
    server: FileServer, manifest: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = manifest.read_bytes()
    if fault == "no such repository":
        server.files.clear()
    elif fault == "no such file":
        manifest.write_text(before.decode().replace("weights.bin", "other.bin"))
        before = manifest.read_bytes()
    elif fault == "another size":
        server.files[f"/org/model/resolve/{SHA}/config.json"] = b"{}"
    else:
        server.faults = [-503]
    assert main(["pin", str(manifest)]) == 1
    assert manifest.read_bytes() == before
    assert capsys.readouterr().err.startswith("org/model ")


def test_ours_is_not_pinned_yet_and_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    if main(["check"]) == 1:
        assert "avatar_worker.models pin" in capsys.readouterr().err


def test_other_words_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2 and main(["fly"]) == 2
    assert "usage" in capsys.readouterr().err
