"""What git says of this checkout: its commit, what is not committed, which commit came first."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

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


class OlderThanPublished(ModelProblem):
    """The published manifest is of a later commit than this checkout."""

    def __init__(self, ours: str, published: str) -> None:
        super().__init__(
            f"what is published is of commit {published[:12]}, which comes after this checkout's {ours[:12]}",
            where="catalogue.json",
            remedy="publish the later commit; to go back, revert it and publish that, or give --allow-older",
        )


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


def comes_before(project: Project, ours: str, theirs: str) -> bool:
    """Whether `theirs` was built upon `ours`; False too where this clone does not have `theirs`."""
    if ours == theirs:
        return False
    return _git(project, "merge-base", "--is-ancestor", ours, theirs).returncode == 0


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
