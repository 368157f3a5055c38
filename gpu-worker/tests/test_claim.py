import json
import threading
from collections.abc import Iterator

import pytest
from fake_store import FakeStore, fake_store

from avatar_worker.claim import take_run
from avatar_worker.errors import WorkerError
from avatar_worker.protocol import Claim, SignedPut
from avatar_worker.settings import parse_hosts
from avatar_worker.stop import Stop
from avatar_worker.transfer import Transfer

NAME = "claims/run_1"


@pytest.fixture
def store() -> Iterator[FakeStore]:
    with fake_store() as running:
        yield running


def take(store: FakeStore, worker: str = "pod-1") -> None:
    transfer = Transfer(parse_hosts(store.host), attempts=3, backoff=lambda _: 0.0)
    put = SignedPut(store.url(NAME), {"If-None-Match": "*", "Content-Type": "application/json"})
    take_run(transfer, Claim(put, store.url(NAME)), "job-1", worker, Stop(30))


def code_of_taking(store: FakeStore) -> str:
    with pytest.raises(WorkerError) as caught:
        take(store)
    return caught.value.code


def test_the_first_claim_is_stored(store: FakeStore) -> None:
    take(store)
    claim = json.loads(store.objects[NAME])
    assert (claim["runpodJobId"], claim["workerId"]) == ("job-1", "pod-1")
    assert len(claim["nonce"]) == 32 and claim.keys() == {"runpodJobId", "workerId", "nonce"}
    assert store.requests == [("PUT", NAME)]
    assert store.headers[NAME]["If-None-Match"] == "*"


def test_a_second_claim_is_refused_even_of_the_same_job_and_worker(store: FakeStore) -> None:
    take(store)
    first = store.objects[NAME]
    assert code_of_taking(store) == "run_already_claimed"
    assert store.objects[NAME] == first
    assert store.seen(NAME) == ["PUT", "PUT", "GET"]


def test_of_many_claims_at_once_one_succeeds(store: FakeStore) -> None:
    outcomes: list[str] = []

    def claim(number: int) -> None:
        try:
            take(store, f"pod-{number}")
            outcomes.append(f"pod-{number}")
        except WorkerError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if outcome != "run_already_claimed"]
    assert winners == [json.loads(store.objects[NAME])["workerId"]]


def test_a_claim_whose_reply_was_lost_finds_itself(store: FakeStore) -> None:
    store.faults[NAME] = ["reset_after"]
    take(store)
    assert store.seen(NAME) == ["PUT", "PUT", "GET"]


@pytest.mark.parametrize("fault", ["reset", 500, 409, "truncate"])
def test_a_claim_outlives_passing_faults_of_both_requests(store: FakeStore, fault: int | str) -> None:
    store.faults[NAME] = ["reset_after", 0, fault]
    take(store)
    assert store.seen(NAME) == ["PUT", "PUT", "GET", "GET"]


@pytest.mark.parametrize("faults", [["reset"] * 9, [500] * 9, [403], [404], ["redirect"], [400]])
def test_a_claim_that_cannot_be_written_fails(store: FakeStore, faults: list[int | str]) -> None:
    store.faults[NAME] = faults
    assert code_of_taking(store) == "claim_failed"
    assert NAME not in store.objects


@pytest.mark.parametrize("faults", [[500] * 9, ["reset"] * 9, [403], [404], ["redirect"], ["truncate"] * 9])
def test_a_claim_that_cannot_be_read_is_never_a_success(store: FakeStore, faults: list[int | str]) -> None:
    store.faults[NAME] = ["reset_after", 0, *faults]
    assert code_of_taking(store) == "claim_failed"


@pytest.mark.parametrize("stored", [b"", b"{", b"[]", b'{"nonce":null}', b"\xff", b"[" * 100_000, b'{"nonce":"a"}'])
def test_whatever_else_is_stored_is_the_claim_of_another(store: FakeStore, stored: bytes) -> None:
    store.objects[NAME] = stored
    assert code_of_taking(store) == "run_already_claimed"
