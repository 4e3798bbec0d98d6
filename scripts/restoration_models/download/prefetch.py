"""Several files at once: fills the inbox ahead of a pipeline run."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from restoration_models.download import events
from restoration_models.download.fetch import Fetched, fetch
from restoration_models.download.plan import Places, Request
from restoration_models.download.trouble import Stopped
from restoration_models.errors import RestorationModelsError

_TOTAL_CONNECTIONS = 16
_FEWEST = 2
_GRACE = 1.0
"""Seconds for all threads to end after an interrupt: a command ends within two."""


@dataclass(frozen=True, slots=True)
class PrefetchFailure:
    """A file that could not be had, and the error that says why."""

    slug: str
    error: RestorationModelsError


@dataclass(frozen=True, slots=True)
class Prefetched:
    """What came of every request, in the order of the requests."""

    fetched: tuple[tuple[str, Fetched], ...]
    """Slug and file."""
    failed: tuple[PrefetchFailure, ...]


def prefetch(
    requests: Sequence[Request], jobs: int, places: Places, report: events.Reporter = events.silent
) -> Prefetched:
    """Fetch all `requests`, `jobs` at a time; failures are collected, not raised.

    `report` is called by one thread at a time. An interrupt leaves at once; what arrived
    stays for the next run.
    """
    jobs = max(1, min(jobs, len(requests)))
    # Towards the end, when fewer files are under way, each gets more of the connections.
    busy = jobs
    places = replace(places, share=lambda: max(_FEWEST, _TOTAL_CONNECTIONS // max(1, busy)))
    work: queue.SimpleQueue[int] = queue.SimpleQueue()
    # The largest first: it takes longest.
    for index in sorted(range(len(requests)), key=lambda index: -requests[index].size):
        work.put(index)
    results: dict[int, Fetched | RestorationModelsError] = {}
    broken: list[BaseException] = []
    stop, one_at_a_time = threading.Event(), threading.Lock()

    def tell(event: events.Event, /) -> None:
        with one_at_a_time:
            report(event)

    def job() -> None:
        nonlocal busy
        while not stop.is_set():
            try:
                index = work.get_nowait()
            except queue.Empty:
                with one_at_a_time:
                    busy -= 1
                return
            try:
                results[index] = fetch(requests[index], places, tell, stop)
            except Stopped:
                return
            except RestorationModelsError as error:
                results[index] = error
                tell(events.Failed(requests[index].slug, str(error)))
            except BaseException as error:  # noqa: BLE001  # raised again in the calling thread
                broken.append(error)
                stop.set()
                return

    # Daemons: a second interrupt must not wait for a thread that hangs in a connect.
    threads = [threading.Thread(target=job, name=f"download-{n}", daemon=True) for n in range(jobs)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join(_GRACE / len(threads))
        raise
    if broken:
        raise broken[0]
    fetched = [(requests[n].slug, one) for n, one in sorted(results.items()) if isinstance(one, Fetched)]
    failed = [
        PrefetchFailure(requests[n].slug, one)
        for n, one in sorted(results.items())
        if isinstance(one, RestorationModelsError)
    ]
    return Prefetched(tuple(fetched), tuple(failed))
