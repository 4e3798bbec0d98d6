"""The commands of the store: parse, call, render."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="The S3 bucket that holds the weights: an embedded server, a bucket's set-up, this clone's keys.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def up(
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=1, max=65535, help="Port of the S3 API [default: the last one, else 9000]."
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            "--server", help="minio or seaweedfs [default: minio where PATH has it, else seaweedfs]."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start the embedded store on this machine and point this clone at it."""
    from restoration_models.cli import render
    from restoration_models.errors import UsageProblem
    from restoration_models.project import Project
    from restoration_models.store import embedded
    from restoration_models.store.servers import Kind

    kinds = [str(kind) for kind in Kind]
    if server is not None and server not in kinds:
        raise UsageProblem("no such server", where=f"--server {server}", remedy=f"give {' or '.join(kinds)}")
    result = embedded.up(Project.find(), port=port, kind=Kind(server) if server else None)
    if as_json:
        render.as_json(
            {
                "endpoint": result.endpoint,
                "server": str(result.kind),
                "pid": result.pid,
                "was-up": result.was_up,
                "port-in-use": result.moved[0] if result.moved else None,
            }
        )
        return
    if result.moved:
        typer.echo(f"port {result.moved[0]} is in use: taking {result.moved[1]}, from now on")
    state = "already up" if result.was_up else f"up after {result.seconds:.1f} s"
    typer.echo(f"{result.kind} is {state}: {result.endpoint} (process {result.pid}, log {result.log})")


@app.command()
def down(as_json: Json = False) -> None:
    """Stop the embedded store; its data stays, and this clone goes back to its own endpoint."""
    from restoration_models.cli import render
    from restoration_models.project import Project
    from restoration_models.store import embedded

    result = embedded.down(Project.find())
    if as_json:
        render.as_json({"was-up": result.was_up, "endpoint": result.endpoint})
    else:
        typer.echo("the embedded store is down" if result.was_up else "the embedded store was not up")


@app.command()
def status(
    count: Annotated[bool, typer.Option("--count", help="Also count DVC's objects and their bytes.")] = False,
    as_json: Json = False,
) -> None:
    """Say how the store is: there, keys accepted, bucket ready. Status 3 if it is not usable."""
    from restoration_models import store
    from restoration_models.cli import render
    from restoration_models.project import Project
    from restoration_models.store.health import look

    health = look(store.settings(Project.find()), count=count)
    facts = {
        "endpoint": health.endpoint,
        "bucket": health.bucket,
        "server": health.server,
        "reachable": health.reachable,
        "keys-accepted": health.keys,
        "bucket-exists": health.bucket_exists,
        "may-list": health.may_list,
        "versioning": health.versioning,
        "objects": health.objects,
        "bytes": health.bytes,
    }
    if as_json:
        render.as_json({**facts, "problem": str(health.problem) if health.problem else None})
    else:
        words = {True: "yes", False: "no"}
        for name, value in facts.items():
            if value is None:
                continue
            shown = words[value] if isinstance(value, bool) else str(value)
            typer.echo(f"{name.replace('-', ' '):<14} {shown}")
    if health.problem:
        raise health.problem


@app.command()
def verify(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Put right bytes over what is wrong: from this machine, else from an old version.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Read every locked checkpoint in the store and compare it with its digest.

    Status 1 where something is missing or damaged and was not repaired. A repair deletes nothing.
    """
    from restoration_models.cli import render
    from restoration_models.project import Project
    from restoration_models.store import verify as library

    result = library.verify(Project.find(), repair=repair)
    if as_json:
        render.as_json(
            {
                "read": result.read,
                "objects": [
                    {
                        "object": one.name,
                        "models": list(one.models),
                        "size": one.size,
                        "state": str(one.state),
                        "what": one.what or None,
                        "repaired-from": one.repaired,
                    }
                    for one in result.objects
                ],
            }
        )
    else:
        wrong = [one for one in result.objects if one.state is not library.State.WHOLE]
        if wrong:
            rows = [
                (", ".join(one.models), one.name, str(one.state), one.repaired or "not repaired")
                for one in wrong
            ]
            render.table(("model", "object", "state", "repaired from"), rows)
        typer.echo(
            f"{len(result.objects)} checkpoints, {render.size(result.read)} read: "
            f"{len(result.objects) - len(wrong)} whole, {len(wrong) - len(result.problems)} repaired, "
            f"{len(result.problems)} wrong"
        )
    if result.problems:
        raise library.StoreDamaged(result.problems)


@app.command()
def init(
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="http(s)://HOST:PORT [default: the configured remote's].")
    ] = None,
    bucket: Annotated[
        str | None, typer.Option("--bucket", help="The bucket [default: the configured remote's].")
    ] = None,
    expire_days: Annotated[
        int, typer.Option("--expire-days", min=1, help="Replaced and deleted objects are kept this long.")
    ] = 30,
    keys_file: Annotated[
        Path | None,
        typer.Option(
            "--keys-file", help="Where the new users' secrets are written [default: in .store/roles/]."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Prepare a bucket and its roles, with an operator's keys.

    They come from MINIO_ROOT_USER and MINIO_ROOT_PASSWORD, else AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY, else from the configured remote.
    """
    from restoration_models.cli import render
    from restoration_models.project import Project
    from restoration_models.store import setup

    project = Project.find()
    settings = setup.operator(project, endpoint, bucket)
    result = setup.prepare(settings, keys_file or setup.keys_file(project, settings), expire_days=expire_days)
    roles = result.roles
    if as_json:
        render.as_json(
            {
                "endpoint": result.endpoint,
                "bucket": result.bucket,
                "changes": list(result.changes),
                "roles": roles.supported,
                "created": list(roles.created),
                "keys-file": str(roles.keys_file) if roles.keys_file else None,
            }
        )
        return
    for change in result.changes:
        typer.echo(change)
    if not roles.supported:
        typer.echo(
            "roles skipped: this server has no MinIO admin API; everyone with its keys may do everything"
        )
    if roles.keys_file:
        typer.echo(
            f"keys of {', '.join(roles.created)}: {roles.keys_file} (hand them out, then delete the file)"
        )
    typer.echo(
        f"bucket {result.bucket} at {result.endpoint} is ready"
        + ("" if result.changes else ", nothing changed")
    )


@app.command()
def rotate(
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help="maintainer, trainer or service; again for more [default: all]."),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="http(s)://HOST:PORT [default: the configured remote's].")
    ] = None,
    bucket: Annotated[
        str | None, typer.Option("--bucket", help="The bucket [default: the configured remote's].")
    ] = None,
    keys_file: Annotated[
        Path | None,
        typer.Option("--keys-file", help="Where the secrets are written [default: in .store/roles/]."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Give the roles new secret keys, with an operator's keys; the old ones stop working at once.

    Where this clone uses the embedded store, that gets new keys of its own too, and starts again.
    The operator's keys are found as `models store init` finds them.
    """
    from restoration_models.cli import render
    from restoration_models.project import Project
    from restoration_models.store.rotate import rotate as run

    result = run(
        Project.find(), endpoint=endpoint, bucket=bucket, roles=tuple(role or ()), keys_file=keys_file
    )
    if as_json:
        render.as_json(
            {
                "endpoint": result.endpoint,
                "bucket": result.bucket,
                "roles": list(result.roles),
                "absent": list(result.absent),
                "disabled": list(result.disabled),
                "derived-keys-withdrawn": result.withdrawn,
                "keys-file": str(result.keys_file) if result.keys_file else None,
                "embedded": result.embedded,
                "this-clone": result.here,
            }
        )
        return
    for name in result.disabled:
        typer.echo(f"{name} is disabled: left as it is")
    if result.withdrawn:
        typer.echo(f"{result.withdrawn} keys that were made from a role's were withdrawn")
    if result.embedded:
        typer.echo(f"the embedded store at {result.endpoint} has new keys of its own")
    if result.keys_file:
        typer.echo(f"new secrets of {', '.join(result.roles)}: {result.keys_file}")
        typer.echo(
            "hand them out (`models store login` on each machine, the CI's secrets), then delete the file"
        )
    if result.here:
        typer.echo("this clone's .dvc/config.local has its new secret")


@app.command()
def login(
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="http(s)://HOST:PORT [default: the configured one].")
    ] = None,
    access_key: Annotated[
        str | None, typer.Option("--access-key", envvar="AWS_ACCESS_KEY_ID", help="The access key.")
    ] = None,
    secret_stdin: Annotated[
        bool,
        typer.Option(
            "--secret-stdin", help="Read the secret from standard input [default: AWS_SECRET_ACCESS_KEY]."
        ),
    ] = False,
    source: Annotated[
        Path | None, typer.Option("--from", help="Copy from another clone, or from its .dvc/config.local.")
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not ask the server about the keys.")
    ] = False,
) -> None:
    """Give this clone its keys to the store; they go to .dvc/config.local and nowhere else."""
    from restoration_models.errors import UsageProblem
    from restoration_models.project import Project
    from restoration_models.store import login as library

    project = Project.find()
    if source is not None:
        if endpoint or secret_stdin:
            raise UsageProblem(
                "gives both --from and keys", where="models store login", remedy="give one of the two"
            )
        settings = library.copy_login(project, source, check=not no_check)
    else:
        settings = library.login(
            project,
            access_key=access_key or _ask_access_key(),
            secret_key=_secret(secret_stdin),
            session_token=None if secret_stdin else os.environ.get("AWS_SESSION_TOKEN"),
            endpoint=endpoint,
            check=not no_check,
        )
    proof = "not checked" if no_check else "the store accepts them"
    typer.echo(f"keys of {settings.access_key} for {settings.endpoint} are in .dvc/config.local: {proof}")


def _ask_access_key() -> str:
    from restoration_models.store.login import KeyMissing

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise KeyMissing("access key", "give --access-key, or set AWS_ACCESS_KEY_ID")
    return str(typer.prompt("Access key", err=True))


def _secret(from_stdin: bool) -> str:
    from restoration_models.store.login import KeyMissing

    if from_stdin:
        secret = sys.stdin.readline().rstrip("\r\n")
        if not secret:
            raise KeyMissing("secret", "write it to standard input, on one line")
        return secret
    if secret := os.environ.get("AWS_SECRET_ACCESS_KEY", ""):
        return secret
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise KeyMissing("secret", "set AWS_SECRET_ACCESS_KEY, or pipe it in with --secret-stdin")
    return str(typer.prompt("Secret key", hide_input=True, err=True))
