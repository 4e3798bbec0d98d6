"""One call from a slug to a network with proved weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from restoration_models.download.events import Reporter, silent
from restoration_models.errors import UsageProblem
from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER, Project
from restoration_models.training import checkout, published, repository
from restoration_models.training.cache import cache_folder
from restoration_models.training.model import LoadedModel
from restoration_models.training.wanted import build

if TYPE_CHECKING:
    import torch

    from restoration_models.store import StoreSettings
    from restoration_models.training.wanted import Located


class NoCheckout(UsageProblem):
    """No origin was named and the program does not run inside a checkout."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            "where to load it from is not known: this is not inside a checkout of the models",
            where=slug,
            remedy="pass project=PATH, repo=URL or manifest=ADDRESS",
        )


class OneOrigin(UsageProblem):
    """More than one origin was named."""

    def __init__(self, named: list[str]) -> None:
        super().__init__(
            f"{' and '.join(named)} were given, a model comes from one place",
            where="load",
            remedy="leave out all but one",
        )


def load(
    slug: str,
    *,
    device: str | torch.device = "cpu",
    manifest: str | Path | StoreSettings | None = None,
    project: Project | str | Path | None = None,
    repo: str | Path | None = None,
    rev: str | None = None,
    cache: str | Path | None = None,
    verify: bool = True,
    report: Reporter = silent,
) -> LoadedModel:
    """Return the model `slug` on `device`, in evaluation mode, its checkpoint proved by sha256.

    It comes from one of:

    - `project`, a checkout (default: the one around the working folder, else the one that this
      package runs from): the file in its place, else DVC's cache, the store, the sources. What
      is fetched is put in its place; a file there that is another one is left alone.
    - `repo` at `rev`, another project's git repository (address or path), by DVC and its remote.
    - `manifest`, what was published: a path, an ``https://`` or ``s3://`` address, or the store's
      settings. Readers get the very version of the object that the manifest names.

    The latter two keep files in `cache` (default: `training.cache_folder`), named by sha256.

    Every file is proved when it arrives, and again on every load, through the opening that it is
    read from. ``verify=False`` leaves out the latter for a file of the right size.

    Raises `UnknownModel`, `Withdrawn`, a `WorldFailure` where bytes cannot be had, and a
    `ModelProblem` where they are not the declared ones or do not make the declared network.
    """
    named = {"project": project, "repo": repo, "manifest": manifest}
    given = [name for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise OneOrigin(given)
    located = _locate(slug, project, repo, rev, manifest, Path(cache) if cache else cache_folder())
    path, network = build(located, verify=verify, report=report)
    return LoadedModel(located.wanted, network, path).to(device)


def _locate(
    slug: str,
    project: Project | str | Path | None,
    repo: str | Path | None,
    rev: str | None,
    manifest: str | Path | StoreSettings | None,
    cache: Path,
) -> Located:
    if manifest is not None:
        return published.locate(manifest, slug, cache)
    if repo is not None:
        return repository.locate(str(repo), rev, slug, cache)
    if rev is not None:
        raise UsageProblem("rev needs repo", where="load", remedy="name the repository, or leave rev out")
    if project is None:
        return checkout.locate(_checkout(slug), slug)
    return checkout.locate(project if isinstance(project, Project) else Project.find(Path(project)), slug)


def _checkout(slug: str) -> Project:
    """The checkout around the working folder, else the one that this package lies in."""
    try:
        return Project.find()
    except UsageProblem:
        root = Path(__file__).resolve().parents[3]
        if (root / CATALOGUE_FILE).is_file() and (root / LAYERS_FOLDER).is_dir():
            return Project(root)
        raise NoCheckout(slug) from None
