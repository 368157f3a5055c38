import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
from scripted_engine import Video

from avatar_worker.errors import ERRORS, WorkerError
from avatar_worker.messages import (
    PHASES,
    TIMED,
    generate_output,
    info_output,
    prepare_output,
    progress_message,
)
from avatar_worker.protocol import GenerateInput, InfoInput, PrepareInput, parse_input

CONTRACT = Path(__file__).parent / "contract"


def load(name: str) -> Any:
    return json.loads((CONTRACT / name).read_text())


def is_valid(kind: str, message: object) -> bool:
    return jsonschema.Draft202012Validator(load(f"{kind}.schema.json")).is_valid(message)


def a_generate(**changes: object) -> dict[str, Any]:
    return {**load("input.examples.json")["valid"][0], **changes}


EXAMPLES = load("input.examples.json")


@pytest.mark.parametrize("message", EXAMPLES["valid"])
def test_every_valid_example_is_parsed(message: dict[str, Any]) -> None:
    parsed = parse_input(message)
    kinds = {"generate": GenerateInput, "prepare": PrepareInput, "info": InfoInput}
    assert type(parsed) is kinds[message["op"]]


@pytest.mark.parametrize("message", EXAMPLES["invalid"])
def test_every_invalid_example_is_refused(message: object) -> None:
    with pytest.raises(WorkerError) as caught:
        parse_input(message)
    assert caught.value.code == "invalid_input"


def test_what_is_parsed_is_what_was_sent() -> None:
    message = a_generate(prompt="She nods.")
    parsed = cast(GenerateInput, parse_input(message))
    assert (parsed.run_id, parsed.seed, parsed.prompt) == ("run_1", 7, "She nods.")
    assert (parsed.aspect, parsed.fit) == ("auto", "crop")
    assert (parsed.audio_seconds, parsed.deadline_seconds) == (4.2, 900.0)
    assert asdict(parsed.image) == message["image"]
    assert asdict(parsed.audio) == {"sha256": None, **message["audio"]}
    assert parsed.claim.put.url == message["claim"]["put"]["url"]
    assert dict(parsed.claim.put.headers) == message["claim"]["put"]["headers"]
    assert parsed.claim.get_url == message["claim"]["get"]["url"]
    assert parsed.video.url == message["video"]["url"]
    with pytest.raises(AttributeError):
        parsed.seed = 8  # type: ignore[misc]


LINK = {**a_generate()["image"]}
PUT = a_generate()["claim"]["put"]


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("input.v", {"v": True}),
        ("input.v", {"v": 1.0}),
        ("runId", {"runId": "run_1\n"}),
        ("runId", {"runId": "r" * 65}),
        ("seed", {"seed": 7.0}),
        ("seed", {"seed": 2**32}),
        ("image.bytes", {"image": {**LINK, "bytes": True}}),
        ("image.bytes", {"image": {**LINK, "bytes": 2**53}}),
        ("image.sha256", {"image": {**LINK, "sha256": "A" * 64}}),
        ("image", {"image": {**LINK, "extra": 1}}),
        ("image", {"image": [LINK]}),
        ("image.url", {"image": {**LINK, "url": "https://user:pass@store.example/1"}}),
        ("image.url", {"image": {**LINK, "url": "https://store.example/1#part"}}),
        ("image.url", {"image": {**LINK, "url": "https:///1"}}),
        ("image.url", {"image": {**LINK, "url": "https://store.example:99999/1"}}),
        ("image.url", {"image": {**LINK, "url": "https://[::1/1"}}),
        ("image.url", {"image": {**LINK, "url": "https://store.example\\@evil.example/"}}),
        ("image.url", {"image": {**LINK, "url": "https://store.example/ HTTP/1.1\r\nHost: evil"}}),
        ("image.url", {"image": {**LINK, "url": "https://store.example/" + "a" * 8192}}),
        ("audioSeconds", {"audioSeconds": True}),
        ("audioSeconds", {"audioSeconds": float("nan")}),
        ("deadlineSeconds", {"deadlineSeconds": float("inf")}),
        ("deadlineSeconds", {"deadlineSeconds": "900"}),
        ("prompt", {"prompt": "a" * 2001}),
        ("prompt", {"prompt": None}),
        ("prompt", {"prompt": "\ud800"}),
        ("prompt", {"prompt": "a\0b"}),
        ("claim.put.headers", {"claim": {"put": {**PUT, "headers": {}}, "get": {"url": LINK["url"]}}}),
        ("claim.get", {"claim": {"put": PUT, "get": {"url": LINK["url"], "more": 1}}}),
        ("video.headers", {"video": {"url": LINK["url"], "headers": {"Content-Length": "1"}}}),
        ("video.headers", {"video": {"url": LINK["url"], "headers": {"HOST": "evil.example"}}}),
        ("video.headers", {"video": {"url": LINK["url"], "headers": {"a": "b\r\nc: d"}}}),
        ("video.headers", {"video": {"url": LINK["url"], "headers": {"a": "b", "A": "c"}}}),
        ("video.headers", {"video": {"url": LINK["url"], "headers": {"a": "x" * 1025}}}),
    ],
)
def test_a_wrong_field_is_named_and_not_repeated(field: str, changes: dict[str, object]) -> None:
    with pytest.raises(WorkerError) as caught:
        parse_input(a_generate(**changes))
    assert caught.value.code == "invalid_input"
    assert field.removeprefix("input.") in caught.value.detail
    assert "evil" not in caught.value.detail and "http" not in caught.value.detail


def test_an_unknown_field_is_refused_and_its_name_is_not_repeated() -> None:
    with pytest.raises(WorkerError) as caught:
        parse_input(a_generate(canary=1))
    assert "unknown field" in caught.value.detail and "canary" not in caught.value.detail


@pytest.mark.parametrize("number", [1e308, 10**400])
def test_a_huge_number_of_seconds_is_a_number(number: float) -> None:
    parsed = cast(GenerateInput, parse_input(a_generate(deadlineSeconds=number)))
    assert parsed.deadline_seconds == 2**53 - 1


def test_the_errors_are_those_of_the_contract() -> None:
    told = {code: {"retryable": row.retryable, "refresh": row.refresh} for code, row in ERRORS.items()}
    rows = load("errors.json")
    assert told == {code: {key: row[key] for key in ("retryable", "refresh")} for code, row in rows.items()}


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_fits_the_schema(code: str) -> None:
    assert is_valid("error", json.loads(WorkerError(code, "Why. " * 200).to_json()))


@pytest.mark.parametrize("kind", ["input", "output", "progress", "error"])
def test_the_schemas_agree_with_their_examples(kind: str) -> None:
    examples = load(f"{kind}.examples.json")
    assert all(is_valid(kind, message) for message in examples["valid"])
    # JSON Schema does not check the protocol of links; the parser does.
    wrong = [message for message in examples["invalid"] if "file:///" not in json.dumps(message)]
    assert not any(is_valid(kind, message) for message in wrong)


GPU = {"name": "NVIDIA L40S", "memoryMb": 46068, "peakMb": 40000}


@pytest.mark.parametrize("gpu", [None, GPU])
def test_outputs_are_the_examples_of_the_contract(gpu: dict[str, Any] | None) -> None:
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    video = Video(Path("video"), 1_000_000, sha256, 1280, 720, 1280, 704, 105, 4.2, 4, 2)
    seconds = dict(zip(TIMED, (50, 0.5, 60, 0.5, 111), strict=True))
    output = generate_output(
        "run_1", video, engine="infinitetalk", profile="balanced", cold=True, seconds=seconds, gpu=gpu
    )
    info = info_output(engine="stub", profile="fast", state="ready", max_seconds=600, gpu=gpu)
    valid = load("output.examples.json")["valid"]
    assert output in valid and {**info, "worker": "0.1.0"} in valid
    assert prepare_output(0, 1.0) in valid
    assert all(is_valid("output", message) for message in (output, info, prepare_output(5, 0.12345)))


@pytest.mark.parametrize("phase", PHASES)
def test_progress_fits_the_schema(phase: str) -> None:
    assert is_valid("progress", progress_message(phase, 0.5, cold=True))
    assert progress_message("render", 0.5, cold=False, window=2, windows=4) in load("progress.examples.json")["valid"]
