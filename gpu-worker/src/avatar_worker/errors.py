"""What a run can end with instead of a video. The codes are those of ``packages/contract/src/worker.ts``."""

import json
from typing import Final, NamedTuple

WIRE_VERSION: Final = 1
_MAX_DETAIL: Final = 500


class ErrorRow(NamedTuple):
    """``retryable``: a new run may succeed. ``refresh``: this worker cannot be trusted any more."""

    retryable: bool
    refresh: bool


ERRORS: Final = {
    "invalid_input": ErrorRow(False, False),
    "run_already_claimed": ErrorRow(False, False),
    "claim_failed": ErrorRow(True, False),
    "url_not_allowed": ErrorRow(False, False),
    "fetch_failed": ErrorRow(True, False),
    "input_link_expired": ErrorRow(True, False),
    "sha256_mismatch": ErrorRow(True, False),
    "unsupported_image": ErrorRow(False, False),
    "image_too_large": ErrorRow(False, False),
    "unsupported_audio": ErrorRow(False, False),
    "audio_too_short": ErrorRow(False, False),
    "audio_too_long": ErrorRow(False, False),
    "models_unavailable": ErrorRow(True, False),
    "models_invalid": ErrorRow(False, False),
    "model_load_failed": ErrorRow(True, True),
    "disk_full": ErrorRow(True, True),
    "gpu_out_of_memory": ErrorRow(True, True),
    "gpu_failed": ErrorRow(True, True),
    "render_failed": ErrorRow(True, False),
    "deadline_exceeded": ErrorRow(False, False),
    "upload_failed": ErrorRow(True, False),
    "video_link_expired": ErrorRow(True, False),
    "stopped": ErrorRow(True, False),
    "internal": ErrorRow(True, False),
}


class WorkerError(Exception):
    """Ends a run.

    ``detail`` is a sentence for the operator and the customer: it has no path, no link, no secret and no trace.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retryable, self.refresh = ERRORS[code]

    def to_json(self) -> str:
        """RunPod takes an error as a string only."""
        message = {"v": WIRE_VERSION, "code": self.code, "detail": self.detail[:_MAX_DETAIL]}
        return json.dumps({**message, "retryable": self.retryable})


class Cancelled(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The run was stopped from outside; nothing is reported."""
