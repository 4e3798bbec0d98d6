"""Commands for whoever reviews a change: check, review. Neither needs torch or the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from restoration_models.cli.catalogue import Json

Head = Annotated[
    str | None,
    typer.Option(
        "--head", metavar="REV", help="A commit, read from git alone; nothing of it is checked out or run."
    ),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to `app`."""
    app.command("check")(check)
    app.command("review")(review)


def check(
    base: Annotated[
        str | None,
        typer.Option(
            "--base", metavar="REV", help="Where the branch is to go: its own changes must be complete."
        ),
    ] = None,
    head: Head = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the store.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="A model that was only declared is a problem.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check catalogue, lock, evidence, generated files and store: every problem at once."""
    from restoration_models.check import check as run
    from restoration_models.cli import edge, render
    from restoration_models.errors import ProblemsFound
    from restoration_models.project import Project

    with edge.uncollected():
        result = run(Project.find(), base=base, head=head, offline=offline, strict=strict)
    if as_json:
        shown = {"problems": result.problems, "notes": result.notes}
        answer: dict[str, object] = {
            kind: [render.problem(one) for one in some] for kind, some in shown.items()
        }
        render.as_json({**answer, "store-not-asked": str(result.unasked) if result.unasked else None})
        if result.problems:
            raise typer.Exit(1)
        if result.unasked is not None:
            raise result.unasked
        return
    for note in result.notes:
        edge.say(f"note: {note}")
    if result.problems:
        if result.unasked is not None:
            edge.say(f"the store could not be asked: {result.unasked}")
        raise ProblemsFound(result.problems)
    if result.unasked is not None:
        raise result.unasked
    count = len(result.notes)
    typer.echo(f"no problem found, {count} note{'s' if count > 1 else ''}" if count else "no problem found")


def review(
    base: Annotated[
        str, typer.Option("--base", metavar="REV", help="Where the branch is to go: origin/main, say.")
    ],
    head: Annotated[
        str, typer.Option("--head", metavar="REV", help="The branch; it is read from git alone.")
    ] = "HEAD",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there; else it is printed."),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(
            "--images",
            metavar="URL",
            help="Pictures are at URL/COMMIT/PATH. By default at the repository that GitHub's runner names.",
        ),
    ] = None,
    with_store: Annotated[
        bool, typer.Option("--with-store", help="The check in it asks the store as well.")
    ] = False,
) -> None:
    """Show what a branch changes about the models, as Markdown for a pull request."""
    from restoration_models.cli import edge
    from restoration_models.files import write_text
    from restoration_models.project import Project
    from restoration_models.review import review as run

    with edge.uncollected():
        text = run(Project.find(), base=base, head=head, images=images, offline=not with_store)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_text(output, text)
        typer.echo(f"wrote {output}: {len(text)} characters")
