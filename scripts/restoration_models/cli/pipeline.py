"""Commands of the pipeline: download, validate, prove, readme, refresh.

The first, second and fourth are what the dvc.yaml files call; they find the project from the
working folder, as DVC starts a stage in its layer's folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from restoration_models.catalogue import Catalogue, Model
    from restoration_models.cli.progress import DownloadProgress
    from restoration_models.project import Project

Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, max=32, help="Downloads at once.")]
DEFAULT_JOBS = 4


def register(app: typer.Typer) -> None:
    """Add this module's commands to `app`."""
    app.command("refresh")(refresh)
    app.command("download")(download)
    app.command("validate")(validate)
    app.command("prove")(prove)
    app.command("readme")(readme)


def _display() -> DownloadProgress:
    """What shows downloads: on stderr, so that stdout is free for results."""
    from restoration_models.cli import render
    from restoration_models.cli.progress import DownloadProgress

    return DownloadProgress(render.console(stderr=True))


@contextmanager
def _recorded(project: Project, slug: str, stage: str) -> Iterator[None]:
    """Inside a refresh, keep the reason of a failure for its table."""
    from restoration_models.errors import RestorationModelsError
    from restoration_models.failures import AlreadyFailed, Run

    try:
        yield
    except AlreadyFailed:  # its reason is on record
        raise
    except RestorationModelsError as error:
        run = Run.current(project)
        if run is not None:
            run.record(slug, stage, error)
        raise


def download(
    slug: Annotated[str | None, typer.Argument(help="The model.", show_default=False)] = None,
    sha256: Annotated[
        str | None,
        typer.Option("--sha256", help="The digest that the pipeline expects; must be the catalogue's."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Fetch what is missing of every model, ahead of `dvc repro`.")
    ] = False,
    jobs: Jobs = DEFAULT_JOBS,
) -> None:
    """Download one model's checkpoint to its place, or all of them ahead of `dvc repro`."""
    from restoration_models import catalogue, obtain
    from restoration_models.errors import UsageProblem
    from restoration_models.failures import AlreadyFailed, Run
    from restoration_models.project import Project

    if (slug is None) == (not everything):
        raise UsageProblem(
            "takes one model or --all", where="models download", remedy="`models list` shows the models"
        )
    project = Project.find()
    if everything:
        with _display() as reporter:
            outcome = obtain.prefetch_all(project, catalogue.load(project), jobs=jobs, reporter=reporter)
        if outcome.failed:
            raise obtain.PrefetchFailed(outcome)
        typer.echo(f"{len(outcome.fetched)} fetched, the rest was here")
        return
    assert slug is not None  # noqa: S101 - checked above, for the type checker
    with _recorded(project, slug, "download"):
        run = Run.current(project)
        earlier = run.failure(slug) if run else None
        if earlier is not None:
            raise AlreadyFailed(slug, earlier)
        model = catalogue.load(project).model(slug)
        if sha256 is not None and sha256 != model.sha256:
            raise obtain.OtherDigest(slug, sha256, model.sha256)
        with _display() as reporter:
            obtain.obtain(project, model, reporter=reporter)


def _expectations(
    project: Project,
    slug: str,
    task: str,
    architecture: str,
    wrapper_key: str | None,
    input_channels: int | None,
    min_gain_db: float | None,
    allow_globals: list[str] | None,
    protocol: int,
) -> tuple[Catalogue, Model]:
    """The catalogue and the model, after making sure that the command line says what the catalogue says."""
    from restoration_models import catalogue
    from restoration_models.errors import UsageProblem

    loaded = catalogue.load(project)
    model = loaded.model(slug)
    expects = model.expects
    pairs = {
        "--protocol": (protocol, loaded.protocol),
        "--task": (task, str(model.task)),
        "--architecture": (architecture, expects.architecture),
        "--wrapper-key": (wrapper_key, expects.wrapper_key),
        "--input-channels": (input_channels, expects.input_channels),
        "--min-gain-db": (min_gain_db, expects.min_gain_db),
        "--allow-globals": (tuple(allow_globals or ()), expects.allow_globals),
    }
    for option, (given, stated) in pairs.items():
        if given != stated:
            raise UsageProblem(
                f"{option} is {given}, the catalogue says {stated}",
                where=f"models validate {slug}",
                remedy="let `dvc repro` write the command line",
            )
    return loaded, model


def validate(
    slug: Annotated[str, typer.Argument(help="The model.")],
    protocol: Annotated[int, typer.Option("--protocol", help="The validation protocol.")],
    task: Annotated[str, typer.Option("--task", help="The model's task.")],
    architecture: Annotated[str, typer.Option("--architecture", help="The architecture it must be.")],
    wrapper_key: Annotated[
        str | None, typer.Option("--wrapper-key", help="Where the state dict lies.")
    ] = None,
    input_channels: Annotated[int | None, typer.Option("--input-channels", help="Channels it takes.")] = None,
    min_gain_db: Annotated[float | None, typer.Option("--min-gain-db", help="PSNR it must gain.")] = None,
    allow_globals: Annotated[
        list[str] | None, typer.Option("--allow-globals", help="A reviewed name that its pickle may import.")
    ] = None,
) -> None:
    """Validate a downloaded checkpoint; write its report and picture. Called by the pipeline."""
    from restoration_models import evidence
    from restoration_models.project import Project

    project = Project.find()
    with _recorded(project, slug, "validate"):
        loaded, model = _expectations(
            project,
            slug,
            task,
            architecture,
            wrapper_key,
            input_channels,
            min_gain_db,
            allow_globals,
            protocol,
        )
        typer.echo(evidence.summary(evidence.make(project, loaded, model)))


def prove(
    slugs: Annotated[list[str], typer.Argument(help="The models.")],
) -> None:
    """Validate checkpoints that are here and compare with the committed reports; writes nothing."""
    from restoration_models import catalogue, evidence
    from restoration_models.cli import edge
    from restoration_models.project import Project

    project = Project.find()
    loaded = catalogue.load(project)
    for model in [loaded.model(slug) for slug in slugs]:
        slug = model.slug
        edge.say(f"{slug}: validating")
        report = evidence.prove(project, loaded, model)
        typer.echo(evidence.summary(report))
        typer.echo(f"{slug}: this machine finds what the committed report says")


def readme(layer: Annotated[str, typer.Argument(help="The layer.")]) -> None:
    """Write the cards of a layer and of its models. Called by the pipeline."""
    from restoration_models import cards, catalogue
    from restoration_models.project import Project

    project = Project.find()
    loaded = catalogue.load(project)
    changed = cards.write_layer(project, loaded, loaded.layer(layer).slug)
    for path in changed:
        typer.echo(f"wrote {project.relative(path)}")


def refresh(
    jobs: Jobs = DEFAULT_JOBS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Bring everything up to date: download in parallel, validate, write the cards, say what changed."""
    from restoration_models import refresh as library
    from restoration_models.cli import edge, render
    from restoration_models.errors import Problem
    from restoration_models.project import Project

    project = Project.find()
    edge.say("reading the catalogue and its lock")
    result = library.refresh(project, jobs=jobs, display=_display, quiet=as_json, say=edge.say)
    for path in result.mended:
        edge.say(
            f"{path}: DVC was killed while it wrote it; it was taken back to what git has, then completed"
        )
    if as_json:
        render.as_json(
            [
                {
                    "model": change.model.slug,
                    "layer": change.model.layer,
                    "outcome": change.outcome,
                    "sha256": {
                        "before": change.before.sha256 if change.before else None,
                        "after": change.after.sha256 if change.after else None,
                    },
                    "failure": change.failure,
                }
                for change in result.changes
            ]
        )
    else:
        rows = [
            (change.model.slug, change.outcome, render.size(change.model.size), change.detail)
            for change in result.changes
        ]
        render.table(("model", "outcome", "size", "detail"), rows, right=("size",))
    failures = [
        Problem(f"layers/{change.model.layer}/params.yaml", 0, f"models.{change.model.slug}", change.failure)
        for change in result.changes
        if change.failure
    ]
    failures += [
        Problem(
            f"layers/{layer}/README.md", 0, "", "the cards could not be written; DVC's output above says why"
        )
        for layer in result.cards_failed
    ]
    if failures:
        raise library.RefreshFailed(failures)
