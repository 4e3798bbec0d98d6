"""A store that dies, loses drives, or takes a key away: nothing is lost, and the next run completes."""

from __future__ import annotations

import http.server
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from restoration_models.store import (
    BucketMissing,
    StoreFailure,
    StoreSettings,
    StoreUnreachable,
    WrongKeys,
    asking,
    client,
    embedded,
    listing,
    object_name,
    stored,
)
from restoration_models.store.memory import StoreFolder
from restoration_models.store.roles import _admin
from restoration_models.store.servers import Kind
from restoration_models.store.verify import verify
from support.layers import md5
from support.published import Shelf, Shop
from support.relay import Relay
from support.servers import Server, free_port, require_minio, skeleton
from support.zygote import run, start

WIRE = 1_500_000
"""Bytes a second: a run takes seconds, so that the store dies in the midst of it."""


@contextmanager
def slow(shelf: Shelf, settings: StoreSettings) -> Iterator[Relay]:
    """Lead the clone to its store over a slow wire."""
    with Relay(urlsplit(settings.endpoint).port or 0, rate=WIRE) as relay:
        shelf.use(Shop(replace(settings, endpoint=f"http://127.0.0.1:{relay.port}")))
        yield relay


@pytest.mark.needs_minio
@pytest.mark.parametrize("way", ["push", "pull"])
def test_a_store_that_is_killed_and_started_again(shelf: Shelf, tmp_path: Path, way: str) -> None:
    require_minio()
    project = skeleton(tmp_path / "server", with_git=False)
    size = sum(map(len, shelf.contents.values()))
    up = embedded.up(project, port=free_port(), kind=Kind.MINIO)
    try:
        memory = StoreFolder(project.store_data).memory()
        assert memory is not None
        there = Shop(StoreSettings(up.endpoint, "models", "dvc", memory.access_key, memory.secret_key))
        if way == "push":
            shelf.keep()
        else:
            shelf.push(there)
        with slow(shelf, there.settings) as relay:
            first = start("dvc", way, cwd=shelf.root, log=tmp_path / "first")
            assert relay.wait_for("up" if way == "push" else "down", size // 2)
            os.kill(up.pid, signal.SIGKILL)
            again = embedded.up(project)
            assert again.endpoint == up.endpoint
            # It tries again by itself, or says that it could not: both are ends.
            first.wait()
            assert "Traceback" not in first.output
        shelf.use(there)
        second = run("dvc", way, cwd=shelf.root, log=tmp_path / "second")
        assert second.wait() == 0, second.output
        assert verify(shelf.project).problems == ()
        if way == "pull":
            for layer, entries in shelf.entries.items():
                for slug in entries:
                    assert (
                        shelf.project.checkpoint(layer, slug, f"{slug}.pth").read_bytes()
                        == shelf.contents[slug]
                    )
    finally:
        embedded.down(project)


@pytest.fixture
def drives(tmp_path: Path) -> Iterator[tuple[Server, list[Path]]]:
    """A MinIO over four drives."""
    program = require_minio()
    folders = [tmp_path / f"d{number}" for number in range(1, 5)]
    port, secret = free_port(), secrets.token_urlsafe(20)
    words = [program, "server", "--address", f"127.0.0.1:{port}", "--quiet", *map(str, folders)]
    environment = {
        **os.environ,
        "MINIO_ROOT_USER": "operator",
        "MINIO_ROOT_PASSWORD": secret,
        # Folders of one disk count as drives of their own.
        "MINIO_CI_CD": "on",
        "MINIO_BROWSER": "off",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    try:
        server = Server(Kind.MINIO, f"http://127.0.0.1:{port}", "operator", secret, process.pid)
        speaker, pause = client(server.settings(), retries=0), threading.Event()
        for _ in range(300):
            try:
                with asking(server.settings()):
                    speaker.make_bucket("models")
                break
            except StoreFailure:
                assert process.poll() is None, (tmp_path / "log").read_text()
                pause.wait(0.05)
        yield server, folders
    finally:
        process.kill()
        process.wait()


@pytest.mark.needs_minio
def test_two_of_four_drives_gone(shelf: Shelf, drives: tuple[Server, list[Path]], tmp_path: Path) -> None:
    """All is read, byte for byte; nothing is written until a third drive is back, and that is said."""
    server, folders = drives
    store = Shop(server.settings())
    shelf.use(store)
    shelf.push(store)
    for folder in folders[:2]:
        folder.rename(folder.with_name(f"{folder.name} taken out"))
    # MinIO takes a moment to tell drives that are gone from a bucket that is.
    pause = threading.Event()
    for _ in range(100):
        try:
            listing(store.settings)
            break
        except BucketMissing:
            pause.wait(0.1)
    result = verify(shelf.project)
    assert result.problems == ()
    assert result.read == sum(map(len, shelf.contents.values()))
    pulled = run("dvc", "pull", cwd=shelf.root, log=tmp_path / "pull")
    assert pulled.wait() == 0, pulled.output
    with pytest.raises(StoreFailure), asking(store.settings):
        store.write("dvc/files/md5/00/1234", b"new")
    for folder in folders[:2]:
        folder.rmdir() if folder.exists() and not any(folder.iterdir()) else None
        if not folder.exists():
            folder.with_name(f"{folder.name} taken out").rename(folder)
    assert verify(shelf.project).problems == ()


@pytest.mark.needs_minio
def test_a_key_that_was_taken_away(shelf: Shelf, minio_server: Server, tmp_path: Path) -> None:
    settings = minio_server.settings()
    admin = _admin(settings)
    admin.user_add("leaver", "a-long-enough-secret")
    admin.policy_set("readwrite", user="leaver")
    keys = minio_server.settings(access_key="leaver", secret_key="a-long-enough-secret")
    assert isinstance(listing(keys), dict)
    admin.user_remove("leaver")
    shelf.use(Shop(keys))
    with pytest.raises(WrongKeys, match="the store does not know it"):
        verify(shelf.project)
    with pytest.raises(BucketMissing):
        listing(minio_server.settings("elsewhere"))
    shelf.keep()
    pushed = run("dvc", "push", cwd=shelf.root, log=tmp_path / "push")
    assert pushed.wait() != 0
    assert "Traceback" not in pushed.output


def test_an_expired_key_is_told_from_a_store_that_is_down() -> None:
    """A session's token ran out: the answer of S3 for it, given by a server that gives no other."""

    class Expired(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<Error><Code>ExpiredToken</Code><Message>It has expired.</Message></Error>"
            self.send_response(400)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Expired) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        settings = StoreSettings(
            f"http://127.0.0.1:{server.server_address[1]}", "models", "dvc", "a", "b", session_token="old"
        )
        with pytest.raises(WrongKeys, match="access key a"):
            stored(settings, "0" * 32)
        server.shutdown()
        thread.join()
    with pytest.raises(StoreUnreachable):
        stored(settings, "0" * 32)
    assert object_name(settings, md5(b"")).startswith("dvc/files/md5/")
