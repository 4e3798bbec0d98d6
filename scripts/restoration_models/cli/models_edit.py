"""Commands that edit the catalogue: add, replace, remove, rename, withdraw, add-layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from restoration_models.add import Added
    from restoration_models.catalogue import Model
    from restoration_models.remove import Removed
    from restoration_models.replace import Replaced
    from restoration_models.report import Report

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
BOTH = 'For both languages; or twice, as "es: …" and "en: …".'


def register(app: typer.Typer) -> None:
    """Add this module's commands to `app`."""
    app.command("add")(add)
    app.command("replace")(replace)
    app.command("remove")(remove)
    app.command("rename")(rename)
    app.command("withdraw")(withdraw)
    app.command("add-layer")(add_layer)


def _say(words: str) -> None:
    from restoration_models.cli import edge

    edge.say(words)


def add(
    origin: Annotated[str, typer.Argument(metavar="FILE|ADDRESS", help="A checkpoint here, or its address.")],
    layer: Annotated[str, typer.Option("--layer", help="The layer that it belongs to.")],
    family: Annotated[
        str | None, typer.Option("--family", help="Its architecture lineage; default: the base's.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", help="What it does; default: the base's.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The model's name; default: from family and file.")
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="The model it was fine-tuned from.")] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", help="SPDX identifier; default: the base's or the family's.")
    ] = None,
    commercial_use: Annotated[
        str | None, typer.Option("--commercial-use", help="yes, no or unclear (with --licence).")
    ] = None,
    licence_note: Annotated[
        list[str] | None, typer.Option("--licence-note", help=f"What the identifier does not say. {BOTH}")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="A public address of the file; may be repeated.")
    ] = None,
    title: Annotated[list[str] | None, typer.Option("--title", help=f"A name for people. {BOTH}")] = None,
    description: Annotated[
        list[str] | None, typer.Option("--description", help=f"What it does, in a sentence. {BOTH}")
    ] = None,
    training_data: Annotated[
        str | None, typer.Option("--training-data", help="What it was trained on.")
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(
            "--architecture",
            help="unregistered, where this project does not know the network; or an assertion.",
        ),
    ] = None,
    wrapper_key: Annotated[
        str | None,
        typer.Option("--wrapper-key", help="Which of several sets of weights in the file is meant."),
    ] = None,
    min_gain_db: Annotated[
        float | None, typer.Option("--min-gain-db", help="PSNR that it must gain on the test page.")
    ] = None,
    allow_globals: Annotated[
        list[str] | None, typer.Option("--allow-globals", help="A reviewed name that its pickle may import.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", help="Its file name in the repository; default: its own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a checkpoint to the catalogue: scanned, recognised, validated, with its card.

    Without an address or a --source it has no public source, and lives in the store alone.
    """
    from restoration_models.add import add as run
    from restoration_models.catalogue.words import words
    from restoration_models.cli import render
    from restoration_models.cli.progress import DownloadProgress
    from restoration_models.newcomer import Wanted
    from restoration_models.project import Project

    wanted = Wanted(
        layer=layer,
        family=family,
        task=task,
        name=name,
        title=words("--title", title),
        description=words("--description", description),
        base=base,
        licence=licence,
        commercial_use=commercial_use,
        licence_note=words("--licence-note", licence_note),
        sources=tuple(source or ()),
        architecture=architecture,
        training_data=training_data,
        min_gain_db=min_gain_db,
        wrapper_key=wrapper_key,
        allow_globals=tuple(allow_globals or ()),
        file=file,
    )
    with DownloadProgress(render.console(stderr=True)) as reporter:
        added = run(Project.find(), origin, wanted, reporter=reporter, say=_say)
    if as_json:
        render.as_json(_added(added))
        return
    for line in _lines(added):
        typer.echo(line)


def _added(added: Added) -> dict[str, Any]:
    return _entry(added.model, added.report, added.notes) | {"new": added.new}


def _entry(model: Model, report: Report, notes: tuple[str, ...]) -> dict[str, Any]:
    facts = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    facts = {"model": facts.pop("slug"), **facts}
    facts |= {"container": report.scan.container, "fingerprint": report.fingerprint, "notes": list(notes)}
    facts["report"] = report.model_dump(mode="json", by_alias=True, exclude_none=True)
    return facts


def _lines(added: Added) -> list[str]:
    from restoration_models.cli import render

    model = added.model
    lines = [f"note: {note}" for note in added.notes]
    if not added.new:
        return [*lines, f"{model.slug} is in {model.layer} already, with these bytes; nothing was changed"]
    about = f"{model.file}, {render.size(model.size)}, sha256 {model.sha256}"
    return [*lines, f"{model.slug} is in {model.layer}: {about}", *_next(model, added.report)]


def _next(model: Model, report: Report) -> list[str]:
    from restoration_models import evidence

    alone = " (it has no public source: until then this clone alone has it)"
    store = "store it:  dvc push" + (alone if model.origin == "local" else "")
    return [evidence.summary(report), "commit it: git add dvc.lock layers", store]


def replace(
    slug: Annotated[str, typer.Argument(help="The model.")],
    origin: Annotated[str, typer.Argument(metavar="FILE|ADDRESS", help="Its new checkpoint.")],
    source: Annotated[
        list[str] | None, typer.Option("--source", help="A public address of the file; may be repeated.")
    ] = None,
    wrapper_key: Annotated[
        str | None,
        typer.Option("--wrapper-key", help="Which of several sets of weights in the file is meant."),
    ] = None,
    allow_globals: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-globals", help="A reviewed name that its pickle may import; default: as before."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Give a model another checkpoint, checked as for an add; name, texts and place stay."""
    from restoration_models.cli import render
    from restoration_models.cli.progress import DownloadProgress
    from restoration_models.project import Project
    from restoration_models.replace import replace as run

    with DownloadProgress(render.console(stderr=True)) as reporter:
        replaced = run(
            Project.find(),
            slug,
            origin,
            source=tuple(source or ()),
            wrapper_key=wrapper_key,
            allow_globals=tuple(allow_globals or ()),
            reporter=reporter,
            say=_say,
        )
    if as_json:
        before = {"sha256": replaced.former.sha256, "size": replaced.former.size}
        facts = _entry(replaced.model, replaced.report, replaced.notes)
        render.as_json(facts | {"former": before, "changed": replaced.changed})
        return
    for line in _replaced(replaced):
        typer.echo(line)


def _replaced(replaced: Replaced) -> list[str]:
    from restoration_models.cli import render

    model, former = replaced.model, replaced.former
    lines = [f"note: {note}" for note in replaced.notes]
    if not replaced.changed:
        return [*lines, f"{model.slug} has these bytes already; nothing was changed"]
    was, now = (f"{render.size(one.size)}, sha256 {one.sha256}" for one in (former, model))
    return [*lines, f"{model.slug} was {was}", f"{model.slug} is  {now}", *_next(model, replaced.report)]


def remove(slug: Annotated[str, typer.Argument(help="The model.")], as_json: Json = False) -> None:
    """Take a model out: entry, lock, checkpoint, picture, card, report; say where its weights still are."""
    from restoration_models.cli import render
    from restoration_models.project import Project
    from restoration_models.remove import remove as run

    removed = run(Project.find(), slug, say=_say)
    if removed is None:
        if as_json:
            render.as_json({"model": slug, "changed": False})
        else:
            typer.echo(f"{slug} is out of the catalogue already")
        return
    if as_json:
        render.as_json(
            {
                "model": removed.model.slug,
                "layer": removed.model.layer,
                "sha256": removed.model.sha256,
                "size": removed.model.size,
                "cached": removed.cached,
                "store-object": removed.store_object,
                "published-names-if-any": list(removed.published),
                "changed": True,
            }
        )
        return
    for line in _left(removed):
        typer.echo(line)


def _left(removed: Removed) -> list[str]:
    from restoration_models.cli import render

    model = removed.model
    lines = [f"{model.slug} is out of {model.layer}; commit it: git add --all dvc.lock layers"]
    if removed.store_object is None:
        return [*lines, "it was never locked: the store has nothing of it"]
    size = render.size(model.size)
    if removed.cached:
        lines.append(f"this clone's cache keeps it ({size}): `dvc gc --workspace` frees it")
    names = ", ".join(removed.published)
    lines += [
        f"the store keeps it, if it was pushed, as {removed.store_object} ({size}) for the commits with it",
        "`dvc gc --all-commits --cloud` removes it once no commit of any branch names it",
        f"if it was published, as {names}: the next `models publish --prune` takes that away",
    ]
    return lines


def rename(
    old: Annotated[str, typer.Argument(help="The model.")],
    new: Annotated[str, typer.Argument(help="Its new name.")],
    as_json: Json = False,
) -> None:
    """Give a model another name: nothing is downloaded again, its validation is repeated."""
    from restoration_models.cli import render
    from restoration_models.project import Project
    from restoration_models.remove import rename as run

    renamed = run(Project.find(), old, new, say=_say)
    model = renamed.model
    if as_json:
        render.as_json(
            {
                "model": model.slug,
                "former": renamed.former,
                "layer": model.layer,
                "validated": renamed.validated,
                "base-of": list(renamed.heirs),
                "changed": renamed.changed,
            }
        )
        return
    if not renamed.changed:
        typer.echo(f"{renamed.former} is {model.slug} already")
        return
    again = ", validated again under it" if renamed.validated else ""
    typer.echo(f"{renamed.former} is now {model.slug}{again}; commit it: git add --all dvc.lock layers")
    if renamed.heirs:
        typer.echo(f"it is the base of {', '.join(renamed.heirs)}, which say so")
    typer.echo("published names stay; whoever loads it by its name must use the new one")


def withdraw(
    slug: Annotated[str, typer.Argument(help="The model.")],
    why: Annotated[list[str] | None, typer.Option("--why", help=f"The reason. {BOTH}")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the withdrawal back.")] = False,
    as_json: Json = False,
) -> None:
    """Say that a model must no longer be used, and why; its entry and weights stay."""
    from restoration_models.catalogue.words import words
    from restoration_models.cli import render
    from restoration_models.errors import UsageProblem
    from restoration_models.project import Project
    from restoration_models.remove import withdraw as run

    reason = words("--why", why)
    if (reason is None) != undo:
        raise UsageProblem('give either --why "…" or --undo', where=f"models withdraw {slug}")
    changed = run(Project.find(), slug, reason, say=_say)
    if as_json:
        render.as_json({"model": slug, "withdrawn": reason, "changed": changed})
        return
    if not changed:
        typer.echo(f"{slug} is {'not withdrawn' if undo else 'withdrawn for that reason already'}")
        return
    typer.echo(
        f"{slug} is {'in use again' if undo else 'withdrawn'}; commit it: git add dvc.lock layers; "
        "readers learn it with the next `models publish`"
    )


def add_layer(
    name: Annotated[str, typer.Argument(help="The layer, such as layer-3.")],
    title: Annotated[list[str], typer.Option("--title", help=f"Its name for people. {BOTH}")],
    purpose: Annotated[list[str], typer.Option("--purpose", help=f"What it does to a page. {BOTH}")],
    publish: Annotated[
        str | None,
        typer.Option(
            "--publish", help="Prefix of its published names; default: pretrained_models/<name>, - as _."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a layer, as the last of the pipeline."""
    from restoration_models.catalogue.words import words
    from restoration_models.cli import render
    from restoration_models.layers import add_layer as run
    from restoration_models.project import Project

    said = words("--title", title), words("--purpose", purpose)
    assert said[0] is not None and said[1] is not None  # noqa: S101 - both options are required
    added = run(Project.find(), name, title=said[0], purpose=said[1], publish=publish, say=_say)
    if as_json:
        render.as_json({"layer": added.name, "publish": added.publish, "new": added.new})
    elif added.new:
        typer.echo(f"{name} is the last layer, published under {added.publish}")
        typer.echo("commit it: git add params.yaml dvc.lock layers")
    else:
        typer.echo(f"{name} is there already")
