"""A wire between a client and a server on loopback: it counts bytes, and can be slow.

In a test::

    with Relay(9000, rate=4_000_000) as relay:
        ...use relay.port in the place of 9000...
        relay.up, relay.down      # bytes from and to the client
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Self

BLOCK = 1 << 15


class Relay:
    """Connections to `port` of loopback, through a port of its own."""

    def __init__(self, port: int, *, rate: int | None = None) -> None:
        self.target = port
        self.rate = rate
        """Bytes a second, each way, over all connections; None: as fast as it goes."""
        self.up = self.down = 0
        self.moved = threading.Condition()
        self._closing = threading.Event()
        self._live: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._ready = {"up": 0.0, "down": 0.0}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        # Whoever accepts may add a last connection: so it ends first.
        self._threads[0].join()
        self._listener.close()
        with self.moved:
            live = list(self._live)
        for one in live:
            _shut(one)
        for thread in self._threads:
            thread.join()
        for one in live:
            one.close()

    def reset(self) -> None:
        """Count from zero."""
        with self.moved:
            self.up = self.down = 0

    def wait_for(self, way: str, amount: int, seconds: float = 30.0) -> bool:
        """Wait until so many bytes went "up" or "down"; returns whether they did in time."""
        with self.moved:
            return self.moved.wait_for(lambda: getattr(self, way) >= amount, seconds)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=10)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            with self.moved:
                self._live |= {client, server}
            for one, other, way in ((client, server, "up"), (server, client, "down")):
                self._start(self._pump, one, other, way)

    def _pump(self, one: socket.socket, other: socket.socket, way: str) -> None:
        try:
            while data := one.recv(BLOCK):
                self._pace(way, len(data))
                other.sendall(data)
                with self.moved:
                    setattr(self, way, getattr(self, way) + len(data))
                    self.moved.notify_all()
        except OSError:
            pass
        finally:
            for each in (one, other):
                _shut(each)

    def _pace(self, way: str, amount: int) -> None:
        """Hold the bytes back as long as the wire would."""
        if self.rate is None:
            return
        with self.moved:
            now = time.monotonic()
            begin = max(now, self._ready[way])
            self._ready[way] = begin + amount / self.rate
        self._closing.wait(max(0.0, begin - now))


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
