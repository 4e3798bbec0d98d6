"""A server that answers every request with the bytes it was given, HTTP or not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Self


class Raw:
    """Listens on loopback; a context manager.

    Each connection gets `answer` (or what it makes of the request) once a request has come, then
    `drip` again and again (if any), and is closed. `answer` may be replaced between requests.
    """

    def __init__(
        self, answer: bytes | Callable[[bytes], bytes], *, drip: bytes = b"", every: float = 0.0
    ) -> None:
        self.answer, self._drip, self._every = answer, drip, every
        self.received = b""
        self._closing = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        port: int = self._server.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/x.pth"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            data = b""
            while b"\r\n\r\n" not in data:
                block = connection.recv(65536)
                if not block:
                    return
                data += block
                self.received += block
            answer = self.answer
            connection.sendall(answer if isinstance(answer, bytes) else answer(data))
            while self._drip and not self._closing.wait(self._every):
                connection.sendall(self._drip)
            connection.shutdown(socket.SHUT_WR)
            # Until the client has left, so that nothing it has not read is lost to a reset.
            while connection.recv(65536):
                continue
