"""Whether git has what the checkout shows: a file that nobody added is missing from every clone.

In the checkout all is well with it, so that no other check tells. While a model is being added,
nothing of it is in git yet; once the catalogue and the locks that name it are committed, or where a
branch is under review, what is missing is a problem.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Set

from restoration_models.catalogue import Catalogue
from restoration_models.check.leftovers import OF_A_LAYER
from restoration_models.check.scratch import is_data
from restoration_models.errors import Problem
from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER
from restoration_models.revision import Blob

_STEERING = re.compile(
    r"dvc\.yaml|layers/[^/]+/(dvc\.yaml|\.gitignore)|\.dvc/(config|\.gitignore)|\.dvcignore"
)
SHOWN = 3
"""Paths in a note; the rest are counted."""


def unadded(files: Mapping[str, Blob], loaded: Catalogue) -> dict[str, list[str]]:
    """Files of the catalogue's models that git does not have, each with the present files that name it."""
    models = {layer.slug: {model.slug for model in layer.models} for layer in loaded.layers}
    named_by = {
        layer: [
            path
            for folder in ("", f"{LAYERS_FOLDER}/{layer}/" if layer else "")
            for path in (f"{folder}{CATALOGUE_FILE}", f"{folder}dvc.lock")
            if path in files
        ]
        for layer in ("", *models)
    }
    found = {}
    for path, blob in files.items():
        if blob.tracked or not (is_data(blob) or _STEERING.fullmatch(path)):
            continue
        parts = path.split("/")
        if parts[0] != LAYERS_FOLDER:
            found[path] = named_by[""]
        elif parts[1] in models and _of(parts[2:], models[parts[1]]):
            found[path] = named_by[parts[1]]
    return found


def _of(parts: list[str], models: Set[str]) -> bool:
    """Whether a file of a layer is the layer's own, or of one of its models."""
    if len(parts) == 1:
        return parts[0] in OF_A_LAYER
    name = parts[1].removesuffix(".json") if parts[0] == "reports" else parts[0]
    return name in models or parts == ["reports", ".gitkeep"]


def not_in_git(path: str) -> Problem:
    """The problem with one such file."""
    return Problem(
        path, 0, "", "it is here and not in git: no clone will have it", f"`git add {shlex.quote(path)}`"
    )


def uncommitted(changed: Set[str]) -> Iterator[Problem]:
    """A note that the branch's commits lack what was checked: `changed` are the files that differ."""
    ours = [path for path in changed if is_data(Blob(path, 0)) or _STEERING.fullmatch(path)]
    if ours:
        what = f"not committed: {_some(ours)}; the files were checked, the last commit has others"
        yield Problem(min(ours), 0, "", what, "commit them, or check the commit alone with `--head HEAD`")


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if paths[SHOWN:] else ""
    return ", ".join(sorted(paths)[:SHOWN]) + more
