"""The operator's profiles."""

import pytest

from avatar_worker.profiles import PROFILES, choose_profile


def test_a_profile_can_be_changed_field_by_field() -> None:
    changed = choose_profile("fast", '{"steps": 6, "audio_guidance": 1.5, "bucket": "720"}')
    assert (changed.steps, changed.audio_guidance, changed.bucket) == (6, 1.5, "720")
    assert (changed.lora, changed.shift) == (PROFILES["fast"].lora, PROFILES["fast"].shift)
    assert choose_profile("quality", "{}") == PROFILES["quality"]


@pytest.mark.parametrize(
    "overrides",
    [
        "",
        "[]",
        "7",
        "not json",
        '{"lora": "fusionx"}',
        '{"unknown": 1}',
        '{"steps": 0}',
        '{"steps": 2.5}',
        '{"steps": true}',
        '{"shift": "2"}',
        '{"shift": NaN}',
        '{"text_guidance": 0.5}',
        '{"audio_guidance": 1e9}',
        '{"color_correction": 1.1}',
        '{"bucket": "1080"}',
        '{"bucket": ["480"]}',
    ],
)
def test_what_is_no_setting_of_a_profile_is_refused(overrides: str) -> None:
    with pytest.raises(ValueError):
        choose_profile("fast", overrides)
