"""The whole page: what to look at first, then everything, in blocks that can be shortened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from restoration_models.cards.figures import size
from restoration_models.cards.markdown import Markdown, code, join
from restoration_models.check import Branch, Checked, is_data, judge, read
from restoration_models.errors import Problem
from restoration_models.project import Project
from restoration_models.review import pictures, steering
from restoration_models.review.changes import Change, Kind, compare, pulled
from restoration_models.review.detail import Detail, Row
from restoration_models.review.fields import Field
from restoration_models.review.fit import CHARACTERS, Block, Form, Piece, Text, fitted
from restoration_models.review.flags import Flags, Weight, weight
from restoration_models.review.ranks import Rank
from restoration_models.review.sides import Side, View, side
from restoration_models.review.texts import Texts, prose
from restoration_models.revision import HEAD, CommitTree, fork_point

MARK = "<!-- models review -->"
"""The page's first line, by which its comment is found again."""
ROWS = 15
"""Rows of a table that is shortened."""


def review(
    project: Project, *, base: str, head: str = HEAD, images: str | None = None, offline: bool = True
) -> str:
    """The Markdown that shows what `head` changes since it left `base`; at most 60,000 characters.

    Raises `NotARepository`, `UnknownRevision`, `NoForkPoint`, `BadAddress` and other failures of git.
    """
    start = pictures.prefix(images)
    after_tree = CommitTree.of(project.root, head)
    before_tree = CommitTree.of(project.root, fork_point(project.root, base, after_tree.commit))
    # Of the base, pictures and cards are shown and never read.
    wanted = [
        blob
        for path, blob in before_tree.files.items()
        if steering.STEERING.fullmatch(path) or (is_data(blob) and not path.endswith((".png", ".md")))
    ]
    with (
        side(before_tree, before_tree.contents(wanted)) as before,
        side(after_tree, read(after_tree)) as after,
    ):
        branch = Branch(before_tree.commit, after_tree.commit, before.catalogue)
        checked = judge(project, after_tree, after.contents, after.laid, branch=branch, offline=offline)
        return _Page(before, after, checked, offline, start).text()


class _Page:
    def __init__(self, base: Side, head: Side, checked: Checked, offline: bool, images: str | None) -> None:
        self.base, self.head, self.checked, self.offline, self.images = base, head, checked, offline, images
        loaded = head.catalogue or base.catalogue
        self.t = Texts(loaded.language if loaded else "en")
        changes = sorted(compare(base, head), key=weight)
        self.details = [Detail(change, self.t, self._base_of(change)) for change in changes]
        self.new = {change.slug for change in changes if weight(change) is Weight.ADDED}
        self.files = steering.changed_files(base, head)
        self.steered = sorted(
            (path for path in self.files if steering.STEERING.fullmatch(path)),
            key=partial(steering.importance, base),
        )
        self.families = steering.families(base, head)
        self.head_fields = steering.head_fields(base, head)
        self.layer_fields = steering.layer_fields(base, head)

    def _base_of(self, change: Change) -> View | None:
        """The model that it was fine-tuned from, as the head has it."""
        return self.head.views.get(change.after.model.base or "") if change.after else None

    def text(self) -> str:
        """The page."""
        blocks = [
            Block(self._top()),
            *self._flags(),
            *self._check(),
            *self._overview(),
            *self._steering(),
            *self._catalogue(),
            Block(pieces=tuple(self._models())),
            *self._others(),
        ]
        return fitted(blocks, self._shortened)

    def _shortened(self, kinds: Mapping[str, int]) -> str:
        what = join(", ", [self.t.count(f"cut.{name}", count) for name, count in kinds.items()])
        return self.t("shortened", limit=CHARACTERS, what=what or self.t("cut.rest"))

    # The parts, in their order.

    def _top(self) -> str:
        t = self.t
        commits = t(
            "review.from", base=code(self.base.tree.commit[:12]), head=code(self.head.tree.commit[:12])
        )
        lines = [MARK, f"## {t('review.title')}", "", commits, ""]
        if not self.details:
            lines += [t("review.nothing"), ""]
        bytes_ = pulled(self.base, self.head)
        if bytes_.files:
            files = t.count("files", bytes_.files)
            lines += [t("review.bytes", new=size(bytes_.new), files=files, total=size(bytes_.total)), ""]
        else:
            lines += [t("review.bytes.none", total=size(bytes_.total)), ""]
        for name, laid in (("check.partial", self.head.laid), ("check.partial.base", self.base.laid)):
            if not laid.whole:
                lines += [t(name), ""]
        return "\n".join(lines)

    def _flags(self) -> Iterator[Block]:
        pieces = []
        for number, (heavy, flag) in enumerate(self._all_flags()):
            rank = (Rank.FLAGS if heavy else Rank.LIGHT_FLAGS).then(number)
            pieces.append(Piece((Form(rank, f"> - {flag}"),), "flags"))
        if pieces:
            head = ["> [!WARNING]", f"> **{self.t('section.look')}**", ">"]
            yield Block("\n".join(head), tuple(pieces), "", self._more("> - {}"))

    def _all_flags(self) -> Iterator[tuple[bool, Markdown]]:
        """Every flag, the heaviest first, and whether it is of something that is there already."""
        yield from ((True, flag) for flag in self._general_flags())
        for detail in self.details:
            if weight(detail.change) is not Weight.ADDED:
                yield from ((True, flag) for flag in Flags(detail).all())
        yield from ((False, flag) for flag in self._new_families())
        for detail in self.details:
            if weight(detail.change) is Weight.ADDED:
                yield from ((False, flag) for flag in Flags(detail).all())

    def _general_flags(self) -> Iterator[Markdown]:
        t = self.t
        for path in self.steered:
            word = "workflow" if steering.WORKFLOW.fullmatch(path) else "steering"
            yield t(f"flag.{word}", file=code(path))
        for field in self.head_fields:
            if field.name == "validation.protocol":
                yield t("flag.protocol", before=field.before, after=field.after)
            else:
                yield t("flag.head", fields=code(field.name))
        for layer, field in self.layer_fields:
            if field.name == "publish":
                yield t("flag.publish", layer=code(layer), before=code(field.before), after=code(field.after))
        for name, changed in self.families.items():
            if self._has(self.head, name) and self._has(self.base, name):
                names = join(", ", [code(field.name) for field in changed])
                yield t("flag.family", family=code(name), fields=names)
            elif self._has(self.base, name):
                yield t("flag.family.gone", family=code(name))
        touched = [path for path in self.files if steering.CODE.fullmatch(path)]
        if touched:
            yield t("flag.code", files=t.count("files", len(touched)))

    @staticmethod
    def _has(one: Side, family: str) -> bool:
        return one.catalogue is not None and family in one.catalogue.families

    def _new_families(self) -> Iterator[Markdown]:
        for name in self.families:
            after = self.head.catalogue.families.get(name) if self.head.catalogue else None
            if after is None or self._has(self.base, name):
                continue
            if after.licence is None:
                yield self.t("flag.family.unlicensed", family=code(name))
                continue
            use, spdx = self.t(f"commercial.{after.licence.commercial_use}"), code(after.licence.spdx)
            yield self.t("flag.family.new", family=code(name), licence=spdx, commercial=use)

    def _check(self) -> Iterator[Block]:
        t, problems = self.t, self.checked.problems
        lines = [f"### {t('section.check')}", ""]
        if self.checked.unasked is not None:
            lines += [t("check.unasked", why=str(self.checked.unasked)), ""]
        rest = "" if not self.offline else f" {t('check.offline')}"
        if not problems:
            yield Block("\n".join([*lines, f"{t('check.passed')}{rest}", ""]))
            return
        lines += [f"{t.count('check.failed', len(problems))}{rest}", ""]
        pieces = []
        for number, problem in enumerate(sorted(problems, key=self._importance)):
            light = self._importance(problem)[0]
            rank = Rank.LIGHT_PROBLEMS if light else Rank.PROBLEMS.then(number)
            pieces.append(Piece((Form(rank, f"- {self._problem(problem)}"),), "check"))
        yield Block("\n".join(lines), tuple(pieces), "", self._more("- {}"))

    def _importance(self, problem: Problem) -> tuple[bool, bool]:
        """What sorts problems: those of models that are only added last, those of what steers first."""
        words = re.split(r"[^a-z0-9-]+", f"{problem.file} {problem.key}")
        return not self.new.isdisjoint(words), not steering.STEERING.fullmatch(problem.file)

    @staticmethod
    def _problem(problem: Problem) -> Markdown:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        where = [code(place), *([code(problem.key)] if problem.key else [])]
        what, remedy = problem.what, problem.remedy
        return Markdown(f"{join(' ', where)}: {prose(what)}{f' — {prose(remedy)}' if remedy else ''}")

    def _overview(self) -> Iterator[Block]:
        if not self.details:
            return
        t = self.t
        columns = [t(f"column.{name}") for name in ("model", "what", "size", "licence", "state", "measured")]
        head = [f"### {t('section.overview')}", "", _row(columns), _row([Markdown("---")] * len(columns))]
        pieces = []
        for number, detail in enumerate(self.details):
            rank = Rank.LIGHT_ROWS if detail.change.slug in self.new else Rank.ROWS.then(number)
            pieces.append(Piece((Form(rank, partial(self._overview_row, detail)),), "overview"))
        more = self._more(_row([Markdown("{}")] + [Markdown("")] * (len(columns) - 1)))
        yield Block("\n".join(head), tuple(pieces), "", more)

    def _overview_row(self, detail: Detail) -> Markdown:
        sizes = _arrow([Markdown(size(view.model.size)) for view in _views(detail.change)])
        licences = _arrow(
            [
                join(", ", [code(view.licence.spdx), self.t(f"commercial.{view.licence.commercial_use}")])
                for view in _views(detail.change)
            ]
        )
        return Markdown(_row([detail.name, detail.what, sizes, licences, detail.state, detail.measured]))

    def _steering(self) -> Iterator[Block]:
        pieces = []
        for number, path in enumerate(self.steered):
            title = f"{code(path)} ⚠️\n"
            differs = partial(steering.difference, self.base, self.head, path, self.t)
            forms = (
                Form(Rank.DIFFERENCES.then(number), _below(title, partial(differs, brief=True))),
                Form(Rank.WHOLE_DIFFERENCES, _below(title, differs)),
            )
            pieces.append(Piece(forms, "steering"))
        if pieces:
            yield Block(f"### {self.t('section.steering')}\n", tuple(pieces), more=self._more("{}\n"))

    def _catalogue(self) -> Iterator[Block]:
        t = self.t
        fields = [*self.head_fields]
        fields += [
            Field(f"{layer}: {field.name}", field.before, field.after) for layer, field in self.layer_fields
        ]
        if fields:
            whole = "\n".join([f"### {t('section.layers')}", "", *self._fields(fields), ""])
            yield Block(pieces=(Piece((Form(Rank.FAMILIES, whole),), "layers"),))
        pieces = []
        for name, changed in self.families.items():
            known = self._has(self.base, name)
            whole = "\n".join([f"{code(name)} ⚠️", "", *self._fields(changed), ""])
            pieces.append(Piece((Form(Rank.FAMILIES if known else Rank.LIGHT_FAMILIES, whole),), "families"))
        if pieces:
            yield Block(f"### {t('section.families')}\n", tuple(pieces), more=self._more("{}\n"))

    def _models(self) -> Iterator[Piece]:
        """Every model's section, made only where there is room for it."""
        for number, detail in enumerate(self.details):
            light = detail.change.slug in self.new
            title = f"### {detail.name} — {detail.what}\n\n"
            whole = Form(
                Rank.LIGHT_DETAILS if light else Rank.DETAILS, _below(title, partial(self._table, detail))
            )
            brief = Form(
                Rank.LIGHT_BRIEF if light else Rank.BRIEF,
                _below(title, partial(self._table, detail, brief=True)),
            )
            essential = Form(
                Rank.ESSENTIALS.then(number), _below(title, partial(self._table, detail, essential=True))
            )
            yield Piece((brief, whole) if light else (essential, brief, whole), "details")
            if any(view.picture for view in _views(detail.change)) and detail.after is not None:
                rank = Rank.LIGHT_PICTURES if light else Rank.PICTURES
                yield Piece((Form(rank, partial(self._pictures, detail)),), "pictures", follows=True)
            others = detail.others
            if others:
                rank = Rank.LIGHT_TEXTS if light else Rank.TEXTS
                yield Piece((Form(rank, partial(self._texts, others)),), "texts", follows=True)

    def _texts(self, others: Sequence[Field]) -> str:
        summary = f"<details><summary>{self.t('section.fields')}</summary>"
        return "\n".join([summary, "", *self._fields(others), "", "</details>", ""])

    def _table(self, detail: Detail, *, brief: bool = False, essential: bool = False) -> str:
        t = self.t
        rows = detail.farewell if detail.change.kind is Kind.REMOVED else detail.rows
        if brief:
            rows = [row for row in rows if row.changed][:ROWS]
        if essential:
            rows = detail.essentials
        if detail.before and detail.after:
            head = [_row([Markdown(""), t("column.before"), t("column.after")]), _row([Markdown("---")] * 3)]
            return "\n".join([*head, *(self._compared(row) for row in rows)])
        head = [_row([t("column.field"), t("column.value")]), _row([Markdown("---")] * 2)]
        lines = [_row([row.label, row.after or row.before]) for row in rows]
        note = ["", t("removed.store")] if detail.change.kind is Kind.REMOVED else []
        return "\n".join([*head, *lines, *note])

    def _compared(self, row: Row) -> str:
        if not row.changed:
            return _row([row.label, row.before, self.t("unchanged")])
        none = self.t("none")
        return _row([Markdown(f"**{row.label}**"), row.before or none, row.after or none])

    def _pictures(self, detail: Detail) -> str:
        t = self.t
        sides = ((detail.before, self.base), (detail.after, self.head))
        found = [(view, one) for view, one in sides if view and view.picture]
        if not found or detail.after is None:
            return ""
        oids = {view.picture.oid for view, _ in found if view.picture}
        if len(found) == 2 and len(oids) == 1:
            return f"{self._picture(*found[1])}\n\n{t('pictures.same')}\n"
        if len(found) == 2:
            cells = [self._picture(view, one) for view, one in found]
            table = [_row([t("column.before"), t("column.after")]), _row([Markdown("---")] * 2), _row(cells)]
            return "\n".join([*table, "", t("pictures.caption"), ""])
        return f"{self._picture(*found[0])}\n\n{t('pictures.caption')}\n"

    def _picture(self, view: View, one: Side) -> Markdown:
        path = view.picture.path if view.picture else ""
        alt = self.t("pictures.alt", slug=view.model.slug)
        return pictures.shown(self.images, one.tree.commit, path, alt)

    def _others(self) -> Iterator[Block]:
        paths = [*steering.others(self.files)]
        if not paths:
            return
        summary = f"<details><summary>{self.t('section.others')}: {len(paths)}</summary>\n"
        pieces = tuple(Piece((Form(Rank.OTHERS, f"- {code(path)}"),), "others") for path in paths)
        yield Block(summary, pieces, "\n</details>\n", self._more("- {}"))

    # Helpers.

    def _fields(self, fields: Sequence[Field]) -> Iterator[str]:
        yield _row([self.t("column.field"), self.t("column.before"), self.t("column.after")])
        yield _row([Markdown("---")] * 3)
        for field in fields:
            yield _row([code(field.name), field.before, field.after])

    def _more(self, line: str) -> Callable[[int], str]:
        """What words the number of pieces that are not shown, as a line of its own."""
        return lambda count: line.format(self.t("more", count=count))


def _views(change: Change) -> list[View]:
    return [view for view in (change.before, change.after) if view]


def _arrow(sides: Sequence[Markdown]) -> Markdown:
    return join(" → ", dict.fromkeys(sides))


def _row(cells: Sequence[Markdown]) -> str:
    return f"| {' | '.join(cells)} |"


def _below(title: str, text: Callable[[], str]) -> Text:
    return lambda: f"{title}\n{text()}\n"
