"""A job of RunPod from its input to its answer."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

from avatar_worker.claim import take_run
from avatar_worker.disk import is_full, run_folder
from avatar_worker.engines.base import Engine
from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.logs import where
from avatar_worker.messages import Message, RenderedVideo, generate_output, info_output, prepare_output
from avatar_worker.progress import Progress
from avatar_worker.protocol import GenerateInput, PrepareInput, parse_input
from avatar_worker.rendering import Render, render_twice_at_most
from avatar_worker.runtime import Runtime, finish
from avatar_worker.settings import Settings
from avatar_worker.stop import Stop
from avatar_worker.transfer import Transfer

Job = Mapping[str, Any]
#: As the SDK's ``progress_update``: the job, and what to say about it.
SendProgress = Callable[[Job, Message], None]
Value = TypeVar("Value")

_PREPARE_SECONDS: Final = 3600.0
_LONGEST_SECONDS: Final = 24 * 3600.0
_log = logging.getLogger(__name__)


def make_handler(
    runtime: Runtime,
    render: Render,
    transfer: Transfer,
    settings: Settings,
    send_progress: SendProgress,
    *,
    bytes_at_start: Callable[[], int] = lambda: 0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> "JobHandler":
    """``bytes_at_start``: that a start reads of the models."""
    return JobHandler(runtime, render, transfer, settings, send_progress, bytes_at_start, clock, sleep)


class JobHandler:
    """Called with a job; answers as the SDK wants it. Raises only ``CancelledError``, for a stopped job."""

    def __init__(
        self,
        runtime: Runtime,
        render: Render,
        transfer: Transfer,
        settings: Settings,
        send_progress: SendProgress,
        bytes_at_start: Callable[[], int],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._runtime = runtime
        self._render = render
        self._transfer = transfer
        self._settings = settings
        self._send_progress = send_progress
        self._bytes_at_start = bytes_at_start
        self._clock = clock
        self._sleep = sleep
        self._network = ThreadPoolExecutor(max_workers=1, thread_name_prefix="network")
        self._stops: set[Stop] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_ending = False

    async def __call__(self, job: Job) -> dict[str, Any]:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            return await self._answer(job)
        except Exception as error:
            failure = _as_failure(error)
            _log.warning("the job ended with %s", failure.code)
            return {"error": failure.to_json(), "refresh_worker": failure.refresh}

    def shut_down(self) -> None:
        """Ends all jobs, also those to come, with ``stopped``. To be called on the loop."""
        self._is_ending = True
        for stop in tuple(self._stops):
            stop.set()

    async def drained(self) -> None:
        """Until the SDK has sent the answer of every job: it calls the handler in the task that does."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _answer(self, job: Job) -> Message:
        request = parse_input(job.get("input"))
        if isinstance(request, GenerateInput):
            deadline = min(request.deadline_seconds, _LONGEST_SECONDS)
            return await self._reporting(job, deadline, partial(self._generate, job, request))
        if isinstance(request, PrepareInput):
            return await self._reporting(job, _PREPARE_SECONDS, self._prepare)
        return self._info()

    async def _reporting(self, job: Job, seconds: float, work: Callable[[Stop, Progress], Any]) -> Message:
        progress = Progress(partial(self._send_progress, job), cold=self._runtime.state != "ready", clock=self._clock)
        outcome: Message | Exception
        try:
            with self._stoppable(seconds) as stop:
                outcome = await work(stop, progress)
        except Cancelled:
            outcome = WorkerError("stopped", "The worker is being shut down.")
        except Exception as error:
            outcome = error
        finally:
            progress.end()
        await progress.arrived(self._sleep)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _generate(self, job: Job, request: GenerateInput, stop: Stop, progress: Progress) -> Message:
        began, seconds = self._clock(), dict[str, float]()
        longest = self._settings.max_seconds
        if request.audio_seconds > longest:
            raise WorkerError("audio_too_long", f"The recording lasts longer than {longest:g} s.")
        claim, transfer = request.claim, self._transfer
        for url in (claim.put.url, claim.get_url, request.image.url, request.audio.url, request.video.url):
            transfer.check(url)
        job_id = str(job.get("id"))[:128]
        _log.info("run %s of request %s began as RunPod's job %s", request.run_id, request.request_id, job_id)
        await self._on_network(stop, lambda: take_run(transfer, claim, job_id, self._settings.worker_id, stop))
        with self._timed("ready", seconds):
            await self._runtime.ready(stop, progress.report)
        with run_folder(self._settings.temp_dir) as folder:
            image, audio = folder / "image", folder / "audio"
            with self._timed("fetch", seconds):
                progress.report("fetch", 0)
                await self._on_network(stop, lambda: transfer.fetch(request.image, image, stop))
                await self._on_network(stop, lambda: transfer.fetch(request.audio, audio, stop))

            def on_step(window: int, windows: int, step: int, steps: int) -> None:
                progress.report("render", (window - 1 + step / steps) / windows, window, windows)

            def render_with(engine: Engine, name: str) -> RenderedVideo:
                (folder / name).mkdir()
                return self._render(
                    engine=engine,
                    image=image,
                    audio=audio,
                    audio_seconds=request.audio_seconds,
                    aspect=request.aspect,
                    fit=request.fit,
                    prompt=request.prompt,
                    seed=request.seed,
                    max_seconds=longest,
                    folder=folder / name,
                    on_step=on_step,
                    stop=stop,
                )

            def render() -> tuple[RenderedVideo, dict[str, Any] | None]:
                engine, allow = self._runtime.engine, self._settings.allow_smaller_plan
                distrust = self._runtime.distrust
                made = render_twice_at_most(engine, render_with, allow_smaller_plan=allow, distrust=distrust)
                return made, engine.gpu()

            with self._timed("render", seconds):
                progress.report("render", 0)
                video, gpu = await finish(self._runtime.thread.submit(render), stop.set)
            with self._timed("upload", seconds):
                sent = partial(progress.report, "upload")
                await self._on_network(stop, lambda: transfer.upload(video.path, request.video, stop, sent))
        seconds["total"] = self._clock() - began
        return generate_output(
            request.run_id,
            video,
            engine=self._runtime.engine.name,
            profile=self._settings.profile,
            cold=progress.cold,
            seconds=seconds,
            gpu=gpu,
        )

    async def _prepare(self, stop: Stop, progress: Progress) -> Message:
        began = self._clock()
        await self._runtime.ready(stop, progress.report)
        return prepare_output(self._bytes_at_start(), self._clock() - began)

    def _info(self) -> Message:
        state, engine = self._runtime.state, self._runtime.engine
        return info_output(
            engine=engine.name,
            profile=self._settings.profile,
            state=state,
            max_seconds=self._settings.max_seconds,
            # Asking for it would occupy the GPU while the models come onto it.
            gpu=engine.gpu() if state == "ready" else None,
        )

    async def _on_network(self, stop: Stop, work: Callable[[], Value]) -> Value:
        return await finish(self._network.submit(work), stop.set)

    @contextmanager
    def _stoppable(self, seconds: float) -> Iterator[Stop]:
        stop = Stop(seconds, self._clock)
        self._stops.add(stop)
        try:
            if self._is_ending:
                raise Cancelled
            yield stop
        finally:
            self._stops.discard(stop)

    @contextmanager
    def _timed(self, name: str, seconds: dict[str, float]) -> Iterator[None]:
        began = self._clock()
        yield
        seconds[name] = self._clock() - began


def _as_failure(error: Exception) -> WorkerError:
    if isinstance(error, WorkerError):
        return error
    _log.error("a fault of the worker: %s", where(error))
    if is_full(error):
        return WorkerError("disk_full", "The disk of the worker is full.")
    return WorkerError("internal", "The worker has a fault.")
