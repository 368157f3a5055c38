"""Makes the models ready: where they are already, or else downloaded, merged and published as one."""

import hashlib
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from avatar_worker.disk import is_full, sync_folder
from avatar_worker.engines.base import OnReady
from avatar_worker.errors import WorkerError
from avatar_worker.models.download import HUGGING_FACE, Downloader
from avatar_worker.models.lock import FolderLock
from avatar_worker.models.manifest import ModelFile, read_manifest, require_pinned
from avatar_worker.models.merge import Lora, merge
from avatar_worker.models.recipe import LORA_SCALE, Step, find_lora, make_steps, name_variant
from avatar_worker.settings import Settings
from avatar_worker.stop import Stop

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 4
_WAIT_SECONDS: Final = 2.0
_BLOCK: Final = 1 << 20
#: Written last: a folder without it is not ready.
READY: Final = "READY.json"


@dataclass(frozen=True)
class Prepared:
    """A folder that can be loaded."""

    folder: Path
    #: That a start reads of it.
    bytes: int


class ModelStore:
    """Several workers may share ``root``; one of them fills it."""

    def __init__(
        self,
        root: Path,
        files: Sequence[ModelFile],
        lora: str,
        make_downloader: Callable[[Stop], Downloader],
        worker_id: str,
        *,
        cached: Path | None = None,
        verify_hashes: bool = False,
        free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> None:
        """``cached``: a prepared folder that is only read, such as a model that RunPod keeps on its hosts."""
        self.root = root
        self._steps = make_steps(files)
        self.lora = find_lora(files, lora)
        self._variant = name_variant(files, lora)
        self.make_downloader = make_downloader
        self._worker_id = worker_id
        self._cached = cached
        self._verify_hashes = verify_hashes
        self._free_bytes = free_bytes
        self._wait_seconds = wait_seconds

    @property
    def folder(self) -> Path:
        """Where it is published."""
        return self.root / "prepared" / self._variant

    def find(self) -> Prepared | None:
        """What is ready, if anything is: the cached folder first, then the volume's."""
        for folder in (self._cached, self.folder):
            if folder and (folder / READY).exists():
                problem = self._find_problem(folder)
                if problem is None:
                    size = sum((folder / step.output).stat().st_size for step in self._steps if step.is_read_at_start)
                    return Prepared(folder, size)
                _log.error("the prepared models are not used: %s", problem)
        return None

    def ensure(self, on_ready: OnReady, stop: Stop) -> Prepared:
        """Prepares the models unless they are ready, or waits until another worker has.

        Raises ``WorkerError`` ``models_unavailable``, ``models_invalid``, ``disk_full``, and as ``stop.check``.
        """
        if found := self.find():
            return found
        require_pinned([self.lora, *(step.source for step in self._steps)])
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(self.root / "prepare.lock", self._worker_id)
            while not lock.try_acquire():
                on_ready("download", self._read_progress())
                stop.wait(self._wait_seconds)
                if found := self.find():
                    return found
            try:
                # Whoever had the lock before may have finished.
                if not (found := self.find()):
                    self._prepare(lock, on_ready, stop)
                    found = self.find()
            finally:
                lock.release()
        except OSError as error:
            if not is_full(error):
                raise
            raise WorkerError("disk_full", "The volume has too little space for the models.") from None
        if not found:
            raise WorkerError("models_unavailable", "The models were prepared and are not usable.")
        return found

    def _find_problem(self, folder: Path) -> str | None:
        try:
            ready = json.loads((folder / READY).read_text())
            if ready["variant"] != self._variant:
                return "they are of another version"
            for step in self._steps:
                facts, path = ready["files"][step.output], folder / step.output
                if path.stat().st_size != facts["bytes"]:
                    return f"{step.output} has another size"
                if self._verify_hashes and _hash(path, lambda: None) != facts["sha256"]:
                    return f"{step.output} has another sha256"
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"they are not whole: {type(error).__name__}"
        return None

    def _prepare(self, lock: FolderLock, on_ready: OnReady, stop: Stop) -> None:
        if self.folder.exists():
            # Not usable as it is: what of it is right is kept.
            (self.folder / READY).unlink(missing_ok=True)
            shutil.rmtree(self.part, ignore_errors=True)
            self.folder.rename(self.part)
        self.part.mkdir(parents=True, exist_ok=True)
        done = {step.output: facts for step in self._steps if (facts := self._recall(step, stop))}
        left = [step for step in self._steps if step.output not in done]
        self._require_space(left)
        _Work(self, left, done, on_ready, stop).run()
        if not lock.is_ours():
            raise WorkerError("models_unavailable", "Another worker took over the preparation of the models.")
        ready = {"variant": self._variant, "lora": self.lora.lora, "files": done}
        _write(self.part / READY, ready)
        sync_folder(self.part)
        self.part.rename(self.folder)
        sync_folder(self.folder.parent)
        shutil.rmtree(self.sources, ignore_errors=True)
        (self.root / "progress.json").unlink(missing_ok=True)

    @property
    def part(self) -> Path:
        """Where it is put together."""
        return self.folder.with_name(f"{self._variant}.part")

    @property
    def sources(self) -> Path:
        """Downloads, until they are merged or moved."""
        return self.root / "source"

    def _recall(self, step: Step, stop: Stop) -> dict[str, Any] | None:
        """What is recorded of an output that is there."""
        path = self.part / step.output
        try:
            facts: dict[str, Any] = json.loads(_record_of(path).read_text())
            if facts["source"] != step.source.sha256 or path.stat().st_size != facts["bytes"]:
                return None
            if _hash(path, stop.check) != facts["sha256"]:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return facts

    def _require_space(self, left: Sequence[Step]) -> None:
        outputs = sum((step.source.bytes or 0) // (2 if step.merge else 1) for step in left)
        largest = sorted((step.source.bytes or 0 for step in left if step.merge), reverse=True)
        need = outputs + sum(largest[:_AT_ONCE]) + (self.lora.bytes or 0)
        there = sum(file.stat().st_size for file in self.sources.rglob("*") if file.is_file())
        free = self._free_bytes(self.root) + there
        if left and free < need:
            raise WorkerError(
                "disk_full", f"The volume needs {need / 1e9:.1f} GB for the models and has {free / 1e9:.1f} GB free."
            )

    def _read_progress(self) -> float:
        try:
            return float(json.loads((self.root / "progress.json").read_text())["done"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0


def make_store(settings: Settings, lora: str) -> ModelStore:
    """As the operator configures it. Raises ``WorkerError`` ``models_invalid`` for a manifest with gaps."""
    files = read_manifest()
    require_pinned([file for file in files if file.lora in (None, lora)])
    endpoint, token = os.environ.get("HF_ENDPOINT", HUGGING_FACE), os.environ.get("HF_TOKEN")
    return ModelStore(
        settings.model_dir,
        files,
        lora,
        lambda stop: Downloader(endpoint, token, stop),
        settings.worker_id,
        cached=settings.cached_model_dir,
        verify_hashes=settings.verify == "full",
    )


class _Work:
    """One preparation: downloads and merges, several files at once; each is recorded, so that none is done twice."""

    def __init__(
        self,
        store: ModelStore,
        left: Sequence[Step],
        done: dict[str, dict[str, Any]],
        on_ready: OnReady,
        stop: Stop,
    ) -> None:
        self._store = store
        self._left = left
        self._done = done
        self._on_ready = on_ready
        self._stop = stop
        self._failed = threading.Event()
        self._guard = threading.Lock()
        self._total = max(1, sum(step.source.bytes or 0 for step in left) + (store.lora.bytes or 0))
        self._count = len(left) + len(done)
        self._came = 0
        self._told = 0.0

    def run(self) -> None:
        lora_path = self._store.sources / self._store.lora.name
        downloader = self._store.make_downloader(self._stop)
        if not lora_path.exists():
            downloader.fetch(self._store.lora, lora_path, self._on_bytes)
        lora = Lora(lora_path, LORA_SCALE)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="prepare") as threads:
            works = [threads.submit(self._make, step, lora, downloader) for step in self._left]
        for work in works:
            if (error := work.exception()) and not isinstance(error, _GivenUpError):
                raise error
        changed = {name for facts in self._done.values() for name in facts.get("changed", ())}
        if lora.targets - changed or not lora.targets:
            raise WorkerError("models_invalid", "The distilled weights have parts that are not for this model.")

    def _make(self, step: Step, lora: Lora, downloader: Downloader) -> None:
        try:
            self._check()
            source, output = self._store.sources / step.source.name, self._store.part / step.output
            output.parent.mkdir(parents=True, exist_ok=True)
            if not source.exists():
                downloader.fetch(step.source, source, self._on_bytes)
            facts: dict[str, Any] = {"source": step.source.sha256}
            if step.merge:
                part = output.with_name(f"{output.name}.part")
                facts["changed"] = sorted(merge(source, part, lora, self._check))
                facts |= {"bytes": part.stat().st_size, "sha256": _hash(part, self._check)}
                part.replace(output)
            else:
                facts |= {"bytes": step.source.bytes, "sha256": step.source.sha256}
            _write(_record_of(output), facts)
            if step.merge:
                source.unlink()
            else:
                source.replace(output)
            with self._guard:
                self._done[step.output] = facts
                if self._came >= self._total:
                    self._on_ready("prepare", len(self._done) / self._count)
        except BaseException:
            self._failed.set()
            raise

    def _check(self) -> None:
        self._stop.check()
        if self._failed.is_set():
            raise _GivenUpError

    def _on_bytes(self, count: int) -> None:
        self._check()
        with self._guard:
            self._came += count
            done = max(0.0, min(1.0, self._came / self._total))
            if done < 1:
                self._on_ready("download", done)
            if done - self._told >= 0.01:
                self._told = done
                _write(self._store.root / "progress.json", {"done": round(done, 3)})


class _GivenUpError(Exception):
    """Another file failed."""


def _record_of(output: Path) -> Path:
    return output.with_name(f"{output.name}.record.json")


def _write(path: Path, document: Any) -> None:  # noqa: ANN401 - JSON
    part = path.with_name(f"{path.name}.part")
    with part.open("w") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _hash(path: Path, check: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            check()
            digest.update(block)
    return digest.hexdigest()
