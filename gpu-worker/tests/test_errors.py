"""The wire is one contract: `packages/contract` writes the files that this side is tested against."""

import json
from pathlib import Path

import pytest

from avatar_worker.errors import ERRORS, WorkerError

CONTRACT = Path(__file__).parent / "contract"


def test_the_codes_are_those_of_the_contract() -> None:
    rows = json.loads((CONTRACT / "errors.json").read_text())
    assert {code: (row["retryable"], row["refresh"]) for code, row in rows.items()} == ERRORS


def test_a_detail_is_cut_to_what_the_contract_takes() -> None:
    message = json.loads(WorkerError("internal", "x" * 1000).to_json())
    assert len(message["detail"]) == 500


def test_an_unknown_code_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError):
        WorkerError("no_such_code", "")
