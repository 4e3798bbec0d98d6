"""Tables for people and JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from restoration_models.cli import edge
from restoration_models.errors import Problem
from restoration_models.plain import plain

if TYPE_CHECKING:
    from rich.console import Console


def as_json(value: Any) -> None:
    """Print `value` as JSON on stdout, stable from run to run; unseen characters stand there as escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    if not text.isprintable():
        # Outside of texts JSON has none but line breaks.
        text = "".join(
            char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text
        )
    sys.stdout.write(text + "\n")


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A rich console on stdout or stderr; texts from elsewhere must be `plain` before they go there."""
    from rich.console import Console

    return Console(file=edge.bare(sys.stderr if stderr else sys.stdout), highlight=False, width=width)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print a table on stdout; `right` names the columns that are aligned to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        # Text, not markup: catalogue words may hold square brackets.
        grid.add_row(*(Text(plain(cell)) for cell in row))
    target = console()
    if not target.is_terminal:
        # In a log or a pipe, a line a row: nothing is folded at an imagined width.
        target = console(width=240)
    target.print(grid)


def size(count: int) -> str:
    """Bytes as people read them, in decimal units: ``32.2 MB``."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def problem(one: Problem) -> dict[str, Any]:
    """A problem as JSON shows it."""
    return {name: getattr(one, name) for name in ("file", "line", "key", "what", "remedy")}
