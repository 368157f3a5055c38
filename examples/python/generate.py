"""python3 generate.py <portrait> <recording> <video.mp4>, with AVATAR_BASE_URL and AVATAR_API_KEY; Python 3.10 or newer."""

import hashlib
import http.client
import json
import mimetypes
import os
import sys
import time
import uuid
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

ATTEMPTS = 5


class Refused(Exception):
    """What the API said was wrong, and what to do about it."""


def send(request: Request) -> bytes:
    """Sends a request, and again where that may help: nothing here does harm when it is sent twice."""
    for attempt in range(1, ATTEMPTS + 1):
        pause = 2.0**attempt / 2
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.read()
        except HTTPError as error:
            if attempt == ATTEMPTS or (error.code < 500 and error.code != 429):
                raise
            pause = float(error.headers.get("Retry-After", pause))
        except (URLError, http.client.HTTPException, OSError):
            if attempt == ATTEMPTS:
                raise
        time.sleep(pause)
    raise AssertionError("unreachable")


def ask(method: str, path: str, body: object = None, **headers: str) -> dict:
    key = {"Authorization": f"Bearer {os.environ['AVATAR_API_KEY']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        url = os.environ["AVATAR_BASE_URL"] + path
        return json.loads(send(Request(url, data, {**key, **headers}, method=method)))
    except HTTPError as error:
        raise told(json.load(error)) from error


def told(problem: dict) -> Refused:
    return Refused(f"{problem['detail']} {problem.get('hint', '')} ({problem['code']})")


def upload(path: Path) -> str:
    data = path.read_bytes()
    content_type, _ = mimetypes.guess_type(path.name, strict=False)
    sha256 = hashlib.sha256(data).hexdigest()
    link = ask("POST", "/v1/uploads", {"contentType": content_type, "bytes": len(data), "sha256": sha256})
    try:
        send(Request(link["url"], data, link["headers"], method=link["method"]))
    except HTTPError as error:
        if error.code != 412:  # It is there: the answer to the first try was lost.
            raise
    return link["id"]


def wait(job: dict) -> None:
    while job["status"] in ("queued", "starting", "running"):
        print(f"Job {job['id']}: {job['status']} {job.get('progress', '')}", flush=True)
        # Is answered when the job changes, or after 30 s.
        job = ask("GET", f"/v1/jobs/{job['id']}?wait=30&after={job['version']}")
    if job["status"] == "failed":
        raise told(job["error"])
    if job["status"] != "succeeded":
        raise Refused(f"The job is {job['status']}.")


def download(job_id: str, path: Path) -> None:
    result = ask("GET", f"/v1/jobs/{job_id}/result")
    data = send(Request(result["url"]))  # A signed link, which needs no key.
    if hashlib.sha256(data).hexdigest() != result["video"]["sha256"]:
        raise Refused("The video was damaged on its way. Start the program again.")
    path.write_bytes(data)
    print(f"Saved {path}: {len(data)} bytes, SHA-256 checked")


def main(portrait: str, recording: str, output: str) -> None:
    inputs = {"image": upload(Path(portrait)), "audio": upload(Path(recording))}
    # Sent twice with the same key, it is one job and one bill all the same.
    job = ask("POST", "/v1/jobs", inputs, **{"Idempotency-Key": str(uuid.uuid4())})
    wait(job)
    download(job["id"], Path(output))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("Usage: python3 generate.py <portrait> <recording> <video.mp4>")
    try:
        main(*sys.argv[1:])
    except (Refused, OSError) as error:
        sys.exit(str(error))
