"""A server process that outlives the command that started it.

A process id alone may by now belong to another program, so a process is known by its id
and the moment it started.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# The shell's only work is to start the program in the background and to leave, so that the
# program belongs to nobody: no zombie of ours, no end with our terminal.
LAUNCH = 'umask 077; "$@" >&2 </dev/null & echo $!'


@dataclass(frozen=True, slots=True)
class Process:
    """One run of one program."""

    pid: int
    started: str
    """When it started, in a form that another process with this id cannot share."""

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has this id now."""
        return cls(pid, _start_of(pid) or "ended")

    @property
    def alive(self) -> bool:
        """Whether this very run still goes on."""
        return _start_of(self.pid) == self.started


def launch(command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> Process:
    """Start `command` detached, in a session of its own, in `folder`; both its outputs go to `log`.

    The log is begun anew, readable by its owner only. A command that cannot be started ends at
    once, with the reason in the log. Raises OSError.
    """
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600), "ab") as output:
        shell = subprocess.run(
            ["/bin/sh", "-c", LAUNCH, "sh", *command],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            check=True,
        )
    pid = int(shell.stdout)
    return Process.of(pid)


def wait_for_end(process: Process, seconds: float) -> bool:
    """Wait until `process` has ended, at most `seconds`; return whether it has."""
    if not hasattr(os, "pidfd_open"):
        return _look_for_end(process, seconds)
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return _look_for_end(process, seconds)
    try:
        # Opened first, compared then: from here on the handle is this run's or nobody's.
        if not process.alive:
            return True
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(max(0, int(seconds * 1000)))) or not process.alive
    finally:
        os.close(handle)


def stop(process: Process, grace: float) -> bool:
    """End `process` and its group: asked first, killed after `grace` seconds. Return whether it ended."""
    if not process.alive:
        return True
    _signal(process, signal.SIGTERM)
    if wait_for_end(process, grace):
        return True
    _signal(process, signal.SIGKILL)
    return wait_for_end(process, grace)


def _signal(process: Process, number: int) -> None:
    with suppress(ProcessLookupError):
        group = os.getpgid(process.pid)
        if group != os.getpgrp():
            os.killpg(group, number)
        else:
            os.kill(process.pid, number)


def _look_for_end(process: Process, seconds: float) -> bool:
    """`wait_for_end` where the system has no handles for processes (macOS)."""
    end = time.monotonic() + seconds
    never = threading.Event()
    while process.alive:
        if time.monotonic() >= end:
            return False
        never.wait(0.02)
    return True


def _start_of(pid: int) -> str | None:
    """Return the moment that process `pid` started, None where there is none or it has ended."""
    if not (PROC / "self" / "stat").exists():
        return _start_by_ps(pid)
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses and may hold anything.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        return None
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{boot}:{fields[19]}"


def _start_by_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None
