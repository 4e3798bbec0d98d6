"""One model before and after, row by row, and what of it a reviewer must look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from restoration_models.cards import tables
from restoration_models.cards.figures import MINUS, fixed, number, signed, size
from restoration_models.cards.markdown import LINK, Markdown, code, join, link
from restoration_models.catalogue import say
from restoration_models.report import Measured
from restoration_models.review import fields
from restoration_models.review.changes import Change, Kind
from restoration_models.review.fields import Field
from restoration_models.review.sides import View
from restoration_models.review.texts import Texts, clipped, codes, shown

SOURCE = 60
"""Characters of an address in a table's cell."""
NOISE = {"psnr": 0.05, "gain": inf, "ssim": 0.002, "grid": 0.1}
"""Figures that differ by less say nothing; the gain says what the PSNR says."""
IN_ROWS = frozenset(
    {
        "slug", "layer", "task", "file", "size", "sha256", "licence", "expects", "sources", "base",
        "withdrawn", "aliases", "origin", "family",
    }
)  # fmt: skip
"""Fields of the catalogue that have a row of their own."""


@dataclass(frozen=True, slots=True)
class Row:
    """A fact on both sides."""

    label: Markdown
    before: Markdown
    after: Markdown

    @property
    def changed(self) -> bool:
        """Whether the sides differ."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure of both sides; NaN is never one."""

    name: str
    label: Markdown
    before: float | None
    after: float | None
    places: int
    less_is_better: bool = False
    base: float | None = None
    """The same figure of the model that this one was fine-tuned from."""

    def shown(self, value: float | None) -> str:
        """A value of this figure, with its number of decimals; empty for None."""
        return "" if value is None else fixed(value, self.places)

    @property
    def worse(self) -> bool:
        """Whether it got worse by more than noise."""
        if self.before is None or self.after is None:
            return False
        loss = self.after - self.before if self.less_is_better else self.before - self.after
        return loss > NOISE[self.name]


class Detail:
    """The parts of one change."""

    def __init__(self, change: Change, t: Texts, base: View | None = None) -> None:
        """`base` is the model that this one was fine-tuned from."""
        self.change = change
        self.base = base
        self.before = change.before
        self.after = change.after
        self.t = t

    @property
    def name(self) -> Markdown:
        """The slug as code, both of them where it is renamed."""
        if self.change.kind is Kind.RENAMED and self.before:
            return Markdown(f"{code(self.before.model.slug)} → {code(self.change.slug)}")
        return code(self.change.slug)

    @property
    def what(self) -> Markdown:
        """What happens to it."""
        kind = "replaced" if self.change.replaced else str(self.change.kind)
        if self.change.kind is Kind.CHANGED and self.turned and not self.change.replaced:
            kind = self.turned
        return self.t(f"kind.{kind}")

    @property
    def turned(self) -> str:
        """``withdrawn`` or ``restored`` where the change makes it so; else empty."""
        if self.after is None:
            return ""
        is_, was = bool(self.after.model.withdrawn), bool(self.before and self.before.model.withdrawn)
        return "" if is_ == was else "withdrawn" if is_ else "restored"

    @property
    def state(self) -> Markdown:
        """How far it has come, for the table of all models."""
        if self.after is None:
            return Markdown("—")
        if self.after.model.withdrawn:
            return self.t("state.withdrawn")
        return self.t(f"state.{self.after.standing.state}.cell")

    # The table.

    @property
    def essentials(self) -> list[Row]:
        """What is shown of a change that has room for little more: the file's identity and its licence."""
        kept = {Markdown("sha256"), *(self.t(f"label.{name}") for name in ("size", "licence", "commercial"))}
        return [row for row in self.rows if row.label in kept]

    @property
    def farewell(self) -> list[Row]:
        """What is worth knowing of a model that is removed."""
        labels = ("file", "size", "licence", "commercial", "sources", "state", "published", "aliases")
        kept = {Markdown("sha256"), *(self.t(f"label.{name}") for name in labels)}
        return [row for row in self.rows if row.label in kept]

    @property
    def rows(self) -> list[Row]:
        """Every fact that one of the sides has."""
        t, both = self.t, self._both
        rows = [
            both("layer", lambda view: code(view.model.layer), quiet=True),
            both("task", lambda view: t(f"task.{view.model.task}")),
            both("file", lambda view: code(view.model.file)),
            Row(Markdown("sha256"), *self._sides(lambda view: _digest(view.model.sha256))),
            both(
                "size",
                lambda view: t("provenance.size.value", short=size(view.model.size), exact=view.model.size),
            ),
            both("licence", lambda view: code(view.licence.spdx)),
            both("commercial", lambda view: t(f"commercial.{view.licence.commercial_use}")),
            both("allow", lambda view: codes(view.model.expects.allow_globals, t)),
            both("architecture", lambda view: code(view.model.expects.architecture)),
            both("parameters", self._parameters),
            both("input", self._input),
            both("wrapper", lambda view: code(view.model.expects.wrapper_key or "")),
            both("gate", lambda view: Markdown(figure_of(view.model.expects.min_gain_db))),
            both("sources", self._sources),
            both("base", lambda view: code(view.model.base or "")),
            both("state", self.said_state),
            both("scan", self._scan),
            both("globals", lambda view: codes(view.report.scan.globals if view.report else (), t)),
            both("fingerprint", lambda view: _digest(view.report.fingerprint if view.report else "")),
            both("published", lambda view: code(view.published)),
            both("aliases", lambda view: codes(view.model.aliases, t, "<br>")),
            both("withdrawn", lambda view: shown(say(view.model.withdrawn or "", t.language))),
            *self._figure_rows(),
            both(
                "not-measured", lambda view: shown((view.report.not_measured if view.report else None) or "")
            ),
        ]
        shown_rows = [row for row in rows if row.before or row.after]
        # What changed stands first; what did not is there to be looked up.
        return sorted(shown_rows, key=lambda row: not row.changed)

    def _both(self, label: str, fact: Callable[[View], Markdown], *, quiet: bool = False) -> Row:
        before, after = self._sides(fact)
        if quiet and before == after:
            before = after = Markdown("")
        return Row(self.t(f"label.{label}"), before, after)

    def _sides(self, fact: Callable[[View], Markdown]) -> tuple[Markdown, Markdown]:
        return (
            fact(self.before) if self.before else Markdown(""),
            fact(self.after) if self.after else Markdown(""),
        )

    def _parameters(self, view: View) -> Markdown:
        count = (view.report.parameters if view.report else None) or view.model.parameters
        return Markdown(f"{count:,}".replace(",", "\N{NO-BREAK SPACE}")) if count else Markdown("")

    def _input(self, view: View) -> Markdown:
        channels = view.model.expects.input_channels or (view.report.input_channels if view.report else None)
        parts = [self.t("input.value", count=channels)] if channels else []
        contract = view.family.input
        if contract:
            parts.append(shown(say(contract.layout, self.t.language)))
            if contract.size_multiple and contract.size_multiple > 1:
                parts.append(self.t("input.multiple.value", count=contract.size_multiple))
        return join("; ", parts)

    def _sources(self, view: View) -> Markdown:
        sources = view.model.sources
        if not sources:
            return self.t("sources.local")
        other = self.before if view is self.after else self.after
        held = other.model.sources if other else sources
        sign = fields.NEW if view is self.after else fields.GONE
        if len(sources) > fields.ITEMS:  # those that are left out must not be those that differ
            sources = tuple(sorted(sources, key=held.__contains__))
        lines = [
            Markdown(f"{'' if source in held else sign}{_source(source)}")
            for source in sources[: fields.ITEMS]
        ]
        if len(sources) > fields.ITEMS:
            lines.append(self.t("more", count=len(sources) - fields.ITEMS))
        return join("<br>", [self.t.count("sources.count", len(sources)), *lines])

    def said_state(self, view: View) -> Markdown:
        """How far the model has come, in words."""
        protocol = view.report.protocol if view.report else ""
        return self.t(f"state.{view.standing.state}", protocol=protocol)

    def _scan(self, view: View) -> Markdown:
        if view.report is None:
            return Markdown("")
        scan = view.report.scan
        return self.t("scan.value", container=code(scan.container), members=scan.members)

    # Figures.

    @property
    def figures(self) -> list[Figure]:
        """What was measured on either side."""
        old, new = self.measured_of(self.before), self.measured_of(self.after)
        # Another task's page is degraded otherwise: its figures do not compare.
        alike = self.base and self.after and self.base.model.task == self.after.model.task
        base = self.measured_of(self.base) if alike else None

        def figure(name: str, key: str, attribute: str, places: int, less: bool = False) -> Figure:
            values = [getattr(one, attribute, None) for one in (old, new, base)]
            return Figure(key, self.t(f"label.{name}"), values[0], values[1], places, less, values[2])

        figures = [
            figure("psnr", "psnr", "psnr_after", 2),
            figure("gain", "gain", "gain_db", 2),
            figure("ssim", "ssim", "ssim_after", 3),
            figure("grid", "grid", "grid_error_after", 2, less=True),
        ]
        return [each for each in figures if each.before is not None or each.after is not None]

    def measured_of(self, view: View | None) -> Measured | None:
        """The figures of one side."""
        return view.report.measured if view and view.report else None

    def _figure_rows(self) -> Iterator[Row]:
        for figure in self.figures:
            before, after = (Markdown(figure.shown(value)) for value in (figure.before, figure.after))
            if figure.before is not None and figure.after is not None and figure.before != figure.after:
                change = signed(figure.after - figure.before, figure.places)
                after = Markdown(f"{after} ({change}{' ⚠️' if figure.worse else ''})")
            if self.base and figure.base is not None and figure.after not in (None, figure.before):
                after = Markdown(f"{after}<br>{code(self.base.model.slug)}: {figure.shown(figure.base)}")
            yield Row(figure.label, before, after)

    @property
    def measured(self) -> Markdown:
        """What the cards say was measured: the grid before and after the model, else the gain."""
        found = [each for each in map(self.measured_of, (self.before, self.after)) if each]
        if not found:
            return Markdown("—")
        warn = " ⚠️" if self.ruins or any(f.worse for f in self.figures if f.name in ("psnr", "grid")) else ""
        cells = [*dict.fromkeys(tables.gain(each, self.t, form="cell") for each in found)]
        return Markdown(f"{join('<br>→ ', cells)}{warn}")

    @property
    def ruins(self) -> Markdown | None:
        """What says that the model, as it is now, leaves the test page worse than it found it."""
        new = self.measured_of(self.after)
        if new is None:
            return None
        before, after = new.grid_error_before, new.grid_error_after
        if before is not None and after is not None:
            # Unwarping moves every pixel, so that the dB say little.
            return tables.gain(new, self.t, form="cell") if after > before else None
        return tables.gain(new, self.t) if new.gain_db < 0 else None

    # The rest.

    @property
    def others(self) -> list[Field]:
        """Fields of the catalogue that have no row and differ; all of them where the model is new."""
        if self.change.kind is Kind.REMOVED:
            return []
        before = self.before.model if self.before else None
        after = self.after.model if self.after else None
        return [*fields.differences(before, after, leave=IN_ROWS)]


def _digest(text: str) -> Markdown:
    """A digest in two halves, so that two of them fit side by side."""
    return join("<br>", map(code, filter(None, (text[:32], text[32:]))))


def _source(source: str) -> Markdown:
    """A source by its host and the end of its path, as a link to the whole."""
    if not LINK.fullmatch(source):
        return code(clipped(source, SOURCE))
    short = source.removeprefix("https://")
    if len(short) > SOURCE:
        host, _, path = short.partition("/")
        short = f"{host}/…{path[len(host) + 2 - SOURCE :]}"
    return link(short, source)


def figure_of(value: float | None) -> str:
    """A figure as text; empty for None."""
    return "" if value is None else number(value).replace("-", MINUS)
