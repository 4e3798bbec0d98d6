"""The command that runs a model on a picture: try."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restoration_models.tiling import DEFAULT_OVERLAP, DEFAULT_TILE

if TYPE_CHECKING:
    from rich.console import Console

AUTO = "auto"


def register(app: typer.Typer) -> None:
    """Add this module's command to `app`."""
    app.command("try")(try_model)


def try_model(
    slug: Annotated[str, typer.Argument(help="The model.")],
    image: Annotated[Path, typer.Argument(help="The picture to restore.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Where the result goes; the extension says in which format."),
    ],
    tile: Annotated[
        int, typer.Option("--tile", help="Pixels of a tile's side; smaller needs less memory.")
    ] = DEFAULT_TILE,
    overlap: Annotated[
        int, typer.Option("--overlap", help="Pixels that neighbouring tiles share.")
    ] = DEFAULT_OVERLAP,
    device: Annotated[
        str,
        typer.Option("--device", help="cpu, cuda, cuda:1, mps …; auto takes an accelerator if there is one."),
    ] = AUTO,
    manifest: Annotated[
        str | None,
        typer.Option(
            "--manifest", help="Take the published model of this manifest: a path, https:// or s3:// address."
        ),
    ] = None,
) -> None:
    """Run a model on a picture."""
    from rich.console import Console

    from restoration_models import pictures
    from restoration_models.cli.edge import say
    from restoration_models.cli.progress import DownloadProgress
    from restoration_models.restoration import restore
    from restoration_models.tiling import Tiles
    from restoration_models.training import best_device, load

    # What was asked wrongly is said before anything is fetched or computed.
    pictures.check_target(output, image)
    picture = pictures.read(image)
    pictures.format_of(output, picture)
    Tiles.of(picture.height, picture.width, tile, overlap)
    console = Console(stderr=True)
    with DownloadProgress(console) as reporter:
        model = load(
            slug, device=best_device() if device == AUTO else device, manifest=manifest, report=reporter
        )
    began = time.monotonic()
    with _progress(console, slug) as progress:
        restored = restore(model, picture, tile=tile, overlap=overlap, progress=progress)
    pictures.write(output, restored.picture)
    for note in restored.notes:
        say(f"note: {note}")
    tiles = f"{restored.tiles} tiles, " if restored.tiles > 1 else ""
    typer.echo(
        f"{output}: {picture.width} x {picture.height}, {tiles}{time.monotonic() - began:.1f} s "
        f"on {model.device}, by {slug} (sha256 {model.sha256[:12]})"
    )


@contextmanager
def _progress(console: Console, slug: str) -> Iterator[Callable[[int, int], None]]:
    """A bar of the tiles on a terminal; nothing elsewhere, for the result's line says all."""
    from rich import progress

    if not console.is_terminal:
        yield lambda done, total: None
        return
    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=None),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(slug, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
