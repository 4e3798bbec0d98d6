"""What git knows of a model that the catalogue no longer has."""

from __future__ import annotations

from yaml import YAMLError

from restoration_models.catalogue import edit
from restoration_models.catalogue.schema import is_slug
from restoration_models.errors import RestorationModelsError
from restoration_models.project import LAYERS_FOLDER, Project
from restoration_models.revision import git


def digest(project: Project, slug: str) -> str | None:
    """The sha256 that the model `slug` had last; None where git's history here knows no such model."""
    if not is_slug(slug):
        return None
    try:
        last = git(
            project.root,
            *("log", "-1", "--format=%H", "--name-only", "--relative"),
            *("-G", rf"^ +[\"']?{slug}[\"']?:", "--", LAYERS_FOLDER),
        )
        commit, *paths = last.decode("utf-8", "replace").split()
    except (RestorationModelsError, ValueError):
        return None
    # It went with that commit, or its removal is not committed yet.
    for revision in (f"{commit}^", commit):
        for path in paths:
            if path.endswith("/params.yaml") and (found := _digest_in(project, revision, path, slug)):
                return found
    return None


def _digest_in(project: Project, revision: str, path: str, slug: str) -> str | None:
    try:
        text = git(project.root, "show", f"{revision}:./{path}").decode("utf-8")
        return str(edit.read(text)["models"][slug]["sha256"])
    except (RestorationModelsError, YAMLError, ValueError, KeyError, TypeError):
        return None
