"""``python -m avatar_worker.models``: which weights there are, and making them ready."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from avatar_worker.errors import WorkerError
from avatar_worker.models.download import HUGGING_FACE
from avatar_worker.models.manifest import BUNDLED, read_manifest, require_pinned
from avatar_worker.models.pin import pin
from avatar_worker.models.store import make_store
from avatar_worker.profiles import choose_profile
from avatar_worker.settings import SettingsError, read_settings
from avatar_worker.stop import Stop

_USAGE: Final = """usage: python -m avatar_worker.models <command>
  pin [manifest.json]    fills in revisions, sizes and hashes; needs internet
  check [manifest.json]  whether all of them are there
  prepare                downloads and merges the models of PROFILE into MODEL_DIR
  status                 whether they are ready there
"""
_DAY: Final = 24 * 3600.0


def main(args: Sequence[str]) -> int:
    """Returns the exit code."""
    if args not in (["prepare"], ["status"]) and not (1 <= len(args) <= 2 and args[0] in ("pin", "check")):
        sys.stderr.write(_USAGE)
        return 2
    try:
        if args[0] in ("pin", "check"):
            return _check(Path(args[1]) if len(args) == 2 else BUNDLED, is_pin=args[0] == "pin")
        return _prepare(is_status=args[0] == "status")
    except (WorkerError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _check(manifest: Path, *, is_pin: bool) -> int:
    if is_pin:
        pin(manifest, os.environ.get("HF_ENDPOINT", HUGGING_FACE), os.environ.get("HF_TOKEN"))
    files = read_manifest(manifest)
    require_pinned(files)
    size = sum(file.bytes or 0 for file in files)
    # Target: a first download within ten minutes.
    sys.stdout.write(f"{len(files)} files are pinned, {size / 1e9:.2f} GB in all.\n")
    sys.stdout.write(f"To download them in 10 min takes {size / 600e6:.0f} MB/s.\n")
    return 0


def _prepare(*, is_status: bool) -> int:
    settings = read_settings({"ALLOWED_HOSTS": "models.invalid", **os.environ})
    store = make_store(settings, choose_profile(settings.profile, settings.profile_overrides).lora)
    prepared = store.find() if is_status else store.ensure(_Printer(), Stop(_DAY))
    if prepared is None:
        sys.stdout.write(f"The models of the profile {settings.profile} are not prepared.\n")
        return 1
    # Target: a start that reads all of it within a minute.
    size = prepared.bytes
    sys.stdout.write(f"The models of the profile {settings.profile} are ready; a start reads {size / 1e9:.2f} GB.\n")
    sys.stdout.write(f"To read that in 60 s takes {size / 60e6:.0f} MB/s.\n")
    return 0


class _Printer:
    """A line for every twentieth part."""

    def __init__(self) -> None:
        self._last = ("", -1)

    def __call__(self, phase: str, done: float) -> None:
        now = (phase, int(done * 20))
        if now != self._last:
            self._last = now
            sys.stdout.write(f"{phase}: {done:.0%}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
