import json
import subprocess
import sys
from pathlib import Path

import pytest

from avatar_worker import selfcheck
from avatar_worker.settings import read_settings

HOSTS = {"ALLOWED_HOSTS": "store.example"}


def a_tool(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_machine_with_its_tools_has_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_tool(tmp_path, "ffmpeg", "echo ' V libx264 '; echo ' A aac '")
    a_tool(tmp_path, "ffprobe", "true")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert selfcheck.problems(read_settings({**HOSTS, "TEMP_DIR": str(tmp_path)})) == []


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings({**HOSTS, "TEMP_DIR": str(tmp_path / "missing")})
    monkeypatch.setenv("PATH", str(tmp_path))
    found = selfcheck.problems(settings)
    assert "ffmpeg is not installed" in found and "ffprobe is not installed" in found
    assert "the folder for temporary files cannot be written to" in found
    a_tool(tmp_path, "ffmpeg", "echo ' A aac '")
    a_tool(tmp_path, "ffprobe", "true")
    assert "ffmpeg has no libx264" in selfcheck.problems(settings)


def test_the_report_names_wrong_settings_and_repeats_none() -> None:
    facts = selfcheck.report({"ENGINE": "canary"})
    assert facts["ok"] is False and "ENGINE" in str(facts["problems"])
    assert "canary" not in str(facts) and facts["packages"]["runpod"]


def test_the_model_code_is_needed_by_its_engine_only() -> None:
    assert "torch" in selfcheck.report({"ENGINE": "infinitetalk"})["packages"]
    assert "torch" not in selfcheck.report({"ENGINE": "stub"})["packages"]


def test_the_command_prints_json_and_its_exit_code_tells_the_rest(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "ENGINE": "stub"}
    command = [sys.executable, "-m", "avatar_worker.selfcheck"]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "ffmpeg is not installed" in json.loads(ended.stdout)["problems"]


def test_everything_but_the_engine_imports_without_torch_and_runpod() -> None:
    code = "import sys; sys.modules['torch'] = sys.modules['runpod'] = None\n"
    code += "import avatar_worker.__main__, avatar_worker.selfcheck"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
