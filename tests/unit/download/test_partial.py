from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from restoration_models.download.digests import Follower, digests_of
from restoration_models.download.partial import Partial, boot, read_record, record_of
from restoration_models.files import DiskFailure
from support.downloads import content, sha256

DATA = content(3_000_000)


def make(path: Path, size: int = len(DATA)) -> Partial:
    return Partial(path, size)


def test_only_what_the_record_claims_is_there(tmp_path: Path) -> None:
    path = tmp_path / "x.partial"
    one = make(path)
    one.write(0, [DATA[:100]])
    one.checkpoint()
    one.write(100, [DATA[100:200]])
    one.close()
    again = make(path)
    assert (again.have, again.frontier) == (100, 100)
    assert again.missing() == [(100, len(DATA))]
    again.close()


@pytest.mark.parametrize(
    "record",
    [
        "",
        "{",
        "[]",
        "null",
        '{"schema": 1, "size": 1000}',
        '{"schema": 2, "size": 1000, "ranges": [[0, 5]]}',
        '{"schema": 1, "size": 999, "ranges": [[0, 5]]}',
        '{"schema": 1, "size": 1000, "ranges": [[0, 1001]]}',
        '{"schema": 1, "size": 1000, "ranges": [[-5, 5]]}',
        '{"schema": 1, "size": 1000, "ranges": [["a", 5]]}',
        '{"schema": 1, "size": 1000, "ranges": [5]}',
    ],
)
def test_doubtful_record_claims_nothing(tmp_path: Path, record: str) -> None:
    path = tmp_path / "x.partial"
    path.write_bytes(bytes(1000))
    record_of(path).write_text(record)
    assert read_record(path, 1000).total == 0


def test_record_of_a_file_of_another_length(tmp_path: Path) -> None:
    path = tmp_path / "x.partial"
    path.write_bytes(bytes(999))
    record_of(path).write_text(json.dumps({"schema": 1, "size": 1000, "ranges": [[0, 5]]}))
    assert read_record(path, 1000).total == 0


def test_discard_forgets_on_disk_too(tmp_path: Path) -> None:
    one = make(tmp_path / "x.partial")
    one.write(0, [DATA])
    one.checkpoint()
    one.discard()
    one.close()
    assert not record_of(one.path).exists()
    assert one.path.read_bytes() == bytes(len(DATA))


def test_follower_hashes_bytes_that_arrive_out_of_order(tmp_path: Path) -> None:
    one = make(tmp_path / "x.partial")
    follower = Follower(one)
    pieces = [(at, DATA[at : at + 70_001]) for at in range(0, len(DATA), 70_001)]
    threads = [
        threading.Thread(target=lambda n=n: [one.write(at, [data]) for at, data in reversed(pieces[n::3])])
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    digests = follower.result()
    assert (digests.sha256, digests.size) == (sha256(DATA), len(DATA))
    for thread in threads:
        thread.join()
    one.close()
    assert digests_of(one.path) == digests


def test_follower_stops_early(tmp_path: Path) -> None:
    one = make(tmp_path / "x.partial")
    follower = Follower(one)
    follower.stop()
    assert not follower.is_alive()
    one.close()


def test_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DiskFailure) as caught:
        make(tmp_path / "gone" / "x.partial")
    assert caught.value.status == 3
    with pytest.raises(DiskFailure):
        digests_of(tmp_path / "gone")


def test_many_chunks_in_one_write(tmp_path: Path) -> None:
    one = make(tmp_path / "x.partial")
    one.write(10, [DATA[n : n + 1] for n in range(1000)])
    one.close()
    with one.path.open("rb") as file:
        assert os.pread(file.fileno(), 1000, 10) == DATA[:1000]


def killed_after_writing(path: Path, *, before: str = "") -> int:
    """Write a third of the file in another process, which then dies; returns how much that was."""
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from restoration_models.download.partial import Partial\n"
        f"one = Partial(Path(sys.argv[1]), {len(DATA)})\n"
        f"{before}"
        "for at in range(0, 1_000_000, 10_000):\n"
        "    one.write(at, [bytes(10_000)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "scripts")}
    subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False, timeout=60)
    return 1_000_000


@pytest.mark.skipif(boot() is None, reason="this system does not say when it was started")
def test_what_a_killed_process_had_written_is_there(tmp_path: Path) -> None:
    """But for the last half percent, or 64 KiB; nothing of it was synced."""
    path = tmp_path / "x.partial"
    written = killed_after_writing(path)
    there = read_record(path, len(DATA)).total
    assert written - 65_536 <= there <= written
    assert json.loads(record_of(path).read_text().splitlines()[0])["ranges"] == []


@pytest.mark.skipif(boot() is None, reason="this system does not say when it was started")
def test_after_a_power_cut_only_what_was_synced_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.partial"
    killed_after_writing(path, before="one.write(0, [bytes(5000)]); one.checkpoint()\n")
    record_of(path).write_text(record_of(path).read_text().replace(str(boot()), "another"))
    assert list(read_record(path, len(DATA))) == [(0, 5000)]


@pytest.mark.skipif(boot() is None, reason="this system does not say when it was started")
@pytest.mark.parametrize("torn", ["", "{", '{"boot": "', "null\n", "[1]\n"])
def test_a_note_that_was_cut_off_counts_for_nothing(tmp_path: Path, torn: str) -> None:
    """Nor does one that is none; what was synced counts, and the whole note before a torn one."""
    path = tmp_path / "x.partial"
    killed_after_writing(path, before="one.write(0, [bytes(5000)]); one.checkpoint()\n")
    before = read_record(path, len(DATA)).total
    with record_of(path).open("a") as record:
        record.write(torn)
    assert read_record(path, len(DATA)).total == (5000 if torn.endswith("\n") else before)
    assert before > 900_000


def test_what_an_earlier_process_wrote_is_synced_before_it_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.partial"
    killed_after_writing(path)
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    again = make(path)
    again.close()
    assert bool(synced) == (boot() is not None)
