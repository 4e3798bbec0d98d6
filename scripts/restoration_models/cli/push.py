"""``models push``: the locked checkpoints, to the store."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this module's command to `app`."""
    app.command("push")(push)


def push(
    slugs: Annotated[
        list[str] | None, typer.Argument(metavar="[SLUG]…", help="Only these models.", show_default=False)
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=32, help="Files at once.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
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
