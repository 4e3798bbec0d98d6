"""Small catalogues on disk, valid until a test changes them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from restoration_models.catalogue import examine
from restoration_models.errors import Problem
from restoration_models.project import Project

HEAD: dict[str, Any] = {
    "validation": {"protocol": 1},
    "language": "es",
    "layers": ["layer-1"],
    "families": {
        "restormer": {
            "title": "Restormer",
            "architecture": "Restormer",
            "paper": {"title": "A paper", "venue": "CVPR 2022"},
            "upstream": "https://github.com/swz30/Restormer",
            "licence": {"spdx": "MIT", "commercial-use": "unclear"},
            "head": ["output.*"],
        }
    },
}


def entry(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A valid entry, unlike that of any other `number`; a change to None takes a key away."""
    data: dict[str, Any] = {
        "family": "restormer",
        "task": "denoising-real",
        "file": f"weights-{number}.pth",
        "size": 100 + number,
        "sha256": f"{number:064x}",
        "sources": [f"https://example.com/weights-{number}.pth"],
        "expects": {"architecture": "Restormer", "wrapper-key": "params", "input-channels": 3},
    }
    data |= {key.replace("_", "-"): value for key, value in changes.items()}
    return {key: value for key, value in data.items() if value is not None}


def head(**changes: Any) -> dict[str, Any]:
    """A valid head with one layer, layer-1, and one family, restormer."""
    return {**copy.deepcopy(HEAD), **changes}


def layer(models: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A valid layer of `models`."""
    own = {"title": "A layer", "purpose": "To restore", "publish": "pretrained_models/layer_1"}
    return {**own, **changes, "models": models}


class _Quoting(yaml.SafeDumper):
    """Quotes every text, and never writes an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, '"')
)


def text(data: Any) -> str:
    """`data` as YAML with its texts quoted, keys in their order, a key a line."""
    return yaml.dump(data, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=10_000)


def write(root: Path, top: dict[str, Any] | str, layers: dict[str, dict[str, Any] | str | bytes]) -> Project:
    """Write a catalogue below `root`: data, or a file's text or bytes as they are to be."""
    (root / "layers").mkdir(exist_ok=True)
    (root / "params.yaml").write_text(top if isinstance(top, str) else text(top), encoding="utf-8")
    for name, data in layers.items():
        folder = root / "layers" / name
        folder.mkdir(exist_ok=True)
        content = data if isinstance(data, str | bytes) else text(data)
        (folder / "params.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    return Project(root)


def problems(project: Project) -> list[Problem]:
    """What the loader finds; a catalogue is there if and only if there is nothing."""
    found, problems = examine(project)
    assert (found is None) == bool(problems)
    assert problems == sorted(problems)
    return problems


def large(root: Path, like: Any, *, layers: int, models: int) -> Project:
    """A catalogue of `layers` layers with `models` models each, entries of real size: copies of `like`'s."""
    names = [f"layer-{number}" for number in range(1, layers + 1)]
    families = {key: _data(family) for key, family in like.families.items()}
    written: dict[str, dict[str, Any] | str | bytes] = {}
    for index, name in enumerate(names):
        entries = {}
        for offset in range(models):
            number = index * models + offset
            data = _data(like.models[number % len(like.models)], without=("slug", "layer", "aliases"))
            data |= {"sha256": f"{number:064x}", "file": f"weights-{number}.pth"}
            entries[f"model-{number}"] = data
        written[name] = layer(entries)
    return write(root, head(layers=names, families=families), written)


def _data(model: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        model.model_dump_json(by_alias=True, exclude_unset=True, exclude=set(without))
    )
    return data
