"""Models come whole or not at all."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import FileServer, file_server

from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.models.download import Downloader
from avatar_worker.models.manifest import ModelFile
from avatar_worker.stop import Stop

CONTENT = os.urandom(3_000_000)
COMMIT = "a" * 40
FILE = ModelFile("org/model", COMMIT, "part/weights.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as running:
        running.files[f"/org/model/resolve/{COMMIT}/part/weights.bin"] = CONTENT
        yield running


class Download:
    """Of ``FILE`` into a folder."""

    def __init__(self, server: FileServer, folder: Path, token: str | None = None) -> None:
        self.stop = Stop(60)
        self.target = folder / "org" / "weights.bin"
        self.part = self.target.with_name("weights.bin.part")
        self.heard: list[int] = []
        self._downloader = Downloader(server.url, token, self.stop, pause_seconds=0)

    def run(self) -> None:
        self._downloader.fetch(FILE, self.target, self.heard.append)

    def fail(self) -> str:
        with pytest.raises(WorkerError) as error:
            self.run()
        assert not self.target.exists()
        return error.value.code


def test_a_file_is_in_place_once_it_is_whole(server: FileServer, tmp_path: Path) -> None:
    download = Download(server, tmp_path)
    download.run()
    assert download.target.read_bytes() == CONTENT
    assert sum(download.heard) == len(CONTENT) and not download.part.exists()


def test_a_download_that_is_cut_goes_on_where_it_broke_off(server: FileServer, tmp_path: Path) -> None:
    download = Download(server, tmp_path)
    server.faults = [1_000_000, 500_000]
    download.run()
    assert download.target.read_bytes() == CONTENT
    assert server.ranges[0] is None and None not in server.ranges[1:]
    assert sum(download.heard) == len(CONTENT)


def test_a_worker_that_is_killed_leaves_what_the_next_goes_on_with(server: FileServer, tmp_path: Path) -> None:
    download = Download(server, tmp_path)
    download.part.parent.mkdir(parents=True)
    download.part.write_bytes(CONTENT[:2_000_000])
    download.run()
    assert server.ranges == ["bytes=2000000-"]
    assert download.target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "left", [b"x" * 1_000_000, b"x" * 4_000_000, b"x" * len(CONTENT)], ids=["less", "more", "as many"]
)
def test_other_bytes_than_those_of_the_file_are_thrown_away(server: FileServer, tmp_path: Path, left: bytes) -> None:
    download = Download(server, tmp_path)
    download.part.parent.mkdir(parents=True)
    download.part.write_bytes(left)
    download.run()
    assert download.target.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_anew(server: FileServer, tmp_path: Path) -> None:
    download = Download(server, tmp_path)
    server.takes_ranges = False
    server.faults = [1_000_000]
    download.run()
    assert download.target.read_bytes() == CONTENT
    assert sum(download.heard) == len(CONTENT)


def test_a_file_with_another_sha256_is_never_in_place(server: FileServer, tmp_path: Path) -> None:
    server.files[f"/org/model/resolve/{COMMIT}/part/weights.bin"] = b"x" * len(CONTENT)
    download = Download(server, tmp_path)
    assert download.fail() == "models_unavailable"
    assert not download.part.exists()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_file_that_is_not_served_is_asked_for_once(server: FileServer, tmp_path: Path, status: int) -> None:
    server.faults = [-status]
    assert Download(server, tmp_path).fail() == "models_unavailable"
    assert len(server.ranges) == 1


def test_errors_that_pass_are_tried_again(server: FileServer, tmp_path: Path) -> None:
    server.faults = [-500, -503, -429]
    Download(server, tmp_path).run()
    assert len(server.ranges) == 4


def test_the_token_stays_with_its_server(server: FileServer, tmp_path: Path) -> None:
    with file_server() as other:
        other.files = server.files
        server.faults = [other.url.replace("127.0.0.1", "localhost")]
        Download(server, tmp_path, token="secret").run()
        assert server.tokens == ["Bearer secret"] and other.tokens == [None]


def test_a_full_disk_is_told(server: FileServer, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("NOT RUN: /dev/full is not here")
    download = Download(server, tmp_path)
    download.part.parent.mkdir(parents=True)
    download.part.symlink_to("/dev/full")
    assert download.fail() == "disk_full"


def test_a_stopped_download_keeps_what_it_has(server: FileServer, tmp_path: Path) -> None:
    stop, target = Stop(60), tmp_path / "weights.bin"
    with pytest.raises(Cancelled):
        Downloader(server.url, None, stop).fetch(FILE, target, lambda _: stop.set())
    assert not target.exists()
    assert 0 < target.with_name("weights.bin.part").stat().st_size < len(CONTENT)
