"""The commands publish and verify: parse, call, render."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from restoration_models.project import Project
    from restoration_models.publish import Published
    from restoration_models.publish.wanted import LeftOut

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SHOWN = 12
"""Digits of a digest in a table."""


def register(app: typer.Typer) -> None:
    """Add this module's commands to `app`."""
    app.command("publish")(publish)
    app.command("verify")(verify)


def publish(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove published names that are no longer in the manifest.")
    ] = False,
    notify: Annotated[
        str | None,
        typer.Option(
            "--notify",
            metavar="URL",
            help="Post what changed as JSON; a token in MODELS_NOTIFY_TOKEN goes with it.",
        ),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option("--sign", metavar="KEY", help="Sign the manifest with this private key (PEM)."),
    ] = None,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Publish what is not committed; the manifest says so.")
    ] = False,
    allow_older: Annotated[
        bool,
        typer.Option(
            "--allow-older", help="Replace the manifest of a commit that this one does not build upon."
        ),
    ] = False,
    rewrite: Annotated[
        bool,
        typer.Option("--rewrite", help="Write every object anew, also what is as it should be by its word."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Publish every validated model under its name, then the manifest.

    The server copies the checkpoints; nothing that is there already is copied again. Names that are
    overwritten keep their former version, and the manifest names versions.
    """
    from restoration_models.cli import render
    from restoration_models.project import Project
    from restoration_models.publish import publish as run
    from restoration_models.publish.notify import checked_address

    project = Project.find()
    if notify is not None:
        checked_address(notify)  # before anything is done
    result = run(
        project,
        dry_run=dry_run,
        prune=prune,
        sign=sign,
        allow_dirty=allow_dirty,
        allow_older=allow_older,
        rewrite=rewrite,
    )
    if as_json:
        facts = {name.replace("_", "-"): value for name, value in asdict(result).items()}
        render.as_json({**facts, "dry-run": dry_run})
    else:
        _show(result, dry_run)
    if notify is not None and not dry_run:
        _notify(project, notify, result)


def _show(result: Published, dry_run: bool) -> None:
    from restoration_models.cli import render

    if result.changes:
        rows = [
            (one.model, one.layer, one.change, (one.before or "")[:SHOWN], (one.after or "")[:SHOWN])
            for one in result.changes
        ]
        render.table(("model", "layer", "change", "sha256 before", "sha256 after"), rows)
    would = "would be " if dry_run else ""
    if dry_run:
        for doing, keys in (("copied", result.copied), ("written", result.uploaded)):
            for key in keys:
                typer.echo(f"would be {doing}: {key}")
    typer.echo(
        f"{_counted(len(result.models), 'model')}: {_counted(len(result.copied), 'name')} {would}copied, "
        f"{_counted(len(result.uploaded), 'small file')} {would}written, "
        f"{_counted(result.unchanged, 'object')} as before"
    )
    for why, slugs in _by_reason(result.left_out).items():
        typer.echo(f"not published, {why}: {', '.join(slugs)}")
    if result.pruned:
        typer.echo(f"removed: {', '.join(result.pruned)}")
    if result.left:
        typer.echo(f"left from before, --prune removes them: {', '.join(result.left)}")
    if result.foreign:
        typer.echo(f"not of any publish, never touched: {', '.join(result.foreign)}")
    state = f"{would}replaced" if result.replaced else "as it was"
    digest = f", sha256 {result.manifest_sha256}" if result.manifest_sha256 else ""
    typer.echo(f"catalogue.json {state}: commit {result.commit[:SHOWN]}{digest}")
    if result.signature:
        typer.echo(f"signed: {result.signature}")
    if result.superseded:
        from restoration_models.publish.run import AGAIN

        again = f"; {AGAIN}" if result.put_back else ""
        typer.echo(f"another publish has replaced the manifest since{again}")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _by_reason(left_out: tuple[LeftOut, ...]) -> dict[str, list[str]]:
    """The models that are not published, by how far they have come."""
    found: dict[str, list[str]] = {}
    for one in left_out:
        found.setdefault(one.why, []).append(one.slug)
    return found


def _notify(project: Project, url: str, result: Published) -> None:
    from restoration_models import manifest
    from restoration_models.publish import Notification, Outbox, notify

    outbox = Outbox.of(project, url)
    if result.replaced or result.pruned:
        facts = {
            "key": manifest.NAME,
            "version_id": result.manifest_version,
            "sha256": result.manifest_sha256,
        }
        outbox.add(Notification(result.commit, facts, result.changes, result.pruned).body())
    outbox.send(lambda body: notify(url, body))


def verify(
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="PUB", help="Verify the signature with this public key (PEM)."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--manifest", metavar="FILE|URL", help="This manifest [default: the store's]."),
    ] = None,
    signature: Annotated[
        str | None,
        typer.Option("--signature", metavar="FILE|URL", help="Its signature [default: beside the manifest]."),
    ] = None,
    read_bytes: Annotated[
        bool, typer.Option("--bytes", help="Read every published object and compare its digest.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Verify the published manifest: its form, its signature, and that its objects are there."""
    from restoration_models.cli import render
    from restoration_models.errors import UsageProblem
    from restoration_models.project import Project
    from restoration_models.publish.verify import verify as run

    if read_bytes and source is not None:
        raise UsageProblem(
            "--bytes reads the store's objects", where="--manifest", remedy="leave one of the two away"
        )
    result = run(Project.find(), key=key, source=source, signed_by=signature, read_bytes=read_bytes)
    if as_json:
        render.as_json(
            {
                "manifest": result.where,
                "sha256": result.sha256,
                "commit": result.manifest.commit,
                "models": [model.slug for model in result.manifest.models],
                "signature-verified": result.signed,
                "objects": result.objects,
                "bytes": result.bytes,
            }
        )
        return
    typer.echo(
        f"{result.where}: {_counted(len(result.manifest.models), 'model')}, "
        f"commit {result.manifest.commit[:SHOWN]}"
    )
    typer.echo("signature: verified" if result.signed else "signature: not checked, no --key was given")
    if result.objects is not None:
        typer.echo(f"objects: {result.objects}, each in the version that the manifest names")
    if result.bytes is not None:
        typer.echo(f"bytes: {render.size(result.bytes)} read, every digest as the manifest says")
