"""``python -m avatar_worker.models pin``: looks up what the manifest lacks. To be run where there is internet."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from avatar_worker.errors import WorkerError
from avatar_worker.models.manifest import BUNDLED, read_manifest, require_pinned
from avatar_worker.models.pin import pin

_USAGE = "usage: python -m avatar_worker.models pin|check [manifest.json]"


def main(args: Sequence[str]) -> int:
    """``check`` says whether all is pinned. Returns the exit code."""
    if not 1 <= len(args) <= 2 or args[0] not in ("pin", "check"):
        sys.stderr.write(f"{_USAGE}\n")
        return 2
    manifest = Path(args[1]) if len(args) == 2 else BUNDLED
    try:
        if args[0] == "pin":
            endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
            pin(manifest, endpoint, os.environ.get("HF_TOKEN"))
        files = read_manifest(manifest)
        require_pinned(files)
    except WorkerError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1
    size = sum(file.bytes or 0 for file in files)
    sys.stdout.write(f"{len(files)} files are pinned, {size / 1e9:.2f} GB in all.\n")
    # Targets: a first download within ten minutes, a start that reads all of it within one.
    sys.stdout.write(f"To download it in 10 min takes {size / 600e6:.0f} MB/s; to read it in 60 s {size / 60e6:.0f}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
