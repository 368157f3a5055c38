"""Fills in what the manifest lacks, from the server that has the models. Nothing is guessed."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import requests

from avatar_worker.errors import WorkerError

_TIMEOUT_SECONDS: Final = 30.0
#: Files that are no LFS objects have no sha256 there; they are small, and are read.
_MAX_SMALL_BYTES: Final = 64 * 1024 * 1024


def pin(manifest: Path, endpoint: str, token: str | None) -> int:
    """Writes revisions, sizes and sha256 into ``manifest``. A revision that is there stays. Returns how many files.

    Raises ``WorkerError`` ``models_unavailable``, with the manifest untouched.
    """
    document = json.loads(manifest.read_text())
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    count = 0
    try:
        for repo in document["repos"]:
            count += _pin_repo(repo, endpoint.rstrip("/"), headers)
    except (requests.RequestException, KeyError, TypeError, ValueError) as error:
        raise WorkerError(
            "models_unavailable", f"{repo['repo']} cannot be looked up: {type(error).__name__}."
        ) from None
    part = manifest.with_name(f"{manifest.name}.part")
    part.write_text(json.dumps(document, indent=2) + "\n")
    part.replace(manifest)
    return count


def _pin_repo(repo: dict[str, Any], endpoint: str, headers: dict[str, str]) -> int:
    name = repo["repo"]
    revision = repo["revision"] or repo.get("branch", "main")
    url = f"{endpoint}/api/models/{name}/revision/{quote(revision, safe='')}?blobs=true"
    answer = requests.get(url, headers=headers, timeout=_TIMEOUT_SECONDS)
    answer.raise_for_status()
    facts = answer.json()
    listed = {entry["rfilename"]: entry for entry in facts["siblings"]}
    repo["revision"] = facts["sha"]
    for file in repo["files"]:
        entry = listed.get(file["path"])
        if entry is None:
            raise WorkerError("models_unavailable", f"{name} has no {file['path']} at that revision.")
        file["bytes"] = int(entry["size"])
        lfs = entry.get("lfs")
        file["sha256"] = lfs["sha256"] if lfs else _read(f"{endpoint}/{name}/resolve/{facts['sha']}", file, headers)
    return len(repo["files"])


def _read(base: str, file: dict[str, Any], headers: dict[str, str]) -> str:
    if file["bytes"] > _MAX_SMALL_BYTES:
        raise ValueError("too large to be no LFS object")
    answer = requests.get(f"{base}/{quote(file['path'])}", headers=headers, timeout=_TIMEOUT_SECONDS)
    answer.raise_for_status()
    if len(answer.content) != file["bytes"]:
        raise ValueError("another size than was listed")
    return hashlib.sha256(answer.content).hexdigest()
