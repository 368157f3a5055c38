"""How runs end early."""

import threading

import pytest

from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.stop import Stop


def test_nothing_happens_before_the_stop() -> None:
    stop = Stop(10)
    stop.check()
    stop.wait(0)
    assert not stop.is_over()


def test_a_stopped_run_is_cancelled() -> None:
    stop = Stop(10)
    stop.set()
    with pytest.raises(Cancelled):
        stop.check()


def test_a_run_past_its_deadline_says_so() -> None:
    now = [0.0]
    stop = Stop(10, clock=lambda: now[0])
    stop.check()
    now[0] = 10
    assert stop.is_over()
    with pytest.raises(WorkerError) as error:
        stop.check()
    assert error.value.code == "deadline_exceeded"


def test_a_stop_wakes_who_waits() -> None:
    stop = Stop(3600)
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(Cancelled):
            stop.wait(3600)
        ended.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    stop.set()
    assert ended.wait(10)


def test_listeners_hear_of_the_stop_once() -> None:
    stop = Stop(10)
    heard: list[str] = []
    stop.add_listener(lambda: heard.append("early"))
    forget = stop.add_listener(lambda: heard.append("forgotten"))
    forget()
    forget()
    stop.set()
    stop.set()
    stop.add_listener(lambda: heard.append("late"))
    assert heard == ["early", "late"]
