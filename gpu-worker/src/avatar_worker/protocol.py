"""The input of a RunPod job, parsed exactly as ``packages/contract/src/worker.ts`` defines it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, cast
from urllib.parse import urlsplit

from avatar_worker.errors import WIRE_VERSION, WorkerError

Aspect = Literal["auto", "16:9", "9:16", "1:1"]
Fit = Literal["crop", "pad"]

_MAX_INT: Final = 2**53 - 1
_ID: Final = r"[A-Za-z0-9_-]{1,64}"
#: Of what frames a message on the wire, only this side decides.
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "expect", "te", "upgrade"}
)


@dataclass(frozen=True)
class SignedGet:
    url: str
    #: Where the customer gave it.
    sha256: str | None
    bytes: int


@dataclass(frozen=True)
class SignedPut:
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Claim:
    """Whoever writes ``put`` first has the run; ``get_url`` reads who that was."""

    put: SignedPut
    get_url: str


@dataclass(frozen=True)
class GenerateInput:
    run_id: str
    #: Of the request that made the job, for the log.
    request_id: str | None
    image: SignedGet
    audio: SignedGet
    aspect: Aspect
    fit: Fit
    prompt: str | None
    seed: int
    audio_seconds: float
    deadline_seconds: float
    claim: Claim
    video: SignedPut


@dataclass(frozen=True)
class PrepareInput:
    """Makes the models ready, and renders nothing."""


@dataclass(frozen=True)
class InfoInput:
    """Asks how the worker is."""


WorkerInput = GenerateInput | PrepareInput | InfoInput


def parse_input(value: object) -> WorkerInput:
    """Raises ``WorkerError`` ``invalid_input`` that names the field and nothing of what it holds."""
    message = _object(value, "input")
    if _text(message, "op", "input", "prepare|info|generate") == "generate":
        return _generate(message)
    _keys(message, "input", "v op")
    _version(message)
    return PrepareInput() if message["op"] == "prepare" else InfoInput()


def _generate(message: Mapping[str, object]) -> GenerateInput:
    needed = "v op runId image audio aspect fit seed audioSeconds deadlineSeconds claim video"
    _keys(message, "input", needed, "prompt requestId")
    _version(message)
    return GenerateInput(
        run_id=_text(message, "runId", "input", _ID),
        request_id=_text(message, "requestId", "input", _ID) if "requestId" in message else None,
        image=_signed_get(message, "image"),
        audio=_signed_get(message, "audio"),
        aspect=cast(Aspect, _text(message, "aspect", "input", "auto|16:9|9:16|1:1")),
        fit=cast(Fit, _text(message, "fit", "input", "crop|pad")),
        prompt=_prompt(message["prompt"]) if "prompt" in message else None,
        seed=_int(message, "seed", "input", 0, 0xFFFF_FFFF),
        audio_seconds=_positive(message, "audioSeconds"),
        deadline_seconds=_positive(message, "deadlineSeconds"),
        claim=_claim(message),
        video=_signed_put(message["video"], "video"),
    )


def _claim(message: Mapping[str, object]) -> Claim:
    claim = _object(message["claim"], "claim")
    _keys(claim, "claim", "put get")
    put = _signed_put(claim["put"], "claim.put")
    # Without this header every worker's claim would succeed.
    if {name.lower(): text for name, text in put.headers.items()}.get("if-none-match") != "*":
        raise _bad("claim.put.headers")
    get = _object(claim["get"], "claim.get")
    _keys(get, "claim.get", "url")
    return Claim(put=put, get_url=_url(get, "claim.get"))


def _signed_get(message: Mapping[str, object], name: str) -> SignedGet:
    link = _object(message[name], name)
    _keys(link, name, "url bytes", optional="sha256")
    sha256 = _text(link, "sha256", name, "[0-9a-f]{64}") if "sha256" in link else None
    return SignedGet(url=_url(link, name), sha256=sha256, bytes=_int(link, "bytes", name, 1, _MAX_INT))


def _signed_put(value: object, name: str) -> SignedPut:
    link = _object(value, name)
    _keys(link, name, "url headers")
    headers = _object(link["headers"], f"{name}.headers")
    for key in headers:
        known = re.fullmatch(r"[A-Za-z0-9-]{1,64}", key) and key.lower() not in _OWN_HEADERS
        if not known or len({other.lower() for other in headers}) != len(headers):
            raise _bad(f"{name}.headers")
        _text(headers, key, f"{name}.headers", r"[\x20-\x7e]{0,1024}", secret_key=True)
    return SignedPut(url=_url(link, name), headers=MappingProxyType(dict(cast(Mapping[str, str], headers))))


def _url(parent: Mapping[str, object], where: str) -> str:
    url = _text(parent, "url", where, r"https?://[\x21-\x7e]{1,8184}")
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.username is None and parts.port != 0 and not parts.fragment
    except ValueError:  # a port or an IPv6 address that is none
        usable = False
    if not usable or "\\" in url or len(url) > 8192:
        raise _bad(f"{where}.url")
    return url


def _prompt(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 2000 or "\0" in value:
        raise _bad("prompt")
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        raise _bad("prompt") from None
    return value


def _version(message: Mapping[str, object]) -> None:
    if type(message["v"]) is not int or message["v"] != WIRE_VERSION:
        raise _bad("v")


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _bad(where)
    return value


def _keys(value: Mapping[str, object], where: str, needed: str, optional: str = "") -> None:
    needs = set(needed.split())
    if not needs <= value.keys():
        raise _bad(f"{where}, which lacks {', '.join(sorted(needs - value.keys()))}")
    if not value.keys() <= needs | set(optional.split()):
        raise _bad(f"{where}, which has an unknown field")


def _text(value: Mapping[str, object], key: str, where: str, pattern: str, *, secret_key: bool = False) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not re.fullmatch(pattern, text):
        raise _bad(where if secret_key else f"{where}.{key}")
    return text


def _int(value: Mapping[str, object], key: str, where: str, lowest: int, highest: int) -> int:
    number = value[key]
    # True is an int in Python, and 7.0 is none.
    if type(number) is not int or not lowest <= number <= highest:
        raise _bad(f"{where}.{key}")
    return number


def _positive(value: Mapping[str, object], key: str) -> float:
    number = value[key]
    if type(number) not in (int, float) or not 0 < cast(float, number) < math.inf:
        raise _bad(key)
    return min(float(_MAX_INT), cast(float, number))


def _bad(where: str) -> WorkerError:
    return WorkerError("invalid_input", f"The input is not valid at {where.removeprefix('input.')}.")
