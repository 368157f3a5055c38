"""Which files the models consist of, pinned to a revision, a size and a sha256 each."""

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from avatar_worker.errors import WorkerError

BUNDLED: Final = Path(__file__).parent / "manifest.json"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_REPO: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class ModelFile:
    """None stands for what nobody has looked up yet; it is never guessed."""

    repo: str
    #: A commit of the repository.
    revision: str | None
    #: Within the repository.
    path: str
    bytes: int | None
    sha256: str | None
    #: The name of the distilled weights that the file has; every profile uses one of them.
    lora: str | None = None

    @property
    def name(self) -> str:
        """Where it is kept, below the folder of the models."""
        return f"{self.repo}/{self.path}"

    @property
    def is_pinned(self) -> bool:
        """Whether what is downloaded can be verified."""
        return None not in (self.revision, self.bytes, self.sha256)


def read_manifest(path: Path = BUNDLED) -> list[ModelFile]:
    """Raises ``WorkerError`` ``models_invalid`` for a manifest that is not in the form of ours."""
    try:
        return _parse(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        raise WorkerError("models_invalid", "The manifest of the models cannot be read.") from None


def require_pinned(files: list[ModelFile]) -> None:
    """Raises ``WorkerError`` ``models_invalid`` unless every file can be verified."""
    open_ones = [file.name for file in files if not file.is_pinned]
    if open_ones:
        raise WorkerError(
            "models_invalid",
            f"{len(open_ones)} files of the manifest lack a revision, a size or a sha256, first {open_ones[0]}: "
            "run `python -m avatar_worker.models pin` where there is internet.",
        )


def _parse(document: Any) -> list[ModelFile]:  # noqa: ANN401 - whatever JSON there is
    if document["v"] != 1:
        raise ValueError("another version")
    files = [
        ModelFile(repo["repo"], repo["revision"], file["path"], file["bytes"], file["sha256"], file.get("lora"))
        for repo in document["repos"]
        for file in repo["files"]
    ]
    for file in files:
        _check(file)
    if len({file.name for file in files}) != len(files):
        raise ValueError("a file stands there twice")
    return files


def _check(file: ModelFile) -> None:
    parts = PurePosixPath(file.path)
    if not _REPO.fullmatch(file.repo) or parts.is_absolute() or ".." in parts.parts or str(parts) != file.path:
        raise ValueError("a path that leads elsewhere")
    if file.revision is not None and not _COMMIT.fullmatch(file.revision):
        raise ValueError("a revision is a commit")
    if file.sha256 is not None and not _SHA256.fullmatch(file.sha256):
        raise ValueError("not a sha256")
    if file.bytes is not None and (type(file.bytes) is not int or file.bytes < 0):
        raise ValueError("not a size")
