"""Notifications: to whom, how often, and what is kept when nobody took one."""

from __future__ import annotations

import gzip
import socket
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from restoration_models.project import Project
from restoration_models.publish import NotifyFailed, Outbox, notify
from restoration_models.publish.notify import BadAddress, checked_address
from support.answers import Raw
from support.receiver import receiver


@pytest.mark.parametrize(
    "url",
    ["https://example.org/hook", "https://example.org:8443/", "http://127.0.0.1:9/h", "http://localhost/", "http://[::1]:5/h"],
)  # fmt: skip
def test_addresses_that_are_fine(url: str) -> None:
    assert checked_address(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "http://127.0.0.1.example.org/",
        "ftp://example.org/",
        "https://",
        "https:///x",
        "https://user:secret@example.org/",
        "https://user@example.org/",
        "https://exa mple.org/",
        "https://example.org/\n",
        "https://example.org:x/",
        "",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(BadAddress) as caught:
        checked_address(url)
    assert "secret" not in str(caught.value)


def test_what_passes_is_tried_again() -> None:
    pauses: list[float] = []
    with receiver(503, 429) as hook:
        notify(hook.url, b"{}", environment={}, pause=pauses.append)
    assert (len(hook.bodies), len(pauses)) == (3, 2)
    assert "authorization" not in hook.headers[0]


def test_what_stays_is_not_tried_for_ever() -> None:
    with receiver(500, 500, 500) as hook:
        with pytest.raises(NotifyFailed, match="HTTP status 500, 3 attempts") as caught:
            notify(hook.url, b"{}", environment={}, pause=lambda _: None)
        assert caught.value.status == 3
    with receiver(404) as hook, pytest.raises(NotifyFailed, match="one attempt"):
        notify(hook.url, b"{}", environment={}, pause=lambda _: None)


def test_a_redirection_is_not_followed_with_the_token() -> None:
    with receiver(302) as hook:
        with pytest.raises(NotifyFailed, match="HTTP status 302"):
            notify(hook.url, b"{}", environment={"MODELS_NOTIFY_TOKEN": "t"}, pause=lambda _: None)
        assert len(hook.bodies) == 1


def test_what_a_redirection_has_for_a_body_is_not_read() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Encoding: gzip\r\n\r\n"
    with Raw(head + gzip.compress(bytes(1 << 24), mtime=0) * 4) as hook:
        tracemalloc.start()
        try:
            with pytest.raises(NotifyFailed, match="HTTP status 302, one attempt"):
                notify(hook.url, b"{}", environment={}, pause=lambda _: None)
            assert tracemalloc.get_traced_memory()[1] < 1 << 24
        finally:
            tracemalloc.stop()


def test_a_receiver_that_never_ends_its_answer_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:

        def half_an_answer() -> bytes:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")
                while rest := connection.recv(65536):
                    assert b"more" not in rest
            return rest

        served = pool.submit(half_an_answer)
        notify(f"http://127.0.0.1:{listening.getsockname()[1]}/slow", b"{}", environment={})
        assert served.result() == b""  # the caller left; it did not wait for the rest


def test_nobody_there_is_said() -> None:
    with receiver() as hook:
        url = hook.url
    with pytest.raises(NotifyFailed, match="no connection, 3 attempts"):
        notify(url, b"{}", environment={}, pause=lambda _: None)


def test_the_outbox_keeps_what_was_not_taken_in_its_order(tmp_path: Path) -> None:
    outbox = Outbox.of(Project(tmp_path), "https://example.org/secret-hook")
    assert outbox.send(lambda body: None) == 0
    outbox.add(b"1")
    outbox.add(b"2")
    outbox.add(b"3")
    assert "secret" not in str(outbox.folder)
    taken: list[bytes] = []

    def post(body: bytes) -> None:
        if body == b"2" and len(taken) < 2:
            taken.append(b"refused")
            raise NotifyFailed("example.org", "no connection", 3)
        taken.append(body)

    with pytest.raises(NotifyFailed):
        outbox.send(post)
    assert len(outbox.waiting()) == 2
    outbox.add(b"4")
    assert outbox.send(post) == 3
    assert taken == [b"1", b"refused", b"2", b"3", b"4"]
    assert Outbox.of(Project(tmp_path), "https://example.org/other").waiting() == []
