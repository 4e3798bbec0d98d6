"""Measured and reported figures, laid out for a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from restoration_models.cards import figures, hub
from restoration_models.cards.figures import number, signed
from restoration_models.cards.markdown import Markdown, code, escape, join, link

if TYPE_CHECKING:
    from restoration_models.cards.texts import Texts
    from restoration_models.catalogue import Family, Metric, Model
    from restoration_models.report import Measured, Report

SIGMA = "\N{GREEK SMALL LETTER SIGMA}"
LESS_IS_BETTER = frozenset({"MAE", "AD", "LD", "ED", "CER"})
"""Metrics that count errors."""

Row = tuple[Markdown, Markdown]
"""A label and its value."""

Change = tuple[Markdown, Markdown, Markdown, Markdown]
"""Metric, before, after, change."""


@dataclass(frozen=True, slots=True)
class Table:
    """Heads and rows of equal length."""

    heads: list[Markdown]
    numbers: frozenset[Markdown]
    """The heads of columns that hold figures."""
    rows: list[list[Markdown]]


def gain(measured: Measured, t: Texts, *, form: Literal["short", "cell"] = "short") -> Markdown:
    """What was measured, in a few words: the grid where there is one, else the gain in dB."""
    before, after = measured.grid_error_before, measured.grid_error_after
    if before is not None and after is not None:
        return t(f"figures.grid.{form}", before=number(before), after=number(after))
    return Markdown(f"{signed(measured.gain_db, 2)} dB PSNR")


def headline(metrics: Sequence[Metric]) -> Markdown:
    """The reported figure that stands for a model, in a few words; empty where there is none."""
    metric = figures.headline(metrics)
    if metric is None:
        return Markdown("")
    value = " ".join(part for part in (number(metric.value), metric.unit) if part)
    noise = f"{SIGMA} {number(metric.sigma)}" if metric.sigma else None
    where = " ".join(part for part in (metric.dataset, metric.split, metric.channel, noise) if part)
    return join(", ", [f"{metric.metric} {value}", where])


def changes(measured: Measured, t: Texts) -> list[Change]:
    """A row a metric, the one that the task is about first."""
    rows: list[tuple[Markdown, float | None, float | None, int]] = [
        (Markdown(f"{t('figures.grid')} ↓"), measured.grid_error_before, measured.grid_error_after, 2),
        (_head("PSNR"), measured.psnr_before, measured.psnr_after, 2),
        (_head("SSIM"), measured.ssim_before, measured.ssim_after, 3),
    ]
    return [
        (
            label,
            Markdown(f"{before:.{places}f}"),
            Markdown(f"{after:.{places}f}"),
            Markdown(signed(after - before, places)),
        )
        for label, before, after, places in rows
        if before is not None and after is not None
    ]


def reported(metrics: Sequence[Metric], family: Family, t: Texts) -> Table:
    """A row a data set and source, a column a metric; columns that hold nothing are left out."""
    kinds = list(dict.fromkeys(metric.metric for metric in metrics))
    rows: dict[tuple[Markdown, ...], dict[str, Markdown]] = {}
    for metric in metrics:
        row = {
            "dataset": escape(metric.dataset),
            "split": escape(metric.split or ""),
            "channel": escape(metric.channel or ""),
            "sigma": Markdown(number(metric.sigma) if metric.sigma else ""),
            "source": _source(metric, family, t),
            "note": escape(metric.note or ""),
        }
        cells = rows.setdefault(tuple(row.values()), row)
        unit = "" if metric.unit in (None, "dB") else f" {metric.unit}"
        value = Markdown(f"{number(metric.value)}{unit}")
        # A source may give two figures for one thing; both are shown.
        cells[metric.metric] = join("; ", filter(None, (cells.get(metric.metric), value)))
    order = ["dataset", "split", "channel", "sigma", *kinds, "source", "note"]
    shown = [key for key in order if any(row.get(key) for row in rows.values())]
    heads = [_head(key) if key in kinds else t(f"column.{key}") for key in shown]
    cells_shown = [[row.get(key, Markdown("")) for key in shown] for row in rows.values()]
    return Table(heads, frozenset(map(_head, kinds)), cells_shown)


def proved(report: Report, model: Model, t: Texts) -> list[Row]:
    """A row a thing that a validation proves, or did not."""

    def said(whether: bool) -> Markdown:
        return t("proved" if whether else "not-proved")

    members = t.count("members", report.scan.members)
    scan = t("validation.scan.value", container=report.scan.container, members=members)
    names = join(", ", map(code, report.scan.globals)) or t("validation.globals.none")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.dtypes.items()))
    verified = report.verified
    rows = [
        ("digests", said(verified.digests)),
        ("scan", scan if verified.scan else said(False)),
        ("globals", names),
        ("allowed", join(", ", map(code, model.expects.allow_globals))),
        ("architecture", join(", ", [code(report.architecture), said(verified.architecture)])),
        ("finite", said(verified.finite)),
        ("forward", said(verified.forward)),
        ("tensors", escape(kinds)),
        ("fingerprint", code(report.fingerprint)),
    ]
    return [(t(f"validation.{label}"), value) for label, value in rows if value]


def _head(metric: str) -> Markdown:
    """A metric with its unit and which way is better."""
    unit = " (dB)" if metric == "PSNR" else ""
    return Markdown(f"{metric}{unit} {'↓' if metric in LESS_IS_BETTER else '↑'}")


def _source(metric: Metric, family: Family, t: Texts) -> Markdown:
    words = t(f"source.{metric.source}")
    found = hub.source_address(metric, family)
    parts = [link(words, found) if found else words]
    if metric.quoted_from:
        parts.append(t("source.quoted", what=metric.quoted_from))
    return join(", ", parts)
