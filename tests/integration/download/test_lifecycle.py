"""Interrupts, deaths, neighbours and disks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from restoration_models.download import (
    DiskFailure,
    DownloadFailed,
    NoSpace,
    Policy,
    Stopped,
    WrongBytes,
    fetch,
    plan,
    prefetch,
)
from restoration_models.download import place as place_module
from restoration_models.download.events import Failed, Progress, SourceFailed, Verified, Verifying, Waiting
from restoration_models.download.ranges import Ranges
from restoration_models.errors import WorldFailure
from support.downloads import QUICK, Remembering, content, leave_partial, md5, names, places, request, sha256
from support.origin import Faults, Origin

DATA = content()
LARGE = content(12_000_000, seed=3)
ROOT = Path(__file__).parents[3]

PROGRAM = """
import json, signal, sys
from pathlib import Path
from restoration_models.download import Places, Policy, Request, fetch
folder, given = Path(sys.argv[1]), json.loads(sys.argv[2])
def report(event):
    print(type(event).__name__, getattr(event, "done", ""), flush=True)
try:
    got = fetch(
        Request.of("model", destination=folder / "weights.pth", **given),
        Places(folder / "inbox", folder, policy=Policy(connections=int(sys.argv[3]), backoff_base=0.01)),
        report,
    )
except KeyboardInterrupt:
    sys.exit(130)
print(json.dumps({"fetched": got.bytes_fetched, "resumed": got.resumed}))
"""


def start(folder: Path, url: str, data: bytes, connections: int, **more: str) -> subprocess.Popen[str]:
    given = json.dumps({"sha256": sha256(data), "size": len(data), "sources": [url]})
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), given, str(connections)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts"), **more},
    )


@pytest.mark.parametrize("connections", [1, 8])
@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_and_run_again(tmp_path: Path, death: signal.Signals, connections: int) -> None:
    """The next run asks the origin for what is missing, and at most a twentieth twice."""
    size = len(LARGE)
    with Origin() as origin:
        url = origin.add("/weights.pth", LARGE, Faults(rate=6_000_000 // connections))
        first = start(tmp_path, url, LARGE, connections)
        assert first.stdout
        had = 0
        for line in first.stdout:
            if line.startswith("Progress") and (had := int(line.split()[1])) > size // 2:
                break
        first.send_signal(death)
        rest = first.communicate(timeout=10)[0].splitlines()
        had = max([had, *(int(line.split()[1]) for line in rest if line.startswith("Progress"))])
        assert first.returncode == (130 if death == signal.SIGINT else -death)
        assert size // 2 < had < size
        assert not (tmp_path / "weights.pth").exists()
        before, sent = len(origin.seen()), origin.sent()
        origin.add("/weights.pth", LARGE)
        again = start(tmp_path, url, LARGE, connections)
        output = again.communicate(timeout=20)[0].splitlines()
        told = json.loads(output[-1])
        assert again.returncode == 0
        asked = Ranges(asked_for(one.range) for one in origin.seen()[before:])
    assert (tmp_path / "weights.pth").read_bytes() == LARGE
    assert told["resumed"] >= had - size // 20
    # What lay in sockets when the process died no program could have kept: on a busy machine, what
    # the origin sends in a tenth of a second.
    assert sent - told["resumed"] <= size // 10 + connections * 32_000
    assert asked.total == size - told["resumed"]
    assert names(tmp_path / "inbox") == []


def asked_for(text: str | None) -> tuple[int, int]:
    """The half-open interval of a Range header."""
    assert text
    first, _, last = text.removeprefix("bytes=").partition("-")
    return int(first), int(last) + 1


def test_real_name_in_another_process(tmp_path: Path) -> None:
    """A program that knows nothing of the origin is led there by its environment."""
    with Origin() as origin:
        url = origin.github("https://github.com/o/n/releases/download/v1/x.pth", DATA)
        process = start(tmp_path, url, DATA, 4, **origin.environ())
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert (tmp_path / "weights.pth").read_bytes() == DATA


def test_one_downloads_the_other_waits(tmp_path: Path) -> None:
    with Origin() as origin:
        url = origin.add("/weights.pth", DATA, Faults(rate=600_000))
        at, wanted = places(tmp_path), request(DATA, url, folder=tmp_path)
        heard = [Remembering(), Remembering()]
        results: list[object] = []
        threads = [
            threading.Thread(target=lambda one=one: results.append(fetch(wanted, at, one))) for one in heard
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert origin.sent() < 1.3 * len(DATA)
    assert sum(len(one.of(Waiting)) for one in heard) == 1
    assert sorted(got.origin for got in results) == sorted([url, "in place"])  # type: ignore[attr-defined]
    assert names(at.inbox) == []


def test_two_processes(tmp_path: Path) -> None:
    with Origin() as origin:
        url = origin.add("/weights.pth", LARGE, Faults(rate=3_000_000))
        both = [start(tmp_path, url, LARGE, 4) for _ in range(2)]
        output = [one.communicate(timeout=20)[0].split() for one in both]
        assert origin.sent() < 1.1 * len(LARGE)
    assert [one.returncode for one in both] == [0, 0]
    assert sum("Waiting" in lines for lines in output) == 1


def test_lock_of_the_dead_is_free(tmp_path: Path) -> None:
    at, wanted = places(tmp_path), request(DATA, "file:x")
    at.inbox.mkdir()
    (tmp_path / "x").write_bytes(DATA)
    at.lock(wanted.sha256).touch()
    heard = Remembering()
    fetch(wanted, at, heard)
    assert heard.of(Waiting) == []


def test_stop(tmp_path: Path) -> None:
    """Asked to stop, it leaves what came, safely."""
    stop = threading.Event()
    with Origin() as origin:
        url = origin.add("/weights.pth", DATA, Faults(stall_at=100_000))
        at = places(tmp_path, replace(QUICK, connections=1, read_timeout=30.0, smallest_part=1 << 20))
        wanted = request(DATA, url)

        def report(event: object) -> None:
            if isinstance(event, Progress) and event.done >= 90_000:
                stop.set()

        with pytest.raises(Stopped):
            fetch(wanted, at, report, stop)
        assert plan(wanted, at).resume >= 90_000
        origin.add("/weights.pth", DATA)
        got = fetch(wanted, at)
        assert got.resumed >= 90_000
        assert got.bytes_fetched == len(DATA) - got.resumed
    assert got.path == at.verified(wanted.sha256)


class TestOrder:
    """Inbox, cache, store, sources."""

    def test_in_place(self, tmp_path: Path) -> None:
        wanted, at = request(DATA, "file:none", folder=tmp_path), places(tmp_path)
        assert wanted.destination
        wanted.destination.parent.mkdir(parents=True)
        wanted.destination.write_bytes(DATA)
        got = fetch(wanted, at)
        assert (got.origin, got.bytes_fetched, got.path) == ("in place", 0, wanted.destination)

    def test_inbox_moves_to_the_destination(self, tmp_path: Path) -> None:
        at = places(tmp_path)
        (tmp_path / "x").write_bytes(DATA)
        first = fetch(request(DATA, "file:x"), at)
        assert first.path == at.verified(sha256(DATA))
        (tmp_path / "x").unlink()
        assert plan(request(DATA, "file:x"), at).local
        heard = Remembering()
        got = fetch(request(DATA, "file:x", folder=tmp_path), at, heard)
        assert (got.origin, got.bytes_fetched) == ("inbox", 0)
        assert [event.origin for event in heard.of(Verifying)] == ["inbox"]
        assert names(at.inbox) == []

    def test_damaged_inbox_is_dropped(self, tmp_path: Path) -> None:
        at = places(tmp_path)
        at.inbox.mkdir()
        at.verified(sha256(DATA)).write_bytes(DATA[:-1] + b"!")
        (tmp_path / "x").write_bytes(DATA)
        got = fetch(request(DATA, "file:x", folder=tmp_path), at)
        assert got.origin == "file:x"
        assert got.failures[0].source == "the inbox"

    def test_cache_and_store_only_by_a_locked_md5(self, tmp_path: Path) -> None:
        cache = tmp_path / "cache"
        digest = md5(DATA)
        (cache / digest[:2]).mkdir(parents=True)
        (cache / digest[:2] / digest[2:]).write_bytes(DATA)
        asked: list[str] = []

        def store(wanted: str, path: Path) -> None:
            asked.append(wanted)
            path.write_bytes(DATA)

        (tmp_path / "x").write_bytes(DATA)
        cached = places(tmp_path, cache=cache, fetch_from_store=store)
        only_store = places(tmp_path, fetch_from_store=store)
        assert fetch(request(DATA, "file:x", md5=digest, folder=tmp_path / "a"), cached).origin == "cache"
        assert (cache / digest[:2] / digest[2:]).read_bytes() == DATA
        assert asked == []
        got = fetch(request(DATA, "file:x", md5=digest, folder=tmp_path / "b"), only_store)
        assert (got.origin, got.bytes_fetched, asked) == ("store", len(DATA), [digest])
        assert fetch(request(DATA, "file:x", folder=tmp_path / "c"), cached).origin == "file:x"

    def test_damaged_cache_and_store_that_is_down(self, tmp_path: Path) -> None:
        cache = tmp_path / "cache"
        digest = md5(DATA)
        (cache / digest[:2]).mkdir(parents=True)
        (cache / digest[:2] / digest[2:]).write_bytes(content(seed=9))

        def store(_: str, path: Path) -> None:
            path.write_bytes(b"half")
            raise WorldFailure("the store does not answer")

        at = places(tmp_path, cache=cache, fetch_from_store=store)
        with pytest.raises(DownloadFailed) as caught:
            fetch(request(DATA, "file:gone", md5=digest, folder=tmp_path), at)
        assert [failure.source for failure in caught.value.failures] == [
            "the DVC cache",
            "the store",
            "file:gone",
        ]
        assert "the store: could not deliver it (the store does not answer)" in str(caught.value)
        assert names(at.inbox) == []

    def test_nowhere(self, tmp_path: Path) -> None:
        with pytest.raises(DownloadFailed, match="it has no source, and neither cache nor store has it"):
            fetch(request(DATA), places(tmp_path))


class TestFiles:
    @pytest.mark.parametrize("form", ["file:weights.bin", "file:{}/weights.bin", "file://{}/weights.bin"])
    def test_fetched(self, tmp_path: Path, form: str) -> None:
        (tmp_path / "weights.bin").write_bytes(DATA)
        got = fetch(request(DATA, form.format(tmp_path), folder=tmp_path), places(tmp_path))
        assert got.path.read_bytes() == DATA
        assert (tmp_path / "weights.bin").exists()

    def test_resumed(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(DATA)
        at, wanted = places(tmp_path), request(DATA, "file:x")
        leave_partial(at, wanted, DATA, (0, 200_000))
        assert plan(wanted, at).to_fetch == len(DATA) - 200_000
        assert fetch(wanted, at).bytes_fetched == len(DATA) - 200_000

    @pytest.mark.parametrize(
        ("make", "sentence", "kind"),
        [
            (lambda path: None, "there is no such file", DownloadFailed),
            (lambda path: path.mkdir(), "is a folder", DownloadFailed),
            (lambda path: path.write_bytes(b"short"), "is a file of 5 bytes", WrongBytes),
            (lambda path: path.write_bytes(content(seed=5)), "delivered other bytes", WrongBytes),
        ],
    )
    def test_refused(self, tmp_path: Path, make: object, sentence: str, kind: type[Exception]) -> None:
        make(tmp_path / "x")  # type: ignore[operator]
        with pytest.raises(kind, match=sentence):
            fetch(request(DATA, "file:x", folder=tmp_path), places(tmp_path))
        assert not (tmp_path / "layer").exists()


class TestDisk:
    def test_no_space_is_seen_before_the_first_byte(self, tmp_path: Path) -> None:
        with Origin() as origin:
            url = origin.add("/weights.pth", DATA)
            at = places(tmp_path, replace(QUICK, spare_disk=1 << 60))
            with pytest.raises(NoSpace, match="bytes are needed and"):
                fetch(request(DATA, url, folder=tmp_path), at)
            assert origin.seen() == []
        assert names(at.inbox) == []

    def test_full_in_the_middle(self, tmp_path: Path) -> None:
        """A limit on file size stands for a full disk: the write fails half way, as there."""
        code = (
            "import resource, signal, sys\n"
            "from pathlib import Path\n"
            "from restoration_models import files\n"
            "from restoration_models.download import partial\n"
            "one = partial.Partial(Path(sys.argv[1]), 300_000)\n"
            "one.write(0, [b'x' * 100_000])\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))\n"
            "try:\n    one.write(100_000, [b'y' * 100_000])\n"
            "except files.NoSpace as error:\n    print(error.status, error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "x.partial")],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        )
        assert done.stdout == (
            f"3 {tmp_path}: the disk is full; free some space and run the command again; a download resumes\n"
        )

    def test_inbox_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "inbox").write_text("in the way")
        with pytest.raises(DiskFailure):
            fetch(request(DATA, "file:x"), places(tmp_path))

    def test_across_disks(self, tmp_path: Path) -> None:
        """Copied beside the destination, synced, renamed."""
        shm = Path("/dev/shm")
        if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev or not os.access(shm, os.W_OK):
            pytest.skip("this machine has no second disk at /dev/shm")
        folder = shm / f"restoration-models-{os.getpid()}"
        try:
            (tmp_path / "x").write_bytes(DATA)
            got = fetch(request(DATA, "file:x", folder=folder), places(tmp_path))
            assert got.path.read_bytes() == DATA
            assert names(got.path.parent) == ["weights.pth"]
            assert names(tmp_path / "inbox") == []
        finally:
            place_module.shutil.rmtree(folder, ignore_errors=True)


class TestPrefetch:
    def test_results_and_failures(self, tmp_path: Path) -> None:
        """Failures are collected; the inbox is filled with the rest."""
        files = [content(50_000, seed=n) for n in range(6)]
        with Origin() as origin:
            wanted = [
                replace(request(data, origin.add(f"/{n}", data)), slug=f"m{n}")
                for n, data in enumerate(files)
            ]
            wanted[2] = replace(request(files[2], origin.add("/gone", b"", Faults(status=404))), slug="m2")
            heard = Remembering()
            at = places(tmp_path)
            got = prefetch(wanted, 3, at, heard)
        assert [slug for slug, _ in got.fetched] == ["m0", "m1", "m3", "m4", "m5"]
        assert [(one.slug, type(one.error)) for one in got.failed] == [("m2", DownloadFailed)]
        assert len(heard.of(Verified)) == 5
        assert [event.slug for event in heard.of(Failed)] == ["m2"]
        assert len(heard.of(SourceFailed)) == 1
        assert names(at.inbox) == sorted(one.sha256 for _, one in got.fetched)

    def test_interrupted(self, tmp_path: Path) -> None:
        """Ctrl-C leaves at once, and what every file had stays."""
        code = (
            "import json, sys\n"
            "from pathlib import Path\n"
            "from restoration_models.download import Places, Request, prefetch\n"
            "folder = Path(sys.argv[1])\n"
            "wanted = [Request.of(slug, **one) for slug, one in json.loads(sys.argv[2]).items()]\n"
            "def tell(event):\n    print(event.slug, getattr(event, 'done', 0), flush=True)\n"
            "prefetch(wanted, 2, Places(folder / 'inbox', folder), tell)\n"
        )
        files = {"a": LARGE, "b": content(5_000_000, seed=8)}
        with Origin() as origin:
            given = {
                slug: {
                    "sha256": sha256(data),
                    "size": len(data),
                    "sources": [origin.add(f"/{slug}", data, Faults(stall_at=500_000))],
                }
                for slug, data in files.items()
            }
            process = subprocess.Popen(
                [sys.executable, "-c", code, str(tmp_path), json.dumps(given)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
            )
            assert process.stdout
            done = {"a": 0, "b": 0}
            for line in process.stdout:
                slug, amount = line.split()
                done[slug] = int(amount)
                if min(done.values()) >= 1_000_000:
                    break
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=5)
        assert process.returncode == -signal.SIGINT
        assert "KeyboardInterrupt" in error
        for slug, data in files.items():
            assert plan(request(data), places(tmp_path)).resume >= done[slug]

    def test_nothing(self, tmp_path: Path) -> None:
        assert prefetch([], 4, places(tmp_path)).fetched == ()


def test_default_policy_is_patient() -> None:
    assert Policy().smallest_part >= 2 * Policy().block
