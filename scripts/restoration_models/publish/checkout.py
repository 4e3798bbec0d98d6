"""What git says of this checkout: its commit, what is not committed, which commit came first."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from enum import StrEnum

from restoration_models.errors import ModelProblem, UsageProblem
from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER, Project

DECIDING = (CATALOGUE_FILE, "dvc.yaml", "dvc.lock", LAYERS_FOLDER)
"""What decides what is published."""
SHOWN = 3


class NoCommit(UsageProblem):
    """The checkout is no git repository, or has no commit yet."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"git names no commit here ({reason})",
            where=where,
            remedy="publish from a clone of the models repository",
        )


class NotCommitted(ModelProblem):
    """What would be published is not what the commit holds."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        super().__init__(
            f"not committed: {', '.join(paths[:SHOWN])}{more}",
            remedy="commit it, or publish with --allow-dirty: the manifest then says so",
        )


class Relation(StrEnum):
    """How the published commit stands to this checkout's."""

    BEFORE = "before"
    """It is the same, or one of those that this one was built upon."""
    AFTER = "after"
    BESIDE = "beside"
    """Each has what the other lacks."""
    UNKNOWN = "unknown"
    """This clone does not have it."""


_SAID = {
    Relation.AFTER: "which comes after this checkout's {ours}",
    Relation.BESIDE: "which this checkout's {ours} does not build upon",
    Relation.UNKNOWN: "which this clone does not have, so that its {ours} may not build upon it",
}
_REMEDIES = {
    Relation.AFTER: "publish the later commit; to go back, revert it and publish that, or give --allow-older",
    Relation.BESIDE: "merge it and publish that, or give --allow-older",
    Relation.UNKNOWN: "`git fetch origin`, in a shallow clone `git fetch --unshallow`, and publish a commit "
    "that builds upon it; or give --allow-older",
}


class OlderThanPublished(ModelProblem):
    """This checkout does not build upon what is published: it would take the others' work back."""

    def __init__(
        self,
        ours: str,
        published: str,
        relation: Relation,
        gone: tuple[str, ...] = (),
        other: tuple[str, ...] = (),
    ) -> None:
        """`gone` are the models that would leave the manifest, `other` those that would be other files."""
        what = f"what is published is of commit {published[:12]}, {_SAID[relation].format(ours=ours[:12])}"
        if gone:
            what += f"; these models would leave: {', '.join(gone)}"
        if other:
            what += f"; these would be other files: {', '.join(other)}"
        super().__init__(what, where="catalogue.json", remedy=_REMEDIES[relation])


@dataclass(frozen=True, slots=True)
class Checkout:
    """The commit that a checkout stands on."""

    commit: str
    uncommitted: tuple[str, ...]
    """Paths that decide what is published and differ from the commit."""


def look(project: Project) -> Checkout:
    """The state of `project`'s checkout. Raises `NoCommit`."""
    done = _git(project, "rev-parse", "--verify", "HEAD^{commit}")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise NoCommit(str(project.root), lines[-1])
    status = _git(project, "status", "--porcelain=v1", "-z", "--no-renames", "--", *DECIDING)
    if status.returncode:
        raise NoCommit(str(project.root), status.stderr.strip())
    paths = tuple(sorted(entry[3:] for entry in status.stdout.split("\0") if entry))
    return Checkout(done.stdout.strip(), paths)


def relation(project: Project, ours: str, theirs: str) -> Relation:
    """How the commit `theirs` stands to `ours`, as far as this clone knows."""
    if ours == theirs:
        return Relation.BEFORE
    if _git(project, "cat-file", "-e", f"{theirs}^{{commit}}").returncode:
        return Relation.UNKNOWN
    if _git(project, "merge-base", "--is-ancestor", theirs, ours).returncode == 0:
        return Relation.BEFORE
    later = _git(project, "merge-base", "--is-ancestor", ours, theirs).returncode == 0
    return Relation.AFTER if later else Relation.BESIDE


def _git(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=project.root,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise NoCommit(str(project.root), "git cannot be started") from error
