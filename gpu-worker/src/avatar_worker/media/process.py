"""Programs that end when the run does."""

import logging
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from avatar_worker.stop import Stop

log = logging.getLogger(__name__)

#: Only what the API takes, and nothing that can name other files (playlists, concat) or leave this machine.
SAFE_INPUT: Final = ("-protocol_whitelist", "file,pipe", "-format_whitelist", "wav,mp3,mov,aac,ogg,flac")
FFMPEG: Final = ("ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y")
_POLL_SECONDS: Final = 0.1


class Program:
    """A process that is gone, killed if need be, when ``running`` ends."""

    def __init__(self, process: "subprocess.Popen[bytes]", stop: Stop, errors: IO[bytes]) -> None:
        self.process = process
        self._stop = stop
        self._errors = errors

    def wait(self) -> int:
        """Its exit code. Raises what ``stop.check`` raises."""
        while True:
            self._stop.check()
            try:
                return self.process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue

    def errors(self) -> str:
        """The end of what it complained of; for the log alone, as it names files."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 2000))
        return self._errors.read().decode(errors="replace")


@contextmanager
def running(args: Sequence[str | Path], stop: Stop, *, feed: bool = False, read: bool = False) -> Iterator[Program]:
    """Runs a program with a pipe to it (``feed``), from it (``read``), or none; kills it once the run is stopped."""
    stop.check()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [str(arg) for arg in args],
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE if read else subprocess.DEVNULL,
            stderr=errors,
        )
        forget = stop.add_listener(process.kill)
        try:
            yield Program(process, stop, errors)
        finally:
            forget()
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    _close(pipe)
            process.wait()


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        log.debug("a pipe was broken before it was closed")
