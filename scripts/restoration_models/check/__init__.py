"""``models check``: is the repository what it says it is?

Every check returns all its problems; none needs weights, and with `offline` none needs the
network. What is checked is the working tree, or a commit that is read from git alone; nothing of
it is run, and none of its settings steers DVC. A model that was only declared is a note, and a
problem under `strict` or where the branch under review touches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import md5

from restoration_models import cards, pipeline, recovery, schemas
from restoration_models.catalogue import Catalogue
from restoration_models.check import evidence, leftovers, models, own, secrets, stored, weights
from restoration_models.check.places import Places
from restoration_models.check.scratch import Laid, is_data, laid_out
from restoration_models.errors import ModelProblem, Problem, WorldFailure
from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER, Project
from restoration_models.revision import (
    HEAD,
    CommitTree,
    Tree,
    WorkingTree,
    brought,
    commit_of,
    fork_point,
    read_objects,
    uncommitted,
)

__all__ = [
    "Branch",
    "Checked",
    "Laid",
    "check",
    "is_data",
    "judge",
    "laid_out",
    "read",
]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: problems forbid a merge, notes do not."""

    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    unasked: WorldFailure | None = None
    """Why the store could not be asked; None where it was, or was not to be."""

    @property
    def passed(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def check(
    project: Project,
    *,
    base: str | None = None,
    head: str | None = None,
    offline: bool = False,
    strict: bool = False,
) -> Checked:
    """Check the working tree of `project`, or the commit `head`; `base` is where its branch is to go.

    With `base`, the branch's commits are searched too, and the models that it adds or changes must
    be validated. Raises `NotARepository`, `UnknownRevision`, `NoForkPoint` and other failures of git.
    """
    tree: Tree = CommitTree.of(project.root, head) if head else WorkingTree.of(project.root)
    contents = read(tree)
    branch = None
    with laid_out(contents) as laid:
        if base is not None:
            tip = commit_of(project.root, head or HEAD)
            start = CommitTree.of(project.root, fork_point(project.root, base, tip))
            data = start.contents(blob for blob in start.files.values() if is_data(blob))
            with laid_out(data, catalogue_only=True) as before:
                branch = Branch(start.commit, tip, before.catalogue)
        result = judge(project, tree, contents, laid, branch=branch, offline=offline, strict=strict)
        if head is None and (left := recovery.problem(project)):
            result = replace(result, problems=tuple(sorted({*result.problems, left})))
        if laid.catalogue is not None and head is None:
            local = [*leftovers.ignored(project, tree.files, laid.catalogue, laid)]
            problems, notes = _against_git(project, tree, laid.catalogue, reviewed=branch is not None)
            result = replace(
                result,
                problems=tuple(sorted({*result.problems, *problems})),
                notes=tuple(sorted({*result.notes, *local, *notes})),
            )
        return result


def _against_git(
    project: Project, tree: Tree, loaded: Catalogue, *, reviewed: bool
) -> tuple[list[Problem], list[Problem]]:
    """Problems and notes about what the checkout has and its commits have not."""
    missing = evidence.unadded(tree.files, loaded)
    if not missing and not reviewed:
        return [], []
    changed = uncommitted(project.root)
    # Where catalogue and locks are committed, what they name should be.
    problems = [
        evidence.not_in_git(path)
        for path, named_by in missing.items()
        if reviewed or all(tree.files[name].tracked and name not in changed for name in named_by)
    ]
    return problems, [*evidence.uncommitted(changed)] if reviewed else []


@dataclass(frozen=True, slots=True)
class Branch:
    """What is under review: the commits between two."""

    start: str
    tip: str
    before: Catalogue | None
    """The catalogue at the start, as far as it can be read."""


def read(tree: Tree) -> dict[str, bytes]:
    """The contents that checks look into: all small files, and the project's own data of any size."""
    return tree.contents(
        blob for blob in tree.files.values() if blob.size <= weights.LARGEST or is_data(blob)
    )


def judge(
    project: Project,
    tree: Tree,
    contents: Mapping[str, bytes],
    laid: Laid,
    *,
    branch: Branch | None = None,
    offline: bool = True,
    strict: bool = False,
) -> Checked:
    """Check a tree that is laid out already; the store is that of `project`."""
    result = _examine(tree, contents, laid, _touched(branch, laid.catalogue), strict=strict)
    problems = {*result.problems}
    if branch is not None:
        problems |= {*_history(project, branch)}
    unasked: WorldFailure | None = None
    if not offline and laid.catalogue is not None:
        try:
            problems |= {*stored.missing(project, laid, laid.catalogue, Places(contents))}
        except WorldFailure as error:
            unasked = error
    return Checked(tuple(sorted(problems)), result.notes, unasked)


def _examine(
    tree: Tree, contents: Mapping[str, bytes], laid: Laid, touched: set[str], *, strict: bool
) -> Checked:
    places = Places(contents)
    problems = list(laid.problems)
    problems += schemas.stale(laid.project)
    problems += weights.committed(tree.files.values(), contents)
    problems += secrets.committed(tree.files.values(), contents)
    loaded = laid.catalogue
    layers = tuple(layer.slug for layer in loaded.layers) if loaded else ()
    problems += own.foreign(tree.files, contents, layers)
    notes: list[Problem] = []
    if loaded is not None:
        found = models.examine(laid, loaded, places)
        problems += found.problems
        problems += _pipeline_problems(laid, contents, found, places)
        problems += leftovers.leftovers(tree.files, loaded, laid)
        problems += _card_problems(laid, loaded)
        if strict:
            problems += models.unfinished(found.declared, None, places)
        else:
            problems += models.unfinished(found.declared, touched, places)
            rest = [model for model in found.declared if model.slug not in touched]
            notes += models.notes(rest)
    return Checked(tuple(sorted(set(problems))), tuple(sorted(notes)))


def _pipeline_problems(
    laid: Laid, contents: Mapping[str, bytes], found: models.Found, places: Places
) -> list[Problem]:
    digests = {
        path: (md5(content, usedforsecurity=False).hexdigest(), len(content))
        for path, content in contents.items()
        if path.startswith(f"{LAYERS_FOLDER}/") or path == CATALOGUE_FILE
    }
    try:
        graph = pipeline.read(laid.project, digests)
    except ModelProblem as error:
        return [Problem(error.where or "dvc.yaml", 0, "", error.what, error.remedy or "")]
    return [*models.out_of_step(graph, laid, found, places), *models.orphans(graph, laid, places)]


def _card_problems(laid: Laid, loaded: Catalogue) -> list[Problem]:
    """Cards that are missing, stale or edited; without what was set aside, a layer's own cannot be told."""
    problems: list[Problem] = []
    for layer in loaded.layers:
        if layer.slug in laid.layers_aside:
            continue
        own_card = laid.project.relative(laid.project.layer_card(layer.slug))
        stale = cards.stale(laid.project, loaded, layer.slug)
        problems += [one for one in stale if laid.whole or one.file != own_card]
    return problems


def _touched(branch: Branch | None, loaded: Catalogue | None) -> set[str]:
    """The models that the branch adds or changes."""
    if branch is None or loaded is None:
        return set()
    known = {model.slug: model for model in branch.before.models} if branch.before else {}
    return {model.slug for model in loaded.models if known.get(model.slug) != model}


def _history(project: Project, branch: Branch) -> list[Problem]:
    """Checkpoints and credentials that the branch's commits brought and its last one has no more."""
    kept = CommitTree.of(project.root, branch.tip).files
    passing = [
        blob
        for blob in brought(project.root, branch.start, branch.tip)
        if blob.regular and (blob.path not in kept or kept[blob.path].oid != blob.oid)
    ]
    small = [blob for blob in passing if blob.size <= weights.LARGEST]
    contents = dict(zip(small, read_objects(project.root, small), strict=True))
    problems: list[Problem] = []
    for blob in passing:
        content = {blob.path: contents[blob]} if blob in contents else {}
        problems += weights.committed([blob], content)
        problems += secrets.committed([blob], content)
    return problems
