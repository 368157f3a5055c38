"""Sizes and windows."""

import pytest

from avatar_worker.plan import BUCKETS, OUTPUT_SIZES, choose_aspect, count_frames, count_windows, make_plan


@pytest.mark.parametrize(
    ("size", "aspect"),
    [((1000, 1000), "1:1"), ((640, 800), "1:1"), ((800, 1280), "9:16"), ((1920, 1080), "16:9"), ((5000, 200), "16:9")],
)
def test_auto_takes_the_shape_nearest_to_the_image(size: tuple[int, int], aspect: str) -> None:
    assert choose_aspect("auto", size) == aspect
    assert choose_aspect("9:16", size) == "9:16"


def test_an_unknown_aspect_is_a_fault() -> None:
    with pytest.raises(KeyError):
        choose_aspect("4:3", (1, 1))


@pytest.mark.parametrize(
    ("seconds", "windows"), [(3.2, 1), (3.28, 2), (5, 2), (6, 2), (8, 3), (10, 4), (30, 11), (60, 21)]
)
def test_the_model_runs_once_per_window(seconds: float, windows: int) -> None:
    assert count_windows(count_frames(seconds)) == windows


def test_a_video_has_a_frame_at_least_and_is_rounded_to_the_nearest() -> None:
    assert [count_frames(seconds) for seconds in (0.001, 1.0, 1.019, 1.021)] == [1, 25, 25, 26]


def test_every_size_is_one_that_the_model_takes() -> None:
    for bucket, sizes in BUCKETS.items():
        assert sizes.keys() == OUTPUT_SIZES.keys()
        for aspect, (width, height) in sizes.items():
            assert width % 64 == 0 and height % 64 == 0
            assert make_plan(bucket, aspect, 81, 4).windows == 1
