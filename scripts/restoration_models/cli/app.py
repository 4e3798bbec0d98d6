"""The commands, each a thin function: parse, call the library, render."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from restoration_models import __version__
from restoration_models.cli import edge
from restoration_models.cli.catalogue import register as register_catalogue
from restoration_models.cli.models_edit import register as register_models_edit
from restoration_models.cli.pipeline import register as register_pipeline
from restoration_models.cli.publish import register as register_publish
from restoration_models.cli.review import register as register_review
from restoration_models.cli.site import register as register_site
from restoration_models.cli.sources import register as register_sources
from restoration_models.cli.store import app as store_app
from restoration_models.cli.transfer import register as register_transfer
from restoration_models.cli.use import register as register_use

app = typer.Typer(
    name="models",
    help="Pretrained checkpoints of the restoration pipeline: downloaded, proved, documented.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"models {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="On failure, also print where in the program it happened.")
    ] = False,
) -> None:
    """Options that every command takes; `main` reads --traceback itself."""


register_pipeline(app)
register_catalogue(app)
register_models_edit(app)
register_sources(app)
register_review(app)
register_publish(app)
register_transfer(app)
register_site(app)
register_use(app)
app.add_typer(store_app, name="store")


def main() -> None:
    """Run ``models`` with the process's arguments and leave with its exit status."""
    # Before a subcommand the option belongs to the root; people write it anywhere.
    arguments = [argument for argument in sys.argv[1:] if argument != "--traceback"]
    with_traceback = len(arguments) != len(sys.argv) - 1
    edge.heed_signals()
    edge.guard_streams()
    sys.exit(edge.guard(lambda: app(arguments, prog_name="models"), with_traceback=with_traceback))
