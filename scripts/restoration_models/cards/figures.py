"""Figures as a card shows them.

Figures keep the decimal point and no thousands separator in Spanish too: they are compared with
papers and reports and pasted into code, and a comma would read as two numbers in a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restoration_models.catalogue import Metric

AUTHORITY = ("author-readme", "paper", "mmagic-reeval", "third-party")
"""Sources of figures, the nearest to the weights first: papers are older than the files' own notes."""

MINUS = "\N{MINUS SIGN}"


def number(value: float) -> str:
    """`value` with the digits it was stated with, no exponent and no trailing zero."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def fixed(value: float, places: int) -> str:
    """`value` with so many decimals and the minus sign that `signed` has."""
    text = f"{value:.{places}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", MINUS)


def signed(value: float, places: int) -> str:
    """`value` with its sign and so many decimals; a zero has none."""
    text = f"{value:+.{places}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def size(count: int) -> str:
    """Bytes as people read them, in decimal units: ``32.2 MB``."""
    return _scaled(count, ("B", "kB", "MB", "GB", "TB"))


def short(count: int) -> str:
    """A large count as people read it: ``26.1 M``."""
    return _scaled(count, ("", "k", "M", "G", "T")).rstrip()


def _scaled(count: int, units: Sequence[str]) -> str:
    if count < 1000:
        return f"{count} {units[0]}"
    value, unit = float(count), units[0]
    for unit in units[1:]:  # noqa: B007 - the loop ends at the unit that fits
        value /= 1000
        # 999.95 would be shown as 1000.0 of this unit.
        if value < 999.95:
            break
    return f"{value:.1f} {unit}"


def primary(metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics of the best source of each data set and split, in their order."""
    best: dict[tuple[str, str | None], int] = {}
    for metric in metrics:
        key = (metric.dataset, metric.split)
        best[key] = min(best.get(key, len(AUTHORITY)), AUTHORITY.index(metric.source))
    return [
        metric for metric in metrics if AUTHORITY.index(metric.source) == best[metric.dataset, metric.split]
    ]


def headline(metrics: Sequence[Metric]) -> Metric | None:
    """The one figure that stands for a model: the first of the best source that there is."""
    return min(metrics, key=lambda metric: AUTHORITY.index(metric.source), default=None)
