import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_store import SECRET, FakeStore, fake_store

from avatar_worker.connection import Timeouts
from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.protocol import SignedGet, SignedPut
from avatar_worker.settings import parse_hosts
from avatar_worker.stop import Stop
from avatar_worker.transfer import Transfer, jittered

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def store() -> Iterator[FakeStore]:
    with fake_store() as running:
        yield running


def a_transfer(store: FakeStore, **changes: Any) -> Transfer:
    return Transfer(parse_hosts(store.host), **{"backoff": lambda _: 0.0, "attempts": 3, **changes})


def fetch(store: FakeStore, target: Path, stop: Stop | None = None, **changes: Any) -> None:
    link = store.get("image", CONTENT)
    a_transfer(store, **changes).fetch(SignedGet(**link), target, stop or Stop(30))


def upload(store: FakeStore, path: Path, stop: Stop | None = None, size: int = 300_000, **changes: Any) -> list[float]:
    path.write_bytes(b"v" * size)
    sent: list[float] = []
    link = SignedPut(store.url("video"), {"Content-Type": "video/mp4"})
    a_transfer(store, **changes).upload(path, link, stop or Stop(30), sent.append)
    return sent


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(WorkerError) as caught:
        action()
    assert SECRET not in caught.value.detail and "127.0.0.1" not in caught.value.detail
    return caught.value.code


def test_an_input_is_written_as_it_is_stored(store: FakeStore, tmp_path: Path) -> None:
    fetch(store, tmp_path / "image")
    assert (tmp_path / "image").read_bytes() == CONTENT


@pytest.mark.parametrize("fault", [500, 503, 429, "reset", "truncate"])
def test_a_passing_fault_of_the_store_is_outlived(store: FakeStore, tmp_path: Path, fault: int | str) -> None:
    store.faults["image"] = [fault, fault]
    fetch(store, tmp_path / "image")
    assert (tmp_path / "image").read_bytes() == CONTENT
    assert len(store.seen("image")) == 3


@pytest.mark.parametrize("fault", [500, "reset", "truncate"])
def test_a_lasting_fault_of_the_store_ends_the_run(store: FakeStore, tmp_path: Path, fault: int | str) -> None:
    store.faults["image"] = [fault] * 9
    assert code_of(lambda: fetch(store, tmp_path / "image")) == "fetch_failed"
    assert len(store.seen("image")) == 3


@pytest.mark.parametrize(
    ("fault", "code"),
    [(403, "input_link_expired"), (404, "fetch_failed"), ("redirect", "fetch_failed"), (206, "fetch_failed")],
)
def test_an_answer_that_stays_is_not_asked_for_twice(
    store: FakeStore, tmp_path: Path, fault: int | str, code: str
) -> None:
    store.faults["image"] = [fault]
    assert code_of(lambda: fetch(store, tmp_path / "image")) == code
    assert store.requests == [("GET", "image")]


@pytest.mark.parametrize("fault", ["longer", "unannounced"])
def test_more_than_was_promised_is_not_kept(store: FakeStore, tmp_path: Path, fault: str) -> None:
    store.faults["image"] = [fault]
    assert code_of(lambda: fetch(store, tmp_path / "image")) == "sha256_mismatch"
    target = tmp_path / "image"
    assert not target.exists() or target.stat().st_size <= len(CONTENT)


def test_without_a_hash_the_length_alone_is_checked(store: FakeStore, tmp_path: Path) -> None:
    link = SignedGet(**{**store.get("image", CONTENT), "sha256": None})
    a_transfer(store).fetch(link, tmp_path / "image", Stop(30))
    assert (tmp_path / "image").read_bytes() == CONTENT


def test_another_file_of_the_same_length_is_refused(store: FakeStore, tmp_path: Path) -> None:
    link = SignedGet(**store.get("image", CONTENT))
    store.objects["image"] = CONTENT[:-1] + b"x"
    failed = code_of(lambda: a_transfer(store).fetch(link, tmp_path / "image", Stop(30)))
    assert failed == "sha256_mismatch"
    assert len(store.seen("image")) == 1


def test_a_host_that_is_not_allowed_is_never_asked(store: FakeStore, tmp_path: Path) -> None:
    link = SignedGet(**store.get("image", CONTENT))
    elsewhere = Transfer(parse_hosts("store.example"))
    assert code_of(lambda: elsewhere.fetch(link, tmp_path / "image", Stop(30))) == "url_not_allowed"
    assert store.requests == []


def test_a_store_that_is_down_is_tried_again(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unused.getsockname()[1]}"
        pauses: list[int] = []

        def backoff(attempt: int) -> float:
            pauses.append(attempt)
            return 0.0

        down = Transfer(parse_hosts(host), attempts=4, backoff=backoff)
        link = SignedGet(f"http://{host}/a", "0" * 64, 1)
        assert code_of(lambda: down.fetch(link, tmp_path / "image", Stop(30))) == "fetch_failed"
    assert pauses == [1, 2, 3]


def test_a_name_that_does_not_resolve_ends_the_run(tmp_path: Path) -> None:
    nowhere = Transfer(parse_hosts("store.invalid"), attempts=1)
    link = SignedGet("https://store.invalid/a", "0" * 64, 1)
    assert code_of(lambda: nowhere.fetch(link, tmp_path / "image", Stop(30))) == "fetch_failed"


def test_a_full_disk_is_told_apart_from_the_network(store: FakeStore) -> None:
    assert code_of(lambda: fetch(store, Path("/dev/full"))) == "disk_full"
    assert code_of(lambda: fetch(store, Path("/no such folder/image"))) == "internal"


def test_a_video_arrives_with_its_headers(store: FakeStore, tmp_path: Path) -> None:
    sent = upload(store, tmp_path / "video")
    assert store.objects["video"] == b"v" * 300_000
    assert store.headers["video"]["Content-Type"] == "video/mp4"
    assert store.headers["video"]["Content-Length"] == "300000"
    assert "Transfer-Encoding" not in store.headers["video"]
    assert sent == sorted(sent) and sent[0] == 0 and sent[-1] == 1


@pytest.mark.parametrize("fault", [500, 503, "reset", "reset_after"])
def test_a_video_is_sent_again_from_its_start(store: FakeStore, tmp_path: Path, fault: int | str) -> None:
    store.faults["video"] = [fault]
    upload(store, tmp_path / "video")
    assert store.objects["video"] == b"v" * 300_000
    assert len(store.seen("video")) == 2


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ([403], "video_link_expired"),
        ([400], "upload_failed"),
        ([404], "upload_failed"),
        ([412], "upload_failed"),
        (["redirect"], "upload_failed"),
        ([503, 503, 503, 503, 403], "video_link_expired"),
    ],
)
def test_a_refused_video_is_not_sent_again(
    store: FakeStore, tmp_path: Path, faults: list[int | str], code: str
) -> None:
    asked = len(faults)
    store.faults["video"] = faults
    assert code_of(lambda: upload(store, tmp_path / "video", size=100)) == code
    assert len(store.seen("video")) == asked


def test_a_video_outlives_a_store_that_is_down_for_long(store: FakeStore, tmp_path: Path) -> None:
    store.faults["video"] = [503, "reset"] * 20
    pauses: list[int] = []

    def backoff(attempt: int) -> float:
        pauses.append(attempt)
        return 0.0

    upload(store, tmp_path / "video", size=100, backoff=backoff)
    assert store.objects["video"] == b"v" * 100
    assert pauses == list(range(1, 41))


def test_a_store_that_stays_down_is_asked_for_the_video_until_the_deadline(store: FakeStore, tmp_path: Path) -> None:
    store.faults["video"] = [503] * 99
    now = 0.0

    def backoff(_: int) -> float:
        nonlocal now
        now += 8  # the pause, which takes none of the test's time
        return 0.0

    stop = Stop(60, lambda: now)
    assert code_of(lambda: upload(store, tmp_path / "video", stop, size=100, backoff=backoff)) == "upload_failed"
    assert len(store.seen("video")) == 8


def test_a_pause_that_the_deadline_would_end_is_not_begun(store: FakeStore, tmp_path: Path) -> None:
    store.faults["video"] = [503] * 99
    pausing = {"backoff": lambda _: 60.0}
    assert code_of(lambda: upload(store, tmp_path / "video", Stop(10), size=100, **pausing)) == "upload_failed"
    assert len(store.seen("video")) == 1


def stopped_after(action: Callable[[Stop], object], waiting: threading.Event) -> float:
    """Seconds between the stop and the end of the action, which hangs."""
    stop, raised = Stop(60), list[BaseException]()

    def run() -> None:
        try:
            action(stop)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert waiting.wait(10)
    began = time.monotonic()
    stop.set()
    thread.join(10)
    assert [type(error) for error in raised] == [Cancelled]
    return time.monotonic() - began


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_stop_ends_a_download_that_hangs(store: FakeStore, tmp_path: Path, fault: str) -> None:
    store.faults["image"] = [fault]
    assert stopped_after(lambda stop: fetch(store, tmp_path / "image", stop), store.hanging) < 1


def test_a_stop_ends_an_upload_that_the_store_does_not_take(store: FakeStore, tmp_path: Path) -> None:
    store.faults["video"] = ["slow"]
    many = 50_000_000
    assert stopped_after(lambda stop: upload(store, tmp_path / "video", stop, many), store.hanging) < 1


def test_a_stop_ends_a_pause_between_attempts(store: FakeStore, tmp_path: Path) -> None:
    store.faults["image"] = [500] * 9
    pausing = threading.Event()

    def backoff(_: int) -> float:
        pausing.set()
        return 60.0

    assert stopped_after(lambda stop: fetch(store, tmp_path / "image", stop, backoff=backoff), pausing) < 1


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_the_deadline_ends_a_download_that_hangs(store: FakeStore, tmp_path: Path, fault: str) -> None:
    store.faults["image"] = [fault]
    began = time.monotonic()
    assert code_of(lambda: fetch(store, tmp_path / "image", Stop(0.4))) == "deadline_exceeded"
    assert time.monotonic() - began < 1.5


def test_a_store_where_nothing_moves_is_given_up(store: FakeStore, tmp_path: Path) -> None:
    store.faults["image"] = ["hang", "hang"]
    timeouts = Timeouts(connect=1, stall=0.1)
    fetch(store, tmp_path / "image", timeouts=timeouts)
    assert len(store.seen("image")) == 3


def test_a_host_that_never_answers_a_connection_is_left_on_a_stop(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(8)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            link = SignedGet(f"http://127.0.0.1:{port}/a", "0" * 64, 1)
            silent = Transfer(parse_hosts(f"127.0.0.1:{port}"), attempts=1)
            begun = threading.Event()
            begun.set()
            took = stopped_after(lambda stop: silent.fetch(link, tmp_path / "image", stop), begun)
        finally:
            for filler in fillers:
                filler.close()
    assert took < 1


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", path, "-out", tmp_path / "half"], check=True, capture_output=True)
    path.write_text(path.read_text() + (tmp_path / "half").read_text())
    return path


@pytest.mark.parametrize(("name", "works"), [("localhost", True), ("127.0.0.1", False)])
def test_https_is_for_the_name_of_the_certificate_only(
    tmp_path: Path, certificate: Path, name: str, works: bool
) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)
    with fake_store() as store:
        store.socket = served.wrap_socket(store.socket, server_side=True)
        host = f"{name}:{store.server_address[1]}"
        link = store.get("image", CONTENT)
        link["url"] = link["url"].replace(f"http://{store.host}", f"https://{host}")
        trusting = ssl.create_default_context(cafile=str(certificate))
        asked = Transfer(parse_hosts(host), tls=trusting, attempts=1)
        if works:
            asked.fetch(SignedGet(**link), tmp_path / "image", Stop(10))
            assert (tmp_path / "image").read_bytes() == CONTENT
            store.faults["image"] = ["hang"]
            took = stopped_after(lambda s: asked.fetch(SignedGet(**link), tmp_path / "b", s), store.hanging)
            assert took < 1
        else:
            assert code_of(lambda: asked.fetch(SignedGet(**link), tmp_path / "a", Stop(10))) == "fetch_failed"
            assert store.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, certificate: Path) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)
    with fake_store() as store:
        store.socket = served.wrap_socket(store.socket, server_side=True)
        host = f"localhost:{store.server_address[1]}"
        link = SignedGet(f"https://{host}/bucket/image", "0" * 64, 1)
        asked = Transfer(parse_hosts(host), attempts=1)
        assert code_of(lambda: asked.fetch(link, tmp_path / "a", Stop(10))) == "fetch_failed"
        assert store.requests == []


def test_pauses_grow_and_stay_bounded() -> None:
    pauses = [[jittered(attempt) for _ in range(50)] for attempt in (1, 4, 10_000)]
    for of, least, most in zip(pauses, (0.25, 2, 4), (0.5, 4, 8), strict=True):
        assert min(of) >= least and max(of) <= most
    assert len(set(pauses[0])) > 1
