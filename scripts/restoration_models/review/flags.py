"""What of a model's change a reviewer must look at, and how heavy the change is."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from urllib.parse import urlsplit

from restoration_models.cards.markdown import Markdown, code
from restoration_models.lock import State
from restoration_models.review.changes import Change, Kind
from restoration_models.review.detail import Detail, figure_of
from restoration_models.review.sides import View
from restoration_models.review.texts import codes

UNREGISTERED = "unregistered"


class Weight(IntEnum):
    """What a change may break for those who use the models already; the lower, the heavier."""

    GRAVE = 0
    """A known name becomes another file, comes under another licence, or may import more."""
    REMOVED = 1
    CHANGED = 2
    ADDED = 3
    """Nobody uses it yet, and there may be any number of them."""


def weight(change: Change) -> Weight:
    """How heavy a change is: what stands first, and is left out last."""
    before, after = change.before, change.after
    if before is None:
        return Weight.ADDED
    if after is None:
        return Weight.REMOVED
    old, new = before.licence, after.licence
    licence = (old.spdx, old.commercial_use) != (new.spdx, new.commercial_use)
    trusted = before.model.expects.allow_globals != after.model.expects.allow_globals
    return Weight.GRAVE if change.replaced or licence or trusted else Weight.CHANGED


class Flags:
    """The flags of one change."""

    def __init__(self, detail: Detail) -> None:
        self.detail = detail
        self.change, self.t, self.name = detail.change, detail.t, detail.name
        self.before, self.after = detail.before, detail.after

    def all(self) -> list[Markdown]:
        """What a reviewer must look at."""
        if self.change.kind is Kind.REMOVED or self.after is None:
            assert self.before is not None  # noqa: S101 - a change has a side
            names = self._names(self.before)
            gone = self.t("flag.orphaned", slug=self.name, names=codes(names, self.t))
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
            yield self.t("flag.allow", slug=self.name, names=codes(more, self.t))
        if less:
            yield self.t("flag.allow.less", slug=self.name, names=codes(less, self.t))
        if before and before.report and after.report:
            seen = set(before.report.scan.globals)
            news = [name for name in after.report.scan.globals if name not in seen and name not in more]
            if news:
                yield self.t("flag.globals", slug=self.name, names=codes(news, self.t))
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
                key: Markdown(figure_of(each.min_gain_db) or "—")
                for key, each in (("before", old), ("after", new))
            }
            yield self.t("flag.gate", slug=self.name, **sides)

    def _file_flags(self, after: View) -> Iterator[Markdown]:
        before = self.before
        if before and self.change.replaced:
            same = before.report and after.report and before.report.fingerprint == after.report.fingerprint
            yield self.t("flag.same-weights" if same else "flag.replaced", slug=self.name)
        if after.standing.state is not State.VALIDATED:
            yield self.t("flag.state", slug=self.name, state=self.detail.said_state(after))
        ruins, told = (
            self.detail.ruins,
            before and self.detail.measured_of(before) == self.detail.measured_of(after),
        )
        if ruins and (self.change.replaced or not told):
            yield self.t("flag.ruins", slug=self.name, what=ruins)
        for figure in self.detail.figures:
            if figure.worse:
                sides = {
                    key: Markdown(figure.shown(value))
                    for key, value in (("before", figure.before), ("after", figure.after))
                }
                yield self.t("flag.worse", slug=self.name, what=figure.label, **sides)
        if before:
            lost = [name for name in self._names(before) if name not in self._names(after)]
            if lost:
                yield self.t("flag.orphaned", slug=self.name, names=codes(lost, self.t))
        if self.detail.turned:
            yield self.t(f"flag.{self.detail.turned}", slug=self.name)

    @staticmethod
    def _names(view: View) -> list[str]:
        return [view.published, *view.model.aliases]


def _host(source: str) -> str:
    """Where a source is: its host, or its kind."""
    return urlsplit(source).hostname or source.partition(":")[0]
