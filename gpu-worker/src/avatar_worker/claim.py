"""Takes a run for this worker: RunPod may deliver one run to two workers, and only one may render it."""

import json
import secrets

from avatar_worker.errors import WorkerError
from avatar_worker.protocol import Claim
from avatar_worker.stop import Stop
from avatar_worker.transfer import Transfer, Unreachable

_MAX_BYTES = 4096


def take_run(transfer: Transfer, claim: Claim, job_id: str, worker_id: str, stop: Stop) -> None:
    """Returns once the claim of this call, and no other, is the stored one.

    Raises ``WorkerError`` ``run_already_claimed``, ``claim_failed``.
    """
    nonce = secrets.token_hex(16)
    body = json.dumps({"runpodJobId": job_id, "workerId": worker_id, "nonce": nonce}).encode()

    def attempt() -> bool:
        answer = transfer.send("PUT", claim.put.url, claim.put.headers, body, stop)
        if answer.status != 412 and not answer.is_success:
            raise WorkerError("claim_failed", f"The store answered {answer.status} to the claim of the run.")
        return answer.is_success

    failure = WorkerError("claim_failed", "The claim of the run could not be stored.")
    if transfer.retry(attempt, stop, failure):
        return
    # A write whose reply was lost is repeated, and then meets itself.
    if _stored_nonce(transfer, claim, stop) != nonce:
        raise WorkerError("run_already_claimed", "Another worker has this run.")


def _stored_nonce(transfer: Transfer, claim: Claim, stop: Stop) -> str | None:
    def attempt() -> bytes:
        answer = transfer.send("GET", claim.get_url, {"Accept-Encoding": "identity"}, None, stop, _MAX_BYTES)
        if answer.status != 200:
            raise WorkerError("claim_failed", f"The store answered {answer.status} when asked who has the run.")
        if answer.is_cut:
            raise Unreachable
        return answer.body

    body = transfer.retry(attempt, stop, WorkerError("claim_failed", "The claim of the run could not be read."))
    try:
        stored = json.loads(body)
    except (ValueError, RecursionError):
        return None
    nonce = stored.get("nonce") if isinstance(stored, dict) else None
    return nonce if isinstance(nonce, str) else None
