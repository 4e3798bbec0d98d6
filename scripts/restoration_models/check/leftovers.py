"""Files of models and layers that the catalogue does not name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from restoration_models.catalogue import Catalogue
from restoration_models.check.scratch import Laid
from restoration_models.errors import Problem
from restoration_models.project import LAYERS_FOLDER, Project
from restoration_models.revision import Blob

OF_A_LAYER = frozenset({"params.yaml", "dvc.yaml", "dvc.lock", "README.md", ".gitignore"})


def leftovers(files: Mapping[str, Blob], loaded: Catalogue, laid: Laid) -> Iterator[Problem]:
    """What git has of models and layers that are gone."""
    known = _known(loaded, laid)
    gone: dict[str, str] = {}
    for path in files:
        parts = path.split("/")
        if parts[0] != LAYERS_FOLDER or len(parts) < 3:
            continue
        layer, name = parts[1], parts[2]
        if layer in laid.layers_aside:
            continue
        if layer not in known:
            gone[f"{LAYERS_FOLDER}/{layer}"] = "a folder of no layer of the catalogue"
        elif name == "reports" and len(parts) == 4:
            if parts[3].endswith(".json") and parts[3][:-5] not in known[layer]:
                gone[path] = "a report of no model of this layer"
        elif len(parts) > 3 and name not in known[layer] and name != "reports":
            gone["/".join(parts[:3])] = "a folder of no model of this layer"
    for path, what in gone.items():
        yield Problem(path, 0, "", what, "`git rm -r` it, or take its entry back into the catalogue")


def ignored(project: Project, files: Mapping[str, Blob], loaded: Catalogue, laid: Laid) -> Iterator[Problem]:
    """Folders of no model that hold only what git ignores: another branch's checkpoints, say."""
    known = _known(loaded, laid)
    kept = {"/".join(path.split("/")[:3]) for path in files}
    for layer in loaded.layers:
        folder = project.layer(layer.slug)
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            name = f"{LAYERS_FOLDER}/{layer.slug}/{path.name}"
            if path.is_dir() and path.name not in {*known[layer.slug], "reports"} and name not in kept:
                what = "files of no model here, which git ignores"
                yield Problem(name, 0, "", what, "delete them where no branch of yours needs them")


def _known(loaded: Catalogue, laid: Laid) -> dict[str, Set[str]]:
    return {layer.slug: {model.slug for model in layer.models} | laid.aside for layer in loaded.layers}
