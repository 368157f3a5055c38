"""The platform as the worker sees it: it hands out jobs, is told how they go, and stops them."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "canary-platform-key"
TOKEN = "canary-platform-token"
_POLL_SECONDS = 20


class FakeControlPlane(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._jobs: Queue[dict[str, Any]] = Queue()
        self._stops: Queue[str] = Queue()
        self.over = threading.Event()
        self.lock = threading.Condition()
        #: (job id, body, time) in the order in which they came.
        self.posts: list[tuple[str, dict[str, Any], float]] = []
        self.taken: list[str] = []
        self.pinged: list[str] = []
        self.keys: set[str | None] = set()
        #: Statuses for the next requests for a job.
        self.take_faults: list[int] = []
        #: Statuses for the next reports of progress; these do not count as ``posts``.
        self.progress_faults: list[int] = []

    def environment(self, pod: str) -> dict[str, str]:
        base = f"http://127.0.0.1:{self.server_address[1]}/v2/endpoint"
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=L40S&token={TOKEN}",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=L40S&token={TOKEN}",
            "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID",
            "RUNPOD_PING_INTERVAL": "1000",
            "RUNPOD_POD_ID": pod,
            "RUNPOD_AI_API_KEY": KEY,
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
        }

    def submit(self, job: dict[str, Any]) -> str:
        self._jobs.put(job)
        return str(job["id"])

    def stop(self, job_id: str) -> None:
        self._stops.put(job_id)

    def results(self, job_id: str) -> list[dict[str, Any]]:
        return [body for job, body, _ in self.posts if job == job_id and body.get("status") != "IN_PROGRESS"]

    def progress(self, job_id: str) -> list[dict[str, Any]]:
        posts = [body for job, body, _ in self.posts if job == job_id and body.get("status") == "IN_PROGRESS"]
        return [body["output"] for body in posts]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        """Fails if the condition does not hold in time."""
        with self.lock:
            assert self.lock.wait_for(condition, seconds), self.posts

    def next_of(self, queue: "Queue[Any]") -> Any:
        ends_at = time.monotonic() + _POLL_SECONDS
        while time.monotonic() < ends_at and not self.over.is_set():
            try:
                return queue.get(timeout=0.1)
            except Empty:
                continue
        return None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that was killed leaves its long polls."""


@contextmanager
def fake_control_plane() -> Iterator[FakeControlPlane]:
    plane = FakeControlPlane()
    threading.Thread(target=plane.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield plane
    finally:
        plane.over.set()
        plane.shutdown()
        plane.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FakeControlPlane
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        plane, parts = self.server, urlsplit(self.path)
        kind = parts.path.split("/")[3]
        plane.keys.add(self.headers.get("Authorization"))
        if kind == "ping":
            with plane.lock:
                plane.pinged += parse_qs(parts.query).get("job_id", [])
                plane.lock.notify_all()
            return self._answer(200, {})
        if kind == "job-stop":
            job_id = plane.next_of(plane._stops)
            return self._answer(200, {"jobsToStop": [job_id]}) if job_id else self._answer(204)
        assert kind == "job-take", kind
        assert parse_qs(parts.query)["job_in_progress"][0] in "01"
        if plane.take_faults:
            return self._answer(plane.take_faults.pop(0), {})
        job = plane.next_of(plane._jobs)
        if job is None:
            return self._answer(204)
        with plane.lock:
            plane.taken.append(job["id"])
        return self._answer(200, job)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        job_id = urlsplit(self.path).path.split("/")[5]
        if body.get("status") == "IN_PROGRESS" and self.server.progress_faults:
            return self._answer(self.server.progress_faults.pop(0), {})
        # Before the answer, which lets the worker go on to its next post.
        with self.server.lock:
            self.server.posts.append((job_id, body, time.monotonic()))
            self.server.lock.notify_all()
        return self._answer(200, {})

    def _answer(self, status: int, body: object = None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass
