"""Two workers that start at once."""

import os
import subprocess
import sys
import time
from pathlib import Path

from avatar_worker.models.lock import STALE_SECONDS, FolderLock


def test_one_of_two_has_the_lock_until_it_is_released(tmp_path: Path) -> None:
    first, second = (FolderLock(tmp_path / "lock", name) for name in ("a", "b"))
    assert first.try_acquire() and not second.try_acquire()
    second.release()
    assert first.is_ours()
    first.release()
    assert second.try_acquire()
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_a_dead_owner_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("somebody")
    lock = FolderLock(path, "b")
    assert not lock.try_acquire()
    long_ago = time.time() - STALE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert lock.try_acquire() and lock.is_ours()
    lock.release()


def test_a_heartbeat_keeps_the_lock(tmp_path: Path) -> None:
    path, now = tmp_path / "lock", [time.time()]
    first, second = (FolderLock(path, name, now=lambda: now[0]) for name in ("a", "b"))
    assert first.try_acquire()
    now[0] += STALE_SECONDS - 1
    assert first.beat()
    now[0] += STALE_SECONDS - 1
    assert not second.try_acquire()
    now[0] += 2
    assert second.try_acquire()
    assert not first.beat() and not first.is_ours()
    first.release()
    assert second.is_ours()
    second.release()


PROGRAM = """
import sys
from pathlib import Path
from avatar_worker.models.lock import FolderLock
path, counter = Path(sys.argv[1]), Path(sys.argv[2])
taken = 0
while taken < 50:
    lock = FolderLock(path, "w")
    if lock.try_acquire():
        counter.write_text(str(int(counter.read_text()) + 1))
        taken += 1
        lock.release()
"""


def test_processes_never_have_the_lock_at_once(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    args = [sys.executable, "-c", PROGRAM, str(tmp_path / "lock"), str(counter)]
    processes = [subprocess.Popen(args) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert counter.read_text() == "200"
