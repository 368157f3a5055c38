import logging
import threading
from collections.abc import Iterator

import pytest

from avatar_worker import logs
from avatar_worker.__main__ import once, quiet_sdk, redact_sdk_log


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, threading.excepthook
    yield
    root.handlers[:], threading.excepthook = handlers, hook
    root.setLevel(level)


def test_the_sdk_never_logs_at_its_debug_level_nor_opens_a_port() -> None:
    env = {"RUNPOD_LOG_LEVEL": "DEBUG", "RUNPOD_DEBUG_LEVEL": "TRACE", "RUNPOD_REALTIME_PORT": "80", "A": "b"}
    quiet_sdk(env, "WARN")
    assert env["RUNPOD_LOG_LEVEL"] == "WARN" and env["A"] == "b"
    assert "RUNPOD_DEBUG_LEVEL" not in env and "RUNPOD_REALTIME_PORT" not in env


def test_what_the_sdk_logs_has_no_queries() -> None:
    lines: list[tuple[object, str, str | None]] = []

    class Logger:
        def log(self, message: object, message_level: str = "INFO", job_id: str | None = None) -> None:
            lines.append((message, message_level, job_id))

    redact_sdk_log(Logger)
    Logger().log("failed: url='https://api.example/take/1?key=canary&gpu=a' again", "ERROR", "job")
    assert lines == [("failed: url='https://api.example/take/1?...' again", "ERROR", "job")]


def test_the_worker_begins_once_and_takes_one_job_at_a_time() -> None:
    begun: list[int] = []
    concurrency = once(lambda: begun.append(1))
    assert [concurrency(5), concurrency(1)] == [1, 1] and begun == [1]


def test_the_log_says_where_something_failed_and_not_with_what(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    try:
        raise ValueError("/secret/path?canary=1")
    except ValueError:
        logging.getLogger("asyncio").exception("Task failed: https://a.example/b?canary=2")
    logging.getLogger("avatar_worker").debug("not at this level")
    printed = capsys.readouterr().err
    assert printed.startswith("ERROR Task failed: https://a.example/b?...: ValueError at test_main.py:")
    assert "canary" not in printed and "/secret" not in printed and printed.count("\n") == 1


def test_a_thread_that_fails_leaves_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARN")

    def fail() -> None:
        raise ValueError("canary")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    printed = capsys.readouterr().err
    assert "ValueError at test_main.py:" in printed
    assert "canary" not in printed and "Traceback" not in printed


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert logs.where(KeyError("canary")) == "KeyError at an unknown place"
