"""The image's entry point, as root, which is what RunPod starts it as."""

import os
import subprocess
from pathlib import Path

import pytest

ENTRYPOINT = Path(__file__).parent.parent / "entrypoint.sh"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_the_worker_is_not_root_and_may_write_its_models(tmp_path: Path) -> None:
    models = tmp_path / "volume" / "models"
    told = subprocess.run(
        [ENTRYPOINT, "sh", "-c", 'id -u; id -g; echo "$HOME"'],
        env={**os.environ, "MODEL_DIR": str(models)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert told.stdout.split() == ["1000", "1000", "/home/worker"]
    assert models.stat().st_uid == 1000
