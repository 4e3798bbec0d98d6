"""Every way a server can misbehave, with one and several connections, fresh and resumed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from restoration_models.download import DownloadFailed, WrongBytes, fetch
from restoration_models.download.events import Progress, Resumed, Retrying, SourceFailed
from support.downloads import QUICK, Remembering, leave_partial, names, places, request, sha256
from support.misbehaviour import DATA, OTHER, REFUSED, SIZE, SURVIVED, UNREACHABLE
from support.origin import Faults, Origin


@pytest.mark.parametrize("resumed", [False, True], ids=["fresh", "resumed"])
@pytest.mark.parametrize("connections", [1, 4])
class TestMatrix:
    @pytest.mark.parametrize("fault", SURVIVED)
    def test_survived(self, tmp_path: Path, fault: str, connections: int, resumed: bool) -> None:
        with Origin() as origin:
            url = origin.add("/weights.pth", DATA, SURVIVED[fault])
            at = places(tmp_path, replace(QUICK, connections=connections))
            wanted = request(DATA, url, folder=tmp_path)
            if resumed:
                leave_partial(at, wanted, DATA, (0, 50_000), (100_000, 160_000))
            heard = Remembering()
            got = fetch(wanted, at, heard)
        assert got.path == wanted.destination
        assert got.path.read_bytes() == DATA
        assert (got.sha256, got.size, got.origin) == (sha256(DATA), SIZE, url)
        assert got.resumed == (110_000 if resumed else 0)
        assert len(heard.of(Resumed)) == resumed
        assert heard.of(Progress)[-1].done == SIZE
        assert names(at.inbox) == []

    @pytest.mark.parametrize("fault", REFUSED)
    def test_refused(self, tmp_path: Path, fault: str, connections: int, resumed: bool) -> None:
        """The source is given up with a sentence, and the next one completes what is there."""
        faults, sentence, blamed = REFUSED[fault]
        with Origin() as origin:
            bad = origin.add("/weights.pth", DATA, faults)
            good = origin.add("/mirror.pth", DATA)
            at = places(tmp_path, replace(QUICK, connections=connections))
            wanted = request(DATA, bad, good, folder=tmp_path)
            if resumed:
                leave_partial(at, wanted, DATA, (0, 50_000), (100_000, 160_000))
            heard = Remembering()
            got = fetch(wanted, at, heard)
            alone = request(OTHER + DATA[len(OTHER) :], bad)
            assert alone.size == SIZE
            with pytest.raises(WrongBytes if blamed else DownloadFailed) as caught:
                fetch(alone, at)
        assert got.path.read_bytes() == DATA
        assert got.origin == good
        (failed,) = heard.of(SourceFailed)
        assert failed.reason.startswith(sentence)
        assert failed.following == good.removeprefix("http://").removesuffix("/mirror.pth")
        assert sentence in str(caught.value)
        assert caught.value.status == (1 if blamed else 3)
        assert got.failures == ((got.failures[0]),)
        assert got.failures[0].other_bytes is blamed

    def test_drips_in_pieces(self, tmp_path: Path, connections: int, resumed: bool) -> None:
        """Each answer is short and right, and comes after a while: together they are a drip."""
        with Origin() as origin:
            url = origin.add("/weights.pth", DATA, Faults(piece=(1, 0.03), times=60))
            at = places(tmp_path, replace(QUICK, connections=connections, retries=1))
            wanted = request(DATA, url, folder=tmp_path)
            if resumed:
                leave_partial(at, wanted, DATA, (0, 50_000), (100_000, 160_000))
            with pytest.raises(DownloadFailed, match=r"only drips \(2 times in a row\)"):
                fetch(wanted, at)

    @pytest.mark.parametrize("fault", UNREACHABLE)
    def test_unreachable(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, connections: int, resumed: bool
    ) -> None:
        """A host that cannot be talked to says why, and the next source completes what is there."""
        address, sentence = UNREACHABLE[fault]
        with Origin() as origin, Origin() as stranger:
            origin.add("https://mirror.example/weights.pth", DATA)
            good = origin.add("/mirror.pth", DATA)
            if not fault.startswith("no such host"):
                monkeypatch.setenv("HTTPS_PROXY", origin.url)
                monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger.ca))
            monkeypatch.setenv("NO_PROXY", "127.0.0.1,nowhere.invalid")
            at = places(tmp_path, replace(QUICK, connections=connections))
            wanted = request(DATA, address, good, folder=tmp_path)
            if resumed:
                leave_partial(at, wanted, DATA, (0, 50_000), (100_000, 160_000))
            heard = Remembering()
            got = fetch(wanted, at, heard)
            with pytest.raises(DownloadFailed, match=re.escape(sentence)):
                fetch(request(OTHER, address), at)
        assert got.path.read_bytes() == DATA
        assert [one.reason.startswith(sentence) for one in heard.of(SourceFailed)] == [True]

    def test_other_bytes(self, tmp_path: Path, connections: int, resumed: bool) -> None:
        """A wrong digest: once more from the start where bytes of another run were mixed in."""
        with Origin() as origin:
            url = origin.add("/weights.pth", OTHER)
            at = places(tmp_path, replace(QUICK, connections=connections))
            wanted = request(DATA, url, folder=tmp_path)
            if resumed:
                leave_partial(at, wanted, DATA, (0, 50_000))
            heard = Remembering()
            with pytest.raises(WrongBytes) as caught:
                fetch(wanted, at, heard)
            assert origin.sent() >= (2 * SIZE - 50_000 if resumed else SIZE)
        assert caught.value.status == 1
        assert f"expected sha256 {sha256(DATA)}, came {sha256(OTHER)}" in str(caught.value)
        assert len(heard.of(Retrying)) == resumed
        assert names(at.inbox) == []
        assert not wanted.destination.exists()  # type: ignore[union-attr]

    @pytest.mark.parametrize("obeys", [True, False], ids=["If-Range obeyed", "If-Range ignored"])
    def test_changes_between_two_ranges(
        self, tmp_path: Path, connections: int, resumed: bool, obeys: bool
    ) -> None:
        """What came before the change is thrown away; what the file is now is fetched in one piece."""
        with Origin() as origin:
            url = origin.add("/weights.pth", OTHER, Faults(times=2, changes=DATA, ignore_if_range=not obeys))
            at = places(tmp_path, replace(QUICK, connections=connections))
            wanted = request(DATA, url, folder=tmp_path)
            if resumed:
                leave_partial(at, wanted, OTHER, (0, 50_000))
            heard = Remembering()
            got = fetch(wanted, at, heard)
            assert any("If-Range" in one.headers for one in origin.seen())
        assert got.path.read_bytes() == DATA
        assert "its file changed between two ranges" in [event.reason for event in heard.of(Retrying)]
        assert names(at.inbox) == []

    @pytest.mark.parametrize("tells", ["weak", "date", "nothing"])
    def test_changes_unsaid(self, tmp_path: Path, connections: int, resumed: bool, tells: str) -> None:
        """Where no strong ETag tells, the digest does: a mixture is nobody's file, and leaves nothing."""
        with Origin() as origin:
            changes = Faults(times=2, changes=DATA, ignore_if_range=True, tells=tells)
            url = origin.add("/weights.pth", OTHER, changes)
            at = places(tmp_path, replace(QUICK, connections=connections))
            wanted = request(DATA, url, folder=tmp_path)
            assert wanted.destination
            if resumed:
                leave_partial(at, wanted, OTHER, (0, 50_000))
            try:
                got = fetch(wanted, at)
            except WrongBytes as refusal:
                assert not wanted.destination.exists()
                assert names(at.inbox) == []
                assert "delivered other bytes" in str(refusal)
                assert not resumed
                got = fetch(wanted, at)
        assert got.path.read_bytes() == DATA

    def test_poisoned_partial(self, tmp_path: Path, connections: int, resumed: bool) -> None:
        """A source with other bytes, then a good one that completes its leavings: verified in the end."""
        with Origin() as origin:
            bad = origin.add("/bad.pth", OTHER, Faults(reset_at=30_000, times=1))
            good = origin.add("/good.pth", DATA)
            at = places(tmp_path, replace(QUICK, connections=connections, retries=0))
            wanted = request(DATA, bad, good, folder=tmp_path)
            if resumed:
                leave_partial(at, wanted, OTHER, (7_000, 90_000))
            got = fetch(wanted, at)
        assert got.path.read_bytes() == DATA
        assert got.origin == good
