"""What every connection of a source is held to: where it may lead, and how long an answer may take."""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from restoration_models.download.trouble import Disqualified, Late
from restoration_models.sources.address import Reach, reach

WORDS = {
    Reach.PRIVATE: "redirects into a private network",
    Reach.MACHINE: "redirects to this machine's own network",
}


class Guard:
    """The rules for one source's connections.

    A redirect leads no further inwards than the source itself: from the public network neither
    into a private one nor to this machine or its link. Names are judged by what they resolve to,
    before a connection is made, and once more by the address that was connected to, because a name
    can resolve to something else by then.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        """The source's own."""
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self._late = False

    @cached_property
    def allowed(self) -> Reach:
        """How far inside a redirect may lead."""
        literal = reach(self.host)
        # A name in an intranet may lead on in there; to be this machine, a source must say so.
        return literal if literal is not None else min(resolved(self.host), Reach.PRIVATE)

    def require(self, found: Reach, host: str) -> None:
        """Raise `Disqualified` where a redirect to `host`, which lies at `found`, leads too far inside."""
        # Asked last: it may take a look-up.
        if found is not Reach.PUBLIC and found > self.allowed:
            raise Disqualified(f"{WORDS[found]} ({host}), which its source must not")

    def admit(self, host: str, connected: socket.socket) -> None:
        """Raise `Disqualified` where a connection to `host` ended at an address that is not allowed."""
        if host.strip("[]") == self.host.strip("[]"):
            return
        found = reach(str(connected.getpeername()[0]))
        self.require(Reach.MACHINE if found is None else found, host)

    def watch(self, connection: Any) -> None:
        """Have `connection` ended with the others when an answer is late."""
        self._connections.add(connection)

    @contextlib.contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """End all connections where the block takes longer than `seconds`; raises `Late` then.

        A server that sends a header's bytes one by one restarts every other time limit.
        """
        self._late = False
        timer = threading.Timer(seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if self._late:
                raise Late from error
            raise
        finally:
            timer.cancel()
        if self._late:  # and what had come by then passed for a whole header
            raise Late

    def _end(self) -> None:
        self._late = True
        for connection in list(self._connections):
            # TypeError: closed meanwhile, and without a socket.
            with contextlib.suppress(OSError, AttributeError, TypeError):
                # Below TLS, whose own shutdown is not for another thread.
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def resolved(host: str) -> Reach:
    """The innermost address that `host` stands for; public where it stands for none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return Reach.PUBLIC  # the request itself will say so
    return max(reach(str(entry[4][0])) or Reach.PUBLIC for entry in found)


class GuardedAdapter(HTTPAdapter):
    """The transport of a session, with a `Guard` at each of its sockets."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._guard, _Admitted, _AdmittedTls)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the pools of connections through `proxy`, which resolves names in its own network."""
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _pools(self._guard, _Watched, _WatchedTls)
        return manager


class _Watched(HTTPConnection):
    def __init__(self, *arguments: Any, guard: Guard, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.guard = guard
        guard.watch(self)


class _WatchedTls(HTTPSConnection):
    def __init__(self, *arguments: Any, guard: Guard, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.guard = guard
        guard.watch(self)


class _Admitted(_Watched):
    def _new_conn(self) -> socket.socket:
        return _admitted(self.guard, self.host, super()._new_conn())


class _AdmittedTls(_WatchedTls):
    def _new_conn(self) -> socket.socket:
        return _admitted(self.guard, self.host, super()._new_conn())


def _admitted(guard: Guard, host: str, connected: socket.socket) -> socket.socket:
    try:
        guard.admit(host, connected)
    except BaseException:
        connected.close()
        raise
    return connected


def _pools(guard: Guard, plain: type[_Watched], tls: type[_WatchedTls]) -> dict[str, Any]:
    def make(kind: Any, connection: Any, *where: Any, **options: Any) -> Any:
        pool = kind(*where, **options)
        pool.ConnectionCls = partial(connection, guard=guard)
        return pool

    return {
        "http": partial(make, HTTPConnectionPool, plain),
        "https": partial(make, HTTPSConnectionPool, tls),
    }
