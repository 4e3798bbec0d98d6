"""One connection of a transfer: a thread that fetches range after range."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoration_models.download.body import Pace, decoded, stream
from restoration_models.download.trouble import Changed, Disqualified, Transient
from restoration_models.download.web import Answer, Web, looks_like_page, page_words, status_trouble
from restoration_models.sources import SourceRefused

if TYPE_CHECKING:
    from restoration_models.download.transfer import Transfer

_MAX_PAGES = 3
_SNIFF = 512
_HOLD = 0.01
"""Seconds that bytes stay in memory at most: a process that is killed loses them."""
_SMALLEST_WRITE = 16 * 1024


@dataclass(slots=True, eq=False)
class Part:
    """A range that one connection fetches. Its end may move nearer while it does."""

    position: int
    """The first byte that is not on disk yet."""
    end: int
    reserved: int = field(init=False)
    """The first byte that another connection may take over."""

    def __post_init__(self) -> None:
        self.reserved = self.position


class Cancelled(Exception):
    """The transfer is over; nothing may be written any more."""


class Worker(threading.Thread):
    """Fetches parts until there are none, or its transfer ends."""

    def __init__(self, transfer: Transfer, number: int) -> None:
        super().__init__(name=f"connection-{number}", daemon=True)
        self._transfer = transfer
        self._partial = transfer.partial
        self._policy = transfer.policy
        share = int(self._partial.size * self._policy.note_share) // self._policy.connections
        self._write_at = min(self._policy.block, max(_SMALLEST_WRITE, share))
        self._pace = Pace(self._policy)
        """Over answers that bring less than they were asked for, the waiting for each included."""
        self._guard = threading.Lock()
        self._cancelled = False
        self._answer: Answer | None = None
        self._part: Part | None = None

    def cancel(self) -> None:
        """Once this returns, the worker writes nothing more."""
        with self._guard:
            self._cancelled = True
            answer = self._answer
        if answer is not None:
            answer.abort()

    def run(self) -> None:
        """Work until done; every failure is handed to the transfer."""
        web: Web | None = None
        try:
            web = Web(self._transfer.source, self._policy, self._transfer.environ)
            self._work(web)
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001  # raised again in the calling thread
            self._transfer.fail(error)
        finally:
            if web is not None:
                web.close()

    def _work(self, web: Web) -> None:
        transfer = self._transfer
        while (part := transfer.take(self._part)) is not None:
            self._part = part
            try:
                if transfer.ranged:
                    self._fetch(web, part)
                else:
                    self._fetch_whole(web, self._ask(web, {}))
            except Transient as trouble:
                transfer.take_back(part)
                self._part = None
                if self._cancelled or (delay := transfer.retry(trouble)) is None:
                    return
                transfer.pause(delay)
            finally:
                self._release()

    # Asking -----------------------------------------------------------------------------

    def _ask(self, web: Web, headers: dict[str, str]) -> Answer:
        """Open the file's address, past pages that lead on to it."""
        transfer = self._transfer
        url = transfer.location()
        remembered = url != transfer.source.url
        for _ in range(_MAX_PAGES):
            answer = self._hold(web.open(url, headers))
            if answer.status in (200, 206) and answer.is_page:
                text = answer.page()
                answer.close()
                try:
                    following = transfer.source.follow_page(text)
                except SourceRefused as refusal:
                    raise Disqualified(str(refusal)) from None
                if following is None:
                    raise Disqualified(page_words(text))
                url = following
                continue
            if answer.status in (200, 206, 416):
                return answer
            trouble = status_trouble(answer)
            if isinstance(trouble, Disqualified) and answer.status in (401, 403):
                trouble.reason += web.token_hint()
            if remembered and isinstance(trouble, Disqualified):
                # What redirects lead to is often signed and expires: ask for a new one.
                trouble = Transient("no longer accepts the address it redirected to")
                trouble.stale = transfer.forget_location(url)
            raise trouble
        raise Disqualified("answers pages that lead to pages, never the file")

    def _hold(self, answer: Answer) -> Answer:
        with self._guard:
            self._answer = answer
            cancelled = self._cancelled
        if cancelled:
            raise Cancelled
        return answer

    def _release(self) -> None:
        with self._guard:
            answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()

    # A range ----------------------------------------------------------------------------

    def _fetch(self, web: Web, part: Part) -> None:
        transfer, size = self._transfer, self._partial.size
        start, end = part.position, part.end
        headers = {"Range": f"bytes={start}-{end - 1}"}
        validator = transfer.validator
        if validator:
            headers["If-Range"] = validator
        began = time.monotonic()
        answer = self._ask(web, headers)
        told = answer.content_range
        if answer.status == 416:
            self._unsatisfied(answer)
            transfer.no_ranges()
            return
        if answer.status == 200:
            if validator:
                raise Changed
            transfer.no_ranges()
            self._fetch_whole(web, answer)
            return
        if told is None or told[0] != start or not start < told[1] <= end or answer.encoding:
            # Another range than asked for, or a range of something encoded.
            answer.close()
            transfer.no_ranges()
            return
        if told[2] is not None and told[2] != size:
            raise Disqualified(_other_size(told[2], size), other_bytes=True)
        if answer.length is not None and answer.length != told[1] - start:
            answer.close()
            transfer.no_ranges()
            return
        transfer.proved(answer)
        self._receive(part, answer, told[1])
        seconds = time.monotonic() - began
        transfer.measured(part.position - start, seconds)
        if part.position < part.end:
            self._pace.add(part.position - start, seconds)
        else:
            self._pace.restart()

    def _unsatisfied(self, answer: Answer) -> None:
        told = answer.headers.get("Content-Range", "").rpartition("/")[2]
        if told.isdigit() and int(told) != self._partial.size:
            raise Disqualified(_other_size(int(told), self._partial.size), other_bytes=True)
        answer.close()

    def _receive(self, part: Part, answer: Answer, until: int) -> None:
        """Write the body at the part's place, until its end or that of the answer."""
        held: list[bytes] = []
        amount, flushed = 0, time.monotonic()
        mine = True
        try:
            for data in stream(answer, self._policy):
                held.append(data)
                amount += len(data)
                now = time.monotonic()
                if amount >= self._write_at or now - flushed >= _HOLD or len(held) >= 256:
                    mine = self._store(part, held)
                    held, amount, flushed = [], 0, now
                if not mine or part.position + amount >= until:
                    break
        finally:
            if held and mine and not self._cancelled:
                self._store(part, held)
        if mine and part.position < until:
            raise Transient("broke off the connection")

    def _store(self, part: Part, chunks: list[bytes]) -> bool:
        """Write and return whether the part wants more."""
        wanted = sum(len(chunk) for chunk in chunks)
        self._transfer.count(wanted)
        usable = self._transfer.reserve(part, wanted)
        if usable < wanted:
            chunks = [b"".join(chunks)[:usable]]
        if part.position == 0:
            _refuse_page(b"".join(chunks)[:_SNIFF], b"".join(chunks))
        if usable:
            self._write(part.position, chunks)
            part.position += usable
        return part.position < part.end

    def _write(self, offset: int, chunks: list[bytes] | list[memoryview]) -> None:
        with self._guard:
            # Under the guard: after `cancel` returned, the file may have been discarded,
            # hashed, or closed.
            if self._cancelled:
                raise Cancelled
            self._partial.write(offset, chunks)

    # The whole file, where there are no ranges ----------------------------------------------

    def _fetch_whole(self, web: Web, answer: Answer) -> None:
        del web
        size, stated = self._partial.size, answer.length
        if answer.status == 206:
            raise Disqualified("answers a part of the file where the whole was asked for")
        if answer.status != 200:
            raise Disqualified("answers nonsense about ranges (416)")
        if not answer.encoding and stated is not None and stated != size:
            beginning = answer.read(_SNIFF)
            _refuse_page(beginning, beginning)
            raise Disqualified(_other_size(stated, size), other_bytes=True)
        self._transfer.whole(answer)
        at = 0
        blocks = self._blocks(answer)
        for block in blocks:
            self._transfer.count(len(block))
            if at == 0:
                _refuse_page(block[:_SNIFF], block)
            # Where no digest will say that it goes on, its end is awaited: the length may be that of
            # another version.
            last = at + len(block) == size and self._transfer.in_one_piece
            if at + len(block) > size or (last and next(blocks, None)):
                raise Disqualified(
                    f"sends more than the {size:,} bytes that the catalogue declares", other_bytes=True
                )
            view = memoryview(block)
            # Only where something is missing: what is there may have been hashed.
            for low, high in self._partial.missing(at, at + len(block)):
                self._write(low, [view[low - at : high - at]])
            at += len(block)
            if self._partial.complete:
                return
        if answer.encoding or "chunked" in answer.headers.get("Transfer-Encoding", "").lower():
            raise Disqualified(_other_size(at, size), other_bytes=True)
        raise Transient("broke off the connection")

    def _blocks(self, answer: Answer) -> Iterator[bytes]:
        """The body in blocks worth a write. A failure comes after what came before it."""
        held: list[bytes] = []
        amount, flushed = 0, time.monotonic()
        failure: Transient | None = None
        try:
            for data in decoded(answer, self._policy):
                held.append(data)
                amount += len(data)
                now = time.monotonic()
                if amount >= self._policy.block or now - flushed >= _HOLD:
                    yield b"".join(held)
                    held, amount, flushed = [], 0, now
        except Transient as trouble:
            failure = trouble
        if held:
            yield b"".join(held)
        if failure is not None:
            raise failure


def _refuse_page(beginning: bytes, text: bytes) -> None:
    if looks_like_page(beginning):
        raise Disqualified(page_words(text.decode("utf-8", "replace")))


def _other_size(came: int, declared: int) -> str:
    return f"offers a file of {came:,} bytes where the catalogue declares {declared:,}"
