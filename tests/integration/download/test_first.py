"""The first download of a file of which nothing is known."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from restoration_models.download import FirstDownloadFailed, Places, first_contact
from restoration_models.download.events import Progress, Retrying
from restoration_models.download.trouble import Disqualified
from restoration_models.download.wheel import ask_index
from restoration_models.sources import PypiSource, parse
from support.answers import Raw
from support.downloads import QUICK, Remembering, content, names, places, sha256
from support.origin import Faults, Origin

DATA = content(400_000, seed=5)
HUB = "https://huggingface.co/o/n/resolve/main/x.pth"


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


def test_the_digest_is_what_the_bytes_have(tmp_path: Path, origin: Origin) -> None:
    """Over several connections; a second request for the address fetches nothing while the file waits."""
    url = origin.add("/x.pth", DATA)
    at, told = places(tmp_path), Remembering()
    got = first_contact(parse(url), "model", at, told)
    assert (got.sha256, got.size) == (sha256(DATA), len(DATA))
    assert got.path == at.verified(got.sha256)
    assert got.path.read_bytes() == DATA
    assert {event.slug for event in told.events} == {"model"}
    sent = origin.sent()
    assert first_contact(parse(url), "model", at).origin == "inbox"
    assert origin.sent() == sent
    got.path.write_bytes(DATA[::-1])
    assert first_contact(parse(url), "model", at).path.read_bytes() == DATA


def test_breaks_are_mended(tmp_path: Path, origin: Origin) -> None:
    url = origin.add("/x.pth", DATA, Faults(times=2, reset_at=9_000))
    assert first_contact(parse(url), "model", places(tmp_path)).sha256 == sha256(DATA)


def test_a_file_that_changes_meanwhile_starts_over(tmp_path: Path, origin: Origin) -> None:
    """No mixture of two files is ever pinned."""
    new = content(len(DATA), seed=6)
    url = origin.add("/x.pth", DATA, Faults(times=4, changes=new, ignore_if_range=True))
    assert first_contact(parse(url), "model", places(tmp_path)).sha256 == sha256(new)


@pytest.mark.parametrize("tells", ["weak", "date", "nothing", "head"])
@pytest.mark.parametrize("answers", [2, 3, 4])
def test_two_versions_that_nothing_tells_apart_are_not_mixed(
    tmp_path: Path, origin: Origin, tells: str, answers: int
) -> None:
    """What was said of the file is the first answer, and what became of it comes after some more."""
    new = content(len(DATA), seed=6)
    url = origin.add("/x.pth", DATA, Faults(times=answers, changes=new, tells=tells))
    got = first_contact(parse(url), "model", places(tmp_path))
    assert got.sha256 in (sha256(DATA), sha256(new))
    assert got.sha256 == sha256(got.path.read_bytes())
    whole = [one for one in origin.seen() if one.range is None]
    assert len(whole) == 1
    if tells != "head":
        assert len(origin.seen()) == 1


@pytest.mark.parametrize("tells", ["weak", "date", "nothing"])
def test_what_breaks_off_starts_over_where_nothing_tells_versions_apart(
    tmp_path: Path, origin: Origin, tells: str
) -> None:
    new = content(len(DATA), seed=6)
    url = origin.add("/x.pth", DATA, Faults(times=3, changes=new, reset_at=150_000, tells=tells))
    heard = Remembering()
    got = first_contact(parse(url), "model", places(tmp_path), heard)
    assert (got.sha256, got.resumed) == (sha256(new), 0)
    again = "reset the connection; once more from the start"
    assert [event.reason for event in heard.of(Retrying)] == [again, again]
    at = places(tmp_path / "never")
    origin.add("/x.pth", DATA, Faults(reset_at=150_000, tells=tells))
    with pytest.raises(FirstDownloadFailed, match=r"reset the connection \(7 times in a row\)"):
        first_contact(parse(url), "model", at)
    assert names(at.inbox) == []


def test_a_file_that_has_another_length_by_now_is_refused(tmp_path: Path, origin: Origin) -> None:
    """Also where the answer with the file says no length: what was said before is not where it ends."""
    reason = "its file is no longer of the 400,000 bytes that it said at first"
    url = origin.add("/x.pth", DATA, Faults(times=1, changes=DATA + b"x", tells="nothing"))
    with pytest.raises(FirstDownloadFailed, match=reason):
        first_contact(parse(url), "model", places(tmp_path))

    def answer(request: bytes) -> bytes:
        if request.startswith(b"HEAD"):
            return b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n"
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in (DATA, b"x", b""))
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks

    with Raw(answer) as server, pytest.raises(FirstDownloadFailed, match=reason):
        first_contact(parse(server.url), "model", places(tmp_path))
    assert names(tmp_path / "inbox") == []


def broken_off(tmp_path: Path, origin: Origin, url: str, data: bytes) -> Places:
    """Where a first download that was interrupted half way left what it had."""
    at = places(tmp_path, replace(QUICK, connections=2))

    def report(event: object) -> None:
        if isinstance(event, Progress) and event.done > len(data) // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first_contact(parse(url), "model", at, report)
    return at


def test_an_interrupted_one_goes_on_where_the_server_says_the_file_is_the_same(
    tmp_path: Path, origin: Origin
) -> None:
    url = origin.add("/x.pth", DATA, Faults(rate=400_000))
    at = broken_off(tmp_path, origin, url, DATA)
    origin.add("/x.pth", DATA)
    got = first_contact(parse(url), "model", at)
    assert got.path.read_bytes() == DATA
    assert got.resumed > len(DATA) // 2
    assert origin.sent() < 1.1 * len(DATA)
    assert [name for name in names(at.inbox) if "partial" in name or name.endswith(".tag")] == []


@pytest.mark.parametrize("tells", ["weak", "date", "nothing"])
def test_an_interrupted_one_starts_over_where_nothing_says_the_file_is_the_same(
    tmp_path: Path, origin: Origin, tells: str
) -> None:
    url = origin.add("/x.pth", DATA, Faults(rate=2_000_000, tells=tells))
    at = broken_off(tmp_path, origin, url, DATA)
    assert [name for name in names(at.inbox) if "partial" in name or name.endswith(".tag")] == []
    origin.add("/x.pth", DATA, Faults(tells=tells))
    got = first_contact(parse(url), "model", at)
    assert (got.sha256, got.resumed) == (sha256(DATA), 0)


@pytest.mark.parametrize("obeys", [True, False])
def test_an_interrupted_one_starts_over_where_the_file_is_another(
    tmp_path: Path, origin: Origin, obeys: bool
) -> None:
    """Also where it changes between the question and the first range."""
    new = content(len(DATA), seed=6)
    url = origin.add("/x.pth", DATA, Faults(rate=400_000))
    at = broken_off(tmp_path, origin, url, DATA)
    origin.add("/x.pth", new if obeys else DATA, Faults(times=1, changes=new, ignore_if_range=not obeys))
    got = first_contact(parse(url), "model", at)
    assert (got.sha256, got.resumed) == (sha256(new), 0)


def test_a_host_that_states_the_digest_is_held_to_it(tmp_path: Path, origin: Origin) -> None:
    at = places(tmp_path, environ=origin.environ())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in origin.environ().items():
            patch.setenv(name, value)
        origin.hub(HUB, DATA)
        assert first_contact(parse(HUB), "model", at).sha256 == sha256(DATA)
        origin.hub(HUB.replace("x.pth", "y.pth"), DATA[::-1])
        origin.add("https://cas-bridge.xethub.hf.co/xet/o/n/resolve/main/y.pth", DATA)
        with pytest.raises(FirstDownloadFailed, match="delivered other bytes"):
            first_contact(parse(HUB.replace("x.pth", "y.pth")), "model", at)


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        (Faults(status=404), "does not have the file (404)"),
        (
            Faults(page="<html><title>Hi</title></html>"),
            'answered an HTML page titled "Hi" instead of the file',
        ),
        (Faults(no_length=True, ignore_range=True), "does not say how large its file is"),
    ],
)
def test_what_is_no_file_is_said(tmp_path: Path, origin: Origin, faults: Faults, reason: str) -> None:
    url = origin.add("/x.pth", DATA, faults)
    at = places(tmp_path)
    with pytest.raises(FirstDownloadFailed) as caught:
        first_contact(parse(url), "model", at)
    assert (caught.value.what, caught.value.status) == (reason, 3)
    assert names(at.inbox) == []


def test_an_empty_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(FirstDownloadFailed, match="its file is empty"):
        first_contact(parse("file:x"), "model", places(tmp_path))


def test_a_file_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    assert first_contact(parse("file:x"), "model", places(tmp_path)).sha256 == sha256(DATA)


def test_a_member_of_a_wheel(tmp_path: Path) -> None:
    import zipfile

    (tmp_path / "wheels").mkdir()
    with zipfile.ZipFile(tmp_path / "wheels/tiny_one-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_one/x.pkl", DATA)
        base = "tiny_one-1.0.dist-info/"
        wheel.writestr(base + "METADATA", "Metadata-Version: 2.1\nName: tiny-one\nVersion: 1.0\n")
        wheel.writestr(
            base + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(base + "RECORD", "")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environ = {
        **kept,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "wheels"),
        "PIP_NO_CACHE_DIR": "1",
    }
    at = places(tmp_path, environ=environ)
    got = first_contact(parse("pypi:tiny-one==1.0/tiny_one/x.pkl"), "model", at)
    assert got.path.read_bytes() == DATA
    with pytest.raises(FirstDownloadFailed, match=r"the wheel has no member tiny_one/y\.pkl"):
        first_contact(parse("pypi:tiny-one==1.0/tiny_one/y.pkl"), "model", at)
    for version, there in (("1.0", True), ("2.0", False)):
        source = parse(f"pypi:tiny-one=={version}/tiny_one/x.pkl")
        assert isinstance(source, PypiSource)
        if there:
            ask_index(source, QUICK, threading.Event(), environ)
        else:
            with pytest.raises(Disqualified, match=r"no wheel of tiny-one==2\.0"):
                ask_index(source, QUICK, threading.Event(), environ)
