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


def test_nothing_is_told_after_the_end_and_the_end_keeps_its_distance() -> None:
    told = Told(cold=False)
    assert told.progress.end() == 0
    told = Told(cold=False)
    told.after(0, "render", 0.5)
    told.now += 0.25
    assert told.progress.end() == 0.75
    told.after(10, "upload", 1)
    assert len(told.messages) == 1
    assert told.progress.end() == 0


@pytest.mark.parametrize("done", [-1.0, 2.0])
def test_a_fraction_stays_between_0_and_1(done: float) -> None:
    told = Told(cold=True)
    assert 0 <= told.after(0, "download", done)[0] <= 1
    assert 0 <= told.after(2, "upload", done)[1] <= 1
