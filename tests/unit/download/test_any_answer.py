"""Whatever a server answers: the declared file, or a failure in a printable line, soon, in little memory."""

from __future__ import annotations

import gzip
import re
import tempfile
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from restoration_models.download import DownloadFailed, WrongBytes, fetch, inspect
from restoration_models.download.first import FirstDownloadFailed, first_contact
from restoration_models.download.inspect import SourceUnavailable
from restoration_models.errors import RestorationModelsError
from restoration_models.manifest import ManifestUnreadable
from restoration_models.sources import parse
from restoration_models.training.published import ManifestUnreachable, _on_web
from support.answers import Raw
from support.downloads import QUICK, content, places, request
from support.effort import examples

DATA = content(3000)
PATIENT = replace(
    QUICK, retries=0, quick_retries=0, read_timeout=0.3, answer_seconds=1.0, connections=2, block=512
)
SOON = 10.0
"""Seconds; a request takes some milliseconds, a stall `read_timeout`."""
MEGABYTES = 100
"""At most; a hundred headers of 60 kB, several times over in the libraries, are the most."""

LONG = {
    "file": DATA,
    "half": DATA[:1000],
    "more": DATA + b"x",
    "gzip": gzip.compress(DATA, mtime=0),
    "gzip bomb": gzip.compress(bytes(1 << 24), mtime=0),
    "huge gzip bomb": gzip.compress(bytes(1 << 24), mtime=0) * 16,
    "zlib": zlib.compress(DATA),
    "chunked": b"bb8\r\n" + DATA + b"\r\n0\r\n\r\n",
    "huge chunk": b"fffffffffffffffff\r\n" + DATA,
    "negative chunk": b"-1\r\n" + DATA,
    "long extension": b"bb8;" + b"x" * 70_000,
    "trailers": b"0\r\n" + b"a: b\r\n" * 3000,
    "page": "<html><title>\x1b[2J\u202e</title>".encode(),
    "long page": b"<html>" * 60_000,
    "line": b"a" * 70_000,
    "nearly a line": b"y" * 60_000,
}
"""What is too long to be shown where a test fails, by name."""

NAMES = st.sampled_from(
    [
        b"Content-Length",
        b"Content-Range",
        b"Content-Encoding",
        b"Transfer-Encoding",
        b"Content-Type",
        b"Location",
        b"ETag",
        b"Last-Modified",
        b"Retry-After",
        b"Accept-Ranges",
        b"Connection",
        b"Set-Cookie",
        b"X-Linked-Size",
        b"X-Linked-ETag",
        b"Content-Length ",
        b"",
        b" folded",
    ]
) | st.binary(max_size=12)
VALUES = st.sampled_from(
    [
        b"3000",
        b"0",
        b"-1",
        b"99999999999999999999",
        b"3000, 3000",
        b"0x10",
        b"bytes 0-2999/3000",
        b"bytes 5-9/3000",
        b"bytes 9-5/1",
        b"bytes */3000",
        b"gzip",
        b"deflate",
        b"br",
        b"chunked",
        b"gzip, chunked",
        b"identity",
        b"text/html",
        b"\x1b[2J\x07",
        b"\xe2\x80\xae",
        b'"a\x00b"',
        b'W/"x"',
        b"http://127.0.0.1:1/x",
        b"https://169.254.169.254/",
        b"https://\x1b[31m/",
        b"//[::1",
        b"/x.pth",
        b"#",
        b"\xff\xfe",
        b"Mon, 99 Foo 2024 99:99:99 GMT",
        b"1e999",
        "line",
        "nearly a line",
        b"\r x",
        b"\r\n folded: on",
    ]
) | st.binary(max_size=20)
STATUS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 206 Partial",
        b"HTTP/1.1 416 No",
        b"HTTP/1.1 302 Found",
        b"HTTP/1.1 307 \x1b[2J",
        b"HTTP/1.1 429 Slow",
        b"HTTP/1.1 503 \xe2\x80\xae",
        b"HTTP/1.1 404 No",
        b"HTTP/1.1 100 Go on",
        b"HTTP/1.1 101 Switch",
        b"HTTP/1.1 204 Nothing",
        b"HTTP/1.1 304 Same",
        b"HTTP/1.1 999 ?",
        b"HTTP/1.1 000 ?",
        b"HTTP/1.1 -1 ?",
        b"HTTP/1.1 2000000000000000000000 ?",
        b"HTTP/9.9 200 OK",
        b"HTTP/1.0 200",
        b"HTTP/1.1",
        b"ICY 200 OK",
        b"",
        b"<html>",
        b"\x15\x03\x01\x00\x02\x02",
    ]
) | st.binary(max_size=20)
BODIES = st.sampled_from(sorted(LONG)) | st.binary(max_size=300)
Piece = bytes | str


def written(piece: Piece) -> bytes:
    return LONG[piece] if isinstance(piece, str) else piece


@pytest.fixture(scope="module")
def server() -> Iterator[Raw]:
    with Raw(b"") as made:
        yield made


def answered(status: bytes, headers: list[tuple[bytes, Piece]], body: Piece) -> bytes:
    lines = (b"%s: %s\r\n" % (name, written(value)) for name, value in headers)
    return status + b"\r\n" + b"".join(lines) + b"\r\n" + written(body)


@examples(80)
@given(STATUS, st.lists(st.tuples(NAMES, VALUES), max_size=5), BODIES)
@example(b"HTTP/1.1 200 OK", [(b"Content-Encoding", b"gzip"), (b"ETag", b'"\x01"')], "gzip bomb")
@example(b"HTTP/1.1 302 Found", [(b"Location", b"https://ev\x1b[2Jil.example/")], b"")
@example(b"HTTP/1.1 302 Found", [(b"Location", "https://ev\u202eil.example/".encode())], b"")
@example(b"HTTP/1.1 302 Found", [(b"Location", b"/x.pth"), (b"Content-Encoding", b"gzip")], "huge gzip bomb")
@example(b"HTTP/1.1 307 Go", [(b"Location", b"ftp://x/"), (b"Content-Encoding", b"gzip")], "huge gzip bomb")
@example(b"HTTP/1.1 200 OK", [(b"Content-Encoding", b"\x1b[2J")], "file")
@example(b"HTTP/1.1 200 OK", [(b"Transfer-Encoding", b"chunked")], "trailers")
@example(b"HTTP/1.1 200 OK", [(b"X", "nearly a line")] * 99, "file")
@example(b"HTTP/1.1 200 OK", [(b"X", b"y")] * 500, "file")
def test_any_answer(server: Raw, status: bytes, headers: list[tuple[bytes, Piece]], body: Piece) -> None:
    server.answer = answered(status, headers, body)
    threads = threading.active_count()
    tracemalloc.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            began = time.monotonic()
            use(server, Path(name))
            took = time.monotonic() - began
        peak = tracemalloc.get_traced_memory()[1] >> 20
    finally:
        tracemalloc.stop()
    assert took < SOON
    assert peak < MEGABYTES
    assert threading.active_count() <= threads + 8


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"303 See", b"307 Go", b"308 Go"])
def test_what_a_redirect_has_for_a_body_is_not_read(tmp_path: Path, status: bytes) -> None:
    """It falls silent here: whoever reads it has no answer."""
    head = b"HTTP/1.1 %s\r\nLocation: /x.pth\r\n\r\n" % status
    with Raw(head, drip=b"x", every=3 * PATIENT.read_timeout) as server:
        with pytest.raises(DownloadFailed, match="redirects more than 10 times"):
            fetch(request(DATA, server.url), places(tmp_path, PATIENT))
        with pytest.raises(SourceUnavailable, match="redirects more than 10 times"):
            inspect(parse(server.url), tmp_path, PATIENT, {})


def test_interim_answers_that_never_end_are_given_up_soon(tmp_path: Path) -> None:
    """Each try costs all the patience there is for an answer: there are as few as for an absent host."""
    policy = replace(PATIENT, answer_seconds=0.2, retries=6, quick_retries=1)
    stop = threading.Event()
    enough = threading.Timer(SOON, stop.set)
    enough.start()
    with Raw(b"", drip=b"HTTP/1.1 100 Continue\r\n\r\n", every=0.01) as server:
        with pytest.raises(DownloadFailed, match="took the request and never answered"):
            fetch(request(DATA, server.url), places(tmp_path, policy), stop=stop)
        enough.cancel()
        assert server.received.count(b"GET ") == 2


def test_short_answers_that_only_drip_together_are_given_up(tmp_path: Path) -> None:
    """One right byte of each range that was asked for, by a fast server: less than the rate in all."""
    policy = replace(PATIENT, drip_window=0.2, drip_rate=1 << 20, connections=1)
    asked = 0

    def answer(request: bytes) -> bytes:
        nonlocal asked
        asked += 1
        found = re.search(rb"bytes=(\d+)-", request)
        assert found
        at = int(found[1])
        told = b"Content-Range: bytes %d-%d/3000\r\nContent-Length: 1\r\nConnection: close\r\n\r\n"
        return b"HTTP/1.1 206 Partial\r\n" + told % (at, at) + DATA[at : at + 1]

    with Raw(answer) as server, pytest.raises(DownloadFailed, match="only drips"):
        fetch(request(DATA, server.url), places(tmp_path, policy))
    assert 1 < asked < len(DATA)


def use(server: Raw, folder: Path) -> None:
    """Every use that is made of an answer."""
    source = parse(server.url)
    try:
        got = fetch(request(DATA, server.url), places(folder, PATIENT))
        assert got.path.read_bytes() == DATA
    except (DownloadFailed, WrongBytes) as refusal:
        check(refusal)
    try:
        inspect(source, folder, PATIENT, {})
    except SourceUnavailable as refusal:
        check(refusal)
    try:
        first_contact(source, "x", places(folder / "first", PATIENT))
    except FirstDownloadFailed as refusal:
        check(refusal)
    try:
        _on_web(server.url, "x", folder)
    except (ManifestUnreachable, ManifestUnreadable) as refusal:
        check(refusal)


def check(refusal: RestorationModelsError) -> None:
    line = str(refusal)
    assert line.isprintable()
    # Not only the line: what a program reads of it is clean as well.
    assert refusal.what.isprintable()
    assert len(line) < 800
