"""One model before and after, row by row, and what of it a reviewer must look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from urllib.parse import urlsplit

from restoration_models.cards.figures import number, signed, size
from restoration_models.cards.markdown import LINK, Markdown, code, join, link
from restoration_models.catalogue import say
from restoration_models.lock import State
from restoration_models.report import Measured
from restoration_models.review import fields
from restoration_models.review.changes import Change, Kind
from restoration_models.review.fields import Field
from restoration_models.review.sides import View
from restoration_models.review.texts import Texts, clipped, shown

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
UNREGISTERED = "unregistered"


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

    @property
    def worse(self) -> bool:
        """Whether it got worse by more than noise."""
        if self.before is None or self.after is None:
            return False
        loss = self.after - self.before if self.less_is_better else self.before - self.after
        return loss > NOISE[self.name]


class Detail:
    """The parts of one change."""

    def __init__(self, change: Change, t: Texts) -> None:
        self.change = change
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
        return self.t(f"kind.{kind}")

    # The table.

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
            both("allow", lambda view: join(", ", map(code, view.model.expects.allow_globals))),
            both("architecture", lambda view: code(view.model.expects.architecture)),
            both("parameters", self._parameters),
            both("input", self._input),
            both("wrapper", lambda view: code(view.model.expects.wrapper_key or "")),
            both("gate", lambda view: Markdown(_figure(view.model.expects.min_gain_db))),
            both("sources", self._sources),
            both("base", lambda view: code(view.model.base or "")),
            both("state", self._state),
            both("scan", self._scan),
            both(
                "globals", lambda view: join(", ", map(code, view.report.scan.globals if view.report else ()))
            ),
            both("fingerprint", lambda view: _digest(view.report.fingerprint if view.report else "")),
            both("published", lambda view: code(view.published)),
            both("aliases", lambda view: join("<br>", map(code, view.model.aliases))),
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
        lines = [
            Markdown(f"{'' if source in held else sign}{_source(source)}")
            for source in sources[: fields.ITEMS]
        ]
        if len(sources) > fields.ITEMS:
            lines.append(self.t("more", count=len(sources) - fields.ITEMS))
        return join("<br>", [self.t.count("sources.count", len(sources)), *lines])

    def _state(self, view: View) -> Markdown:
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
        old, new = self._measured(self.before), self._measured(self.after)

        def figure(name: str, key: str, attribute: str, places: int, less: bool = False) -> Figure:
            before, after = getattr(old, attribute, None), getattr(new, attribute, None)
            return Figure(key, self.t(f"label.{name}"), before, after, places, less)

        figures = [
            figure("psnr", "psnr", "psnr_after", 2),
            figure("gain", "gain", "gain_db", 2),
            figure("ssim", "ssim", "ssim_after", 3),
            figure("grid", "grid", "grid_error_after", 2, less=True),
        ]
        return [each for each in figures if each.before is not None or each.after is not None]

    def _measured(self, view: View | None) -> Measured | None:
        return view.report.measured if view and view.report else None

    def _figure_rows(self) -> Iterator[Row]:
        for figure in self.figures:
            before, after = (
                Markdown("" if value is None else f"{value:.{figure.places}f}")
                for value in (figure.before, figure.after)
            )
            if figure.before is not None and figure.after is not None and figure.before != figure.after:
                change = signed(figure.after - figure.before, figure.places)
                after = Markdown(f"{after} ({change}{' ⚠️' if figure.worse else ''})")
            yield Row(figure.label, before, after)

    @property
    def measured(self) -> Markdown:
        """The figure for the table of all models: the grid's error where there is one, else the PSNR."""
        figures = self.figures
        if not figures:
            return Markdown("—")
        grid = [figure for figure in figures if figure.name == "grid"]
        figure, unit = (grid[0], "px") if grid else (figures[0], "dB")
        sides = [f"{value:.{figure.places}f}" for value in (figure.before, figure.after) if value is not None]
        if len(sides) == 2 and sides[0] == sides[1]:
            del sides[0]
        return Markdown(f"{' → '.join(sides)} {unit}{' ⚠️' if figure.worse else ''}")

    # The rest.

    @property
    def others(self) -> list[Field]:
        """Fields of the catalogue that have no row and differ; all of them where the model is new."""
        if self.change.kind is Kind.REMOVED:
            return []
        before = self.before.model if self.before else None
        after = self.after.model if self.after else None
        return [*fields.differences(before, after, leave=IN_ROWS)]

    @property
    def flags(self) -> list[Markdown]:
        """What a reviewer must look at."""
        if self.after is None:
            assert self.before is not None  # noqa: S101 - a change has a side
            names = self._names(self.before)
            gone = self.t("flag.orphaned", slug=self.name, names=join(", ", map(code, names)))
            return [self.t("flag.removed", slug=self.name), gone]
        return [
            *self._licence_flags(self.after),
            *self._trust_flags(self.after),
            *self._file_flags(self.after),
        ]

    def _licence_flags(self, after: View) -> Iterator[Markdown]:
        new, old = after.licence, self.before.licence if self.before else None
        if old is None:
            if new.commercial_use != "yes":
                use = self.t(f"commercial.{new.commercial_use}")
                yield self.t("flag.licence.new", slug=self.name, after=code(new.spdx), commercial=use)
            return
        if old.spdx != new.spdx:
            yield self.t("flag.licence", slug=self.name, before=code(old.spdx), after=code(new.spdx))
        if old.commercial_use != new.commercial_use:
            sides = [self.t(f"commercial.{each.commercial_use}") for each in (old, new)]
            yield self.t("flag.commercial", slug=self.name, before=sides[0], after=sides[1])
        if (old.spdx, old.commercial_use) == (new.spdx, new.commercial_use) and old != new:
            yield self.t("flag.licence.text", slug=self.name)

    def _trust_flags(self, after: View) -> Iterator[Markdown]:
        before = self.before
        old = before.model.expects.allow_globals if before else ()
        new = after.model.expects.allow_globals
        more, less = [name for name in new if name not in old], [name for name in old if name not in new]
        if more:
            yield self.t("flag.allow", slug=self.name, names=join(", ", map(code, more)))
        if less:
            yield self.t("flag.allow.less", slug=self.name, names=join(", ", map(code, less)))
        if before and before.report and after.report:
            seen = set(before.report.scan.globals)
            news = [name for name in after.report.scan.globals if name not in seen and name not in more]
            if news:
                yield self.t("flag.globals", slug=self.name, names=join(", ", map(code, news)))
        yield from self._architecture_flags(after)
        hosts = {_host(source) for source in before.model.sources} if before else set()
        for host in dict.fromkeys(_host(source) for source in after.model.sources) if before else ():
            if host not in hosts:
                yield self.t("flag.host", slug=self.name, host=code(host))

    def _architecture_flags(self, after: View) -> Iterator[Markdown]:
        old = self.before.model.expects if self.before else None
        new = after.model.expects
        if old and old.architecture != new.architecture:
            sides = {"before": code(old.architecture), "after": code(new.architecture)}
            yield self.t("flag.architecture", slug=self.name, **sides)
        elif new.architecture == UNREGISTERED and (old is None or self.change.replaced):
            yield self.t("flag.unregistered", slug=self.name)
        if old and old.min_gain_db != new.min_gain_db:
            sides = {
                key: Markdown(_figure(each.min_gain_db) or "—")
                for key, each in (("before", old), ("after", new))
            }
            yield self.t("flag.gate", slug=self.name, **sides)

    def _file_flags(self, after: View) -> Iterator[Markdown]:
        before = self.before
        if before and self.change.replaced:
            same = before.report and after.report and before.report.fingerprint == after.report.fingerprint
            yield self.t("flag.same-weights" if same else "flag.replaced", slug=self.name)
        if after.standing.state is not State.VALIDATED:
            yield self.t("flag.state", slug=self.name, state=self._state(after))
        for figure in self.figures:
            if figure.worse:
                sides = {"before": number(figure.before or 0), "after": number(figure.after or 0)}
                yield self.t("flag.worse", slug=self.name, what=figure.label, **sides)
        if before:
            lost = [name for name in self._names(before) if name not in self._names(after)]
            if lost:
                yield self.t("flag.orphaned", slug=self.name, names=join(", ", map(code, lost)))
        was = before.model.withdrawn if before else None
        if bool(after.model.withdrawn) != bool(was):
            yield self.t("flag.withdrawn" if after.model.withdrawn else "flag.restored", slug=self.name)

    @staticmethod
    def _names(view: View) -> list[str]:
        return [view.published, *view.model.aliases]


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


def _figure(value: float | None) -> str:
    return "" if value is None else number(value)


def _host(source: str) -> str:
    """Where a source is: its host, or its kind."""
    return urlsplit(source).hostname or source.partition(":")[0]
