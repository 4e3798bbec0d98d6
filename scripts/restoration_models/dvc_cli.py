"""DVC's command line, with rarer looks for garbage: ``python -m restoration_models.dvc_cli repro``.

DVC makes hundreds of thousands of objects while it reads the pipeline, and keeps them. Looking
through them again and again takes a fifth of its time at 200 models.

It also ends in order by SIGTERM. By SIGINT it does not: it ignores it while a stage runs, and with
``--keep-going`` starts the next stage when the interrupted one has ended.
"""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from restoration_models.failures import enlist
from restoration_models.project import Project

SELDOM = 200_000
"""New objects between two looks."""


class Ended(SystemExit):
    """SIGTERM came."""


class Termination:
    """What SIGTERM does: it ends the process in order, but for a lock that is being written."""

    def __init__(self) -> None:
        self.writing = self.came = False

    def heed(self) -> None:
        """Heed SIGTERM from now on."""
        signal.signal(signal.SIGTERM, self._come)
        from dvc.dvcfile import Lockfile

        # DVC writes a lock in place: left in between, it would be cut off.
        Lockfile.dump_stages = self._whole(Lockfile.dump_stages)

    def _come(self, number: int, _frame: object) -> None:
        self.came = True
        if not self.writing:
            raise Ended(128 + number)

    def _whole(self, write: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(write)
        def call(*arguments: Any, **options: Any) -> None:
            self.writing = True
            try:
                write(*arguments, **options)
            finally:
                self.writing = False
                if self.came:
                    raise Ended(128 + signal.SIGTERM)

        return call


def in_order(work: Callable[[], int]) -> int:
    """The status of `work`; ended by SIGTERM, it leaves after the stage that it has started."""
    gc.set_threshold(SELDOM)
    enlist(Project.find())
    try:
        Termination().heed()
        return work()
    except Ended:
        # The signal came to the whole group: the stage puts its own things in order now.
        with suppress(ChildProcessError):
            while True:
                os.wait()
        raise
    finally:
        # Else all of them are looked at once more at the end.
        gc.freeze()


def run() -> int:
    """Run ``dvc`` with the process's arguments; its exit status."""
    from dvc.cli import main

    status: int = main(sys.argv[1:])
    return status


if __name__ == "__main__":
    sys.exit(in_order(run))
