"""Starts the worker: settings, engine, and the loop of RunPod's SDK. The only file that imports it."""

import asyncio
import importlib
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, MutableMapping
from types import FrameType
from typing import Final, Protocol

from avatar_worker import __version__, logs
from avatar_worker.engines.base import Engine
from avatar_worker.errors import WorkerError
from avatar_worker.handler import JobHandler, make_handler
from avatar_worker.rendering import Render
from avatar_worker.runtime import Runtime
from avatar_worker.selfcheck import problems
from avatar_worker.settings import Settings, SettingsError, read_settings
from avatar_worker.transfer import Transfer

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
#: The SDK looks into its queue ten times a second.
_QUEUE_SECONDS: Final = 0.3
_log = logging.getLogger(__name__)


class _SdkLogger(Protocol):
    def log(self, message: object, message_level: str = ..., job_id: str | None = ...) -> None: ...


def main() -> int:
    """Returns the exit code."""
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        logs.configure("INFO")
        _log.error("%s", error)
        return 2
    try:
        engine: Engine = importlib.import_module(f"avatar_worker.engines.{settings.engine}").make_engine(settings)
        render: Render = importlib.import_module("avatar_worker.pipeline").render_video
    except Exception as error:
        logs.configure(settings.log_level)
        _log.error(
            "the engine cannot be made: %s",
            error.code if isinstance(error, WorkerError) else logs.where(error),
        )
        return 2
    return serve(settings, engine, render)


def serve(settings: Settings, engine: Engine, render: Render) -> int:
    """Takes jobs until SIGTERM or SIGINT. Returns the exit code."""
    logs.configure(settings.log_level)
    quiet_sdk(os.environ, settings.log_level)
    sys.argv = sys.argv[:1]  # the SDK reads options that print more, or serve without a key
    # Its log level is read while it is imported.
    runpod = importlib.import_module("runpod")
    redact_sdk_log(runpod.RunPodLogger)
    runpod.serverless.register_fitness_check(lambda: _refuse(problems(settings)))
    runtime = Runtime(engine)
    transfer = Transfer(settings.allowed_hosts)
    handler = make_handler(
        runtime,
        render,
        transfer,
        settings,
        runpod.serverless.progress_update,
        bytes_at_start=lambda: int(getattr(engine, "bytes_at_start", 0)),
    )
    _log.info("avatar-worker %s, engine %s, profile %s", __version__, engine.name, settings.profile)
    code = 0
    try:
        runpod.serverless.start(
            {"handler": handler.__call__, "concurrency_modifier": once(lambda: _on_loop(runtime, handler))}
        )
    except asyncio.CancelledError:
        _log.info("the worker ends")
    except Exception as error:
        _log.error("the worker fails: %s", logs.where(error))
        code = 1
    if runtime.state == "loading":
        _leave_at_once(code)
    return code


def quiet_sdk(env: MutableMapping[str, str], level: str) -> None:
    """Its debug level, which is its default, prints links with keys in them and every answer."""
    env["RUNPOD_LOG_LEVEL"] = level
    env.pop("RUNPOD_DEBUG_LEVEL", None)
    # With a port, the SDK serves jobs to everybody instead of taking them from the queue.
    env.pop("RUNPOD_REALTIME_PORT", None)
    for name in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        env[name] = "1"


def redact_sdk_log(logger: type[_SdkLogger]) -> None:
    """``logger`` is the SDK's class: at every level it prints links of the failed requests it made."""
    original = logger.log

    def log(self: _SdkLogger, message: object, message_level: str = "INFO", job_id: str | None = None) -> None:
        original(self, logs.without_queries(str(message)), message_level, job_id)

    logger.log = log  # type: ignore[method-assign]


def once(begin: Callable[[], None]) -> Callable[[int], int]:
    """The SDK asks for its concurrency on its loop, after it made the process that pings: only then may
    threads start and the signals be ours. The answer is always one job at a time."""
    begun: list[bool] = []

    def concurrency(_: int) -> int:
        if not begun:
            begun.append(True)
            begin()
        return 1

    return concurrency


def _on_loop(runtime: Runtime, handler: JobHandler) -> None:
    loop = asyncio.get_running_loop()
    endings: list[asyncio.Task[None]] = []
    previous = {number: signal.getsignal(number) for number in _SIGNALS}

    def end(number: signal.Signals) -> None:
        handler.shut_down()
        of_sdk = previous[number]
        if callable(of_sdk):
            no_frame: FrameType | None = None
            of_sdk(number, no_frame)
        if not endings:
            endings.append(loop.create_task(_leave_when_idle(handler)))

    for number in _SIGNALS:
        loop.add_signal_handler(number, end, number)
    runtime.begin()


async def _leave_when_idle(handler: JobHandler) -> None:
    """The SDK would wait for its long polls, longer than a container that is stopped lives."""
    await asyncio.sleep(_QUEUE_SECONDS)
    await handler.drained()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def _refuse(found: list[str]) -> None:
    if found:
        raise RuntimeError("; ".join(found))


def _leave_at_once(code: int) -> None:
    # A load cannot be interrupted, and Python waits for the threads of its pools.
    for child in multiprocessing.active_children():
        child.terminate()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
