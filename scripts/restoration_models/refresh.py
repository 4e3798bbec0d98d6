"""``models refresh``: what people mean by bringing everything up to date.

A dead source stops a plain ``dvc repro``, and ``dvc repro -k`` skips the cards of its layer.
A refresh downloads in parallel first, lets DVC run every stage that can run, writes the cards
of what succeeded, and says for each model what changed or why it failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from restoration_models import lock, obtain
from restoration_models.catalogue import Catalogue, Model, load
from restoration_models.download.events import Reporter
from restoration_models.errors import Problem, ProblemsFound, WorldFailure
from restoration_models.failures import Run
from restoration_models.lock import LockedModel
from restoration_models.project import Project


class DvcMissing(WorldFailure):
    """DVC's command cannot be started."""

    def __init__(self) -> None:
        super().__init__("dvc cannot be started", remedy="install the project again: pip install .")


class RefreshFailed(ProblemsFound):
    """Something of a refresh did not succeed; the rest did and is there."""

    status = WorldFailure.status

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            problems, remedy="what succeeded is in place; run `models refresh` again for the rest"
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What a refresh did to one model."""

    model: Model
    before: LockedModel | None
    after: LockedModel | None
    failure: str | None

    @property
    def outcome(self) -> str:
        """``failed``, ``new``, ``changed``, ``validated`` (again) or ``unchanged``."""
        if self.failure is not None:
            return "failed"
        if self.before == self.after:
            return "unchanged"
        if self.before is None:
            return "new"
        if self.after is not None and self.before.sha256 == self.after.sha256:
            return "validated"
        return "changed"

    @property
    def detail(self) -> str:
        """The stage that failed, or the digest before and after where it changed."""
        if self.failure is not None:
            return f"{self.failure.partition(':')[0]}: see below"
        digests = [entry.sha256[:12] for entry in (self.before, self.after) if entry is not None]
        return " -> ".join(dict.fromkeys(digests))


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The outcome of a refresh, a change for each model in the catalogue's order."""

    changes: tuple[Change, ...]
    cards_failed: tuple[str, ...]
    """Layers whose cards could not be written."""

    @property
    def failed(self) -> bool:
        """Whether anything did not succeed."""
        return bool(self.cards_failed) or any(change.failure for change in self.changes)


def refresh(
    project: Project,
    *,
    jobs: int,
    display: Callable[[], AbstractContextManager[Reporter]],
    quiet: bool = False,
) -> Refreshed:
    """Bring every model up to date; `jobs` downloads at once.

    `display` opens what shows the downloads; `quiet` sends DVC's own output to stderr. Raises
    `ProblemsFound` for a wrong catalogue and `DvcMissing`; what fails for one model is in the result.
    """
    catalogue = load(project)
    before = _locked(project, catalogue)
    run = Run.begin(project)
    try:
        with display() as reporter:
            for failure in obtain.prefetch_all(project, catalogue, jobs=jobs, reporter=reporter).failed:
                run.record(failure.slug, "download", failure.error)
        repro = _dvc(project, run, ["repro", "--keep-going"], quiet)
        after = _locked(project, catalogue)
        changes = tuple(
            Change(model, before.get(model.slug), after.get(model.slug), _failure(run, model, after, repro))
            for model in catalogue.models
        )
        cards_failed = tuple(_cards(project, run, changes, quiet)) if repro else ()
        return Refreshed(changes, cards_failed)
    finally:
        run.end()


def _locked(project: Project, catalogue: Catalogue) -> dict[str, LockedModel]:
    return {
        slug: entry for layer in catalogue.layers for slug, entry in lock.read(project, layer.slug).items()
    }


def _failure(run: Run, model: Model, after: dict[str, LockedModel], repro: int) -> str | None:
    recorded = run.failure(model.slug)
    if recorded is not None:
        return recorded.line
    entry = after.get(model.slug)
    if repro and (entry is None or entry.sha256 != model.sha256 or entry.validated is None):
        return "DVC did not run its stages; the lines above say why"
    return None


def _cards(project: Project, run: Run, changes: Sequence[Change], quiet: bool) -> list[str]:
    """Write the cards that DVC skipped because a model of their layer failed; return what failed."""
    layers = dict.fromkeys(change.model.layer for change in changes if change.failure)
    return [
        layer
        for layer in layers
        if _dvc(project, run, ["repro", "--single-item", f"dvc.yaml:cards@{layer}"], quiet)
    ]


def _dvc(project: Project, run: Run, arguments: list[str], quiet: bool) -> int:
    """Run DVC in the project's root; its exit status."""
    environment = os.environ | run.environment
    # Stages call `models` by name: the one that belongs to this interpreter.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    output = sys.stderr if quiet else None
    try:
        return subprocess.run(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=project.root,
            env=environment,
            stdout=output,
            check=False,
        ).returncode
    except OSError as error:
        raise DvcMissing from error
