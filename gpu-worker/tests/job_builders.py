"""A store with the inputs of a job in it, and a handler for it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fake_store import FakeStore
from scripted_engine import ScriptedEngine, render_frames

from avatar_worker.handler import JobHandler, make_handler
from avatar_worker.runtime import Runtime
from avatar_worker.settings import Settings, read_settings
from avatar_worker.transfer import Transfer

IMAGE = b"an image " * 1000
AUDIO = b"a recording " * 1000
DEADLINE_SECONDS = 10.0


def settings_for(store: FakeStore, temp_dir: Path, **env: str) -> Settings:
    return read_settings({"ENGINE": "stub", "ALLOWED_HOSTS": store.host, "TEMP_DIR": str(temp_dir), **env})


def a_job(store: FakeStore, run: str = "run_1", **changes: object) -> dict[str, Any]:
    """A job of RunPod."""
    claim = store.put(f"claims/{run}", **{"If-None-Match": "*"})
    message = {
        "v": 1,
        "op": "generate",
        "runId": run,
        "image": store.get("image", IMAGE),
        "audio": store.get("audio", AUDIO),
        "aspect": "auto",
        "fit": "crop",
        "seed": 7,
        "audioSeconds": 0.16,
        "deadlineSeconds": DEADLINE_SECONDS,
        "claim": {"put": claim, "get": {"url": claim["url"]}},
        "video": store.put(f"videos/{run}", **{"Content-Type": "video/mp4"}),
    }
    return {"id": f"job-{run}", "input": {**message, **changes}}


class World:
    """All that a handler needs, with its progress recorded."""

    def __init__(self, store: FakeStore, temp_dir: Path, **env: str) -> None:
        self.store = store
        self.temp_dir = temp_dir
        self.engine = ScriptedEngine()
        self.runtime = Runtime(self.engine)
        self.progress: list[dict[str, Any]] = []
        self.send: Callable[[dict[str, Any]], object] = self.progress.append
        self.pauses: list[float] = []
        settings = settings_for(store, temp_dir, **env)
        transfer = Transfer(settings.allowed_hosts, attempts=3, backoff=lambda _: 0.0)
        self.handler: JobHandler = make_handler(
            self.runtime,
            render_frames,
            transfer,
            settings,
            self._send,
            bytes_at_start=lambda: 38,
            sleep=self._pause,
        )

    def _send(self, job: object, message: dict[str, Any]) -> None:
        del job
        self.send(message)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)  # As in a real pause, others get their turn.

    def left_over(self) -> list[Path]:
        return list(self.temp_dir.iterdir())

    def error_of(self, answer: dict[str, Any]) -> str:
        """The code of an answer that is a failure, after its form was checked."""
        assert answer.keys() == {"error", "refresh_worker"}
        error = json.loads(answer["error"])
        assert error.keys() == {"v", "code", "detail", "retryable"}
        assert isinstance(answer["refresh_worker"], bool)
        return str(error["code"])


async def until(condition: Callable[[], bool]) -> None:
    """Fails after ten seconds."""

    async def poll() -> None:
        while not condition():  # noqa: ASYNC110 - conditions of other threads have no event
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), 10)
