"""Every way a server can misbehave, with one and several connections, fresh and resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from restoration_models.download import DownloadFailed, WrongBytes, fetch
from restoration_models.download.events import Progress, Resumed, Retrying, SourceFailed
from support.downloads import QUICK, Remembering, content, leave_partial, md5, names, places, request, sha256
from support.origin import Faults, Origin

DATA = content()
OTHER = content(seed=2)
SIZE = len(DATA)
LOGIN = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>no file</body></html>"

# What the download survives without another source.
SURVIVED = {
    "none": Faults(),
    "reset in the middle, always": Faults(reset_at=20_000),
    "reset at once, twice": Faults(reset_at=0, times=2),
    "reset late": Faults(reset_at=SIZE - 1, times=1),
    "truncated, always": Faults(truncate_at=20_000),
    "stalls twice": Faults(stall_at=10_000, times=2),
    "drips once": Faults(drip=(64, 0.02), times=1),
    "ignores ranges": Faults(ignore_range=True),
    "ignores ranges and resets": Faults(ignore_range=True, reset_at=200_000, times=1),
    "ignores ranges and truncates": Faults(ignore_range=True, truncate_at=150_000, times=2),
    "ignores ranges, no length": Faults(ignore_range=True, no_length=True),
    "chunked ranges": Faults(no_length=True),
    "chunked ranges that end early": Faults(no_length=True, truncate_at=9_000, times=3),
    "wrong ranges": Faults(wrong_range=True),
    "gzip in the way": Faults(gzipped=True),
    "gzip in the way, ranges ignored": Faults(gzipped=True, ignore_range=True),
    "gzip, chunked": Faults(gzipped=True, ignore_range=True, no_length=True),
    "416": Faults(status=416, times=1),
    "429": Faults(status=429, retry_after="0", times=2),
    "429 with a date": Faults(status=429, retry_after="Mon, 01 Jan 2024 00:00:00 GMT", times=1),
    "503 without Retry-After": Faults(status=503, times=3),
    "500": Faults(status=500, times=2),
}

# What disqualifies the source: its sentence, and whether the catalogue may be to blame.
REFUSED = {
    "401": (Faults(status=401), "asks for a login (401)", False),
    "403": (Faults(status=403), "refuses access (403)", False),
    "404": (Faults(status=404), "does not have the file (404)", False),
    "410": (Faults(status=410), "no longer has the file (410)", False),
    "416, always": (Faults(status=416), "answers nonsense about ranges (416)", False),
    "503, always": (Faults(status=503), "is busy (503) (7 times in a row)", False),
    "429 for hours": (
        Faults(status=429, retry_after="7200"),
        "asks for fewer requests (429) and to be left alone for 7200 s",
        False,
    ),
    "HTML": (Faults(page=LOGIN), 'answered a login page titled "Sign in" instead of the file', False),
    "HTML that calls itself bytes": (
        Faults(page=LOGIN, page_type="application/octet-stream"),
        'answered a login page titled "Sign in" instead of the file',
        False,
    ),
    "quota page": (
        Faults(page="<html><head><title>Quota exceeded</title></head></html>"),
        'answered a page titled "Quota exceeded" instead of the file: its download quota is used up',
        False,
    ),
    "redirects for ever": (Faults(redirect="/weights.pth"), "redirects more than 10 times", False),
    "redirects to a public http address": (
        Faults(redirect="http://example.org/x"),
        "redirects to an unencrypted address at example.org",
        False,
    ),
    "redirects nowhere": (
        Faults(redirect="ftp://x/"),
        "redirects to something that is no web address",
        False,
    ),
    "resets, always": (Faults(reset_at=0), "reset the connection (7 times in a row)", False),
    "drips, always": (Faults(drip=(8, 0.02)), "only drips", False),
    "extra bytes": (
        Faults(extra=10, ignore_range=True),
        f"offers a file of {SIZE + 10:,} bytes where the catalogue declares {SIZE:,}",
        True,
    ),
    "extra bytes after every range": (
        Faults(extra=10),
        f"offers a file of {SIZE + 10:,} bytes where the catalogue declares {SIZE:,}",
        True,
    ),
    "too few bytes, unannounced": (
        Faults(short=10, ignore_range=True, no_length=True),
        f"offers a file of {SIZE - 10:,} bytes where the catalogue declares {SIZE:,}",
        True,
    ),
}


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
        assert (got.sha256, got.md5, got.size, got.origin) == (sha256(DATA), md5(DATA), SIZE, url)
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
