"""A worker with the scripted engine, as a process. Its script is in SCRIPT: names of faults, with commas."""

import os
import sys

from fake_store import SECRET
from scripted_engine import ScriptedEngine, render_frames

from avatar_worker.__main__ import serve
from avatar_worker.errors import WorkerError
from avatar_worker.settings import read_settings

FAULTS: dict[str, Exception | str] = {
    "ok": "ok",
    "hang": "hang",
    "oom": WorkerError("gpu_out_of_memory", "The GPU has too little memory for the run."),
    "crash": RuntimeError(f"https://store.example/a?X-Amz-Signature={SECRET}"),
}

if __name__ == "__main__":
    engine = ScriptedEngine(faults=[FAULTS[name] for name in os.environ["SCRIPT"].split(",")])
    if os.environ.get("LOADS") == "forever":
        engine.may_load.clear()
    sys.exit(serve(read_settings(os.environ), engine, render_frames))
