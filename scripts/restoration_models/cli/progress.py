"""Showing downloads: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from restoration_models.download import events
from restoration_models.plain import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

_STEP = 10


class DownloadProgress:
    """A reporter for `restoration_models.download`, and a context manager around its use.

    On a terminal every download has a bar; elsewhere (a log, a pipe) it has a line each
    10 %. Either way every source that is given up has a line saying why and what is tried next.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, int] = {}
        self._announced: dict[str, str | None] = {}
        """By slug: the source that the line about its last failure has named already."""
        if console.is_terminal:
            from rich import progress

            self._bars = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(bar_width=None),
                progress.TaskProgressColumn(),
                progress.DownloadColumn(),
                progress.TransferSpeedColumn(),
                progress.TimeRemainingColumn(),
                console=console,
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: events.Event, /) -> None:
        """Show `event`."""
        with self._lock:
            if isinstance(event, events.Progress):
                self._progress(event)
            elif (line := self._line(event)) is not None:
                self._say(f"{event.slug}: {line}")

    def _line(self, event: events.Event) -> str | None:
        match event:
            case events.Started(slug, source, size):
                if self._bars is not None:
                    self._bar(self._bars, slug, size)
                if self._announced.pop(slug, None) == source:
                    return None
                return f"downloading {_size(size)} from {source}"
            case events.Resumed(slug, have, size):
                self._told[slug] = 100 * have // size // _STEP
                return f"resuming: {_size(have)} of {_size(size)} are already here"
            case events.Retrying(_, source, reason, delay):
                # Resets are everyday; a person hears of what makes them wait.
                return f"{source}: {reason}; trying again in {delay:.0f} s" if delay >= 2 else None
            case events.SourceFailed(slug, source, reason, following):
                self._announced[slug] = following
                then = f"; trying the next source: {following}" if following else "; there is no other source"
                return f"{source}: {reason}{then}"
            case events.Waiting():
                return "another process is downloading this file; waiting for it"
            case events.Verifying(_, origin, size):
                return f"checking {_size(size)} ({origin})"
            case events.Verified(slug, origin, size, fetched):
                self._drop(slug)
                how = f"{_size(fetched)} fetched" if fetched else "nothing fetched"
                return f"verified, {_size(size)} from {origin} ({how})"
            case events.Failed(slug, reason):
                self._drop(slug)
                # Where sources failed, each has had its line, and the end of the command lists them.
                return None if slug in self._announced else reason.removeprefix(f"{slug}: ")
        return None

    def _progress(self, event: events.Progress) -> None:
        if self._bars is not None:
            self._bars.update(self._bar(self._bars, event.slug, event.size), completed=event.done)
            return
        reached = 100 * event.done // event.size // _STEP
        if reached > self._told.get(event.slug, 0):
            self._say(f"{event.slug}: {reached * _STEP} % of {_size(event.size)}")
        # A download that starts over counts up again.
        self._told[event.slug] = reached

    def _bar(self, bars: Progress, slug: str, size: int) -> TaskID:
        if slug not in self._tasks:
            self._tasks[slug] = bars.add_task(slug, total=size)
        return self._tasks[slug]

    def _drop(self, slug: str) -> None:
        task = self._tasks.pop(slug, None)
        if self._bars is not None and task is not None:
            self._bars.remove_task(task)

    def _say(self, text: str) -> None:
        target = self._bars.console if self._bars is not None else self._console
        target.print(one_line(text), markup=False, highlight=False, soft_wrap=True)


def _size(amount: int) -> str:
    """A size as people read it."""
    if amount < 1000:
        return f"{amount} B"
    value = float(amount)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5 or unit == "GB":
            break
    return f"{value:.1f} {unit}"
