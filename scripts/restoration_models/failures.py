"""Why stages failed during one refresh, handed from the stage's process to the refresh.

DVC tells that a stage failed, not why. A stage started by ``models refresh`` finds the run's
name in its environment, and leaves its one line there for the table; a download that this very
run has already tried is not tried again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from restoration_models.errors import RestorationModelsError, WorldFailure
from restoration_models.files import write_text
from restoration_models.project import Project
from restoration_models.store.process import Process, stop

_STARTED = "started"
_GRACE = 3.0

VARIABLE = "RESTORATION_MODELS_REFRESH"
"""Environment variable that names the run."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a model's stage failed."""

    stage: str
    what: str
    remedy: str | None
    status: int

    @property
    def line(self) -> str:
        """What happened in which stage, and what to do."""
        told = f"{self.stage}: {self.what}"
        return f"{told}; {self.remedy}" if self.remedy else told


class AlreadyFailed(RestorationModelsError):
    """This refresh has already tried and failed; why has been said, and is said at its end."""

    def __init__(self, slug: str, failure: Failure) -> None:
        super().__init__(f"this refresh could not {failure.stage} it, as said above", where=slug)
        self.status = failure.status  # type: ignore[misc] # an instance's own status, from the first failure


@dataclass(frozen=True, slots=True)
class Run:
    """One refresh: the folder in which its stages leave their failures."""

    folder: Path
    known: dict[str, Failure] = field(default_factory=dict)
    """Failures of this process itself: they count even where the disk is full."""

    @classmethod
    def begin(cls, project: Project) -> Run:
        """A new run, with no failures of its own yet; what runs that were killed left is removed."""
        end_killed(project)
        folder = project.failures / str(os.getpid())
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return cls(folder)

    @classmethod
    def current(cls, project: Project) -> Run | None:
        """The run that this process was started by, if any."""
        name = os.environ.get(VARIABLE, "")
        folder = project.failures / name
        return cls(folder) if name.isdigit() and folder.is_dir() else None

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to belong to this run."""
        return {VARIABLE: self.folder.name}

    def record(self, slug: str, stage: str, error: RestorationModelsError) -> None:
        """Keep why `stage` of the model `slug` failed.

        Never raises: what is being recorded is the failure that a person must hear of.
        """
        failure = Failure(stage, error.what, error.remedy, error.status)
        self.known[slug] = failure
        with contextlib.suppress(WorldFailure):
            write_text(self.folder / f"{slug}.json", json.dumps(asdict(failure)))

    def failure(self, slug: str) -> Failure | None:
        """Why the model `slug` failed in this run, if it did."""
        path = self.folder / f"{slug}.json"
        if slug in self.known or not path.is_file():
            return self.known.get(slug)
        return Failure(**json.loads(path.read_text(encoding="utf-8")))

    def end(self) -> None:
        """Remove what the run left."""
        shutil.rmtree(self.folder, ignore_errors=True)


def enlist(project: Project) -> None:
    """Note this process as started by a run, so that it does not outlive a run that is killed.

    Called by the process itself before it does anything: one whose run is killed by then has been
    noted, or does nothing.
    """
    run = Run.current(project)
    if run is not None:
        with contextlib.suppress(WorldFailure):
            write_text(run.folder / _STARTED, json.dumps(asdict(Process.of(os.getpid()))))
    if os.environ.get(VARIABLE, str(os.getppid())) != str(os.getppid()):
        sys.exit("the command that started this process was killed")


def end_killed(project: Project) -> None:
    """End what runs that were killed had started, and remove what they left."""
    for left in project.failures.glob("[0-9]*"):
        # One that ended and was not collected yet runs no more.
        if Process.of(int(left.name)).alive:
            continue
        with contextlib.suppress(OSError, ValueError, TypeError):
            process = Process(**json.loads((left / _STARTED).read_bytes()))
            if process.alive:
                stop(process, _GRACE)
                # DVC has ended, its stage perhaps not yet: the group's number is theirs as long as that runs.
                os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(left, ignore_errors=True)
