"""The stages of many models done in one process, and recorded as ``dvc commit`` records work done by hand.

DVC starts a process for each stage, which for a validation means importing torch anew, and writes
the layer's lock after each. A refresh of many models does the same work here first: the same
functions that the stages call, the lock written once a layer. DVC's own run follows in the same process
and finds it done. Whatever fails here, and whatever is not the project's own stage, is left to that
run, which says why.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from restoration_models import cards, catalogue, dvc_cli, evidence, lock, obtain, pipeline
from restoration_models.catalogue import Catalogue, Model
from restoration_models.download import prefetch
from restoration_models.errors import RestorationModelsError
from restoration_models.failures import Run
from restoration_models.files import link_or_copy
from restoration_models.plain import one_line
from restoration_models.project import Project

WORTH_IT = 2
"""Fewer models than this are left to DVC: loading its pipeline costs as much as starting their stages."""
JOBS = 4
"""Files brought, and written, at once."""


def wanting(project: Project, loaded: Catalogue) -> tuple[Model, ...]:
    """The models whose stages DVC would run, as far as lock and sizes tell. Raises `LockUnreadable`."""
    found = []
    for layer in loaded.layers:
        standings = lock.standings(project, loaded, layer.slug)
        for model in layer.models:
            place = project.checkpoint(model.layer, model.slug, model.file)
            if standings[model.slug].state is not lock.State.VALIDATED or not place.is_file():
                found.append(model)
    return tuple(found)


def run(project: Project, say: Callable[[str], object]) -> None:
    """Do what can be done of every model that wants it, and of every layer's cards.

    `say` is told of each validation. Raises `ProblemsFound`, `LockUnreadable` and what DVC raises.
    """
    loaded = catalogue.load(project)
    wanted = wanting(project, loaded)
    with pipeline.opened(project) as repo:
        live = {(str(stage.path), stage.name): stage for stage in repo.index.stages if stage.name}
        stages = {model.slug: _stages(project, live, loaded, model) for model in wanted}
        here = _brought(project, [model for model in wanted if stages[model.slug]])
        documented = []
        with _links_open(repo):
            for layer in loaded.layers:
                models = [model for model in here if model.layer == layer.slug]
                done = _validated(project, loaded, models, say)
                _record(repo, [stage for model in done for stage in stages[model.slug]])
                for model in done:
                    (project.inbox / model.sha256).unlink(missing_ok=True)
                stage = live.get((str(project.root / "dvc.yaml"), f"cards@{layer.slug}"))
                complete = len(done) == sum(model.layer == layer.slug for model in wanted)
                if done and complete and stage is not None and _document(project, loaded, layer.slug, stage):
                    documented.append(stage)
            _record(repo, documented)


def _stages(
    project: Project, live: dict[tuple[str, str], Any], loaded: Catalogue, model: Model
) -> tuple[Any, ...]:
    """The stages of `model`, download and validation; none where they are not the project's own."""
    file = str(project.layer(model.layer) / "dvc.yaml")
    keys = [(file, f"{step}@{model.slug}") for step in ("download", "validate")]
    found = tuple(live[key] for key in keys if key in live)
    if len(found) != len(keys):
        return ()
    download, validate = (str(stage.cmd) for stage in found)
    own = download == f"models download {model.slug} --sha256 {model.sha256}"
    own = own and validate.startswith(f"models validate {model.slug} --protocol {loaded.protocol} ")
    return found if own and lock.asked(validate, model) else ()


def _brought(project: Project, models: list[Model]) -> list[Model]:
    """Bring the checkpoints of `models` to their places; those of which that succeeded."""
    failures = Run.current(project)
    models = [model for model in models if failures is None or failures.failure(model.slug) is None]
    locked = {layer: lock.read(project, layer) for layer in {model.layer for model in models}}
    requests = [obtain.request(project, model, locked[model.layer].get(model.slug)) for model in models]
    fetched = {slug: found.path for slug, found in prefetch(requests, JOBS, obtain.places(project)).fetched}
    for model in models:
        if model.slug in fetched:
            # Until the lock has it: DVC deletes what it does not know before it runs a stage.
            link_or_copy(fetched[model.slug], project.inbox / model.sha256)
    return [model for model in models if model.slug in fetched]


def _validated(
    project: Project, loaded: Catalogue, models: list[Model], say: Callable[[str], object]
) -> list[Model]:
    """Validate `models` and write their evidence; those of which that succeeded."""
    written: list[tuple[Model, Future[None]]] = []
    with ThreadPoolExecutor(JOBS, "evidence") as pool:
        for model in models:
            try:
                outcome = evidence.validated(project, loaded, model)
            except RestorationModelsError:
                continue
            report = project.report(model.layer, model.slug)
            picture = project.picture(model.layer, model.slug)
            # The next one is validated while the disk makes this one safe.
            written.append((model, pool.submit(outcome.write, report=report, picture=picture)))
            say(evidence.summary(outcome.report))
    return [model for model, writing in written if writing.exception() is None]


def _document(project: Project, loaded: Catalogue, layer: str, stage: Any) -> bool:
    """Write the cards of `layer`; whether that is the stage's work and succeeded."""
    if str(stage.cmd) != f"models readme {layer}":
        return False
    try:
        cards.write_layer(project, loaded, layer)
    except (RestorationModelsError, OSError):
        return False
    return True


def _record(repo: Any, stages: list[Any]) -> None:
    """Write the stages of one dvc.yaml to its lock, as ``dvc commit`` does."""
    if not stages:
        return
    with repo.lock:
        for stage in stages:
            stage.save(run_cache=False)
            stage.commit()
        stages[0].dvcfile.dump_stages(stages, update_pipeline=False)


@contextmanager
def _links_open(repo: Any) -> Iterator[None]:
    """Keep DVC's database of links open.

    DVC opens and closes it for every checkpoint, and SQLite tidies a database up whenever nobody has
    it open any more.
    """
    from dvc_data.hashfile.cache import Cache

    with Cache(repo.state.links.directory):
        yield


def main() -> int:
    """Work on the project of the working folder, then run ``dvc`` with the process's arguments.

    Called by a refresh as a process of its own. Returns DVC's exit status.
    """
    try:
        run(Project.find(), lambda text: sys.stdout.write(f"{one_line(text)}\n"))
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - DVC comes to it too, and says it as it does in a `dvc repro`
        sys.stderr.write(f"{one_line(f'left to DVC: {error}')}\n")
    return dvc_cli.run()


if __name__ == "__main__":
    sys.exit(dvc_cli.in_order(main))
