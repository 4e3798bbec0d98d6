"""Every way in which an origin misbehaves, and what a download says of it: the matrix of faults."""

from __future__ import annotations

from support.downloads import content
from support.origin import Faults

DATA = content()
OTHER = content(seed=2)
SIZE = len(DATA)
LOGIN = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>no file</body></html>"

# What the download survives without another source.
SURVIVED: dict[str, Faults] = {
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
    "pieces of ranges": Faults(piece=(20_000, 0.02)),
    "drips in pieces, once": Faults(piece=(1, 0.03), times=7),
    "416": Faults(status=416, times=1),
    "429": Faults(status=429, retry_after="0", times=2),
    "429 with a date": Faults(status=429, retry_after="Mon, 01 Jan 2024 00:00:00 GMT", times=1),
    "503 without Retry-After": Faults(status=503, times=3),
    "500": Faults(status=500, times=2),
}

# What disqualifies the source: its sentence, and whether the catalogue may be to blame.
REFUSED: dict[str, tuple[Faults, str, bool]] = {
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

UNREACHABLE = {
    "no such host": ("https://nowhere.invalid/weights.pth", "could not be resolved"),
    "a certificate of nobody": (
        "https://mirror.example/weights.pth",
        "its certificate is not trusted by this machine",
    ),
    "a proxy that refuses": (
        "https://other.example/weights.pth",
        "the proxy could not be used (it answered 502)",
    ),
}
"""Addresses that cannot be talked to."""
