"""The folder of a run, and what a disk that is full or broken ends a run with."""

import errno
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from avatar_worker.errors import WorkerError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_log = logging.getLogger(__name__)


def is_full(error: BaseException) -> bool:
    """Whether the error says that a disk or a quota has no space left."""
    return isinstance(error, OSError) and error.errno in _FULL


@contextmanager
def disk_faults() -> Iterator[None]:
    """Keeps faults of the disk apart from those of the network. Raises ``disk_full``, ``internal``."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise WorkerError("disk_full", "The disk of the worker is full.") from None
        raise WorkerError("internal", "The disk of the worker failed.") from None


def sync_folder(folder: Path) -> None:
    """Returns once what was renamed into the folder, or out of it, outlives a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def run_folder(parent: Path | None) -> Iterator[Path]:
    """A private folder; nothing of one run outlives it. Raises ``disk_full``, ``internal``."""
    with disk_faults():
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            _log.error("the folder of a run could not be removed")
