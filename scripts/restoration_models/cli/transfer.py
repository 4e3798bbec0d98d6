"""Locked checkpoints between this clone and the store: push, pull."""

from __future__ import annotations

from typing import Annotated

import typer

from restoration_models.cli.catalogue import Json

Slugs = Annotated[
    list[str] | None, typer.Argument(metavar="[SLUG]…", help="Only these models.", show_default=False)
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, max=32, help="Files at once.")]
DEFAULT_JOBS = 4


def register(app: typer.Typer) -> None:
    """Add this module's commands to `app`."""
    app.command("push")(push)
    app.command("pull")(pull)


def push(slugs: Slugs = None, jobs: Jobs = DEFAULT_JOBS, as_json: Json = False) -> None:
    """Bring the locked checkpoints that the store lacks to it: as `dvc push`, hashed on their way."""
    from restoration_models import catalogue
    from restoration_models import push as library
    from restoration_models.cli import edge, render
    from restoration_models.project import Project

    project = Project.find()
    done = library.push(project, catalogue.load(project), slugs or (), jobs=jobs, say=edge.say)
    if as_json:
        render.as_json({"pushed": list(done.slugs), "bytes": done.size, "present": done.present})
    else:
        typer.echo(f"{len(done.slugs)} stored, {render.size(done.size)}; {done.present} were there")


def pull(slugs: Slugs = None, jobs: Jobs = DEFAULT_JOBS, as_json: Json = False) -> None:
    """Bring the locked checkpoints to their places: as `dvc pull`, resumed and over several connections."""
    from restoration_models import pull as library
    from restoration_models.cli import edge, render
    from restoration_models.cli.progress import DownloadProgress
    from restoration_models.project import Project

    with edge.uncollected(), DownloadProgress(render.console(stderr=True)) as reporter:
        done = library.pull(Project.find(), slugs or (), jobs=jobs, reporter=reporter)
    if as_json:
        failed = {failure.slug: str(failure.error) for failure in done.failed}
        facts = {"fetched": list(done.slugs), "bytes": done.size, "placed": done.placed}
        facts |= {"present": done.present, "in_the_way": list(done.in_the_way)}
        render.as_json({**facts, "failed": failed})
    else:
        typer.echo(
            f"{len(done.slugs)} fetched, {render.size(done.size)}; {done.placed} put in place; "
            f"{done.present} were there"
        )
    if done.in_the_way and done.failed:
        edge.say(str(library.InTheWay(done.in_the_way)))
    if done.failed:
        raise library.PullFailed(done.failed)
    if done.in_the_way:
        raise library.InTheWay(done.in_the_way)
