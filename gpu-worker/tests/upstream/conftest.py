"""The model's real code with tiny random weights, on a CPU.

Needs torch and the other packages of ``requirements-gpu.lock``, and ``INFINITETALK_DIR``: a checkout at the commit.
"""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
NEEDED = ("torch", "safetensors", "transformers", "diffusers", "soundfile", "pyloudnorm")
lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if not os.environ.get("INFINITETALK_DIR"):
    lacking.append("INFINITETALK_DIR")
#: Without torch the modules cannot even be imported.
collect_ignore_glob = ["test_*.py"] if lacking else []


def pytest_report_header() -> str:
    if lacking:
        return f"SKIPPED: tests/upstream, which drive the model's own code, need {', '.join(lacking)}"
    return f"tests/upstream drive the code in {os.environ['INFINITETALK_DIR']} if asked for with -m upstream"


if not lacking:
    from tiny import TinyModel, make_tiny_model

    @pytest.fixture(scope="session")
    def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyModel]:
        with make_tiny_model(tmp_path_factory.mktemp("models"), Path(os.environ["INFINITETALK_DIR"])) as model:
            yield model

    @pytest.fixture
    def engine(tiny: TinyModel, tmp_path: Path) -> Any:
        made = tiny.engine(prompts=tmp_path / "prompts")
        made.load(lambda _phase, _done: None)
        return made
