"""``models refresh``: what people mean by bringing everything up to date.

A dead source stops a plain ``dvc repro``, and ``dvc repro -k`` skips the cards of its layer.
A refresh downloads in parallel first, does the stages of many models in one process (`ahead`), lets DVC
run every other stage that can run, writes the cards of what succeeded, and says for each model what
changed or why it failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from restoration_models import ahead, cards, lock, obtain, stages, torn
from restoration_models.catalogue import Catalogue, Model, load
from restoration_models.download.events import Reporter, Waiting
from restoration_models.download.lock import held
from restoration_models.editing import Say, silent, take_back_killed
from restoration_models.errors import Problem, ProblemsFound, WorldFailure
from restoration_models.failures import Run, end_killed
from restoration_models.lock import LockedModel
from restoration_models.project import Project


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
        if self.failure is not None or self.after is None:
            return "failed"
        if self.before == self.after:
            return "unchanged"
        if self.before is None:
            return "new"
        if self.before.sha256 == self.after.sha256:
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
    mended: tuple[str, ...] = ()
    """Locks that a killed DVC had left half written, taken back to what git has."""


def refresh(
    project: Project,
    *,
    jobs: int,
    display: Callable[[], AbstractContextManager[Reporter]],
    quiet: bool = False,
    say: Say = silent,
) -> Refreshed:
    """Bring every model up to date; `jobs` downloads at once. An edit that was killed is taken back first.

    `display` opens what shows the downloads; `quiet` sends DVC's own output to stderr. Raises
    `ProblemsFound` for a wrong catalogue, `JournalDamaged` and `DvcFailed`; what fails for one model is
    in the result.
    """
    take_back_killed(project, say)
    catalogue = load(project)
    project.temporary.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with display() as reporter:
            lock_file = project.temporary / "refresh.lock"
            stack.enter_context(held(lock_file, lambda: reporter(Waiting("refresh"))))
            end_killed(project)
            mended = torn.mend(project, catalogue)
            before = _locked(project, catalogue)
            run = Run.begin(project)
            stack.callback(run.end)
            for failure in obtain.prefetch_all(project, catalogue, jobs=jobs, reporter=reporter).failed:
                run.record(failure.slug, "download", failure.error)
        many = len(ahead.wanting(project, catalogue)) >= ahead.WORTH_IT
        command = [*(stages.AHEAD if many else stages.DVC), "repro", "--keep-going"]
        failed = stages.show(project, run, command, quiet=quiet) != 0
        stale: tuple[str, ...] = ()
        if failed:
            # DVC skips the cards of a layer in which anything failed.
            targets = [stages.cards(layer.slug) for layer in catalogue.layers]
            command = [*stages.DVC, "repro", "--single-item", "-k", *targets]
            failed = stages.show(project, run, command, quiet=quiet) != 0
            stale = tuple(
                layer.slug for layer in catalogue.layers if cards.stale(project, catalogue, layer.slug)
            )
        after = _locked(project, catalogue)
        changes = tuple(
            Change(model, before.get(model.slug), after.get(model.slug), failure)
            for layer in catalogue.layers
            for model, failure in _failures(project, catalogue, layer.slug, run)
        )
    if failed and not stale and not any(change.failure for change in changes):
        raise stages.DvcFailed("its lines above say why")
    return Refreshed(changes, stale, mended)


def _locked(project: Project, catalogue: Catalogue) -> dict[str, LockedModel]:
    return {
        slug: entry for layer in catalogue.layers for slug, entry in lock.read(project, layer.slug).items()
    }


def _failures(
    project: Project, catalogue: Catalogue, layer: str, run: Run
) -> Iterator[tuple[Model, str | None]]:
    """Every model of `layer` and why it failed: what is not there and validated now, failed."""
    standings = lock.standings(project, catalogue, layer)
    for model in catalogue.layer(layer).models:
        recorded = run.failure(model.slug)
        if recorded is not None:
            yield model, recorded.line
        elif standings[model.slug].state is not lock.State.VALIDATED:
            yield model, "pipeline: DVC did not run its stages; the lines above say why"
        elif not project.checkpoint(model.layer, model.slug, model.file).is_file():
            yield model, "pipeline: its checkpoint is not in place; DVC's lines above say why"
        else:
            yield model, None
