"""The benchmark for the first machine with a GPU, without one."""

import json
import os
import subprocess
import sys
from typing import Any


def bench(*args: str, **env: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "avatar_worker.bench", *args],
        env={"PATH": os.environ["PATH"], "ENGINE": "stub", **env},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_it_prints_what_each_phase_took_and_what_a_second_of_video_costs() -> None:
    options = json.dumps({"step_seconds": 0.01, "load_seconds": 0.1})
    done = bench("--seconds", "4", "--videos", "2", "--price", "0.5", STUB_ENGINE=options)
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["v"], facts["engine"], facts["profile"]) == (0, 1, "stub", "fast")
    first, second = facts["videos"]
    assert (first["windows"], first["steps"], first["nativeWidth"], first["nativeHeight"]) == (2, 4, 896, 448)
    assert facts["medianSeconds"] == second["totalSeconds"]
    parts = second["beforeFirstStepSeconds"] + second["afterLastStepSeconds"] + 6 * second["meanStepSeconds"]
    assert 0 < parts <= second["totalSeconds"] + 0.01
    assert second["meanStepSeconds"] >= 0.01 and facts["load"]["seconds"] >= 0.1
    assert facts["dollarsPerVideo"] == round(facts["medianSeconds"] * 0.5, 6)
    assert facts["dollarsPerVideoSecond"] == round(facts["medianSeconds"] / 4 * 0.5, 6)
    assert facts["gpu"] is None


def test_without_a_price_it_names_none() -> None:
    facts = json.loads(bench("--seconds", "1", "--videos", "1").stdout)
    assert facts["dollarsPerVideo"] is None and facts["dollarsPerVideoSecond"] is None


def test_what_it_cannot_do_it_says() -> None:
    assert "at least 0.5 seconds" in bench("--seconds", "0").stderr
    failed = bench(PROFILE="best")
    assert failed.returncode == 1 and "PROFILE" in failed.stderr and failed.stdout == ""
