"""A file from a server to the disk: resumed where it broke off, verified, and in place only when it is whole."""

import errno
import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

import requests

from avatar_worker.disk import sync_folder
from avatar_worker.errors import WorkerError
from avatar_worker.models.manifest import ModelFile
from avatar_worker.stop import Stop

log = logging.getLogger(__name__)

HUGGING_FACE: Final = "https://huggingface.co"
#: A block that is cut off is lost.
_BLOCK: Final = 1 << 18
#: To connect, and without a byte.
_TIMEOUTS: Final = (10.0, 60.0)
_ATTEMPTS: Final = 6


class Downloader:
    """Downloads from a server with Hugging Face's addresses. ``token`` is sent to that server alone."""

    def __init__(self, endpoint: str, token: str | None, stop: Stop, *, pause_seconds: float = 2.0) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._stop = stop
        self._pause_seconds = pause_seconds

    def fetch(self, file: ModelFile, target: Path, on_bytes: Callable[[int], None]) -> None:
        """Puts a pinned file at ``target``.

        ``on_bytes`` hears of the bytes that came, and of a negative number when what was there had to go.
        Raises ``WorkerError`` ``models_unavailable``, ``disk_full``, and what ``stop.check`` raises.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._continue(file, part, on_bytes)
                self._verify(file, part, on_bytes)
                part.replace(target)
                sync_folder(target.parent)
                return
            except (requests.RequestException, _BrokenFileError) as error:
                log.warning("%s: attempt %d broke off: %s", file.name, attempt, type(error).__name__)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise WorkerError("disk_full", "The volume has too little space for the models.") from None
            self._stop.wait(self._pause_seconds * (2 ** (attempt - 1)))
        raise WorkerError("models_unavailable", f"{file.name} could not be downloaded.")

    def _continue(self, file: ModelFile, part: Path, on_bytes: Callable[[int], None]) -> None:
        have = part.stat().st_size if part.exists() else 0
        if have == file.bytes:
            return
        url = f"{self._endpoint}/{file.repo}/resolve/{file.revision}/{quote(file.path)}"
        # The revision is a commit, so what continues is the same file; its sha256 is compared in the end all the same.
        headers = {**self._headers, "Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
        # requests drops the token when a redirect leads to another host.
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUTS) as response:
            if response.status_code in (401, 403, 404):
                raise WorkerError("models_unavailable", f"{file.name} is not served: HTTP {response.status_code}.")
            if response.status_code == 416:
                on_bytes(-have)
                part.unlink()
                raise _BrokenFileError
            response.raise_for_status()
            resumed = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
                f"bytes {have}-"
            )
            if have and not resumed:
                on_bytes(-have)
            with part.open("ab" if resumed else "wb") as out:
                for block in response.iter_content(_BLOCK):
                    self._stop.check()
                    out.write(block)
                    on_bytes(len(block))
                out.flush()
                os.fsync(out.fileno())

    def _verify(self, file: ModelFile, part: Path, on_bytes: Callable[[int], None]) -> None:
        size = part.stat().st_size
        if file.bytes is not None and size < file.bytes:
            raise _BrokenFileError
        digest = hashlib.sha256()
        with part.open("rb") as whole:
            while block := whole.read(_BLOCK):
                self._stop.check()
                digest.update(block)
        if size != file.bytes or digest.hexdigest() != file.sha256:
            on_bytes(-size)
            part.unlink()
            log.error("%s has another sha256 than the manifest says", file.name)
            raise _BrokenFileError


class _BrokenFileError(Exception):
    """What came is not the whole file."""
