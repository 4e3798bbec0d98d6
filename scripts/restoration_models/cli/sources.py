"""``models sources``: a weekly question to every host."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this module's command to `app`."""
    app.command("sources")(sources)


def sources(
    slugs: Annotated[
        list[str] | None, typer.Argument(metavar="[SLUG]…", help="Only these models.", show_default=False)
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=32, help="Questions at once.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Ask every source whether it still serves the declared file. Downloads nothing.

    Leaves with 1 where a source serves another file, with 3 where one is unavailable.
    """
    from restoration_models import catalogue, upstream
    from restoration_models.cli import edge, render
    from restoration_models.project import Project

    project = Project.find()
    loaded = catalogue.load(project)
    models = [loaded.model(slug) for slug in dict.fromkeys(slugs)] if slugs else list(loaded.models)
    count = sum(len(one.sources) for one in models)
    edge.say(f"asking {_counted(count, 'source')} of {_counted(len(models), 'model')}")
    answers = upstream.ask(project, models, jobs=jobs)
    if as_json:
        render.as_json(
            [
                {
                    "model": one.model.slug,
                    "source": one.source.address,
                    "kind": one.source.kind,
                    "answer": str(one.answer),
                    "fine": one.fine,
                    "detail": one.detail,
                }
                for one in answers
            ]
        )
    else:
        told = {
            upstream.Answer.DIGEST: "digest and size are right",
            upstream.Answer.SIZE: "size is right",
            upstream.Answer.PRESENT: "there; size not told",
        }
        rows = [
            (one.model.slug, f"{one.index}: {one.source.label}", told.get(one.answer, one.detail))
            for one in answers
        ]
        render.table(("model", "sources", "answer"), rows)
        fine = sum(one.fine for one in answers)
        typer.echo(f"{fine} of {len(answers)} sources are fine")
    upstream.require_fine(answers)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
