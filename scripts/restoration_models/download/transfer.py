"""One file from one web source, over several connections where the server honours ranges.

`Transfer` runs in the calling thread: it hands out ranges, keeps the record of what is
safe, and reports. Its `Worker` threads (connection.py) each ask for one range at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from restoration_models.download import events
from restoration_models.download.budget import Budget
from restoration_models.download.connection import Part, Worker
from restoration_models.download.partial import Partial
from restoration_models.download.policy import Policy
from restoration_models.download.trouble import Changed, Disqualified, Stopped, Transient
from restoration_models.download.web import Answer
from restoration_models.sources import WebSource


class Transfer:
    """The work of completing one partial file from one source."""

    def __init__(
        self,
        source: WebSource,
        partial: Partial,
        policy: Policy,
        environ: Mapping[str, str],
        *,
        use_ranges: bool = True,
        tag: str | None = None,
        first: bool = False,
        share: Callable[[], int] | None = None,
    ) -> None:
        self.source = source
        self.partial = partial
        self.policy = policy
        self.environ = environ
        self.ranged = use_ranges
        """False: one connection that reads from the beginning, skipping what is there."""
        self.first = first
        """No digest decides in the end: an answer counts only where the strong ETag `tag` says what it
        is of, and without one the bytes of two answers are never put together."""
        self.received = 0
        """Bytes that came over the network."""
        self._lock = partial.changed
        self._limit = policy.connections
        self._share = share
        self._parts: list[Part] = []
        self._workers: list[Worker] = []
        self._budget = Budget(policy, partial.size, partial.have)
        self._news: list[tuple[str, float]] = []
        self._error: BaseException | None = None
        self._over = False
        self._proved = False
        self._tag = tag
        self._validator = tag if partial.have else None
        self._location: str | None = None
        self._location_mark = (0, 0.0)
        """How much was there when it was learned, and the time."""
        self._rate = 0.0

    # The calling thread -----------------------------------------------------------------

    def run(self, slug: str, report: events.Reporter, stop: threading.Event) -> None:
        """Complete the partial file.

        Raises `Disqualified` where this source will not do it, `Changed` where its file
        became another one meanwhile, `Stopped` when asked to, `WorldFailure` for the disk; and
        `Transient` where the one answer that the file must be broke off.
        """
        shown, next_tick = -1, 0.0
        try:
            while True:
                with self._lock:
                    self._hire()
                    self._lock.wait_for(self._needs_attention, timeout=self.policy.tick)
                    news, self._news = self._news, []
                    error, done = self._error, self.partial.have
                    connections = sum(worker.is_alive() for worker in self._workers)
                for reason, delay in news:
                    report(events.Retrying(slug, self.source.label, reason, delay))
                if self.partial.checkpoint_due():
                    self.partial.checkpoint()
                if done != shown and (time.monotonic() >= next_tick or done == self.partial.size):
                    shown, next_tick = done, time.monotonic() + self.policy.tick
                    report(events.Progress(slug, done, self.partial.size, connections))
                if error is not None:
                    raise error
                if done == self.partial.size:
                    return
                if stop.is_set():
                    raise Stopped
        finally:
            self._halt()

    def _needs_attention(self) -> bool:
        return (
            self._error is not None
            or bool(self._news)
            or self.partial.complete
            or self.partial.checkpoint_due()
            or self._could_hire()
        )

    def _could_hire(self) -> bool:
        alive = sum(worker.is_alive() for worker in self._workers)
        if not alive:
            return True
        if not self._proved or not self.ranged:
            return False
        left = self.partial.size - self.partial.have
        wanted = min(self._allowed(), max(1, left // max(1, self.policy.smallest_part)))
        return alive < wanted and self._next_gap() is not None

    def _allowed(self) -> int:
        """How many connections this file may use now."""
        return min(self._limit, self._share()) if self._share else self._limit

    def _hire(self) -> None:
        while not self._over and self._error is None and not self.partial.complete and self._could_hire():
            self._workers = [worker for worker in self._workers if worker.is_alive()]
            worker = Worker(self, len(self._workers))
            self._workers.append(worker)
            worker.start()

    def _halt(self) -> None:
        """Make sure that no worker touches the file from here on; wake those that wait."""
        with self._lock:
            self._over = True
            self._lock.notify_all()
            workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        for worker in workers:
            # Those that hang in a connect end by themselves; they can no longer do harm.
            worker.join(0.2)

    # The workers' threads ---------------------------------------------------------------

    def take(self, old: Part | None = None) -> Part | None:
        """Return the next range to fetch, or None where there is nothing left to do."""
        with self._lock:
            if old is not None:
                self._parts.remove(old)
                self._lock.notify_all()
            while not self._over and self._error is None and not self.partial.complete:
                if gap := self._next_gap():
                    start, end = gap
                    part = Part(start, min(end, start + self._part_size()))
                elif split := self._split():
                    part = split
                else:
                    self._lock.wait(self.policy.tick)
                    continue
                self._parts.append(part)
                return part
            return None

    def take_back(self, part: Part) -> None:
        """Give up a range: what is missing of it is handed out again."""
        with self._lock:
            self._parts.remove(part)
            self._lock.notify_all()

    def _next_gap(self) -> tuple[int, int] | None:
        """The first stretch that is neither there nor asked for. Call with the lock held."""
        taken = sorted((part.position, part.end) for part in self._parts)
        start = 0
        for low, high in [*taken, (self.partial.size, self.partial.size)]:
            for gap in self.partial.missing(start, low):
                return gap
            start = max(start, high)
        return None

    def _part_size(self) -> int:
        policy = self.policy
        left = self.partial.size - self.partial.have
        size = int(self._rate * policy.part_seconds) if self._rate else policy.first_part
        # Towards the end smaller ones, so that all connections finish together.
        size = min(size, policy.largest_part, left // (2 * self._allowed()))
        return max(size, policy.smallest_part)

    def _split(self) -> Part | None:
        """Take half of what the slowest connection has left. Call with the lock held."""
        largest = max(self._parts, key=lambda part: part.end - part.reserved, default=None)
        if largest is None or largest.end - largest.reserved < 2 * self.policy.smallest_part:
            return None
        middle = largest.reserved + (largest.end - largest.reserved) // 2
        part = Part(middle, largest.end)
        largest.end = middle
        return part

    def reserve(self, part: Part, amount: int) -> int:
        """Return how many of `amount` bytes still belong to `part`; nobody takes those away."""
        with self._lock:
            usable = min(amount, part.end - part.position)
            part.reserved = part.position + usable
            return usable

    def location(self) -> str:
        """Where to ask: behind redirects and pages, once they are known."""
        return self._location or self.source.url

    def forget_location(self, url: str) -> bool:
        """Ask at the front door next time; returns whether `url` had served since, more than a drip."""
        with self._lock:
            if self._location != url:
                return True  # another worker was here first
            self._location = None
            had, learned = self._location_mark
            served = self.partial.have - had
            return served > 0 and served >= self.policy.drip_rate * (time.monotonic() - learned)

    @property
    def validator(self) -> str | None:
        """What the ranges so far say to identify the file's state on the server."""
        return self._validator

    def proved(self, answer: Answer) -> None:
        """Note that ranges work. Raises `Changed` where this one is of another file than the others."""
        with self._lock:
            self._refuse_other(answer)
            self._proved = True
            self._validator = self._validator or answer.validator
            if self._location != answer.url:
                self._location = answer.url
                self._location_mark = (self.partial.have, time.monotonic())
            self._lock.notify_all()

    def whole(self, answer: Answer) -> None:
        """Note an answer that has the whole file. Raises `Changed` where it is of another file."""
        with self._lock:
            self._refuse_other(answer)

    def _refuse_other(self, answer: Answer) -> None:
        known = self._validator or self._tag
        if self.first and self._tag and answer.validator != self._tag:
            raise Changed
        if known and answer.validator and answer.validator != known:
            raise Changed

    @property
    def in_one_piece(self) -> bool:
        """Whether the file must be one single answer, to its end."""
        return self.first and self._tag is None

    def no_ranges(self) -> None:
        """Note that ranges do not work. Raises `Changed` where they did a moment ago."""
        with self._lock:
            if self._proved:
                raise Changed
            self.ranged = False

    def measured(self, amount: int, seconds: float) -> None:
        """Learn from a finished range how fast one connection is."""
        with self._lock:
            rate = amount / max(seconds, 1e-6)
            self._rate = rate if not self._rate else 0.5 * self._rate + 0.5 * rate

    def count(self, amount: int) -> None:
        """Note bytes that came over the network, wanted or not."""
        with self._lock:
            self.received += amount

    def retry(self, trouble: Transient) -> float | None:
        """Return how long a worker should wait after `trouble`; None where it should leave."""
        with self._lock:
            if self.in_one_piece:
                self._fail(trouble)
                return None
            if trouble.stale:
                return 0.0
            alive = sum(worker.is_alive() for worker in self._workers)
            if trouble.crowded and self._proved and alive > 1:
                self._limit = max(1, min(self._limit, alive) - 1)
                return None
            try:
                delay = self._budget.spend(trouble, self.partial.have)
            except Disqualified as error:
                self._fail(error)
                return None
            self._news.append((trouble.reason, delay))
            self._lock.notify_all()
            return delay

    def pause(self, seconds: float) -> None:
        """Wait, unless the transfer ends meanwhile."""
        with self._lock:
            self._lock.wait_for(lambda: self._over or self._error is not None, timeout=seconds)

    def fail(self, error: BaseException) -> None:
        """End the transfer with `error`."""
        with self._lock:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self._lock.notify_all()
