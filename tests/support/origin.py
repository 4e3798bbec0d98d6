"""A web server on loopback that misbehaves on request, and remembers what it was asked.

In a test::

    with Origin() as origin:
        url = origin.add("/weights.pth", data, Faults(reset_at=5000, times=2))
        ...download url...
        origin.seen("/weights.pth")       # every request: method, range, status, bytes sent
        origin.sent("/weights.pth")       # bytes of bodies sent for it, all requests together

`add` takes a path (plain http on loopback; it returns the address) or a whole https address of
any host (``https://github.com/o/n/releases/download/v1/x.pth``). For the latter the origin is also
a CONNECT proxy that ends TLS itself, with certificates of a throw-away authority (trustme); a
program under test needs nothing but the variables of `environ()`::

    {"HTTPS_PROXY": …, "REQUESTS_CA_BUNDLE": …, "NO_PROXY": "", …}

`Faults` says how a resource misbehaves, for its first `times` answers or always. `github(address,
data)` redirects to another host with a signed query that expires; `drive(identifier, data)` asks for
confirmation first; `hub(address, data)` states sha256 and size as Hugging Face does.

For other programs, as a process of its own (JSON with url, proxy and ca on the first line of stdout;
lives until its stdin closes)::

    python tests/support/origin.py --serve /x.pth=FILE [--serve https://host/y=FILE] [--rate BYTES_A_SECOND]

``GET /_seen`` answers the list of requests as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import json
import socket
import socketserver
import ssl
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

BLOCK = 1 << 18


@dataclass(frozen=True)
class Faults:
    """How a resource misbehaves. Positions count the bytes of one answer's body."""

    times: int | None = None
    """Only the first so many answers; None: all."""
    reset_at: int | None = None
    """The connection is reset (RST)."""
    stall_at: int | None = None
    """Nothing more comes, the connection stays."""
    truncate_at: int | None = None
    """The connection ends (FIN) although more was announced."""
    extra: int = 0
    """So many bytes too many follow the file."""
    short: int = 0
    """So many bytes of the file are missing at its end, without a word."""
    ignore_range: bool = False
    ignore_if_range: bool = False
    wrong_range: bool = False
    """A 206 with another range than asked for."""
    no_length: bool = False
    """Chunked, without Content-Length."""
    gzipped: bool = False
    status: int | None = None
    retry_after: str | None = None
    page: str | None = None
    """This HTML with status 200."""
    page_type: str = "text/html; charset=utf-8"
    redirect: str | None = None
    drip: tuple[int, float] | None = None
    """So many bytes, then so many seconds of silence, again and again."""
    piece: tuple[int, float] | None = None
    """Each range is answered after so many seconds, with so many bytes of it at most."""
    rate: int | None = None
    """Bytes a second for each connection."""
    tells: str = "strong"
    """What names the file's version: a "strong" or a "weak" ETag, the "date" of its last change,
    "nothing"; "head": a strong ETag, which answers with the file lack."""
    changes: bytes | None = None
    """What the file is after the first `times` answers (with another ETag), instead of ending the faults."""


@dataclass
class Seen:
    """One request."""

    method: str
    host: str
    path: str
    query: str
    range: str | None
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


@dataclass
class Resource:
    """A file under an address."""

    data: Any
    faults: Faults = Faults()
    headers: dict[str, str] = field(default_factory=dict)
    answers: int = 0
    gate: Any = None
    """Called with the query (a dict of lists) before anything else; returns Faults to use, or None."""

    def now(self) -> tuple[Any, Faults]:
        """The bytes and faults of the next answer."""
        self.answers += 1
        faults = self.faults
        if faults.times is not None and self.answers > faults.times:
            return (self.data if faults.changes is None else faults.changes), Faults(
                ignore_if_range=faults.ignore_if_range, tells=faults.tells
            )
        return self.data, replace(faults, changes=None)


class Origin(socketserver.ThreadingTCPServer):
    """The server; a context manager."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), Handler)
        self.resources: dict[tuple[str, str], Resource] = {}
        self.log: list[Seen] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.arrived = threading.Condition(self.lock)
        self.live: set[socket.socket] = set()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._authority: Any = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.refuse_connect: set[str] = set()

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        with self.lock:
            live = list(self.live)
        for connection in live:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        if self._folder is not None:
            self._folder.cleanup()

    # What there is ------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(
        self, where: str, data: Any, faults: Faults | None = None, headers: Mapping[str, str] | None = None
    ) -> str:
        """Serve `data` (bytes, or something sliceable) and return its address."""
        resource = Resource(data, faults or Faults(), dict(headers or {}))
        return self.put(where, resource)

    def put(self, where: str, resource: Resource) -> str:
        parts = urlsplit(where)
        with self.lock:
            self.resources[(parts.hostname or "", parts.path)] = resource
        return where if parts.hostname else self.url + where

    def github(self, address: str, data: Any, faults: Faults | None = None, uses: int | None = None) -> str:
        """A release asset: 302 to another host with a signed query, good for `uses` requests."""
        issued: dict[str, int] = {}
        other = "https://release-assets.githubusercontent.com/asset" + urlsplit(address).path

        def issue(_: Mapping[str, list[str]]) -> Faults:
            signature = f"s{len(issued)}"
            issued[signature] = 0
            return Faults(status=302, redirect=f"{other}?sp=r&sig={signature}%3D&jwt=a.b")

        def check(query: Mapping[str, list[str]]) -> Faults | None:
            signature = query.get("sig", [""])[0].removesuffix("=")
            if signature not in issued or (uses is not None and issued[signature] >= uses):
                return Faults(status=403)
            issued[signature] += 1
            return None

        self.put(address, Resource(b"", gate=issue))
        self.put(other, Resource(data, faults or Faults(), gate=check))
        return address

    def drive(self, identifier: str, data: Any, faults: Faults | None = None, page: str | None = None) -> str:
        """A file on Google Drive that is too large for its virus scan; or one that answers `page`."""
        form = page or (
            "<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>"
            '<form id="download-form" action="https://drive.usercontent.google.com/download" method="get">'
            '<input type="submit" value="Download anyway"/>'
            f'<input type="hidden" name="id" value="{identifier}">'
            '<input type="hidden" name="export" value="download">'
            '<input type="hidden" name="confirm" value="t"></form></body></html>'
        )

        def confirm(query: Mapping[str, list[str]]) -> Faults | None:
            return None if query.get("confirm") == ["t"] else Faults(page=form)

        away = f"https://drive.usercontent.google.com/download?id={identifier}&export=download"
        self.put("https://drive.google.com/uc", Resource(b"", Faults(status=303, redirect=away)))
        resource = Resource(data, faults or Faults(), gate=confirm)
        self.put("https://drive.usercontent.google.com/download", resource)
        return f"https://drive.google.com/uc?id={identifier}"

    def hub(self, address: str, data: bytes, faults: Faults | None = None) -> str:
        """A file on Hugging Face: its sha256 and size are stated by the redirect."""
        other = "https://cas-bridge.xethub.hf.co/xet" + urlsplit(address).path
        linked = {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{hashlib.sha256(data).hexdigest()}"'}
        self.add(address, b"", Faults(status=302, redirect=other + "?X-Amz-Signature=abc"), linked)
        self.add(other, data, faults)
        return address

    # What happened ------------------------------------------------------------------------

    def seen(self, where: str | None = None, method: str = "GET") -> list[Seen]:
        """Requests so far; of one address (or path) where given."""
        parts = urlsplit(where or "")
        with self.lock:
            return [
                replace(one)
                for one in self.log
                if one.method == method
                and (where is None or (one.path == parts.path and one.host in (parts.hostname, "")))
            ]

    def sent(self, where: str | None = None) -> int:
        """Body bytes sent so far."""
        return sum(one.sent for one in self.seen(where))

    def wait_until(self, condition: Any, timeout: float = 20.0) -> None:
        """Wait for `condition()` to hold; it is tried whenever bytes were sent."""
        end = time.monotonic() + timeout
        while not condition():
            with self.arrived:
                self.arrived.wait(0.02)
            if time.monotonic() > end:
                raise TimeoutError("the origin never came to the awaited state")

    # TLS ------------------------------------------------------------------------------------

    def _trust(self) -> Any:
        if self._authority is None:
            import trustme

            self._authority = trustme.CA()
            self._folder = tempfile.TemporaryDirectory()
            self._authority.cert_pem.write_to_path(str(Path(self._folder.name) / "ca.pem"))
        return self._authority

    @property
    def ca(self) -> Path:
        """The certificate of the authority that signs for every host."""
        with self.lock:
            self._trust()
        assert self._folder is not None
        return Path(self._folder.name) / "ca.pem"

    def context(self, host: str) -> ssl.SSLContext:
        with self.lock:
            if host not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._trust().issue_cert(host).configure_cert(context)
                self._contexts[host] = context
            return self._contexts[host]

    def environ(self) -> dict[str, str]:
        """Variables that lead a program's https requests here."""
        proxied = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), self.url)
        trusted = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), str(self.ca))
        return {**proxied, **trusted, "NO_PROXY": "", "no_proxy": "", "HTTP_PROXY": "", "http_proxy": ""}

    def handle_error(self, *_: object) -> None:
        """Clients that leave are what this server is for."""

    def shutdown_request(self, request: Any) -> None:
        self.close_request(request)  # without a FIN first, so that a reset is one


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Origin
    host = ""

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.server.lock:
            self.server.live.add(self.connection)

    def finish(self) -> None:
        with self.server.lock:
            self.server.live.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()
        with contextlib.suppress(OSError):
            self.connection.close()

    def log_message(self, *_: object) -> None:
        """Quiet: `Origin.log` is the log."""

    def do_CONNECT(self) -> None:
        self.host = self.path.rpartition(":")[0]
        known = any(host == self.host for host, _ in self.server.resources)
        if not known or self.host in self.server.refuse_connect:
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        with self.server.lock:
            self.server.live.discard(self.connection)
        self.connection = self.server.context(self.host).wrap_socket(self.connection, server_side=True)
        with self.server.lock:
            self.server.live.add(self.connection)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = socketserver._SocketWriter(self.connection)  # type: ignore[attr-defined]
        self.close_connection = False

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        server = self.server
        parts = urlsplit(self.path)
        if parts.path == "/_seen":
            self._simple(200, json.dumps([asdict(one) for one in server.log]).encode(), "application/json")
            return
        seen = Seen(
            self.command,
            self.host,
            parts.path,
            parts.query,
            self.headers.get("Range"),
            dict(self.headers.items()),
        )
        with server.lock:
            server.log.append(seen)
            resource = server.resources.get((self.host, parts.path))
            if resource is None:
                data, faults = b"", Faults(status=404)
            else:
                data, faults = resource.now()
                if resource.gate is not None and (gated := resource.gate(parse_qs(parts.query))):
                    data, faults = b"", gated
        self.extra_headers = resource.headers if resource else {}
        self._answer(seen, data, faults)

    def _simple(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in {**self.extra_headers, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    extra_headers: Mapping[str, str] = {}

    def _answer(self, seen: Seen, data: Any, faults: Faults) -> None:
        if faults.status is not None or faults.redirect is not None:
            seen.status = faults.status or 302
            headers = {"Location": faults.redirect} if faults.redirect else {}
            if faults.retry_after is not None:
                headers["Retry_After"] = faults.retry_after
            self._simple(seen.status, b"no\n", "text/plain", **headers)
            return
        if faults.page is not None:
            seen.status = 200
            self._simple(200, faults.page.encode(), faults.page_type)
            return
        size = len(data)
        version = hashlib.md5(bytes(data[:4096]) + bytes(data[-4096:])).hexdigest()  # noqa: S324
        date = formatdate(int(version[:7], 16), usegmt=True)
        told = {"strong": ("ETag", f'"{version}"'), "weak": ("ETag", f'W/"{version}"')}
        told |= {"date": ("Last-Modified", date)}
        if self.command == "HEAD":
            told["head"] = told["strong"]
        name, tag = told.get(faults.tells, ("", ""))
        start, end, status = 0, size - faults.short, 200
        wanted = self._range(size)
        condition = None if faults.ignore_if_range else self.headers.get("If-Range")
        # A weak ETag matches no condition, its own included.
        stale = condition is not None and (condition != tag or tag.startswith("W/"))
        if wanted and not faults.ignore_range and not stale:
            start, end = wanted
            if start >= size:
                seen.status = 416
                self._simple(416, b"", "text/plain", Content_Range=f"bytes */{size}")
                return
            status = 206
            if faults.piece:
                end = min(end, start + faults.piece[0])
                self.server.closing.wait(faults.piece[1])
        seen.status = status
        body = memoryview(data)[start:end]
        if faults.extra:
            body = memoryview(bytes(body) + b"x" * faults.extra)
        if faults.gzipped:
            body = memoryview(gzip.compress(bytes(body), 1))
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        if name:
            self.send_header(name, tag)
        if not faults.ignore_range:
            self.send_header("Accept-Ranges", "bytes")
        if faults.gzipped:
            self.send_header("Content-Encoding", "gzip")
        if status == 206:
            shift = 7 if faults.wrong_range else 0
            self.send_header("Content-Range", f"bytes {start + shift}-{end - 1 + shift}/{size + shift}")
        if faults.no_length:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        for name, value in self.extra_headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send(seen, body, faults)

    def _range(self, size: int) -> tuple[int, int] | None:
        text = self.headers.get("Range", "")
        if not text.startswith("bytes="):
            return None
        first, _, last = text[6:].partition("-")
        return int(first), min(size, int(last) + 1 if last else size)

    def _send(self, seen: Seen, body: memoryview, faults: Faults) -> None:
        at, began = 0, time.monotonic()
        stops = [n for n in (faults.reset_at, faults.stall_at, faults.truncate_at) if n is not None]
        until = min([len(body), *stops])
        step = faults.drip[0] if faults.drip else max(1024, faults.rate // 50) if faults.rate else BLOCK
        while at < until:
            block = body[at : min(at + step, until)]
            if faults.no_length:
                self.wfile.write(f"{len(block):x}\r\n".encode() + bytes(block) + b"\r\n")
            else:
                self.wfile.write(block)
            at += len(block)
            with self.server.arrived:
                seen.sent += len(block)
                self.server.arrived.notify_all()
            if faults.drip and self.server.closing.wait(faults.drip[1]):
                return
            if faults.rate:
                ahead = at / faults.rate - (time.monotonic() - began)
                if ahead > 0 and self.server.closing.wait(ahead):
                    return
        if until == len(body):
            if faults.no_length:
                self.wfile.write(b"0\r\n\r\n")
            return
        self.close_connection = True
        if faults.stall_at == until:
            # Until the client has enough, or the origin closes.
            self.connection.settimeout(60)
            with contextlib.suppress(OSError):
                self.connection.recv(1)
        elif faults.reset_at == until:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def serving(files: Mapping[str, Path], faults: Faults) -> Iterator[Origin]:
    """An origin with `files` from disk."""
    import mmap

    with Origin() as origin:
        for where, path in files.items():
            with path.open("rb") as file:
                origin.add(where, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), faults)
        yield origin


def main() -> None:
    """Serve until stdin closes."""
    parser = argparse.ArgumentParser(description="A loopback origin for tests")
    parser.add_argument("--serve", action="append", default=[], metavar="WHERE=FILE", required=True)
    parser.add_argument("--rate", type=int)
    parser.add_argument("--reset-at", type=int)
    parser.add_argument("--ignore-range", action="store_true")
    given = parser.parse_args()
    files = {where: Path(path) for where, _, path in (one.rpartition("=") for one in given.serve)}
    faults = Faults(rate=given.rate, reset_at=given.reset_at, ignore_range=given.ignore_range)
    with serving(files, faults) as origin:
        sys.stdout.write(json.dumps({"url": origin.url, "proxy": origin.url, "ca": str(origin.ca)}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
