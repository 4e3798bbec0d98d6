"""How far every model has come: what is declared only, locked otherwise, or not validated."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from restoration_models import lock, stages
from restoration_models.cards.files import rewritten
from restoration_models.catalogue import Catalogue, Model
from restoration_models.check.places import Places
from restoration_models.check.scratch import Laid
from restoration_models.errors import Problem
from restoration_models.lock import LockedModel, Reason, Standing
from restoration_models.pipeline import Pipeline, StageState
from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER, Project
from restoration_models.report import Report, UnreadableReport

REFRESH = "run `models refresh` where the sources are reached"
SHOWN = 4
"""Names in a note; the rest are counted."""


def rerun(layer: str, slug: str) -> str:
    """How a model's evidence is made anew: by its own stages, whatever the other models' sources do."""
    again = f"dvc repro --single-item cards@{layer}"
    return f"run `dvc repro {stages.validate(layer, slug)}`, then `{again}`, and commit what they wrote"


@dataclass(slots=True)
class Found:
    """What was found about the models."""

    problems: list[Problem] = field(default_factory=list)
    declared: list[Model] = field(default_factory=list)
    """Models that were never run anywhere."""
    faulty: set[str] = field(default_factory=set)
    """Models that a problem is about."""


def examine(laid: Laid, loaded: Catalogue, places: Places) -> Found:
    """Compare every model's entry, lock and report."""
    found = Found()
    for layer in loaded.layers:
        if layer.slug in laid.layers_aside:
            continue
        locked = lock.read(laid.project, layer.slug)
        for model in layer.models:
            slug = model.slug
            standing = lock.standing(laid.project, loaded, model, locked)
            if standing.reason is Reason.NEVER_RUN:
                found.declared.append(model)
                continue
            problems = list(_of_model(laid.project, loaded, model, standing, locked[slug], places))
            if problems:
                found.faulty.add(slug)
                found.problems += problems
    return found


def _of_model(
    project: Project,
    loaded: Catalogue,
    model: Model,
    standing: Standing,
    locked: LockedModel,
    places: Places,
) -> Iterator[Problem]:
    file, line = places.entry(model.layer, model.slug)
    key = f"models.{model.slug}"
    lock_file = project.relative(project.lock(model.layer))
    stage, again = f"validate@{model.slug}", rerun(model.layer, model.slug)
    match standing.reason:
        case Reason.OTHER_FILE:
            what = f"the catalogue asks for another file than was downloaded (sha256 {locked.sha256[:12]}…)"
            yield Problem(file, line, f"{key}.sha256", what, again)
            return
        case Reason.NOT_VALIDATED:
            download = f"download@{model.slug}"
            what = "downloaded but not validated"
            yield Problem(lock_file, places.stage(lock_file, download), download, what, again)
        case Reason.OTHER_PROTOCOL:
            was = locked.validated.protocol if locked.validated else 0
            what = f"validated by protocol {was}, the catalogue asks for {loaded.protocol}"
            yield Problem(lock_file, places.stage(lock_file, stage), stage, what, again)
        case Reason.CHANGED:
            what = "validated as something else than the catalogue asks for now"
            yield Problem(lock_file, places.stage(lock_file, stage), stage, what, again)
        case Reason.NO_EVIDENCE:
            yield _evidence(project, model)
    facts = (("size", model.size, locked.size), ("md5", model.md5 or locked.md5, locked.md5))
    for name, stated, seen in facts:
        if stated != seen:
            what = f"the catalogue says {stated}, the file that was downloaded has {seen}"
            yield Problem(file, line, f"{key}.{name}", what, f"write {name}: {seen}")


def _evidence(project: Project, model: Model) -> Problem:
    """Why the report of a locked validation does not count."""
    path = project.report(model.layer, model.slug)
    name, again = project.relative(path), rerun(model.layer, model.slug)
    try:
        report = Report.read(path)
    except FileNotFoundError:
        return Problem(name, 0, "", "the report of a locked validation is missing", again)
    except UnreadableReport as error:
        return Problem(name, 0, "", error.what, f"restore it with `git checkout`, or {again}")
    for key, said, meant in (
        ("model", report.model, model.slug),
        ("sha256", report.sha256, model.sha256),
        ("task", report.task, model.task),
        ("file", report.file, model.file),
    ):
        if said != meant:
            return Problem(name, 0, key, f"the report says {said}, the catalogue {meant}", again)
    what = "the report is not the one that was locked: edited by hand, or merged"
    return Problem(name, 0, "", what, f"restore it with `git checkout`, or {again}")


def out_of_step(graph: Pipeline, laid: Laid, found: Found, places: Places) -> Iterator[Problem]:
    """Differences between DVC's live stages and the lock that `found` does not explain already."""
    downloaded = {stage.item for stage in graph.stages if stage.kind == "download" and stage.locked}
    for stage in graph.stages:
        if not _is_checked(stage, laid) or stage.item in found.faulty:
            continue
        line = places.stage(stage.lock_file, stage.name)
        if stage.differences:
            what = f"out of step: {'; '.join(stage.differences)}"
            yield Problem(stage.lock_file, line, stage.name, what, _remedy(stage))
        elif stage.kind == "cards" and not stage.locked:
            what = "the cards were never written by the pipeline"
            yield Problem(stage.lock_file, 0, stage.name, what, _remedy(stage))
        elif stage.kind == "validate" and not stage.locked and stage.item in downloaded:
            yield Problem(stage.lock_file, line, stage.name, "downloaded but not validated", _remedy(stage))


def _remedy(stage: StageState) -> str:
    """How a stage that is out of step runs again, whatever the other models' sources do."""
    if stage.kind == "cards":
        return rewritten(stage.item)
    return rerun(stage.file.split("/")[1], stage.item)


def orphans(graph: Pipeline, laid: Laid, places: Places) -> Iterator[Problem]:
    """Lock entries of stages that are gone."""
    models = {model.slug: model.layer for model in laid.catalogue.models} if laid.catalogue else {}
    for file, name in graph.orphans:
        kind, _, item = name.partition("@")
        layer = item if kind == "cards" else file.split("/")[1] if "/" in file else ""
        if item in laid.aside or layer in laid.layers_aside:
            continue
        what = "the lock entry of a stage that is gone"
        remedy = "remove the entry (`models remove` does), or take the model back"
        if kind != "cards" and item in models:
            # `models remove` would take the model itself.
            remedy = (
                f"delete this entry here; its model is in {models[item]} now: {rerun(models[item], item)}"
            )
        yield Problem(file, places.stage(file, name), name, what, remedy)


def _is_checked(stage: StageState, laid: Laid) -> bool:
    if stage.kind == "cards":
        return laid.whole  # the cards' stages depend on files that were rewritten otherwise
    return stage.file.split("/")[1] not in laid.layers_aside


def notes(declared: list[Model]) -> Iterator[Problem]:
    """One note a layer on the models that were never run."""
    layers: dict[str, list[Model]] = {}
    for model in declared:
        layers.setdefault(model.layer, []).append(model)
    for layer, models in layers.items():
        names = [model.slug for model in models]
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if names[SHOWN:] else "")
        count = f"{len(names)} models are" if names[1:] else "1 model is"
        what = f"{count} declared and nothing more, never downloaded or validated: {shown}"
        yield Problem(f"{LAYERS_FOLDER}/{layer}/{CATALOGUE_FILE}", 0, "", what, REFRESH)


def unfinished(declared: list[Model], touched: Set[str] | None, places: Places) -> Iterator[Problem]:
    """A problem for each declared model, or for those alone that the branch `touched`."""
    for model in declared:
        if touched is not None and model.slug not in touched:
            continue
        why = "" if touched is None else "this branch adds or changes it, and "
        layer = model.layer
        file, line = places.entry(layer, model.slug)
        what = f"{why}it was never downloaded and validated"
        remedy = f"where its sources are reached, {rerun(layer, model.slug)}"
        if model.origin == "local":
            remedy = f"give its file to `models add` again, or `models remove {model.slug}`"
        yield Problem(file, line, f"models.{model.slug}", what, remedy)
