"""A model of a checkout: its working tree, DVC's cache, the store, its sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from restoration_models import catalogue, lock, obtain, revision
from restoration_models.catalogue import say
from restoration_models.download import fetch
from restoration_models.download.events import Reporter
from restoration_models.errors import RestorationModelsError
from restoration_models.project import Project, in_cache
from restoration_models.training.wanted import Located, Wanted, Withdrawn


def locate(project: Project, slug: str) -> Located:
    """Find the model `slug` of `project`.

    Raises `ProblemsFound` for a broken catalogue, `UnknownModel`, `Withdrawn`.
    """
    loaded = catalogue.load(project)
    model = loaded.model(slug)
    if model.withdrawn is not None:
        raise Withdrawn(slug, say(model.withdrawn, loaded.language))
    locked = lock.read(project, model.layer).get(slug)
    request = obtain.request(project, model, locked)
    wanted = Wanted.of_catalogue(
        loaded, model, md5=request.md5, commit=commit_of(project, model.layer), origin=str(project.root)
    )
    in_place = project.checkpoint(model.layer, slug, model.file)
    here = [in_place]
    if request.md5 is not None:
        here.append(in_cache(obtain.cache_folder(project), request.md5))
    here.append(project.inbox / model.sha256)

    def bring(report: Reporter) -> Path:
        # What lies in the working tree is somebody's, perhaps a retrained model: never replaced.
        destination = None if in_place.exists() else request.destination
        return fetch(replace(request, destination=destination), obtain.places(project), report).path

    return Located(wanted, tuple(here), bring)


def commit_of(project: Project, layer: str) -> str | None:
    """Return the commit that `project`'s catalogue is of, or None where git does not say.

    ``-dirty`` follows where the catalogue's files differ from that commit.
    """
    files = (project.head, project.layer_catalogue(layer), project.lock(layer))
    try:
        head = revision.commit_of(project.root, "HEAD")
        changed = revision.git(
            project.root, "status", "--porcelain", "--", *(project.relative(file) for file in files)
        )
    except RestorationModelsError:
        # No git, or an unpacked archive: the digest alone identifies the model then.
        return None
    return f"{head}-dirty" if changed else head
