"""Choosing ports on loopback that nobody uses."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from restoration_models.errors import WorldFailure

# Below what Linux (32768) and macOS (49152) hand out to outgoing connections, so that a
# remembered port is still free after a restart.
FIRST, LAST = 20000, 32000
TRIES = 200


class NoFreePort(WorldFailure):
    """No free port was found."""

    def __init__(self) -> None:
        super().__init__(
            f"no free port between {FIRST} and {LAST} on 127.0.0.1",
            remedy="stop programs that listen there, then run the command again",
        )


@dataclass(frozen=True, slots=True)
class PortPlan:
    """Which port each part of a server gets."""

    ports: dict[str, int]
    moved: dict[str, tuple[int, int]]
    """Parts that could not have the port they asked for: (asked for, given)."""


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of 127.0.0.1 (and of ::1, where there is one)."""
    families = [(socket.AF_INET, "127.0.0.1")]
    if socket.has_ipv6:
        families.append((socket.AF_INET6, "::1"))
    with ExitStack() as stack:
        for family, address in families:
            try:
                sock = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
                # As servers do: connections of a server that just ended do not count.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((address, port))
                sock.listen(1)
            except OSError:
                if family == socket.AF_INET or _in_use_on_ipv6(port):
                    return False
    return True


def _in_use_on_ipv6(port: int) -> bool:
    """Tell a port in use from a machine without IPv6."""
    try:
        with socket.create_connection(("::1", port), timeout=0.5):
            return True
    except OSError:
        return False


def wait_until_free(ports: Iterable[int], seconds: float) -> bool:
    """Wait until all of `ports` are free, at most `seconds`; return whether they are."""
    end = time.monotonic() + seconds
    never = threading.Event()
    for port in ports:
        while not is_free(port):
            if time.monotonic() >= end:
                return False
            never.wait(0.02)
    return True


def plan(
    parts: Sequence[str],
    wanted: Mapping[str, int],
    *,
    avoid: Collection[int] = (),
    free: Callable[[int], bool] = is_free,
    draw: Callable[[], int] | None = None,
) -> PortPlan:
    """Give each of `parts` the port it wants where that is free, else another one.

    `avoid` holds ports not to be given. Listens for a moment on the ports it tries, and
    changes nothing. Raises `NoFreePort`.
    """
    drawn = draw or (lambda: random.randint(FIRST, LAST))  # noqa: S311 - a port is no secret
    taken = set(avoid)
    ports: dict[str, int] = {}
    moved: dict[str, tuple[int, int]] = {}
    for part in parts:
        asked = wanted.get(part)
        if asked is not None and asked not in taken and free(asked):
            chosen = asked
        else:
            chosen = _other(taken | set(wanted.values()), free, drawn)
            if asked is not None:
                moved[part] = (asked, chosen)
        taken.add(chosen)
        ports[part] = chosen
    return PortPlan(ports, moved)


def _other(taken: Collection[int], free: Callable[[int], bool], draw: Callable[[], int]) -> int:
    for _ in range(TRIES):
        port = draw()
        if port not in taken and free(port):
            return port
    raise NoFreePort
