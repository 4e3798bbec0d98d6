"""Reading the body of an answer: guarded against drips, decoded where it came encoded."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator

from restoration_models.download.policy import Policy
from restoration_models.download.trouble import Disqualified, Transient
from restoration_models.download.web import Answer


class Pace:
    """How fast bytes come, by the time that is spent on waiting for them."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.restart()

    def restart(self) -> None:
        """Begin a window."""
        self._seconds, self._came = 0.0, 0

    def add(self, amount: int, seconds: float) -> None:
        """Note what came. Raises `Transient` where it was too little over a whole window."""
        self._seconds += seconds
        self._came += amount
        if self._seconds >= self._policy.drip_window:
            slow = self._came < self._policy.drip_rate * self._seconds
            self.restart()
            if slow:
                raise Transient("only drips")


def stream(answer: Answer, policy: Policy) -> Iterator[bytes]:
    """Yield the body as it comes.

    Raises `Transient` where the connection breaks, stalls or only drips.
    """
    pace, before = Pace(policy), time.monotonic()
    while data := answer.read(policy.block):
        yield data
        now = time.monotonic()
        pace.add(len(data), now - before)
        before = now


def decoded(answer: Answer, policy: Policy) -> Iterator[bytes]:
    """Yield the body without the Content-Encoding that some servers add unasked.

    Blocks stay bounded whatever the encoding expands to.
    """
    if not answer.encoding:
        yield from stream(answer, policy)
        return
    if answer.encoding not in ("gzip", "x-gzip", "deflate"):
        raise Disqualified(f"insists on an encoding that cannot be undone ({answer.encoding[:20]!a})")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for data in stream(answer, policy):
            rest = data
            while rest and not unpack.eof:
                if out := unpack.decompress(rest, policy.block):
                    yield out
                rest = unpack.unconsumed_tail
        if tail := unpack.flush():
            yield tail
    except zlib.error:
        raise Disqualified(f"sent bytes that are not the {answer.encoding} it announced") from None
    if not unpack.eof:
        raise Transient("broke off the connection")
