"""The command site: parse, call, render."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def register(app: typer.Typer) -> None:
    """Add this module's command to `app`."""
    app.command("site")(site)


def site(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder: new, empty, or written before.")],
    as_json: Json = False,
) -> None:
    """Write the catalogue page: every model at a glance, for a browser, without a server.

    From the catalogue, the lock, the reports, the pictures and the cards; the same commit gives the same
    files. `models publish` puts the page into the bucket as well.
    """
    from restoration_models import catalogue
    from restoration_models.cli import render
    from restoration_models.project import Project
    from restoration_models.site import PAGE, make, write

    project = Project.find()
    files = make(project, catalogue.load(project))
    done = write(files, out)
    pictures = sum(name.endswith(".png") for name in files)
    if as_json:
        render.as_json(
            {
                "page": str(out / PAGE),
                "bytes": len(files[PAGE]),
                "pictures": pictures,
                "written": list(done.written),
                "removed": list(done.removed),
                "unchanged": done.unchanged,
            }
        )
        return
    typer.echo(
        f"{out / PAGE}: {render.size(len(files[PAGE]))}, pictures beside it: {pictures}; "
        f"{len(done.written)} files written, {len(done.removed)} removed, {done.unchanged} as they were"
    )
