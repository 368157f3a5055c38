"""What the benchmark prints, for `packages/plan`, which reads it. The numbers of the example are invented."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import avatar_worker

EXAMPLE = json.loads((Path(__file__).parent / "bench.example.json").read_text())
ENGINE = Path(avatar_worker.__file__).parent / "engines/infinitetalk/engine.py"


def keys(value: Any) -> Any:
    """Of all objects within, in their order."""
    if isinstance(value, dict):
        return [(key, keys(inner)) for key, inner in value.items()]
    return [keys(inner) for inner in value] if isinstance(value, list) else None


def test_the_example_has_the_keys_that_the_benchmark_prints() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "avatar_worker.bench", "--seconds", "1", "--videos", "3", "--price", "0.5"],
        env={"PATH": os.environ["PATH"], "ENGINE": "stub"},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    # The stub has no GPU; the test below is about that part.
    assert keys(json.loads(done.stdout)) == keys({**EXAMPLE, "gpu": None})


def test_the_example_tells_of_the_gpu_what_the_model_does() -> None:
    # Read and not imported, as it needs torch.
    gpu = next(
        node
        for node in ast.walk(ast.parse(ENGINE.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name == "gpu"
    )
    told = next(node for node in ast.walk(gpu) if isinstance(node, ast.Dict))
    assert [ast.literal_eval(key) for key in told.keys if key] == list(EXAMPLE["gpu"])
