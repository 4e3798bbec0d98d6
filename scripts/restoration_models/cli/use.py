"""The command that runs a model on a picture: try."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restoration_models.tiling import DEFAULT_OVERLAP, DEFAULT_TILE

if TYPE_CHECKING:
    from rich.console import Console

AUTO = "auto"
TENTHS = 10


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
    from restoration_models import pictures
    from restoration_models.cli import render
    from restoration_models.cli.edge import say
    from restoration_models.cli.progress import DownloadProgress
    from restoration_models.restoration import pieces, restore
    from restoration_models.tiling import Tiles
    from restoration_models.training import best_device, load

    # What was asked wrongly is said before anything is fetched or computed.
    pictures.check_target(output, image)
    picture = pictures.read(image)
    pictures.format_of(output, picture)
    tiles = Tiles.of(picture.height, picture.width, tile, overlap)
    say(f"loading {slug}")
    console = render.console(stderr=True)
    with DownloadProgress(console) as reporter:
        model = load(
            slug, device=best_device() if device == AUTO else device, manifest=manifest, report=reporter
        )
    total = pieces(model, picture, tiles)
    how = f"in {total} tiles" if total > 1 else "as a whole"
    say(f"running {slug} over {picture.width} x {picture.height} pixels {how} on {model.device}")
    began = time.monotonic()
    with _progress(console, slug) as progress:
        restored = restore(model, picture, tile=tile, overlap=overlap, progress=progress)
    pictures.write(output, restored.picture)
    for note in restored.notes:
        say(f"note: {note}")
    done = f"{restored.tiles} tiles, " if restored.tiles > 1 else ""
    typer.echo(
        f"{output}: {picture.width} x {picture.height}, {done}{time.monotonic() - began:.1f} s "
        f"on {model.device}, by {slug} (sha256 {model.sha256[:12]})"
    )


@dataclass
class _Tenths:
    """Tells each tenth of the tiles that is done, but for the last: the result's line follows."""

    slug: str
    told: int = 0

    def __call__(self, done: int, total: int) -> None:
        from restoration_models.cli.edge import say

        reached = TENTHS * done // total
        if self.told < reached < TENTHS:
            say(f"{self.slug}: {100 // TENTHS * reached} % of {total} tiles")
            self.told = reached


@contextmanager
def _progress(console: Console, slug: str) -> Iterator[Callable[[int, int], None]]:
    """A bar of the tiles on a terminal; elsewhere a line each 10 %, as for downloads."""
    from rich import progress

    if not console.is_terminal:
        yield _Tenths(slug)
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
