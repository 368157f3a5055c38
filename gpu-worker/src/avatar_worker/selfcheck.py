"""``python -m avatar_worker.selfcheck``: whether this machine can be a worker, its GPU and models aside."""

import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from avatar_worker import __version__
from avatar_worker.settings import Settings, SettingsError, read_settings

_MODULES: Final = (
    "bench",
    "claim",
    "handler",
    "messages",
    "models.store",
    "progress",
    "protocol",
    "runtime",
    "settings",
    "transfer",
)
_PACKAGES: Final = ("numpy", "pillow", "runpod")
_GPU_PACKAGES: Final = ("torch", "torchvision", "transformers", "diffusers", "safetensors", "soundfile", "pyloudnorm")
_ENCODERS: Final = ("libx264", "aac")


def problems(settings: Settings) -> list[str]:
    """What keeps the worker from working; empty if all is well."""
    found = [f"{name} is not installed" for name in ("ffmpeg", "ffprobe") if shutil.which(name) is None]
    if not found:
        encoders = _output_of("ffmpeg", "-hide_banner", "-encoders").split()
        found = [f"ffmpeg has no {name}" for name in _ENCODERS if name not in encoders]
    try:
        with tempfile.TemporaryFile(dir=settings.temp_dir) as file:
            file.write(b"0")
    except OSError:
        found.append("the folder for temporary files cannot be written to")
    return found


def report(env: Mapping[str, str]) -> dict[str, Any]:
    """Versions and problems; of ``env`` it repeats nothing but the engine."""
    found: list[str] = []
    packages: tuple[str, ...] = _PACKAGES
    modules: tuple[str, ...] = _MODULES
    try:
        settings = read_settings({"ALLOWED_HOSTS": "selfcheck.invalid", **env})
        found += problems(settings)
        if settings.engine == "infinitetalk":
            packages += _GPU_PACKAGES
        modules += (f"engines.{settings.engine}", "pipeline")
    except SettingsError as error:
        found.append(str(error))
    if "torch" in packages and not found and not _has_model_code(settings):
        found.append("the model's code is not there, or not at the commit that the worker was made for")
    found += [f"{name} is not installed" for name in packages if _version_of(name) is None]
    found += [f"{name} cannot be imported" for name in modules if not _imports(f"avatar_worker.{name}")]
    return {
        "ok": not found,
        "worker": __version__,
        "python": platform.python_version(),
        "ffmpeg": _output_of("ffmpeg", "-version").partition("\n")[0] or None,
        "packages": {name: _version_of(name) for name in packages},
        "problems": found,
    }


def _has_model_code(settings: Settings) -> bool:
    try:
        importlib.import_module("avatar_worker.engines.infinitetalk.upstream").use_upstream(settings.infinitetalk_dir)
    except Exception:
        return False
    return True


def _output_of(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _imports(module: str) -> bool:
    try:
        importlib.import_module(module)
    except Exception:
        return False
    return True


def main() -> int:
    """Prints JSON; returns the exit code."""
    facts = report(os.environ)
    sys.stdout.write(json.dumps(facts, indent=2) + "\n")
    return 0 if facts["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
