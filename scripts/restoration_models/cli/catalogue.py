"""Commands that read the catalogue: list, show, schema, scan. None needs torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from restoration_models.catalogue import Catalogue
    from restoration_models.lock import Standing
    from restoration_models.project import Project

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands to `app`."""
    app.command("list")(list_models)
    app.command("show")(show)
    app.command("schema")(schema)
    app.command("scan")(scan)


def list_models(
    layer: Annotated[str | None, typer.Option("--layer", help="Only the models of this layer.")] = None,
    ask_store: Annotated[bool, typer.Option("--store", help="Ask the store which of them it has.")] = False,
    as_json: Json = False,
) -> None:
    """List the models: task, size, licence, and how far each has come."""
    from restoration_models import catalogue
    from restoration_models.cli import render
    from restoration_models.project import Project

    project = Project.find()
    loaded = catalogue.load(project)
    models = loaded.layer(layer).models if layer else loaded.models
    standings = _standings(project, loaded, {model.layer for model in models})
    stored = _stored(project, standings) if ask_store else {}
    facts: list[dict[str, Any]] = [
        {
            "model": model.slug,
            "layer": model.layer,
            "task": str(model.task),
            "size": model.size,
            "licence": loaded.licence(model).spdx,
            "commercial-use": loaded.licence(model).commercial_use,
            "state": str(standings[model.slug].state),
            "withdrawn": model.withdrawn is not None,
            "sha256": model.sha256,
        }
        | ({"stored": stored[model.slug]} if ask_store else {})
        for model in models
    ]
    if as_json:
        render.as_json(facts)
        return
    columns = ("model", "layer", "task", "size", "licence", "commercial use", "state")
    rows = [
        (
            fact["model"],
            fact["layer"],
            fact["task"],
            render.size(fact["size"]),
            fact["licence"],
            fact["commercial-use"],
            _state(fact),
        )
        for fact in facts
    ]
    render.table(columns, rows, right=("size",))
    typer.echo(f"{len(rows)} models, {render.size(sum(model.size for model in models))}")


def _standings(project: Project, loaded: Catalogue, layers: Iterable[str]) -> dict[str, Standing]:
    from restoration_models import lock

    found = [lock.standings(project, loaded, layer) for layer in layers]
    return {slug: standing for layer in found for slug, standing in layer.items()}


def _stored(project: Project, standings: Mapping[str, Standing]) -> dict[str, bool]:
    """Whether the store has the locked checkpoint of each model, whole."""
    from restoration_models.check.stored import held

    locked = {slug: standing.locked for slug, standing in standings.items()}
    sizes = held(project, [entry.md5 for entry in locked.values() if entry])
    return {slug: entry is not None and sizes[entry.md5] == entry.size for slug, entry in locked.items()}


def _state(fact: Mapping[str, Any]) -> str:
    """How far a model has come, in the words of the table."""
    words = [fact["state"]]
    if "stored" in fact and fact["state"] != "declared":
        words.append("stored" if fact["stored"] else "not stored")
    if fact["withdrawn"]:
        words.append("withdrawn")
    return ", ".join(words)


def show(slug: Annotated[str, typer.Argument(help="The model.")], as_json: Json = False) -> None:
    """Show everything the catalogue and the lock say of one model."""
    from restoration_models import catalogue, lock
    from restoration_models.cli import render
    from restoration_models.project import Project

    project = Project.find()
    loaded = catalogue.load(project)
    model = loaded.model(slug)
    facts: dict[str, Any] = {
        "model": model.slug,
        "layer": model.layer,
        "state": str(lock.state(project, loaded, model)),
        "published-name": loaded.published_name(model),
        "checkpoint": project.relative(project.checkpoint(model.layer, model.slug, model.file)),
    }
    facts |= model.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"slug", "layer"})
    facts["licence"] = loaded.licence(model).model_dump(mode="json", by_alias=True, exclude_none=True)
    if as_json:
        render.as_json(facts)
        return
    for line in _lines(facts, loaded.language):
        typer.echo(line)


def _lines(facts: dict[str, Any], language: str, indent: str = "") -> list[str]:
    """`facts` as indented lines, bilingual texts in `language`."""
    lines: list[str] = []
    for key, value in facts.items():
        item = _in_language(value, language)
        if isinstance(item, dict):
            lines.append(f"{indent}{key}:")
            lines += _lines(item, language, indent + "  ")
        elif isinstance(item, list) and item:
            lines.append(f"{indent}{key}:")
            lines += [f"{indent}  - {_flat(_in_language(entry, language))}" for entry in item]
        else:
            lines.append(f"{indent}{key}: {item}")
    return lines


def _in_language(value: Any, language: str) -> Any:
    return value[language] if isinstance(value, dict) and set(value) == {"es", "en"} else value


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {content}" for name, content in value.items())
    return str(value)


def schema() -> None:
    """Write the JSON schemas of the params files, for editors."""
    from restoration_models import schemas
    from restoration_models.project import Project

    project = Project.find()
    changed = schemas.write(project)
    for path in changed:
        typer.echo(f"wrote {project.relative(path)}")
    if not changed:
        typer.echo("the schemas are up to date")


def scan(
    files: Annotated[list[Path], typer.Argument(help="Checkpoints to scan.")],
    allow_globals: Annotated[
        list[str] | None,
        typer.Option("--allow-globals", help="A name that the pickle may import besides the usual."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what checkpoints would do when loaded, without loading them."""
    from restoration_models.cli import render
    from restoration_models.errors import ModelProblem, Problem, ProblemsFound
    from restoration_models.scan import scan as run

    results: list[dict[str, Any]] = []
    problems = []
    for path in files:
        try:
            report = run(path, allow_globals=allow_globals or ())
        except ModelProblem as error:
            problems.append(Problem(str(path), 0, "", error.what, error.remedy or ""))
            continue
        results.append({"file": str(path), "container": report.container, "members": report.members})
        results[-1]["globals"] = list(report.globals)
        if not as_json:
            names = ", ".join(report.globals) or "none"
            typer.echo(f"{path}: {report.container}, {report.members} members, imports: {names}")
    if as_json:
        render.as_json(results)
    if problems:
        raise ProblemsFound(problems)
