"""What the operator configures, read once from the environment."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar, cast
from urllib.parse import urlsplit

from avatar_worker.profiles import choose_profile

EngineName = Literal["infinitetalk", "stub"]
ProfileName = Literal["fast", "balanced", "quality"]
LogLevel = Literal["INFO", "WARN", "ERROR"]

_HOST: Final = re.compile(
    r"(?P<host>[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(:(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
Value = TypeVar("Value")


class SettingsError(ValueError):
    """Names every variable that is wrong, never what it holds."""


@dataclass(frozen=True)
class AllowedHosts:
    """Where links may lead: pairs of host and port; without a port only https on its own."""

    entries: frozenset[tuple[str, int | None]]

    def allows(self, url: str) -> bool:
        """Plain http only to this machine, and only if it is listed."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in _DEFAULT_PORTS or (parts.scheme == "http" and not _is_loopback(host)):
            return False
        default = _DEFAULT_PORTS[parts.scheme]
        named = (host, port or default) in self.entries
        return named or (port in (None, default) and (host, None) in self.entries)


@dataclass(frozen=True)
class Settings:
    engine: EngineName
    profile: ProfileName
    #: JSON that changes fields of the profile.
    profile_overrides: str
    #: On the network volume: survives the worker.
    model_dir: Path
    #: A prepared folder that is only read, such as a model that RunPod keeps on its hosts.
    cached_model_dir: Path | None
    #: Whether a start compares hashes of the models besides their sizes.
    verify: Literal["sizes", "full"]
    #: A checkout of the model's code.
    infinitetalk_dir: Path
    #: Of a recording.
    max_seconds: float
    allowed_hosts: AllowedHosts
    #: A run that needs too much memory may be tried once more, slower.
    allow_smaller_plan: bool
    #: Of the worker, as RunPod calls it.
    worker_id: str
    #: Where the folders of runs are made; None is the system's.
    temp_dir: Path | None
    log_level: LogLevel


def read_settings(env: Mapping[str, str]) -> Settings:
    """Raises ``SettingsError`` that names all variables that are missing or wrong."""
    bad: list[str] = []

    def read(name: str, parse: Callable[[str], Value], default: str | None, expected: str) -> Value:
        text = env.get(name, "").strip() or default
        try:
            if text is None:
                raise ValueError
            return parse(text)
        except ValueError:
            bad.append(f"{name}: {expected}")
            return cast(Value, None)

    def optional_path(name: str) -> Path | None:
        return read(name, _absolute, None, "an absolute path") if env.get(name, "").strip() else None

    settings = Settings(
        engine=cast(
            EngineName,
            read("ENGINE", _one_of("infinitetalk", "stub"), "infinitetalk", "infinitetalk or stub"),
        ),
        profile=cast(
            ProfileName,
            read("PROFILE", _one_of("fast", "balanced", "quality"), "fast", "fast, balanced or quality"),
        ),
        profile_overrides=read(
            "PROFILE_OVERRIDES",
            _overrides,
            "{}",
            "a JSON object of bucket, steps, shift, text_guidance, audio_guidance or color_correction",
        ),
        cached_model_dir=optional_path("CACHED_MODEL_DIR"),
        verify=cast(Literal["sizes", "full"], read("VERIFY", _one_of("sizes", "full"), "sizes", "sizes or full")),
        infinitetalk_dir=read("INFINITETALK_DIR", _absolute, "/opt/infinitetalk", "an absolute path"),
        model_dir=read("MODEL_DIR", _absolute, "/runpod-volume/models", "an absolute path"),
        max_seconds=read("MAX_SECONDS", _seconds, "120", "a number of seconds, above 0 and at most 3600"),
        allowed_hosts=read("ALLOWED_HOSTS", parse_hosts, None, "host or host:port, with commas between them"),
        allow_smaller_plan=read("ALLOW_SMALLER_PLAN", _flag, "false", "true or false"),
        worker_id=read("RUNPOD_POD_ID", _identifier, "local", "at most 128 letters, digits, - or _"),
        temp_dir=optional_path("TEMP_DIR"),
        log_level=cast(LogLevel, read("LOG_LEVEL", _one_of("INFO", "WARN", "ERROR"), "INFO", "INFO, WARN or ERROR")),
    )
    if bad:
        raise SettingsError("Wrong or missing settings: " + "; ".join(bad))
    return settings


def parse_hosts(text: str) -> AllowedHosts:
    """Raises ``ValueError``."""
    entries: set[tuple[str, int | None]] = set()
    for entry in text.split(","):
        match = _HOST.fullmatch(entry.strip().lower())
        port = int(match["port"]) if match and match["port"] else None
        if match is None or ".." in match["host"] or port == 0 or (port or 0) > 65535:
            raise ValueError("not a host")
        entries.add((match["host"].strip("[]"), port))
    return AllowedHosts(frozenset(entries))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError("unknown")
        return text

    return parse


def _absolute(text: str) -> Path:
    if not text.startswith("/") or "\0" in text:
        raise ValueError("relative")
    return Path(text)


def _overrides(text: str) -> str:
    choose_profile("fast", text)
    return text


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not 0 < float(text) <= 3600:
        raise ValueError("out of range")
    return float(text)


def _flag(text: str) -> bool:
    if text not in ("true", "false", "1", "0"):
        raise ValueError("no flag")
    return text in ("true", "1")


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", text):
        raise ValueError("no identifier")
    return text
