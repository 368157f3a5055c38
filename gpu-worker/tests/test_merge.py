"""Weights are merged and rounded as torch would."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import BASE, LORA, floats, make_safetensors, read_bfloat16

from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.models.merge import Lora, TensorFile, merge, to_bfloat16


def write(folder: Path, name: str, tensors: Any) -> Path:
    path = folder / f"{name}.safetensors"
    path.write_bytes(make_safetensors(tensors))
    return path


def test_products_and_differences_are_added_before_the_weights_are_rounded(tmp_path: Path) -> None:
    lora = Lora(write(tmp_path, "lora", LORA), 0.5)
    changed = merge(write(tmp_path, "base", BASE[0]), tmp_path / "out", lora, lambda: None)
    assert changed == {"blocks.0.q.weight", "blocks.0.q.bias"}
    assert lora.targets == {*changed, "head.weight"}
    made = read_bfloat16(tmp_path / "out")
    prefix = "diffusion_model.blocks.0.q."
    down, up = LORA[f"{prefix}lora_down.weight"], LORA[f"{prefix}lora_up.weight"]
    wanted = BASE[0]["blocks.0.q.weight"].astype(np.float64) + 0.5 * (up.astype(np.float64) @ down)
    assert np.abs(made["blocks.0.q.weight"] / wanted - 1).max() < 2**-8
    bias = BASE[0]["blocks.0.q.bias"] + np.float32(0.5) * LORA[f"{prefix}diff_b"]
    assert np.array_equal(made["blocks.0.q.bias"].view(np.uint32) >> 16, to_bfloat16(bias).astype(np.uint32))


def test_weights_without_a_part_are_only_rounded_whatever_their_type(tmp_path: Path) -> None:
    halves = floats(3, 3, dtype="float16")
    already = to_bfloat16(floats(4))
    source = write(tmp_path, "base", {"a": halves, "b": already})
    merge(source, tmp_path / "out", Lora(write(tmp_path, "lora", LORA), 1), lambda: None)
    made = read_bfloat16(tmp_path / "out")
    assert np.abs(made["a"] / halves.astype(np.float32) - 1).max() <= 2**-8
    assert np.array_equal(made["b"].view(np.uint32) >> 16, already.astype(np.uint32))


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (1.0, 0x3F80),
        (-2.5, 0xC020),
        # Halfway between two: the even one.
        (struct.unpack(">f", bytes.fromhex("3f808000"))[0], 0x3F80),
        (struct.unpack(">f", bytes.fromhex("3f818000"))[0], 0x3F82),
        (struct.unpack(">f", bytes.fromhex("3f808001"))[0], 0x3F81),
        (3.4e38, 0x7F80),
        (float("inf"), 0x7F80),
        (float("-inf"), 0xFF80),
        (float("nan"), 0x7FC0),
        (0.0, 0),
    ],
)
def test_rounding_goes_to_the_nearest(value: float, bits: int) -> None:
    assert int(to_bfloat16(np.array([value], np.float32))[0]) == bits


def test_a_part_of_another_shape_is_not_for_this_model(tmp_path: Path) -> None:
    lora = Lora(write(tmp_path, "lora", {"diffusion_model.a.diff": floats(2)}), 1)
    with pytest.raises(WorkerError) as failure:
        merge(write(tmp_path, "base", {"a.weight": floats(3)}), tmp_path / "out", lora, lambda: None)
    assert failure.value.code == "models_invalid"


def test_a_stop_is_seen_between_two_weights(tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        merge(write(tmp_path, "base", BASE[0]), tmp_path / "out", Lora(write(tmp_path, "l", LORA), 1), stop)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 7,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 9) + b"not json!",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}      ' + b"1234",
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}      ' + b"12345678",
        struct.pack("<Q", 60) + b'{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}      ' + b"12345678",
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[-2],"data_offsets":[8,0]}}     ' + b"12345678",
    ],
)
def test_a_file_that_lies_about_itself_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(WorkerError) as failure:
        TensorFile(tmp_path / "file")
    assert failure.value.code == "models_invalid"
