"""Models repositories of any size, made for a benchmark: entries of real size, weights of any bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from restoration_models import catalogue
from support import catalogue as made
from support.layers import REPOSITORY
from support.reviewed import Reviewed
from support.workspace import PIPELINE_FILES

REAL = catalogue.load(REPOSITORY)
BLOCK = 1 << 20


@dataclass
class Sized(Reviewed):
    """A repository with this project's own families, and a lock, reports and cards that nothing ran for."""

    def declare(self) -> None:
        families = {key: _data(family) for key, family in REAL.families.items()}
        top = made.head(layers=list(self.layers), families=families, **self.head)
        layers: dict[str, dict[str, Any] | str | bytes] = {
            name: made.layer(models, publish=f"pretrained_models/{name}")
            for name, models in self.layers.items()
        }
        made.write(self.root, top, layers)
        for name in self.layers:
            folder = self.root / "layers" / name
            (folder / "reports").mkdir(exist_ok=True)
            (folder / "reports" / ".gitkeep").touch()
            shutil.copyfile(REPOSITORY.root / "layers/layer-1/dvc.yaml", folder / "dvc.yaml")


Describe = Callable[[int], dict[str, Any]]


def layers_of(models: int, layers: int, describe: Describe) -> dict[str, dict[str, dict[str, Any]]]:
    """`models` entries of real size in `layers` layers; `describe` gives the fields of each that matter."""
    found: dict[str, dict[str, dict[str, Any]]] = {f"layer-{number}": {} for number in range(1, layers + 1)}
    names = list(found)
    like = [model for model in REAL.models if model.family != "uvdoc"]
    for number in range(models):
        data = _data(
            like[number % len(like)], without=("slug", "layer", "aliases", "md5", "parameters", "tensors")
        )
        data |= describe(number)
        kept = {key: value for key, value in data.items() if value is not None}
        found[names[number * layers // models]][f"model-{number}"] = kept
    return found


def declared(root: Path, layers: dict[str, dict[str, dict[str, Any]]]) -> Sized:
    """A repository in which nothing ran, committed."""
    from restoration_models import schemas
    from support.servers import git

    repository = Sized(root, layers)
    root.mkdir(parents=True)
    for name in PIPELINE_FILES:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(REPOSITORY.root / name, root / name)
    git(root, "init", "--quiet", "--initial-branch=main")
    repository.declare()
    schemas.write(repository.project)
    repository.commit("The catalogue")
    return repository


@cache
def facts(number: int, size: int) -> dict[str, str]:
    """The digests of a file of made-up weights."""
    content = weights(number, size)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return {"sha256": hashlib.sha256(content).hexdigest(), "md5": md5}


def weights(number: int, size: int) -> bytes:
    """Bytes that no other number has."""
    block = hashlib.shake_128(str(number).encode()).digest(min(size, BLOCK))
    return (block * (size // len(block) + 1))[:size]


def finished(root: Path, models: int, layers: int, *, size: int = 64) -> Sized:
    """A repository of which everything ran, weights in DVC's cache and in their places, committed.

    The weights are any bytes: nothing that is measured here looks into them.
    """

    def describe(number: int) -> dict[str, Any]:
        name = f"weights-{number}.pth"
        sha256 = facts(number, size)["sha256"]
        return {"file": name, "size": size, "sha256": sha256, "sources": [f"https://example.org/{name}"]}

    repository = Weighed(root, layers_of(models, layers, describe), size=size).begin()
    store = root / ".dvc" / "cache" / "files" / "md5"
    for layer, entries in repository.layers.items():
        for slug, entry in entries.items():
            number = int(slug.partition("-")[2])
            md5 = facts(number, size)["md5"]
            cached = store / md5[:2] / md5[2:]
            cached.parent.mkdir(parents=True, exist_ok=True)
            cached.write_bytes(weights(number, size))
            cached.chmod(0o444)
            place = repository.project.checkpoint(layer, slug, entry["file"])
            place.unlink(missing_ok=True)
            os.link(cached, place)
    return repository


@dataclass
class Weighed(Sized):
    """A repository whose lock names the weights that are there."""

    size: int = 64

    def run(self, layer: str, slug: str, model: dict[str, Any]) -> dict[str, Any]:
        md5 = facts(int(slug.partition("-")[2]), self.size)["md5"]
        self.reports[slug] = {"md5": md5}
        stages = super().run(layer, slug, model)
        stages[f"download@{slug}"]["outs"][0]["md5"] = md5
        stages[f"validate@{slug}"]["deps"][0]["md5"] = md5
        return stages


def _data(model: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        model.model_dump_json(by_alias=True, exclude_unset=True, exclude=set(without))
    )
    return data
