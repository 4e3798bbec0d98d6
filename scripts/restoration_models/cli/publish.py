"""The commands publish and verify: parse, call, render."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from restoration_models.project import Project
    from restoration_models.publish import Published

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
        bool, typer.Option("--allow-older", help="Replace the manifest of a later commit.")
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
    )
    if as_json:
        render.as_json({**asdict(result), "dry_run": dry_run})
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
    typer.echo(
        f"{len(result.models)} models: {len(result.copied)} names {would}copied, "
        f"{len(result.uploaded)} pages and pictures {would}written, {result.unchanged} objects as they were"
    )
    for one in result.left_out:
        typer.echo(f"not published: {one.slug} ({one.why})")
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
        typer.echo("another publish has replaced the manifest since")


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
                "signature_verified": result.signed,
                "objects": result.objects,
                "bytes": result.bytes,
            }
        )
        return
    typer.echo(
        f"{result.where}: {len(result.manifest.models)} models, commit {result.manifest.commit[:SHOWN]}"
    )
    typer.echo("signature: verified" if result.signed else "signature: not checked, no --key was given")
    if result.objects is not None:
        typer.echo(f"objects: {result.objects}, each in the version that the manifest names")
    if result.bytes is not None:
        typer.echo(f"bytes: {render.size(result.bytes)} read, every digest as the manifest says")
