from pathlib import Path

import pytest

from avatar_worker.settings import SettingsError, parse_hosts, read_settings


def test_only_the_hosts_need_to_be_set() -> None:
    settings = read_settings({"ALLOWED_HOSTS": "store.example"})
    assert (settings.engine, settings.profile, settings.max_seconds) == ("infinitetalk", "fast", 120.0)
    assert settings.model_dir == Path("/runpod-volume/models")
    assert (settings.allow_smaller_plan, settings.temp_dir, settings.worker_id) == (False, None, "local")


def test_every_variable_is_read() -> None:
    settings = read_settings(
        {
            "ENGINE": "stub",
            "PROFILE": "quality",
            "MODEL_DIR": "/models",
            "MAX_SECONDS": "59.5",
            "ALLOWED_HOSTS": "store.example",
            "ALLOW_SMALLER_PLAN": "1",
            "RUNPOD_POD_ID": "pod-1",
            "TEMP_DIR": "/scratch",
            "LOG_LEVEL": "WARN",
        }
    )
    assert (settings.engine, settings.profile, settings.max_seconds) == ("stub", "quality", 59.5)
    assert (settings.model_dir, settings.temp_dir) == (Path("/models"), Path("/scratch"))
    assert (settings.allow_smaller_plan, settings.worker_id, settings.log_level) == (True, "pod-1", "WARN")


def test_all_wrong_variables_are_named_at_once_and_not_repeated() -> None:
    wrong = {
        "ENGINE": "canary",
        "PROFILE": "canary",
        "MODEL_DIR": "canary/models",
        "MAX_SECONDS": "canary",
        "ALLOWED_HOSTS": "https://canary.example/",
        "ALLOW_SMALLER_PLAN": "canary",
        "RUNPOD_POD_ID": "canary!",
        "TEMP_DIR": "canary",
        "LOG_LEVEL": "DEBUG",
    }
    with pytest.raises(SettingsError) as caught:
        read_settings(wrong)
    assert all(name in str(caught.value) for name in wrong)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("number", ["0", "-1", "3601", "nan", "1e3", "1_0", "٣"])
def test_a_length_out_of_range_is_refused(number: str) -> None:
    with pytest.raises(SettingsError, match="MAX_SECONDS"):
        read_settings({"ALLOWED_HOSTS": "store.example", "MAX_SECONDS": number})


def test_no_host_is_allowed_unasked() -> None:
    with pytest.raises(SettingsError, match="ALLOWED_HOSTS"):
        read_settings({})


@pytest.mark.parametrize(
    "text", ["", "*", "*.example", "a,,b", "a b", "a..b", "a:0", "a:65536", "a/b", "u@a", "http://a"]
)
def test_a_list_that_holds_no_hosts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host"):
        parse_hosts(text)


HOSTS = parse_hosts("store.example, Other.Example:8443,127.0.0.1:9000,localhost,plain.example:80,[::1]:9000")


@pytest.mark.parametrize(
    "url",
    [
        "https://store.example/a?b=c",
        "https://STORE.example:443/a",
        "https://other.example:8443/",
        "http://127.0.0.1:9000/a",
        "https://127.0.0.1:9000/a",
        "http://localhost/a",
        "http://[::1]:9000/a",
    ],
)
def test_listed_hosts_are_allowed(url: str) -> None:
    assert HOSTS.allows(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://store.example/a",
        "http://plain.example/a",
        "https://store.example:8443/a",
        "https://other.example/a",
        "https://evil-store.example/a",
        "https://store.example.evil/a",
        "https://sub.store.example/a",
        "https://store.example./a",
        "http://127.0.0.1/a",
        "http://127.0.0.1:9001/a",
        "http://127.0.0.2:9000/a",
        "http://localhost.store.example/a",
        "http://2130706433:9000/a",
        "https://169.254.169.254/latest",
        "ftp://store.example/a",
        "file:///etc/passwd",
        "",
    ],
)
def test_other_hosts_are_not_allowed(url: str) -> None:
    assert not HOSTS.allows(url)
