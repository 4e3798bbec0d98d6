"""``models check``: is the repository what it says it is?

Every check returns all its problems; none needs weights, and with `offline` none needs the
network. A model that was only declared is a note, and a problem under `strict`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from restoration_models import cards, catalogue, lock, pipeline, schemas, store
from restoration_models.catalogue import Catalogue
from restoration_models.errors import ModelProblem, Problem, WorldFailure
from restoration_models.pipeline import Pipeline
from restoration_models.project import LAYERS_FOLDER, Project
from restoration_models.report import Report, UnreadableReport

RERUN = "run `dvc repro`, then commit what it wrote"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: problems forbid a merge, notes do not."""

    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    unasked: WorldFailure | None = None
    """Why the store could not be asked; None where it was, or was not to be."""

    @property
    def passed(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def check(project: Project, *, offline: bool = False, strict: bool = False) -> Checked:
    """Check the catalogue, the lock, the evidence and the generated files of `project`."""
    loaded, problems = catalogue.examine(project)
    problems += schemas.stale(project)
    declared: list[Problem] = []
    unasked: WorldFailure | None = None
    if loaded is not None and not problems:
        try:
            graph = pipeline.read(project)
        except ModelProblem as error:
            problems.append(Problem(error.where or "dvc.yaml", 0, "", error.what, error.remedy or ""))
        else:
            problems += _lock_problems(graph)
            problems += _evidence_problems(project, loaded, graph)
            declared = list(_declared(loaded, graph))
        problems += _leftovers(project, loaded)
        for layer in loaded.layers:
            problems += cards.stale(project, loaded, layer.slug)
        if not offline:
            try:
                problems += _store_problems(project, loaded)
            except WorldFailure as error:
                unasked = error
    if strict:
        problems += declared
        declared = []
    return Checked(tuple(sorted(set(problems))), tuple(sorted(declared)), unasked)


def _lock_problems(graph: Pipeline) -> Iterator[Problem]:
    for stage in graph.stages:
        for difference in stage.differences:
            yield Problem(stage.lock_file, 0, stage.name, f"out of step: {difference}", RERUN)
    for file, name in graph.orphans:
        what = "the lock entry of a stage that is gone"
        yield Problem(file, 0, name, what, "remove the entry, or take the stage back")
    locked = {(stage.kind, stage.item) for stage in graph.stages if stage.locked}
    for stage in graph.stages:
        if stage.kind == "cards" and not stage.locked:
            yield Problem(
                stage.lock_file, 0, stage.name, "the cards were never written by the pipeline", RERUN
            )
        if stage.kind == "validate" and not stage.locked and ("download", stage.item) in locked:
            yield Problem(stage.lock_file, 0, stage.name, "downloaded but not validated", RERUN)


def _evidence_problems(project: Project, loaded: Catalogue, graph: Pipeline) -> Iterator[Problem]:
    """Reports that are missing, unreadable, or about other bytes than the catalogue's."""
    validated = {stage.item for stage in graph.stages if stage.kind == "validate" and stage.locked}
    for model in loaded.models:
        path = project.report(model.layer, model.slug)
        name = project.relative(path)
        if not path.is_file():
            continue  # a locked stage without its report is a difference from the lock
        if model.slug not in validated:
            yield Problem(name, 0, "", "a report of a model whose validation is not locked", RERUN)
            continue
        try:
            report = Report.read(path)
        except UnreadableReport as error:
            yield Problem(name, 0, "", error.what, error.remedy or "")
            continue
        facts = [
            ("model", report.model, model.slug),
            ("sha256", report.sha256, model.sha256),
            ("task", report.task, model.task),
            ("protocol", report.protocol, loaded.protocol),
        ]
        for key, found, wanted in facts:
            if found != wanted:
                yield Problem(name, 0, key, f"the report says {found}, the catalogue {wanted}", RERUN)


def _declared(loaded: Catalogue, graph: Pipeline) -> Iterator[Problem]:
    locked = {stage.item for stage in graph.stages if stage.kind == "download" and stage.locked}
    for model in loaded.models:
        if model.slug not in locked:
            file = f"{LAYERS_FOLDER}/{model.layer}/params.yaml"
            what = "declared only: it was never downloaded and validated"
            yield Problem(
                file, 0, f"models.{model.slug}", what, "run `models refresh` where its sources are reached"
            )


def _store_problems(project: Project, loaded: Catalogue) -> list[Problem]:
    """Locked checkpoints that the store lacks or has with another size: one listing for all."""
    settings = store.settings(project)
    stored = store.listing(settings)
    problems = []
    for layer in loaded.layers:
        file = project.relative(project.lock(layer.slug))
        for slug, entry in lock.read(project, layer.slug).items():
            size = stored.get(store.object_name(settings, entry.md5))
            if size == entry.size:
                continue
            what = (
                "the store does not have it"
                if size is None
                else f"the store has {size} bytes of it, not {entry.size}"
            )
            problems.append(
                Problem(file, 0, f"download@{slug}", what, "run `dvc push` where the checkpoint is")
            )
    return problems


def _leftovers(project: Project, loaded: Catalogue) -> Iterator[Problem]:
    """Files of models that the catalogue does not name."""
    for layer in loaded.layers:
        known = {model.slug for model in layer.models}
        folder = project.layer(layer.slug)
        for report in sorted((folder / "reports").glob("*.json")):
            if report.stem not in known:
                yield Problem(
                    project.relative(report), 0, "", "a report of no model of this layer", "delete it"
                )
        for path in sorted(folder.iterdir()):
            if path.is_dir() and path.name not in known and path.name != "reports":
                what = "a folder of no model of this layer"
                yield Problem(project.relative(path), 0, "", what, "delete it, or declare the model")
