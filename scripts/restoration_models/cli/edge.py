"""Where failures become one line on stderr and an exit status."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import termios
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from restoration_models.errors import ProblemsFound, RestorationModelsError
from restoration_models.plain import one_line, plain

DEFECT = 70
"""Exit status of an error that nobody foresaw: a defect of this program (EX_SOFTWARE)."""
WORLD = 3
INTERRUPTED = 130


class Stopped(SystemExit):
    """SIGINT, SIGTERM or SIGHUP came: what runs ends in order, as on any exit."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


REPORT = "this is a defect of models: please report it with what `models --traceback …` prints"


class Shown:
    """A stream to people that shows control characters instead of passing them on.

    Whatever a command prints goes through it, whoever wrote the text: the catalogue, a server, the
    name of a file. What this program itself steers a terminal with (colours, bars) goes to `bare`.
    """

    def __init__(self, stream: TextIO) -> None:
        self.bare = stream

    def write(self, text: str) -> int:
        """Write `text`; what the stream's encoding lacks is written out too."""
        safe = plain(text)
        try:
            self.bare.write(safe)
        except UnicodeEncodeError:
            self.bare.write(safe.encode("ascii", "backslashreplace").decode("ascii"))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # a way around
            raise AttributeError(name)
        return getattr(self.bare, name)


def bare(stream: Any) -> TextIO:
    """The stream behind `stream`, for what steers a terminal on purpose."""
    found: TextIO = stream.bare if isinstance(stream, Shown) else stream
    return found


def guard_streams() -> None:
    """Have everything that is printed from now on pass through `Shown`."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Shown):
            setattr(sys, name, Shown(stream))


def heed_signals() -> None:
    """Have SIGINT, SIGTERM and SIGHUP end the program in order; what is ignored (`nohup`) stays ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _frame: object) -> None:
    # Once: a second one, while things are being put in order, ends it the system's way.
    signal.signal(number, signal.SIG_DFL)
    for stream in (1, 2):
        if _hung_up(stream):  # each write would fail, and keep things from being put in order
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    raise Stopped(number)


def _hung_up(stream: int) -> bool:
    """Whether `stream` is a terminal that is not there any more."""
    try:
        termios.tcgetattr(stream)
    except termios.error as error:
        return bool(error.args[0] == errno.EIO)
    return False


def guard(call: Callable[[], None], *, with_traceback: bool) -> int:
    """Run `call`; print what went wrong as one line and return the exit status."""
    try:
        call()
    except ProblemsFound as error:
        for problem in error.problems:
            say(str(problem))
        return fail(str(error), error.status, with_traceback)
    except RestorationModelsError as error:
        return fail(str(error), error.status, with_traceback)
    except Stopped as stop:
        told = {signal.SIGINT: "interrupted", signal.SIGHUP: "hung up"}.get(
            signal.Signals(stop.number), "terminated"
        )
        return fail(told, 128 + stop.number, with_traceback=False)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED, with_traceback=False)
    except BrokenPipeError:
        # The reader of our output left (`models list | head`): not our failure.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return fail(f"{place}{error.strerror or error}", WORLD, with_traceback)
    except Exception as error:  # noqa: BLE001 - the outermost edge: nothing may leave as a traceback
        return fail(f"unexpected {type(error).__name__}: {error}; {REPORT}", DEFECT, with_traceback)
    return 0


def fail(line: str, status: int, with_traceback: bool) -> int:
    """Print `line` in red on stderr, after the traceback if asked for; return `status`."""
    if with_traceback:
        traceback.print_exc()
    say(line, red=True)
    return status


def say(line: str, *, red: bool = False) -> None:
    """Print one line on stderr, whatever `line` holds: control characters are shown, not obeyed."""
    safe, stream = one_line(line), bare(sys.stderr)
    if red and stream.isatty() and "NO_COLOR" not in os.environ:
        safe = f"\x1b[31m{safe}\x1b[0m"
    try:
        stream.write(safe + "\n")
    except UnicodeEncodeError:
        stream.write(safe.encode("ascii", "backslashreplace").decode() + "\n")
    stream.flush()


@contextmanager
def uncollected() -> Iterator[None]:
    """Without looking for garbage: in a process that soon ends, that takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        # What is there now would all be looked at, once here and once at the end.
        gc.freeze()
        gc.enable()
