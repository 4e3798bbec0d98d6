from __future__ import annotations

import gzip
import time
from email.utils import formatdate

import pytest

from restoration_models.download.web import Answer, looks_like_page, page_words, retry_after
from restoration_models.sources.address import is_local_host


@pytest.mark.parametrize(
    "beginning",
    [
        b"<!doctype html>",
        b"\n  <!DOCTYPE HTML PUBLIC",
        b"<html lang=es>",
        b"\xef\xbb\xbf<HTML>",
        b"<!-- x --><html>",
        b"<head>",
    ],
)
def test_pages_are_recognised(beginning: bytes) -> None:
    assert looks_like_page(beginning)


@pytest.mark.parametrize(
    "beginning",
    [b"", b"PK\x03\x04", b"\x80\x02}q", b"<htmlish", b"{}", b"x<html>", gzip.compress(b"<html>", mtime=0)],
)
def test_files_are_no_pages(beginning: bytes) -> None:
    assert not looks_like_page(beginning)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<html>", "answered an HTML page instead of the file"),
        ("<title>\n Not\n here </title>", 'answered an HTML page titled "Not here" instead of the file'),
        ("<title>a\x1b[31m</title>", 'answered an HTML page titled "a31m" instead of the file'),
        (
            '<title>Hello</title><input type="password">',
            'answered a login page titled "Hello" instead of the file',
        ),
        ("<p>Quota exceeded", "answered a page instead of the file: its download quota is used up"),
    ],
)
def test_page_words(page: str, words: str) -> None:
    assert page_words(page) == words


def test_retry_after() -> None:
    assert retry_after({"Retry-After": "12"}) == 12.0
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None
    assert retry_after({"Retry-After": "Mon, 01 Jan 2024 00:00:00 GMT"}) == 0.0
    soon = retry_after({"Retry-After": formatdate(time.time() + 100, usegmt=True)})
    assert soon is not None
    assert 95 < soon <= 100


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bytes 0-9/10", (0, 10, 10)),
        ("bytes 5-9/*", (5, 10, None)),
        ("bytes */10", None),
        ("bytes 0-9", None),
        ("items 0-9/10", None),
        ("", None),
    ],
)
def test_content_range(text: str, told: tuple[int, int, int | None] | None) -> None:
    assert Answer(206, {"Content-Range": text}, "", None).content_range == told


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"a"', "Last-Modified": "x"}, '"a"'),
        ({"ETag": 'W/"a"', "Last-Modified": "x"}, "x"),
        ({"ETag": 'W/"a"'}, None),
        ({}, None),
    ],
)
def test_validator_is_strong(headers: dict[str, str], validator: str | None) -> None:
    assert Answer(206, headers, "", None).validator == validator


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("169.254.169.254", True),
        ("fe80::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True),  # noqa: S104
        ("10.0.0.1", False),
        ("github.com", False),
        ("localhost.example", False),
    ],
)
def test_local_hosts(host: str, local: bool) -> None:
    assert is_local_host(host) is local
