"""Running stages of the pipeline through DVC, and telling why one failed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from restoration_models import torn
from restoration_models.errors import RestorationModelsError, WorldFailure
from restoration_models.failures import Failure, Run
from restoration_models.project import LAYERS_FOLDER, Project

DVC = (sys.executable, "-m", "restoration_models.dvc_cli")
"""DVC's command line, of this environment."""
AHEAD = (sys.executable, "-m", "restoration_models.ahead")
"""The same, after doing the stages of many models in its own process."""

PATIENCE = 1.0
"""Seconds that DVC and its stage get to clean up: whoever interrupts a command waits for two at most."""


class StageFailed(RestorationModelsError):
    """A model's stage failed; what it says is what the stage said."""

    def __init__(self, slug: str, failure: Failure) -> None:
        super().__init__(f"{failure.stage}: {failure.what}", where=slug, remedy=failure.remedy)
        self.status = failure.status  # type: ignore[misc] # an instance's own status, from the stage


class DvcFailed(WorldFailure):
    """DVC itself could not do it."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"DVC could not run the stages: {reason}",
            remedy="see to what it says and run the command again; `dvc status` shows DVC's view",
        )


def download(layer: str, slug: str) -> str:
    """The download of a model, as DVC is told it."""
    return f"{LAYERS_FOLDER}/{layer}/dvc.yaml:download@{slug}"


def validate(layer: str, slug: str) -> str:
    """The validation of a model, as DVC is told it."""
    return f"{LAYERS_FOLDER}/{layer}/dvc.yaml:validate@{slug}"


def cards(layer: str) -> str:
    """The cards of a layer, as DVC is told them."""
    return f"dvc.yaml:cards@{layer}"


def run(project: Project, targets: Sequence[str], *, slug: str = "") -> None:
    """Run exactly these stages, in this order, those that are up to date left out.

    Raises `StageFailed` where a stage of the model `slug` said why it failed, else `DvcFailed`.
    Whatever ends this process, but SIGKILL, ends DVC and the stage with it.
    """
    failures = Run.begin(project)
    try:
        status, output = _dvc(project, failures, ["repro", "--single-item", *targets])
        if status:
            failure = failures.failure(slug) if slug else None
            raise StageFailed(slug, failure) if failure else DvcFailed(_reason(output))
    finally:
        failures.end()


def show(project: Project, failures: Run, command: Sequence[str], *, quiet: bool) -> int:
    """Run `command` with its output shown, on stderr where `quiet`; return its exit status.

    Raises `DvcFailed` where it cannot be started. Whatever ends this process, but SIGKILL, ends it
    and what it started.
    """
    process = _start(project, failures, command, stdout=sys.stderr if quiet else None)
    try:
        return process.wait()
    except BaseException:
        _end(process)
        raise


def _environment(failures: Run) -> dict[str, str]:
    """The environment in which DVC's stages belong to that run and find this program."""
    variables = os.environ | failures.environment
    # Stages call `models` by name: the one that belongs to this interpreter.
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables.get('PATH', os.defpath)}"
    return variables


def _dvc(project: Project, failures: Run, arguments: list[str]) -> tuple[int, str]:
    command = [*DVC, *arguments]
    process = _start(project, failures, command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = process.communicate()
    except BaseException:
        _end(process)
        raise
    return process.returncode, output.decode("utf-8", "replace")


def _start(
    project: Project, failures: Run, command: Sequence[str], **streams: Any
) -> subprocess.Popen[bytes]:
    torn.release(project)
    try:
        return subprocess.Popen(
            command,
            cwd=project.root,
            env=_environment(failures),
            stdin=subprocess.DEVNULL,
            # A group of its own, so that an interrupt ends the stage before anything is put back.
            start_new_session=True,
            **streams,
        )
    except OSError as error:
        raise DvcFailed(f"it cannot be started ({error.strerror})") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """End DVC and what it started: asked first, then without asking."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=PATIENCE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _reason(output: str) -> str:
    """The last thing that DVC, or a stage before it, gave as a reason."""
    lines = [" ".join(line.split()) for line in output.splitlines() if line.strip()]
    blamed = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    # A stage's own line stands right above DVC's remark that it failed.
    at = next((n for n, line in enumerate(lines) if line.startswith("ERROR: failed to reproduce")), 0)
    told = [line for line in lines[max(0, at - 1) : at] if not line.startswith(("Running", ">", "Updating"))]
    return "; ".join([*told, *blamed[:1]]) or (lines[-1] if lines else "it said nothing")
