"""Commands of ``models`` and ``dvc`` as processes that begin where their imports end.

Each is forked from a process that has everything loaded, in a group of its own, so that a command
and what it started can be killed together and a hundred of them cost seconds.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

LOADED = (
    "restoration_models.cli.app",
    "restoration_models.refresh",
    "restoration_models.obtain",
    "restoration_models.add",
    "restoration_models.evidence",
    "restoration_models.cards",
    "restoration_models.publish.run",
    "restoration_models.store.verify",
    "restoration_models.download.transfer",
    "dvc.cli",
    "dvc.cli.parser",
    "dvc.repo",
    "dvc.commands.data_sync",
    "dvc.commands.repro",
    "dvc_s3",
    "minio",
    "rich.progress",
    "torch",
    "spandrel",
    "restoration_models.architectures.registry",
)


@dataclass(frozen=True)
class Command:
    """A command that was started."""

    process: BaseProcess
    log: Path
    started: float

    def wait(self, seconds: float = 120.0) -> int:
        """Its exit status; a negative number where a signal ended it."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.kill()
            raise TimeoutError(f"did not end in {seconds} s: {self.output}")
        return self.process.exitcode

    def stopped_after(self, seconds: float) -> None:
        """Hold it, and all that it started, that long after its start, as a kill would find it."""
        self.process.join(max(0.0, self.started + seconds - time.monotonic()))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid or 0, signal.SIGSTOP)

    def kill(self) -> bool:
        """Kill it, and all that it started; returns whether it still ran."""
        ran = self.process.exitcode is None
        try:
            os.killpg(self.process.pid or 0, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self.process.kill()
        self.process.join()
        return ran and self.process.exitcode == -signal.SIGKILL

    @property
    def output(self) -> str:
        """What it printed, on both streams."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def in_sockets(port: int) -> int:
    """Bytes that a server of loopback has sent from `port` and nobody has taken yet."""
    found = 0
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, here, there, _, queues = line.split()[:5]
        if port in (int(here.partition(":")[2], 16), int(there.partition(":")[2], 16)):
            found += sum(int(size, 16) for size in queues.split(":"))
    return found


def start(
    program: str, *arguments: str, cwd: Path, log: Path, environment: Mapping[str, str] | None = None
) -> Command:
    """Start ``models`` or ``dvc`` in `cwd`; returns when it runs."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(list(LOADED))
    ready, told = processes.Pipe(duplex=False)
    process = processes.Process(
        target=_run,
        args=(program, arguments, str(cwd), str(log), {**os.environ, **(environment or {})}, told),
    )
    process.start()
    ready.recv()
    return Command(process, log, time.monotonic())


def run(
    program: str, *arguments: str, cwd: Path, log: Path, environment: Mapping[str, str] | None = None
) -> Command:
    """The same, waited for."""
    command = start(program, *arguments, cwd=cwd, log=log, environment=environment)
    command.wait()
    return command


def _run(
    program: str, arguments: tuple[str, ...], cwd: str, log: str, environment: dict[str, str], told: object
) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    with Path(log).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = [program, *arguments]
    told.send(True)  # type: ignore[attr-defined]
    if program == "models":
        from restoration_models.cli.app import main

        main()
    else:
        from dvc.cli import main as dvc

        sys.exit(dvc(list(arguments)))
