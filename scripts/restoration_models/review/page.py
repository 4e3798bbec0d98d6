"""The whole page: what to look at first, then everything, in blocks that can be shortened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from restoration_models.cards.figures import size
from restoration_models.cards.markdown import Markdown, code, join
from restoration_models.check import Branch, Checked, is_data, judge, read
from restoration_models.errors import Problem
from restoration_models.project import Project
from restoration_models.review import pictures, steering
from restoration_models.review.changes import Change, Kind, compare, pulled
from restoration_models.review.detail import Detail, Row
from restoration_models.review.fields import Field
from restoration_models.review.fit import CHARACTERS, Block, fitted
from restoration_models.review.sides import Side, View, side
from restoration_models.review.texts import Texts, prose
from restoration_models.revision import HEAD, CommitTree, fork_point

MARK = "<!-- models review -->"
"""The page's first line, by which its comment is found again."""
DETAILED = 60
"""Models with a section of their own, where a branch changes more; all are in the table."""
SOME = 15
"""Items of a list that is shortened."""

# What is shortened first has the highest rank.
OTHERS, TEXTS, FAMILIES, PICTURES, DETAILS, DIFFERENCES, OVERVIEW, CHECK, FLAGS = 9, 8, 7, 6, 5, 4, 3, 2, 1


def review(
    project: Project, *, base: str, head: str = HEAD, images: str | None = None, offline: bool = True
) -> str:
    """The Markdown that shows what `head` changes since it left `base`; at most 60,000 characters.

    Raises `NotARepository`, `UnknownRevision`, `NoForkPoint`, `BadAddress` and other failures of git.
    """
    start = pictures.prefix(images)
    after_tree = CommitTree.of(project.root, head)
    before_tree = CommitTree.of(project.root, fork_point(project.root, base, after_tree.commit))
    # Of the base, pictures are shown and never read.
    wanted = [
        blob
        for path, blob in before_tree.files.items()
        if steering.STEERING.fullmatch(path) or (is_data(blob) and not path.endswith(".png"))
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
        self.details = [Detail(change, self.t) for change in compare(base, head)]
        self.files = steering.changed_files(base, head)
        self.steered = [path for path in self.files if steering.STEERING.fullmatch(path)]
        self.families = steering.families(base, head)
        self.head_fields = steering.head_fields(base, head)
        self.layer_fields = steering.layer_fields(base, head)

    def text(self) -> str:
        """The page."""
        blocks = [
            Block((self._top(),)),
            *self._flags(),
            *self._check(),
            *self._overview(),
            *self._steering(),
            *self._catalogue(),
            *(block for detail in self.details for block in self._detail(detail)),
            *self._others(),
        ]
        return fitted(blocks, self._shortened)

    def _shortened(self, kinds: dict[str, int]) -> str:
        what = join(", ", [self.t(f"cut.{name}", count=count) for name, count in kinds.items()])
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
        flags = [*self._general_flags(), *(flag for detail in self.details for flag in detail.flags)]
        if not flags:
            return
        head = ["> [!WARNING]", f"> **{self.t('section.look')}**", ">"]
        forms = [
            "\n".join([*head, *(f"> - {flag}" for flag in some), ""]) for some in self._shorter([*flags])
        ]
        yield Block(tuple(forms), FLAGS, "flags")

    def _general_flags(self) -> Iterator[Markdown]:
        t = self.t
        for path in self.steered:
            yield t("flag.steering", file=code(path))
        for field in self.head_fields:
            if field.name == "validation.protocol":
                yield t("flag.protocol", before=field.before, after=field.after)
            else:
                yield t("flag.head", fields=code(field.name))
        for layer, field in self.layer_fields:
            if field.name == "publish":
                yield t("flag.publish", layer=code(layer), before=code(field.before), after=code(field.after))
        for name, changed in self.families.items():
            names = join(", ", [code(field.name) for field in changed])
            yield t("flag.family", family=code(name), fields=names)
        touched = [path for path in self.files if steering.CODE.fullmatch(path)]
        if touched:
            yield t("flag.code", files=t.count("files", len(touched)))

    def _check(self) -> Iterator[Block]:
        t, problems = self.t, self.checked.problems
        lines = [f"### {t('section.check')}", ""]
        if self.checked.unasked is not None:
            lines += [t("check.unasked", why=str(self.checked.unasked)), ""]
        rest = "" if not self.offline else f" {t('check.offline')}"
        if not problems:
            yield Block(("\n".join([*lines, f"{t('check.passed')}{rest}", ""]),))
            return
        lines += [f"{t.count('check.failed', len(problems))}{rest}", ""]
        shown_problems = [self._problem(problem) for problem in problems]
        forms = [
            "\n".join([*lines, *(f"- {one}" for one in some), ""]) for some in self._shorter(shown_problems)
        ]
        yield Block(tuple(forms), CHECK, "check")

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
        rows = [self._overview_row(detail) for detail in self.details]
        head = [f"### {t('section.overview')}", "", _row(columns), _row([Markdown("---")] * len(columns))]
        forms = ["\n".join([*head, *self._lines(some), ""]) for some in self._shorter(rows, cells=True)]
        yield Block(tuple(forms), OVERVIEW, "overview")

    def _lines(self, rows: Sequence[object]) -> Iterator[str]:
        for row in rows:
            yield str(row)

    def _overview_row(self, detail: Detail) -> Markdown:
        sizes = _arrow([Markdown(size(view.model.size)) for view in _views(detail.change)])
        licences = _arrow(
            [
                join(", ", [code(view.licence.spdx), self.t(f"commercial.{view.licence.commercial_use}")])
                for view in _views(detail.change)
            ]
        )
        after = detail.after
        state = self.t(f"state.{after.standing.state}.cell") if after else Markdown("—")
        return Markdown(_row([detail.name, detail.what, sizes, licences, state, detail.measured]))

    def _steering(self) -> Iterator[Block]:
        for number, path in enumerate(self.steered):
            title = [f"### {self.t('section.steering')}", ""] if number == 0 else []
            whole = steering.difference(self.base, self.head, path, self.t)
            forms = ["\n".join([*title, f"{code(path)} ⚠️", "", whole, ""])]
            forms.append("\n".join([*title, f"{code(path)} ⚠️", ""]))
            yield Block(tuple(forms), DIFFERENCES, "steering")

    def _catalogue(self) -> Iterator[Block]:
        t = self.t
        fields = [*self.head_fields]
        fields += [
            Field(f"{layer}: {field.name}", field.before, field.after) for layer, field in self.layer_fields
        ]
        if fields:
            yield Block(
                ("\n".join([f"### {t('section.layers')}", "", *self._fields(fields), ""]), ""),
                FAMILIES,
                "families",
            )
        for number, (name, changed) in enumerate(self.families.items()):
            title = [f"### {t('section.families')}", ""] if number == 0 else []
            whole = "\n".join([*title, f"{code(name)} ⚠️", "", *self._fields(changed), ""])
            yield Block((whole, "\n".join([*title, f"{code(name)} ⚠️", ""])), FAMILIES, "families")

    def _detail(self, detail: Detail) -> Iterator[Block]:
        title = f"### {detail.name} — {detail.what}\n"
        if self.details.index(detail) >= DETAILED:
            return
        yield Block(
            (f"{title}\n{self._table(detail)}\n", f"{title}\n{self._table(detail, brief=True)}\n", ""),
            DETAILS,
            "details",
        )
        picture = self._pictures(detail)
        if picture:
            yield Block((picture, ""), PICTURES, "pictures")
        others = detail.others
        if others:
            summary = f"<details><summary>{self.t('section.fields')}</summary>"
            yield Block(
                ("\n".join([summary, "", *self._fields(others), "", "</details>", ""]), ""), TEXTS, "texts"
            )

    def _table(self, detail: Detail, *, brief: bool = False) -> str:
        t = self.t
        rows = detail.farewell if detail.change.kind is Kind.REMOVED else detail.rows
        if brief:
            rows = [row for row in rows if row.changed][:SOME]
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
        names = [code(path) for path in paths]
        summary = f"<details><summary>{self.t('section.others')}: {len(paths)}</summary>"
        forms = [
            "\n".join([summary, "", join(", ", some), "", "</details>", ""]) for some in self._shorter(names)
        ]
        yield Block((*forms, ""), OTHERS, "others")

    # Helpers.

    def _fields(self, fields: Sequence[Field]) -> Iterator[str]:
        yield _row([self.t("column.field"), self.t("column.before"), self.t("column.after")])
        yield _row([Markdown("---")] * 3)
        for field in fields:
            yield _row([code(field.name), field.before, field.after])

    def _shorter(self, items: Sequence[Markdown], *, cells: bool = False) -> Iterator[list[Markdown]]:
        """All items, then fewer and fewer of them with the number of the others."""
        yield [*items]
        for count in (100, 40, SOME):
            if len(items) > count:
                rest = self.t("more", count=len(items) - count)
                yield [*items[:count], Markdown(_row([rest] + [Markdown("")] * 5)) if cells else rest]


def _views(change: Change) -> list[View]:
    return [view for view in (change.before, change.after) if view]


def _arrow(sides: Sequence[Markdown]) -> Markdown:
    return join(" → ", dict.fromkeys(sides))


def _row(cells: Sequence[Markdown]) -> str:
    return f"| {' | '.join(cells)} |"
