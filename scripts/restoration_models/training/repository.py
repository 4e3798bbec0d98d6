"""A model of another project, by DVC: its git repository at a revision, its own remote."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from restoration_models import catalogue, lock
from restoration_models.catalogue import say
from restoration_models.download import Places, Request, fetch
from restoration_models.download.events import Reporter
from restoration_models.errors import ModelProblem, RestorationModelsError, WorldFailure
from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER, Project
from restoration_models.training.wanted import Located, Wanted, Withdrawn


class RepositoryFailed(WorldFailure):
    """The repository, or the revision, could not be read."""

    def __init__(self, repo: str, rev: str | None, reason: str) -> None:
        at = f" at {rev}" if rev else ""
        super().__init__(
            f"the repository could not be read{at} ({reason})",
            where=shown(repo),
            remedy="check its address, the revision and your access to it: `git ls-remote` asks the same",
        )


class NotInRepository(ModelProblem):
    """The repository declares the model, but no run of its pipeline locked this file."""

    def __init__(self, slug: str, repo: str, commit: str) -> None:
        super().__init__(
            f"is declared at {commit[:12]} of {shown(repo)}, but its file was never locked there",
            where=slug,
            remedy="have the models' maintainers run `dvc repro` and `dvc push`, or name another revision",
        )


def locate(repo: str, rev: str | None, slug: str, cache: Path) -> Located:
    """Find the model `slug` in the repository `repo` at `rev`.

    The default is an address's default branch, and a folder's HEAD. Raises `RepositoryFailed`,
    `NotInRepository`, `ProblemsFound`, `UnknownModel`, `Withdrawn`.
    """
    if rev is None and Path(repo).exists():
        # Not the working tree: the commit that a log names has to say what was loaded.
        rev = "HEAD"
    with _opened(repo, rev) as opened, tempfile.TemporaryDirectory(prefix="restoration-models.") as folder:
        commit = str(opened.get_rev())
        project = _copy(opened, Path(folder))
        loaded = catalogue.load(project)
        model = loaded.model(slug)
        if model.withdrawn is not None:
            raise Withdrawn(slug, say(model.withdrawn, loaded.language))
        locked = lock.read(project, model.layer).get(slug)
    if locked is None or locked.sha256 != model.sha256:
        raise NotInRepository(slug, repo, commit)
    wanted = Wanted.of_catalogue(loaded, model, md5=locked.md5, commit=commit, origin=shown(repo))
    name = f"{LAYERS_FOLDER}/{model.layer}/{slug}/{model.file}"

    def from_remote(_md5: str, path: Path) -> object:
        # The commit, not the name: a branch may have moved on since.
        with _opened(repo, commit) as again:
            return again.dvcfs.get_file(name, str(path))

    def bring(report: Reporter) -> Path:
        request = Request.of(slug, sha256=model.sha256, size=model.size, sources=(), md5=locked.md5)
        places = Places(inbox=cache, root=cache, fetch_from_store=from_remote)
        return fetch(request, places, report).path

    return Located(wanted, (cache / model.sha256,), bring)


def shown(repo: str) -> str:
    """`repo` as a log may show it: without a user name and password."""
    scheme, mark, rest = repo.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}" if mark and scheme != "ssh" else repo


@contextmanager
def _opened(repo: str, rev: str | None) -> Iterator[Any]:
    """The repository for DVC; every failure of git and DVC inside as `RepositoryFailed`."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import SCMError

    try:
        with Repo.open(repo, rev=rev) as opened:
            yield opened
    except RestorationModelsError:
        raise
    except (DvcException, SCMError, OSError) as error:
        raise RepositoryFailed(repo, rev, _reason(error)) from error


def _reason(error: BaseException) -> str:
    """The innermost cause in a line: DVC says no more than "SCM error" on the outside."""
    said = error
    while said.__cause__ is not None:
        said = said.__cause__
    lines = str(said).strip().splitlines() or str(error).strip().splitlines()
    return lines[0] if lines else type(said).__name__


def _copy(opened: Any, folder: Path) -> Project:
    """Copy what describes the models, and no weights, into `folder`."""
    files = opened.dvcfs
    project = Project(folder)
    names = [CATALOGUE_FILE]
    for layer in files.ls(LAYERS_FOLDER, detail=False):
        names += [
            f"{LAYERS_FOLDER}/{PurePosixPath(layer).name}/{name}" for name in (CATALOGUE_FILE, "dvc.lock")
        ]
    for name in names:
        if files.isfile(name):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files.cat_file(name))
    return project
