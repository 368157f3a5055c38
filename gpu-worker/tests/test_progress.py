import threading
from typing import Any

import pytest

from avatar_worker.progress import Progress


class Told:
    def __init__(self, cold: bool) -> None:
        self.messages: list[dict[str, Any]] = []
        self.now = 100.0
        self.progress = Progress(self.messages.append, cold=cold, clock=lambda: self.now)

    def after(self, seconds: float, *report: Any) -> list[float]:
        self.now += seconds
        self.progress.report(*report)
        return [message["fraction"] for message in self.messages]


@pytest.mark.parametrize("cold", [True, False])
def test_a_run_is_told_from_its_first_phase_to_its_last_and_never_falls(cold: bool) -> None:
    told = Told(cold)
    for phase in ("download", "prepare", "load", "fetch", "render", "upload"):
        for done in (0, 0.5, 1):
            told.after(2, phase, done)
    fractions = [message["fraction"] for message in told.messages]
    assert len(fractions) == 18 and fractions == sorted(fractions)
    assert fractions[-1] == 1 and all(message["cold"] is cold for message in told.messages)


def test_reports_are_at_least_two_seconds_apart() -> None:
    told = Told(cold=False)
    told.after(0, "render", 0)
    told.after(1.9, "render", 0.5)
    assert len(told.messages) == 1
    told.after(0.1, "render", 0.5)
    assert len(told.messages) == 2


def test_a_step_back_is_not_told() -> None:
    told = Told(cold=True)
    told.after(0, "render", 0.5, 2, 4)
    fractions = told.after(2, "load", 0)
    assert fractions[0] == fractions[1]


def test_a_dropped_report_still_counts() -> None:
    told = Told(cold=False)
    told.after(0, "render", 0)
    told.after(1, "render", 0.9)
    fractions = told.after(1, "render", 0.2)
    assert fractions[1] > 0.8


def test_the_window_is_told() -> None:
    told = Told(cold=False)
    told.after(0, "render", 0.5, 2, 4)
    assert (told.messages[0]["window"], told.messages[0]["windows"]) == (2, 4)


def test_nothing_is_told_after_the_end() -> None:
    told = Told(cold=False)
    told.after(0, "render", 0.5)
    told.progress.end()
    told.after(10, "upload", 1)
    assert len(told.messages) == 1


class Posts:
    """Reports that are sent as the SDK does it: each on a daemon thread, which lasts until it is ``arrived``."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []
        self.threads: list[tuple[threading.Thread, threading.Event]] = []
        self.progress = Progress(self._send, cold=False, clock=lambda: self.now)

    def _send(self, message: dict[str, Any]) -> None:
        del message
        arrived = threading.Event()
        thread = threading.Thread(target=arrived.wait, daemon=True)
        thread.start()
        self.threads.append((thread, arrived))

    def report(self, count: int) -> None:
        for _ in range(count):
            self.now += 2
            self.progress.report("render", 0.5)

    def arrive(self) -> None:
        """The next of them."""
        thread, arrived = self.threads.pop(0)
        arrived.set()
        thread.join()

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        if self.threads:
            self.arrive()


async def test_the_end_waits_until_every_report_has_arrived() -> None:
    posts = Posts()
    posts.report(3)
    posts.progress.end()
    await posts.progress.arrived(posts.pause)
    assert len(posts.pauses) == 3 and posts.threads == []


async def test_the_end_waits_for_nothing_else() -> None:
    posts = Posts()
    await posts.progress.arrived(posts.pause)
    over = threading.Event()
    others = [threading.Thread(target=over.wait, daemon=True) for _ in range(2)]
    others[0].start()
    posts.report(1)
    others[1].start()
    posts.arrive()
    posts.progress.end()
    await posts.progress.arrived(posts.pause)
    assert posts.pauses == []
    over.set()


async def test_a_report_that_never_arrives_is_given_up() -> None:
    posts = Posts()
    posts.report(1)
    post = posts.threads.pop()
    posts.progress.end()
    await posts.progress.arrived(posts.pause)
    assert post[0].is_alive() and 5 < sum(posts.pauses) < 10
    post[1].set()


@pytest.mark.parametrize("done", [-1.0, 2.0])
def test_a_fraction_stays_between_0_and_1(done: float) -> None:
    told = Told(cold=True)
    assert 0 <= told.after(0, "download", done)[0] <= 1
    assert 0 <= told.after(2, "upload", done)[1] <= 1
